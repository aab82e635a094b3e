"""The protocol itself, tested: lines that must be refused or accepted, and conversations of them."""
