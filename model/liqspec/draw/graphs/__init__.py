"""Drawing the specification: a format-neutral value of what is to be seen, and one small module for each format."""
