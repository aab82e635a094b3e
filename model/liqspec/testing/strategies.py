"""Hypothesis strategies: configurations, the next event of a run, and whole runs that reach liquidations."""

from collections.abc import Iterable
from typing import Any

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from liqspec.conform import configurations as compared
from liqspec.conform.answers import of_this_process
from liqspec.conform.configurations import Setting
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.generate import Guide
from liqspec.step import relation

# The guide's moves by what they are about; `orders` is what the book does with a working liquidation order.
GROUPS: dict[str, tuple[str, ...]] = {
    "money": ("deposit", "withdraw", "transfer"),
    "trades": ("open_or_increase", "equal_margins", "reduce"),
    "prices": ("mark", "mark", "mark", "marks", "funding"),
    "orders": ("execution",),
    "time": ("block",),
    "vault": ("vault_trade", "vault_cash"),
    "refused": ("order_of_nobody", "malformed"),
}


def configurations(venue: str | None = None, *, families: Iterable[str] = ()) -> SearchStrategy[dict[str, Any]]:
    """Valid configurations as plain data (CFG-1): one to three accounts on one to three markets.

    They are of a venue, by name or file, as it is; or near all shipped venues, some of their parameters changed.
    `families` are those that the engine has: only their parameters are among them (`hello` in `spec/protocol.md`).

    Raises:
        UnreadableFile, InvalidVenueFile: there is no such venue, or it is not valid.
        InvalidConfig: the venue has a parameter of another family.
    """
    return of_setting(compared.of(evolve(of_this_process(), families=frozenset(families)), venue))


def of_setting(setting: Setting) -> SearchStrategy[dict[str, Any]]:
    """The configurations of a venue or a random one."""
    numbers, randoms = st.integers(0, len(setting.bases) - 1), st.randoms(use_true_random=False)
    return st.builds(setting.config, numbers, randoms)


def events(engine: Engine, group: str | None = None) -> SearchStrategy[EventData | None]:
    """The next event for a run, as plain data, guided by its state: breaches, exact boundaries, fills, refusals.

    `engine` is the model, which must be in the state of the run when the event is drawn; `group` is one of
    `GROUPS`. An event of a group may be impossible (nothing to reduce, no order working): then it is None.

    Raises:
        KeyError: there is no such group.
    """
    moves = None if group is None else GROUPS[group]
    return _event(engine, moves)


@st.composite
def _event(draw: DrawFn, engine: Engine, moves: tuple[str, ...] | None) -> EventData | None:
    guide = Guide(draw(st.randoms(use_true_random=False)), engine)
    if moves is None:
        return guide.next_event()
    move = draw(st.sampled_from(moves))
    return guide.execution() if move == "execution" else guide.moves[move][1]()


@st.composite
def runs(
    draw: DrawFn, venue: str | None = None, max_events: int = 40, *, families: Iterable[str] = ()
) -> tuple[dict[str, Any], list[EventData]]:
    """A configuration and a guided list of events, some of which must be refused."""
    config = draw(configurations(venue, families=families))
    model = Engine(Config.from_json(config))
    listed: list[EventData] = []
    for _ in range(draw(st.integers(1, max_events))):
        event = draw(events(model))
        if event is not None:
            listed.append(event)
            relation.apply(model, event)
    return config, listed
