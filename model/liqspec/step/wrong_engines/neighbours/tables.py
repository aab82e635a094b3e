"""Neighbours in what the core lists: the checks of an event, the pools that it touches, the lifecycle's transitions."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeVar

from attrs import evolve

from liqspec.core import admission, assessment, changes, machine
from liqspec.core.admission import Amounts, Check, EventRecord
from liqspec.core.effects import Effect
from liqspec.core.engine import Engine
from liqspec.core.events import EVENTS, Event, Funding, Marks
from liqspec.core.machine import NOT, TransitionEntry, guard_name
from liqspec.core.refusals import Refusal
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.edge.texts import words
from liqspec.step.wrong_engines.base import ADMIT, PERFORM, Patch, WrongEngine
from liqspec.step.wrong_engines.lifecycle import another_table

T = TypeVar("T")

_POOLS_IN = changes.pools_in
_ASSESS = assessment.assess_positions
_APPLY = Engine.apply
# The steps of the assessment that fire `assess`: the rule of each, and the states of whose positions.
_STEPS = (
    ("LIQ-10", ("liquidatable",)),
    ("LIQ-11", ("healthy", "cooldown")),
    ("BKS-3", ("liquidatable", "partially_liquidated")),
)
# Positions that a step may overlook.
_POSITIONS: tuple[tuple[str, Callable[[Position], bool]], ...] = (
    ("that were attempted", lambda held: held.attempted),
    ("that were not attempted", lambda held: not held.attempted),
    ("that failed", lambda held: held.failed),
    ("that are long", lambda held: held.size > 0),
    ("that are short", lambda held: held.size < 0),
    ("that were opened again", lambda held: held.life > 1),
)

# Of pools that an engine may overlook.
_SITUATIONS: tuple[tuple[str, Callable[[Pool], bool]], ...] = (
    ("with a long position", lambda pool: any(held.size > 0 for held in pool.open_positions())),
    ("with a short position", lambda pool: any(held.size < 0 for held in pool.open_positions())),
    ("with several positions", lambda pool: len(pool.open_positions()) > 1),
    ("with a position that was opened again", lambda pool: any(held.life > 1 for held in pool.open_positions())),
    ("without a position", lambda pool: not pool.open_positions()),
    ("in liquidation", lambda pool: pool.in_liquidation),
    ("with a working order", lambda pool: pool.order_working()),
    ("without collateral", lambda pool: pool.collateral <= 0),
)
# What pools can have in common.
_ALIKE: tuple[tuple[str, Callable[[Pool], object]], ...] = (
    ("account", lambda pool: pool.account),
    ("kind", lambda pool: pool.mode),
    ("market", lambda pool: pool.market),
)
# What is assessed after an event, other than all that it touched in its order.
_TOUCHED: tuple[tuple[str, str, Callable[[list[Pool]], list[Pool]]], ...] = (
    ("LIQ-6", "no pool is assessed", lambda _: []),
    ("LIQ-6", "only the first pool is assessed", lambda pools: pools[:1]),
    ("LIQ-6", "only the last pool is assessed", lambda pools: pools[-1:]),
    *(
        ("LIQ-6", f"only the first {most} pools are assessed", lambda pools, most=most: pools[:most])
        for most in (2, 4, 8, 10, 16, 20, 32, 50, 64, 100, 128, 255, 256)
    ),
    ("LIQ-6", "cross pools are not assessed", lambda pools: [pool for pool in pools if pool.market is not None]),
    ("LIQ-6", "isolated pools are not assessed", lambda pools: [pool for pool in pools if pool.market is None]),
    *(
        (
            "LIQ-6",
            f"only the {which} pool of each {of} is assessed",
            lambda pools, alike=alike, step=step: list({alike(one): one for one in pools[::step]}.values()),
        )
        for of, alike in _ALIKE
        for which, step in (("first", -1), ("last", 1))
    ),
    ("LIQ-7", "pools are assessed in the other order", lambda pools: pools[::-1]),
    *(
        (
            "LIQ-6",
            f"a pool {which} is not assessed",
            lambda pools, where=where: [one for one in pools if not where(one)],
        )
        for which, where in _SITUATIONS
    ),
)


def neighbours(last: type[EventRecord] | None) -> Iterator[WrongEngine]:
    """Those that treat an event as the last one otherwise, or what is refused, or have another lifecycle (LIF-1)."""
    if last is not None:
        yield from _of_checks(last, "checks", f" for {last.type}")
        yield from _of_touched(last)
    yield from _of_checks(admission, "COMMON", "")
    yield from _of_held()
    yield from _of_assessed()
    yield from _of_refused()
    yield _keeping_settled_marks()
    yield _marking_one_by_one()
    yield from _of_lifecycle()


def _one(rule: str, title: str, *patches: Patch) -> WrongEngine:
    return WrongEngine(title, rule, title, patches)


def _of_checks(owner: Any, name: str, where: str) -> Iterator[WrongEngine]:
    listed: tuple[Check[Any], ...] = getattr(owner, name)
    for place, check in enumerate(listed):
        others = _without(listed, place)
        yield _one(check.rule, f"{check.code} is not checked{where}", Patch(owner, name, others))
        for earlier in range(place):
            moved = (*others[:earlier], check, *others[earlier:])
            title = f"{check.code} is reported before {others[earlier].code}{where}"
            yield _one("EVT-2", title, Patch(owner, name, moved))


def _of_touched(kind: type[EventRecord]) -> Iterator[WrongEngine]:
    for rule, what, change in _TOUCHED:

        def perform(*given: Any, change: Callable[[list[Pool]], list[Pool]] = change) -> list[Pool]:
            return change(PERFORM[kind](*given))

        yield _one(rule, f"after {kind.type} {what}", Patch(kind, "perform", perform))


def _of_held() -> Iterator[WrongEngine]:
    """Those that find other pools with a position of a market, to assess or to settle; and where they pay funding."""
    for rule, what, change in _TOUCHED:

        def pools_in(state: State, *markets: str, change: Callable[[list[Pool]], list[Pool]] = change) -> list[Pool]:
            return change(_POOLS_IN(state, *markets))

        def perform(event: Funding, state: State, amounts: Amounts, effects: list[Effect]) -> list[Pool]:
            with _one("", "", Patch(changes, "pools_in", _POOLS_IN)).applied():
                return PERFORM[Funding](event, state, amounts, effects)

        found = Patch(changes, "pools_in", pools_in)
        title = f"of the pools with a position of a market, {what}"
        yield _one(rule, title, found)
        yield _one(rule, f"where no funding is paid: {title}", found, Patch(Funding, "perform", perform))


def _of_assessed() -> Iterator[WrongEngine]:
    """LIQ-10, LIQ-11, BKS-3: a step of the assessment that leaves out some positions, which stay as they are."""
    for rule, states in _STEPS:
        for which, left_out in _POSITIONS:

            def assess_positions(
                pool: Pool,
                asked: tuple[str, ...],
                inputs: GuardInputs,
                effects: list[Effect],
                states: tuple[str, ...] = states,
                left_out: Callable[[Position], bool] = left_out,
            ) -> bool:
                if asked != states:
                    return _ASSESS(pool, asked, inputs, effects)
                kept = {name: held for name, held in pool.positions.items() if not left_out(held)}
                return _ASSESS(evolve(pool, positions=kept), asked, inputs, effects)

            title = f"of a pool that is assessed, positions {which} stay {' or '.join(map(words, states))}"
            yield _one(rule, title, Patch(assessment, "assess_positions", assess_positions))


def _of_refused() -> Iterator[WrongEngine]:
    """EVT-3: of each kind of event, that a refused one is done all the same."""
    for kind, real in ADMIT.items():

        def admit(event: Any, state: State, real: Callable[[Any, State], Amounts] = real) -> Amounts:
            try:
                return real(event, state)
            except Refusal:
                type(event).perform(event, state, admission.admit_fields(event, state), [])
                raise

        yield _one("EVT-3", f"a refused {kind.type} changes the state", Patch(kind, "admit", admit))
    yield _making_pools()


def _making_pools() -> WrongEngine:
    """ACC-3: a refused event leaves the isolated pool that it looked for."""

    def patch(kind: type[Event]) -> Patch:
        def admit(event: Any, state: State) -> Amounts:
            try:
                return ADMIT[kind](event, state)
            except Refusal:
                account, market, mode = (getattr(event, name, None) for name in ("account", "market", "mode"))
                if mode != "cross" and account in state.accounts and market in state.venue.markets:
                    changes.isolated_pool(state, str(account), str(market))
                raise

        return Patch(kind, "admit", admit)

    return _one("ACC-3", "a refused event leaves an isolated pool of its market", *map(patch, ADMIT))


def _keeping_settled_marks() -> WrongEngine:
    """EVT-11: the mark of a settled market stays as it was settled, whatever is said or formed of it."""

    def patch(kind: type[Event]) -> Patch:
        def perform(event: Any, state: State, amounts: Amounts, effects: list[Effect]) -> list[Pool]:
            settled = {name: state.marks[name] for name in state.settled}
            touched = PERFORM[kind](event, state, amounts, effects)
            state.marks.update(settled)
            return touched

        return Patch(kind, "perform", perform)

    return _one("EVT-11", "the mark of a settled market stays", *map(patch, EVENTS.values()))


def _marking_one_by_one() -> WrongEngine:
    """EVT-5: the marks of one event are set, and the pools assessed, market by market."""

    def apply(engine: Engine, event: Event) -> tuple[Effect, ...]:
        if not isinstance(event, Marks):
            return _APPLY(engine, event)
        event.admit(engine.state)
        alone = [evolve(event, prices=dict([one])) for one in event.prices]
        return tuple(chain.from_iterable(_APPLY(engine, one) for one in alone))

    return _one("EVT-5", "the marks of one event are set and assessed one by one", Patch(Engine, "apply", apply))


def _of_lifecycle() -> Iterator[WrongEngine]:
    table = machine.lifecycle().table
    for entry in table.transitions:
        yield _one(entry.rules[0], f"there is no {entry.id}", another_table(**{entry.id: None}))
        for state in table.states:
            if state not in (entry.to, table.initial):
                title = f"{entry.id} leads to {state} in place of {entry.to}"
                yield _one(entry.rules[0], title, another_table(**{entry.id: {"to": state}}))
        yield from _of_guards(entry, table.guards)


def _of_guards(entry: TransitionEntry, guards: dict[str, machine.Guard]) -> Iterator[WrongEngine]:
    for place, guard in enumerate(entry.guard):
        others, rule = _without(entry.guard, place), guards[guard_name(guard)].rule
        negated = guard_name(guard) if guard.startswith(NOT) else NOT + guard
        dropped = another_table(**{entry.id: {"guard": others}})
        yield _one(rule, f"{entry.id} does not ask for {guard.replace('_', ' ')}", dropped)
        turned = another_table(**{entry.id: {"guard": (*others, negated)}})
        yield _one(rule, f"{entry.id} asks for {negated.replace('_', ' ')}", turned)


def _without(listed: tuple[T, ...], place: int) -> tuple[T, ...]:
    return (*listed[:place], *listed[place + 1 :])
