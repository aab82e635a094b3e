"""Looks for numbers on which what must hold does not, with the real arithmetic, and runs them again without symbols."""

from collections.abc import Mapping

from attrs import frozen

from liqspec.proofs.inductive.covered import OPTIONAL
from liqspec.proofs.inductive.prove import Unproved, ways
from liqspec.proofs.inductive.run import run
from liqspec.proofs.inductive.steps import MARKETS, Step
from liqspec.proofs.inductive.terms import Shared
from liqspec.proofs.inductive.unknown import Numbers
from liqspec.proofs.symbolic import as_condition

# Numbers are looked for near 0 first: there they are found sooner, and are read more easily.
BOUNDS = (30, 1000)


def simple() -> dict[str, int]:
    """A simple venue, without what may be left out, which makes the search quick: one refutation is enough."""
    found = {"venue.cooldown_scope": 1, "venue.restore.measure": 0, "block": 1}
    for name, top, bottom in (
        ("partial_fraction", 1, 5),
        ("backstop_threshold", 2, 3),
        ("return_fraction", 1, 2),
        ("fee_rate", 1, 100),
        ("withdraw_floor", 1, 2),
        ("restore", 3, 2),
        ("order_price.band", 1, 5),
        ("max_move", 1, 2),
    ):
        found |= {f"venue.{name}.top": top, f"venue.{name}.bottom": bottom}
    found |= {"venue.tier_steps.is": 1, "venue.partial_lots.is": 2}
    found |= {"venue.min_order_notional.is": 20, "venue.min_rest_notional.is": 20}
    for market in MARKETS:
        found |= {f"{market}.{name}": 1 for name in ("unit", "lot.top", "lot.bottom", "rate", "closeout_rate")}
        found |= {f"{market}.{name}": 10 for name in ("denominator", "tier_leverage", "max_leverage")}
        for mode in ("cross", "isolated"):
            found |= {f"{account}/{market}/{mode}.leverage": 5 for account in "ab"}
            found |= {f"{account}/{market}/{mode}.life": 1 for account in "ab"}
    found |= {f"{of}.{name}": 0 for of in ("venue", *MARKETS) for name in OPTIONAL}
    return found


@frozen
class Refutation:
    """The numbers of a state, a venue and an event, how that event ends, and what does not hold after it."""

    step: Step
    numbers: Mapping[str, int]
    end: str
    failed: tuple[str, ...]

    def __str__(self) -> str:
        """The step, what failed, and the numbers that are not those of the simple venue."""
        numbers = ", ".join(f"{name} = {value}" for name, value in self.numbers.items() if value)
        return f"{self.step}, {self.end}: {'; '.join(self.failed)}; with {numbers or 'every number 0'}"


def refute(step: Step, wanted: str = "", venue: Mapping[str, int] | None = None) -> Refutation | None:
    """Numbers on which what must hold after the step, with this in its name, does not; None if none are found.

    `venue` are numbers of the venue that differ from those of the simple one.

    Raises:
        AssertionError: the symbols and the numbers disagree.
    """
    fixed = simple() | dict(venue or {})
    for bound in BOUNDS:
        shared = Shared()
        for way in ways(step, shared, Numbers(bound=bound, fixed=fixed), by_contract=False):
            for name, holds in way.result.must.items():
                fails = as_condition(holds).negated
                if wanted not in name or holds is True or shared.quick.excludes([*way.conditions, fails]):
                    continue
                found = way.solution(fails)
                if found is not None:
                    outcome = run(step, Numbers(values=found, fixed=fixed), by_contract=False)
                    failed = tuple(one for one, held in outcome.must.items() if held is False)
                    assert failed, f"the symbols and the numbers disagree: {name}, {found}"
                    return Refutation(step, found | dict(venue or {}), outcome.end, failed)
    return None


def numbers_for(unproved: Unproved) -> Refutation | None:
    """Numbers on which something fails that is not proved; None if none are found, or the engine cannot be run so."""
    for name in unproved.names:
        try:
            if unproved.step is not None and (found := refute(unproved.step, name)) is not None:
                return found
        except (TypeError, ArithmeticError, LookupError):  # of the engine, on symbols; it is named as not proved
            return None
    return None
