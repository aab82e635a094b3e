"""Draws the specification (`graphs`) and runs of it (`runs`)."""
