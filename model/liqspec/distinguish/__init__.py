"""Two rule sets told apart: the shortest events on which they differ, and the rule that makes the difference."""
