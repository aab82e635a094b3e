"""Properties that need the model itself: its snapshots, its effects and its derived prices, on one event.

They are judged in addition to those of `catalogue`, which need only what can be observed.
"""

from collections.abc import Callable
from typing import Literal

from attrs import frozen

from liqspec.core import observation
from liqspec.core.effects import Backstopped, DeficitCovered, Effect, LiquidationEntered
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.refusals import Refusal
from liqspec.core.snapshot import PoolValue, PositionValue, Snapshot, WindowValue
from liqspec.core.state import Position
from liqspec.edge import keys
from liqspec.edge.amounts import ratio_text as _n
from liqspec.properties.checker import prices
from liqspec.properties.checker.exact import number
from liqspec.properties.checker.measures import NaivePosition
from liqspec.properties.checker.memory import Window, scope_key
from liqspec.properties.checker.witness import Witness
from liqspec.properties.property import HOLDS, NOT_EXERCISED, Properties, Verdict, holds_if, violated


@frozen
class ModelStep:
    """One event of the model: the engine after it, the snapshots around it, what it did, and what was witnessed."""

    engine: Engine
    before: Snapshot
    event: EventData
    after: Snapshot
    effects: tuple[Effect, ...]
    refusal: Refusal | None
    witness: Witness


MODEL = Properties[ModelStep]("model")


@MODEL.add("step", "EVT-3")
def a_refused_event_changes_no_bit(step: ModelStep) -> Verdict:
    """After a refused event the whole state is as it was, what is not observed included."""
    if step.refusal is None:
        return NOT_EXERCISED
    return HOLDS if step.after == step.before else violated("the snapshot changed")


@MODEL.add("history", "LIQ-12 BKS-2 ACC-8 CLD-1 CLD-3 CLD-4")
def the_engine_remembers_what_the_rules_remember(step: ModelStep) -> Verdict:
    """Attempts, failures, leverages, and windows that force or will, are remembered as the events alone imply."""
    if step.refusal is not None:
        return NOT_EXERCISED
    for account in step.after.accounts:
        for pool in account.pools:
            windows = {"pool": pool.window, "account": account.window}
            for held in (held for held in pool.positions if held.size):
                if wrong := _remembered_wrongly(step, account.name, pool, held, windows):
                    return violated(wrong)
    return HOLDS


def _remembered_wrongly(
    step: ModelStep, account: str, pool: PoolValue, held: PositionValue, windows: dict[str, WindowValue]
) -> str | None:
    key = keys.position(account, held.market, "cross" if pool.market is None else "isolated")
    known, life = step.witness.memory, (key, held.life)
    if held.attempted != (life in known.attempted):
        return f"{key}: attempted is {held.attempted}"
    if pool.in_liquidation and held.failed != (life in known.failed):
        return f"{key}: its order left quantity over is {held.failed}"
    if held.leverage != known.leverages[key]:
        return f"{key}: leverage is {held.leverage}, must be {known.leverages[key]}"
    now, rules = step.after.time, step.witness.rules
    scope = scope_key(rules, step.witness.view.positions[key])
    found, wanted = windows.get(rules.scope, held.window), known.windows.get(scope, _NO_WINDOW)
    for what, ours, theirs in (
        ("the window that forces full size", found.forcing_until, wanted.forcing_until),
        ("the window", found.until, wanted.until),
    ):
        if ours != theirs and max(ours, now) != max(theirs, now):  # one that has ended is as good as none
            return f"{what} of {scope} ends at {ours} ms, must end at {theirs} ms; it is {now} ms"
    return None


_NO_WINDOW = Window()


@MODEL.add("step", "LIQ-7")
def pools_are_assessed_in_their_order(step: ModelStep) -> Verdict:
    """Pools touched by one event are assessed by account, cross first, then market: all of them, then the backstops."""
    of_pools = [effect for effect in step.effects if isinstance(effect, _OF_A_POOL)]
    if not of_pools:
        return NOT_EXERCISED
    in_backstop = [isinstance(effect, Backstopped) for effect in of_pools]
    if in_backstop != sorted(in_backstop):
        return violated("a pool was taken before another had been assessed")
    for backstops in (False, True):
        places = [_place(effect.pool) for effect in of_pools if isinstance(effect, Backstopped) is backstops]
        if places != sorted(places):
            return violated(f"pools were assessed in the order {', '.join('/'.join(place) for place in places)}")
    return holds_if(len({effect.pool for effect in of_pools}) > 1)


@MODEL.add("state", "OBS-1 AMT-7")
def what_is_listed_is_in_its_order(step: ModelStep) -> Verdict:
    """Positions are listed by account, market and mode, and pools by account, cross first, then by market."""
    seen = step.witness.view.raw
    positions = [(entry["account"], entry["market"], entry["mode"]) for entry in seen["positions"]]
    pools = [(entry["account"], entry["market"] or "") for entry in seen["pools"]]
    for what, listed in (("positions", positions), ("pools", pools)):
        if listed != sorted(listed):  # strings of Python compare by code point
            return violated(f"the {what} are listed in the order {', '.join('/'.join(place) for place in listed)}")
    return holds_if(len(positions) > 1)


# What assessment does to a whole pool; the backstop itself reports that a pool leaves liquidation by it.
_OF_A_POOL = (LiquidationEntered, DeficitCovered, Backstopped)


def _place(pool: str) -> tuple[str, ...]:
    account, *rest = keys.parts(pool)
    return (account, "" if rest == ["cross"] else rest[0])


@MODEL.add("state", "MRG-10 LIQ-3")
def a_liquidation_price_is_exact(step: ModelStep) -> Verdict:
    """At its liquidation price a position's pool is breached, one tick on the safe side of it the pool is not."""
    held = [position for position in step.witness.view.positions.values() if position.size]
    return _judged_in_turn(step, "MRG-10", held, _liquidation_price)


def _liquidation_price(step: ModelStep, position: NaivePosition) -> Verdict:
    mode: Literal["cross", "isolated"] = "cross" if position.mode == "cross" else "isolated"
    ticks, _ = step.engine.liquidation_price(position.account, position.market, mode)
    market, known, side = (
        step.witness.rules.markets[position.market],
        step.witness.memory,
        1 if position.size > 0 else -1,
    )

    contents = step.witness.view.contents(position.pool)

    def breached_at(mark: int) -> bool:
        return known.breached_at(contents, position.market, market.tick * mark)

    if ticks is None:
        if any(tier.maintenance_rate + step.witness.rules.close_fee == 1 for tier in market.tiers):
            return NOT_EXERCISED  # MRG-10: a long that is breached at every tick has none either
        return violated(f"{position.key} has no liquidation price") if breached_at(1) else HOLDS
    if not breached_at(ticks):
        return violated(f"{position.key} is not breached at its liquidation price of {ticks} ticks")
    if ticks + side >= 1 and breached_at(ticks + side):
        return violated(f"{position.key} is breached beyond its liquidation price of {ticks} ticks")
    return HOLDS


@MODEL.add("state", "OBS-5 MRG-10 MRG-11")
def shown_prices_are_what_the_rules_say(step: ModelStep) -> Verdict:
    """A shown liquidation price parts the ticks that breach the pool from the others, a shown bankruptcy price is the
    mark at which equity is 0, rounded in the pool's favour; what does not exist is null.
    """
    return _judged_in_turn(step, "OBS-5", list(step.witness.view.positions.values()), _shown_prices)


def _shown_prices(step: ModelStep, seen: NaivePosition) -> Verdict:
    shown = observation.observe_prices(step.engine.state, _in_the_engine(step, seen))
    known, contents = step.witness.memory, step.witness.view.contents(seen.pool)
    wanted = prices.bankruptcy(known, contents, seen) if seen.size else None
    if (text := shown["bankruptcy_price"]) != wanted and (text is None or wanted is None or number(text) != wanted):
        return violated(f"{seen.key} shows the bankruptcy price {text}, must be {wanted and _n(wanted)}")
    price = shown["liquidation_price"]
    wrong = prices.wrong_liquidation(known, contents, seen, None if price is None else number(price))
    return violated(f"{seen.key} shows the liquidation price {price}: {wrong}") if wrong else HOLDS


def _judged_in_turn(
    step: ModelStep, rule: str, positions: list[NaivePosition], judge: Callable[[ModelStep, NaivePosition], Verdict]
) -> Verdict:
    """The verdict on the prices of one of the positions, each in its turn; once for what they depend on (MRG-10)."""
    if step.refusal is not None or not positions:
        return NOT_EXERCISED
    seen = positions[step.after.block % len(positions)]
    known, contents = step.witness.memory, step.witness.view.contents(seen.pool)
    held = tuple((one.market, one.size, one.cost, known.marks[one.market]) for one in contents.holdings.values())
    measured = observation.measured(step.engine.state, _in_the_engine(step, seen))
    of = (rule, seen.key, measured, contents.collateral, held)
    return step.witness.rules.once(of, lambda: judge(step, seen))


def _in_the_engine(step: ModelStep, seen: NaivePosition) -> Position:
    position = step.engine.state.position(seen.account, seen.market, "cross" if seen.mode == "cross" else "isolated")
    assert position is not None, "what is observed is there"
    return position


@frozen
class Answer:
    """How an engine ended an event: `error` is what it raised that is not a refusal, if anything."""

    event: EventData
    error: Exception | None


ANSWERS = Properties[Answer]("model")


@ANSWERS.add("step", "EVT-1", counted=False)
def every_event_gets_an_answer(answer: Answer) -> Verdict:
    """Every event is accepted or refused, and never ends the engine."""
    if answer.error is None:
        return HOLDS
    return violated(f"{answer.event.get('type')} ended in {type(answer.error).__name__}: {answer.error}")
