"""What the naive checker knows of the families of rules, each written from its page of `spec/` alone."""
