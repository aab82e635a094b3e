"""What is proved is not proved of nothing: numbers on which each transition and each kind of effect happens.

They are of states that meet every invariant, are found on symbols with the real arithmetic, and run again without any.
"""

from collections.abc import Iterator, Mapping
from typing import get_args

from attrs import frozen

from liqspec.core.changes import reachable_transitions
from liqspec.core.effects import Effect
from liqspec.proofs.inductive.prove import ways
from liqspec.proofs.inductive.refute import BOUNDS, simple
from liqspec.proofs.inductive.run import run
from liqspec.proofs.inductive.steps import Step
from liqspec.proofs.inductive.terms import Shared
from liqspec.proofs.inductive.unknown import Kind, Numbers, Shape

WANTED = frozenset(kind.kind for kind in get_args(Effect)) | frozenset(reachable_transitions())


@frozen
class Witness:
    """A step and numbers on which something happens."""

    step: Step
    numbers: Mapping[str, int]


def _search() -> Iterator[Step]:
    """Steps in which everything can happen, those with few paths first."""
    calm = {name: Shape(False, (("A", Kind(name)),)) for name in ("healthy", "cooldown", "partially_liquidated")}
    ended, waiting = Shape(False, (("A", Kind("backstopped")),)), Shape(True, (("A", Kind("liquidatable")),))
    working = [Shape(True, (("A", Kind(name, order=True)),)) for name in ("liquidatable", "partially_liquidated")]
    for kind, shape, markets in (
        ("vault_trade", None, "A"),
        ("vault_cash", None, ""),
        ("deposit", Shape(False, ()), ""),
        ("leverage", calm["healthy"], "A"),
        ("block", ended, ""),
        ("block", calm["partially_liquidated"], ""),
        ("block", calm["cooldown"], ""),
        ("trade", Shape(False, ()), "A"),
        ("trade", calm["healthy"], "A"),
        ("order_done", working[0], "A"),
        ("mark_price", calm["healthy"], "A"),
        ("mark_price", calm["cooldown"], "A"),
        ("mark_price", waiting, "A"),
        ("funding", calm["healthy"], "A"),
        ("settle", calm["healthy"], "A"),
        ("price_inputs", Shape(False, ()), "A"),
        ("fill", working[0], "A"),
        ("fill", working[1], "A"),
    ):
        yield Step(
            kind,
            shape=shape,
            markets=markets,
            leverage=kind == "leverage" or (kind == "trade" and not (shape is not None and shape.kinds)),
        )


def witnesses() -> dict[str, Witness]:
    """A witness of each of `WANTED` that one was found for.

    Raises:
        AssertionError: the symbols and the numbers disagree, or something that must hold does not.
    """
    found: dict[str, Witness] = {}
    fixed = simple() | {"venue.partial_threshold": 1}
    for step in _search():
        for way in ways(step, Shared(), Numbers(bound=BOUNDS[0], fixed=fixed), by_contract=False):
            new = way.result.happened - set(found)
            numbers = way.solution() if new else None
            if numbers is None:
                continue
            outcome = run(step, Numbers(values=numbers, fixed=fixed), by_contract=False)
            assert outcome.happened == way.result.happened, f"the symbols and the numbers disagree: {numbers}"
            assert all(holds is True for holds in outcome.must.values()), f"{step}: {numbers}"
            found |= dict.fromkeys(new, Witness(step, numbers))
        if set(found) >= WANTED:
            break
    return found
