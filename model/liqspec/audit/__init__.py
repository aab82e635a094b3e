"""Recorded logs checked against the rules: read as a stream, followed event by event, reported account by account."""
