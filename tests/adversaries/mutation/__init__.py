"""Mutation testing of the rules' own modules: one small change at a time, and which test sees it."""
