"""Recorded logs held against the rules: read as a stream, followed event by event, told account by account."""
