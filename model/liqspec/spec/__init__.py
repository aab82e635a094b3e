"""Reads `spec/`: rules, scenarios, scopes, venues, and the tables of observations and refusals."""
