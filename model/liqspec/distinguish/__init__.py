"""Two rule sets compared: the shortest events on which they differ, and the rule that makes the difference."""
