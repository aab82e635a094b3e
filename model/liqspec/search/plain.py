"""The plain explorer: every event sequence of a scope, breadth first, each step a step of the model."""

from collections.abc import Callable

from liqspec.search.expand import Expander, Node
from liqspec.search.exploration import Exploration


def explore_plainly(found: Exploration, expander: Expander, progress: Callable[[Exploration], None]) -> None:
    """Explore up to the scope's depth; at the first violation, stop with the shortest way to it."""
    root, coverage = expander.start(), found.coverage
    seen, frontier, found.states = {root.form}, [root], 1
    while frontier and found.depth < found.scope.max_depth and not coverage.violations:
        following: list[Node] = []
        found.depth += 1
        for node in frontier:
            progress(found)
            for tried in expander.expand(node, seen.__contains__):
                found.steps += 1
                found.refused += tried.refused
                if tried.after is not None and tried.after.form not in seen:
                    seen.add(tried.after.form)
                    following.append(tried.after)
            found.states = len(seen)
            if coverage.violations:
                found.steps += 1
                break
        frontier = following
    found.model_steps = found.steps
    found.exhausted = not frontier and not coverage.violations
