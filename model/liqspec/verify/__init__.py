"""Checks the rules four ways, and reports one result."""
