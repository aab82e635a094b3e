"""Comparing observations of two engines, and the scenarios that both run."""

from typing import Any

from liqspec.core.observation import same
from liqspec.spec import rulebook, scenarios

STORIES = [*rulebook.example_scenarios(), *(scenarios.load(name) for name in scenarios.names())]


def first_difference(ours: Any, theirs: Any, path: str = "") -> str:
    """Where two observations differ, or "" if nowhere; amounts compare as numbers (OBS-3)."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        found = (first_difference(ours[key], theirs[key], f"{path}.{key}") for key in ours)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        found = (
            first_difference(one, other, f"{path}[{index}]")
            for index, (one, other) in enumerate(zip(ours, theirs, strict=True))
        )
    else:
        return "" if same(ours, theirs) else f"{path}: ours {ours}, theirs {theirs}"
    return next((difference for difference in found if difference), "")
