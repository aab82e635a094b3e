"""A witness of a run: remembers what the rules remember, from the events and observations alone, engine unseen."""

from typing import Any

from attrs import Factory, define, evolve, frozen

from liqspec.properties.checker import measures
from liqspec.properties.checker.admission import expected_refusal
from liqspec.properties.checker.exact import ZERO, Fraction, number
from liqspec.properties.checker.measures import NaivePosition, NaiveRules, View

Life = tuple[str, int]  # a position's key and the number of its life


@define
class Window:
    """A window that forces full size: its end, and its end as it was when this block began (CLD-3)."""

    until: int = 0
    forcing_until: int = 0


@define
class Memory:
    """What the witness knows between two events."""

    marks: dict[str, Fraction]
    net_deposits: Fraction
    outside_cash: Fraction = ZERO
    outside_sizes: dict[str, Fraction] = Factory(dict)
    leverages: dict[str, int] = Factory(dict)
    attempted: set[Life] = Factory(set)
    failed: set[Life] = Factory(set)
    own_windows: dict[Life, int] = Factory(dict)
    windows: dict[str, Window] = Factory(dict)

    def copy(self) -> "Memory":
        """A memory that can continue independently."""
        return evolve(
            self,
            marks=dict(self.marks),
            outside_sizes=dict(self.outside_sizes),
            leverages=dict(self.leverages),
            attempted=set(self.attempted),
            failed=set(self.failed),
            own_windows=dict(self.own_windows),
            windows={key: Window(window.until, window.forcing_until) for key, window in self.windows.items()},
        )


@frozen
class Step:
    """One event as the witness saw it: what it knew before, what it sees after, and what should have changed.

    `changed` are the pools that the event should change before assessment; `memory` is what was known when the event
    came, with the marks and the time already those after it, and a failed attempt of this event already counted.
    """

    rules: NaiveRules
    event: dict[str, Any]
    refusal: str | None
    before: View
    after: View
    memory: Memory
    later: Memory
    changed: dict[str, measures.Change]
    expected_refusal: str | None

    @property
    def accepted(self) -> bool:
        """Whether the event was accepted."""
        return self.refusal is None

    def expected(self, pool: str) -> measures.Change:
        """What the pool should be after the event's change, before assessment."""
        if pool in self.changed:
            return self.changed[pool]
        before = self.before.pools.get(pool)
        return (
            measures.Change(ZERO, {})
            if before is None
            else measures.Change(before.collateral, measures.holdings_of(before))
        )

    def measures(self, pool: str) -> tuple[Fraction, Fraction]:
        """Equity and maintenance margin of a pool after the event's change, before assessment."""
        expected = self.expected(pool)
        return (
            measures.equity(expected.collateral, expected.holdings, self.memory.marks),
            measures.maintenance_margin(self.rules, expected.holdings, self.memory.marks),
        )

    def restored(self, pool: str) -> bool:
        """Whether a pool is restored after the event's change, before assessment."""
        change, known = self.expected(pool), self.memory
        return measures.restored(self.rules, change.collateral, change.holdings, known.marks, known.leverages)

    def emitted(self) -> list[NaivePosition]:
        """The positions for which this event emitted a liquidation order."""
        return [position for position in self.after.positions.values() if _is_new_order(self.before, position)]

    def backstopped(self) -> list[str]:
        """The pools that the vault took in this event."""
        return sorted(
            {
                position.pool
                for key, position in self.after.positions.items()
                if position.state == "backstopped"
                and (key not in self.before.positions or self.before.positions[key].state != "backstopped")
            }
        )


class Witness:
    """Follows a run event by event, and turns each into a step that properties can judge."""

    def __init__(self, config: dict[str, Any], observation: dict[str, Any]) -> None:
        self.rules = NaiveRules.of(config)
        self.view = View.of(observation)
        self.memory = Memory(
            marks={market: number(mark) for market, mark in config["marks"].items()},
            net_deposits=number(config.get("vault", {}).get("cash", "0")),
        )

    def copy(self) -> "Witness":
        """A witness that can continue independently; what it has seen is shared, as nothing seen ever changes."""
        other = Witness.__new__(Witness)
        other.rules, other.view, other.memory = self.rules, self.view, self.memory
        return other

    def see(self, event: dict[str, Any], refusal: str | None, observation: dict[str, Any]) -> Step:
        """Take in one event, its refusal code if it was refused, and what is observed after it."""
        before, after = self.view, View.of(observation)
        known = self.memory.copy()
        expected = expected_refusal(self.rules, before, known.marks, known.leverages, event)
        changed: dict[str, measures.Change] = {}
        if refusal is None:
            _learn_before_assessment(known, before, event)
            changed = measures.changes(self.rules, before, known.marks, event)
        later = known.copy()
        if refusal is None:
            _settle_with_outside(later, before, event, self.rules)
            _learn_from_assessment(later, before, after, event)
            _learn_windows(later, self.rules, after, event)
        self.view, self.memory = after, later
        return Step(self.rules, event, refusal, before, after, known, later, changed, expected)


def _learn_before_assessment(known: Memory, before: View, event: dict[str, Any]) -> None:
    kind = event["type"]
    if kind == "mark_price":
        known.marks[event["market"]] = number(event["price"])
    elif kind == "marks":
        known.marks.update({market: number(price) for market, price in event["prices"].items()})
    elif kind == "order_done":
        key = measures.event_position(event)
        known.failed.add((key, before.positions[key].life))
    elif kind == "block":
        known.attempted.clear()
        known.failed.clear()
        for window in known.windows.values():
            window.forcing_until = window.until
    elif kind == "trade" and "leverage" in event:
        known.leverages[measures.event_position(event)] = event["leverage"]


def _settle_with_outside(later: Memory, before: View, event: dict[str, Any], rules: NaiveRules) -> None:
    """EVT-10: the other side of trades, fills and funding, and what came from nowhere."""
    kind = event["type"]
    if kind in ("trade", "vault_trade", "fill"):
        size, price = number(event["size"]), number(event["price"])
        if kind == "fill":
            held = before.positions[measures.event_position(event)]
            size = -size if held.size > 0 else size
        later.outside_sizes[event["market"]] = later.outside_sizes.get(event["market"], ZERO) - size
        later.outside_cash += size * price
    elif kind == "funding":
        held_sizes = [position.size for position in before.positions.values() if position.market == event["market"]]
        held_sizes.append(before.vault_positions.get(event["market"], ZERO))
        later.outside_cash += sum(
            (measures.up(size * number(event["payment"]), rules.quote) for size in held_sizes), ZERO
        )
    elif kind in ("deposit", "vault_cash"):
        later.net_deposits += number(event["amount"])
    elif kind == "withdraw":
        later.net_deposits -= number(event["amount"])


def _learn_from_assessment(later: Memory, before: View, after: View, event: dict[str, Any]) -> None:
    for key, position in after.positions.items():
        earlier = before.positions.get(key)
        if _is_new_order(before, position):
            later.attempted.add((key, position.life))
        elif earlier is not None and earlier.order is not None and position.order is None and position.size:
            ended = event["type"] == "order_done" and _names(event, position)
            filled = event["type"] == "fill" and _names(event, position) and number(event["size"]) == earlier.order
            if not ended and not filled:
                later.attempted.discard((key, position.life))  # LIQ-9: a cancelled order is not an attempt
    for pool in after.pools.values():
        if not pool.in_liquidation:
            later.failed -= {(position.key, position.life) for position in pool.positions}


def _learn_windows(later: Memory, rules: NaiveRules, after: View, event: dict[str, Any]) -> None:
    """CLD-1: a fill that leaves size opens the position's own window and that of its scope."""
    if event["type"] != "fill" or rules.cooldown_ms == 0:
        return
    key = measures.event_position(event)
    position = after.positions[key]
    if position.size == 0 and position.state != "backstopped":
        return
    until = after.time + rules.cooldown_ms
    later.own_windows[key, position.life] = until
    later.windows.setdefault(scope_key(rules, position), Window()).until = until


def scope_key(rules: NaiveRules, position: NaivePosition) -> str:
    """What a window of the position forces to full size: this life, its pool or its account (CLD-1)."""
    return {
        "position": f"{position.key}#{position.life}",
        "pool": position.pool,
        "account": position.account,
    }[rules.scope]


def _is_new_order(before: View, position: NaivePosition) -> bool:
    earlier = before.positions.get(position.key)
    return position.order is not None and (earlier is None or earlier.order is None)


def _names(event: dict[str, Any], position: NaivePosition) -> bool:
    return measures.event_position(event) == position.key
