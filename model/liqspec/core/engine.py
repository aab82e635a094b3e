"""The executable model: a configured venue to which events are applied one at a time (EVT-1)."""

from copy import copy
from typing import Any

from attrs import frozen

from liqspec.core import arithmetic, assessment, events, observation, snapshot
from liqspec.core.arithmetic import Ratio
from liqspec.core.config import Config, Mode, Venue
from liqspec.core.effects import Effect
from liqspec.core.events import Block, Event
from liqspec.core.events.price_inputs import AtReportedMark, PriceInputs
from liqspec.core.parameters import InvalidConfig, on_grid
from liqspec.core.refusals import Refusal
from liqspec.core.snapshot import Snapshot
from liqspec.core.state import Account, Book, Pool, State
from liqspec.edge import keys
from liqspec.edge.amounts import is_decimal


class Engine:
    """A venue that executes exactly the rules.

    Its state changes only by `apply`, and by `restore` of an earlier snapshot.
    """

    def __init__(self, config: Config, *, shows_prices: bool = False) -> None:
        """Start a run, in whose observations positions have their prices or not (OBS-5).

        Raises:
            InvalidConfig: the configuration is not a valid rule set, or its accounts, marks or cash are wrong (CFG-1).
        """
        self._config = config
        self.venue = Venue.from_config(config, shows_prices=shows_prices)
        self.state = _start(config, self.venue)

    def another(self) -> "Engine":
        """An engine of the same configuration, at the start of a run."""
        other = copy(self)
        other.state = _start(self._config, self.venue)
        return other

    def apply(self, event: Event) -> tuple[Effect, ...]:
        """Apply one event whole: check it, change what it says, assess every touched pool (EVT-1, LIQ-6, LIF-4).

        Raises:
            Refusal: the event is not accepted; nothing changed (EVT-3).
        """
        amounts = event.admit(self.state)
        effects: list[Effect] = []
        touched = event.perform(self.state, amounts, effects)
        due = assessment.due(self.state, touched, block_begins=isinstance(event, Block))
        assessment.assess(self.state, due, effects)
        return tuple(effects)

    def observe(self) -> dict[str, Any]:
        """What everyone may see, as plain data in the outside format (OBS-1)."""
        return observation.observe(self.state)

    def snapshot(self) -> Snapshot:
        """The whole state as a value that can be compared, hashed and restored."""
        return snapshot.capture(self.state)

    def restore(self, value: Snapshot) -> None:
        """Return to the state of a snapshot of a run with the same configuration."""
        self.state = snapshot.build(self.venue, value)

    def liquidation_price(self, account: str, market: str, mode: Mode) -> tuple[int | None, Ratio | None]:
        """The liquidation price of a position in ticks and its exact crossing; LookupError without one (MRG-10)."""
        measured = self._measured(account, market, mode)
        return arithmetic.liquidation_price(*measured), arithmetic.liquidation_crossing(*measured)

    def bankruptcy_price(self, account: str, market: str, mode: Mode) -> Ratio:
        """The stand-alone bankruptcy price of an open position in ticks; LookupError without one (MRG-11)."""
        equity, _, held = self._measured(account, market, mode)
        return arithmetic.bankruptcy_price(equity, held)

    def _measured(self, account: str, market: str, mode: Mode) -> tuple[int, int, arithmetic.Holding]:
        pool = self.state.pool(account, mode, market) if account in self.state.accounts else None
        position = None if pool is None else pool.positions.get(market)
        if pool is None or position is None or position.size == 0:
            raise LookupError(f"{keys.position(account, market, mode)} is not an open position")
        return self.state.measured(pool, position)


@frozen
class Outcome:
    """What an event did: its effects in the order in which they happened, or why it was refused."""

    effects: tuple[Effect, ...] = ()
    refusal: Refusal | None = None

    @property
    def code(self) -> str | None:
        """The code of the refusal; None if the event was accepted."""
        return None if self.refusal is None else self.refusal.code


def refusal_of(engine: Engine, event: object) -> Refusal | None:
    """Why an event in plain data is refused, None if it is accepted; either way nothing changes (EVT-2)."""
    try:
        events.from_json(event).admit(engine.state)
    except Refusal as refusal:
        return refusal
    return None


def apply_event(engine: Engine, event: object, observed: object = None) -> Outcome:
    """Apply an event in plain data; a refusal is an outcome, not an exception (EVT-2, EVT-3).

    `observed` is what another engine showed after it: a mark that it formed is kept if it is near enough (MRK-9).
    """
    try:
        read = events.from_json(event)
        if isinstance(read, PriceInputs):
            reported = _reported_mark(engine.venue, read.market, observed)
            read = read if reported is None else AtReportedMark.of(read, reported)
        return Outcome(effects=engine.apply(read))
    except Refusal as refusal:
        return Outcome(refusal=refusal.with_traceback(None))  # its frames would refer back to it


def _reported_mark(venue: Venue, market: str, observed: object) -> int | None:
    """The mark that an observation from anywhere shows of a market, in ticks; None if it shows no such price."""
    marks = observed.get("marks") if isinstance(observed, dict) else None
    shown = marks.get(market) if isinstance(marks, dict) else None
    if market not in venue.markets or not isinstance(shown, str) or not is_decimal(shown):
        return None
    return venue.markets[market].price.units(shown)


def _start(config: Config, venue: Venue) -> State:
    """The state before the first event (CFG-1)."""
    if missing := sorted(set(venue.markets) - set(config.marks)):
        raise InvalidConfig(f"marks.{missing[0]}", "the market has no starting mark")
    marks = {}
    for name in sorted(config.marks):
        if name not in venue.markets:
            raise InvalidConfig(f"marks.{name}", "not among the markets")
        marks[name] = on_grid(f"marks.{name}", config.marks[name], venue.markets[name].price)
        if marks[name] <= 0:
            raise InvalidConfig(f"marks.{name}", f"must be above 0, got {config.marks[name]}")
    if not config.accounts:
        raise InvalidConfig("accounts", "at least one account is needed")
    if len(set(config.accounts)) != len(config.accounts):
        repeated = next(name for name in config.accounts if config.accounts.count(name) > 1)
        raise InvalidConfig("accounts", f"{repeated!r} is repeated")
    cash = on_grid("vault.cash", config.vault.cash, venue.money)
    accounts = {name: Account(name, Pool(name, "cross", None)) for name in sorted(config.accounts)}
    return State(venue, config.time, marks, accounts, vault=Book(cash), outside=Book(), net_deposits=cash)
