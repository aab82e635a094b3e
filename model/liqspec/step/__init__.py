"""Whether one step is what the rules say: states known in part, comparison, which rule was broken, and why."""
