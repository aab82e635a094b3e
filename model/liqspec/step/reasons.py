"""Which rules decide: where an engine differs from the model, and why a position was or was not liquidated."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from attrs import evolve, frozen

from liqspec.core import arithmetic, changes, machine, measures
from liqspec.core.admission import COMMON, Listed, admit_fields
from liqspec.core.changes import measure
from liqspec.core.config import Venue
from liqspec.core.effects import (
    CHUNKS,
    Backstopped,
    Effect,
    LiquidationEntered,
    MarkFormed,
    OrderEmitted,
    OrderEnded,
    Transitioned,
)
from liqspec.core.engine import Engine
from liqspec.core.events import CHECKS, EVENTS, Block, Event, EventData, Settle, Trade, Transfer, checks_with, from_json
from liqspec.core.parameters import PARAMETERS
from liqspec.core.refusals import InsufficientMargin, Refusal
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.edge import keys
from liqspec.edge.amounts import is_decimal
from liqspec.edge.texts import visible, words
from liqspec.report import decisions, terms
from liqspec.report.amounts import Units
from liqspec.report.sentences import effect_text
from liqspec.report.terms import COVERED, Measure
from liqspec.spec import observables, rulebook
from liqspec.step import other_marks, widths
from liqspec.step.compare import NOT_LISTED, NOT_REPORTED, Difference, Observes

T = TypeVar("T")

OUTCOME = "outcome"  # the field of a difference in whether, or why, an event was refused
ACCEPTED = "accepted"  # what such a difference says where it was not refused

# The transitions of a pool in liquidation between two blocks, also where liquidations begin at blocks only (LIQ-18).
_OF_A_LIQUIDATION = ("T3", "T4", "T5")

# The rules of guards about breaches, of which the transitions' own rules say what counts as one.
_OF_A_BREACH = ("LIQ-4", "LIQ-5")

# The triggers of the lifecycle that an event can fire; assessment follows every event (LIQ-6).
_TRIGGERS = {"fill": ("fill",), "block": ("block",), "trade": ("open", "reduce")}


@frozen
class GuardResult:
    """A guard as it is judged now, perhaps negated as a transition has it: whether it holds, its rule, its numbers."""

    guard: str
    holds: bool
    rule: str
    numbers: str

    def __str__(self) -> str:
        """The result in one line."""
        return f"{words(self.guard)} is {str(self.holds).lower()} ({self.rule}: {self.numbers})"


@frozen(kw_only=True)
class Reason:
    """Why something an engine did is not what the rules say.

    `rules` are those that decide the difference, the first before all; `because` says in sentences what the rules did
    instead, `guards` how the guards stood that the engine must have seen otherwise, and `terms` how the measures come
    about that all this rests on.
    """

    difference: Difference
    rules: tuple[str, ...]
    because: tuple[str, ...] = ()
    guards: tuple[GuardResult, ...] = ()
    terms: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The rule that decides it before all others."""
        return self.rules[0]

    @property
    def title(self) -> str:
        """The first rule's title."""
        return rulebook.rules()[self.rule].title

    def lines(self) -> Iterator[str]:
        """The reason line by line: the difference, the rule, what the rules did, the guards, and the measures."""
        yield str(self.difference)
        yield f"{self.rule} {self.title}" + (f" (also {', '.join(self.rules[1:])})" if len(self.rules) > 1 else "")
        yield from map(visible, self.because)
        yield from map(str, self.guards)
        yield from self.terms


def lines_of(reasons: Iterable[Reason]) -> Iterator[list[str]]:
    """The lines of each reason; the terms that an earlier one had are not repeated."""
    shown: set[str] = set()
    for reason in reasons:
        yield [line for line in reason.lines() if line not in reason.terms or line not in shown]
        shown.update(reason.terms)


@frozen(kw_only=True)
class Step:
    """What is known of one event that the model processed: the engine after it, and each position's state before it."""

    engine: Engine
    event: EventData
    effects: tuple[Effect, ...]
    refusal: Refusal | None
    states_before: dict[str, str]

    @classmethod
    def of(
        cls,
        engine: Engine,
        event: EventData,
        effects: tuple[Effect, ...],
        refusal: Refusal | None,
        before: dict[str, Any],
    ) -> "Step":
        """A step of an engine that has just processed the event, and showed `before` until then."""
        states = {keys.of_position(held): held["state"] for held in before["positions"]}
        return cls(engine=engine, event=event, effects=effects, refusal=refusal, states_before=states)


def outcome_difference(refusal: Refusal | None, observed: str | None, *, codes: bool) -> Difference | None:
    """Where the model's decision and an engine's differ; `observed` is its refusal code, None for acceptance.

    With `codes` false, only whether the event was refused is compared.
    """
    ours = None if refusal is None else refusal.code
    same = ours == observed if codes else (ours is None) == (observed is None)
    return None if same else Difference("event", OUTCOME, ours or ACCEPTED, observed or ACCEPTED)


def of_outcome(step: Step, difference: Difference) -> Reason:
    """Why the event had to be accepted, or refused with another code."""
    kind = str(step.event.get("type")) if isinstance(step.event, dict) else ""
    claimed = checks_with(kind, difference.theirs)
    if step.refusal is not None:
        ours = [check for check in checks_with(kind, step.refusal.code) if check.rule == step.refusal.rule]
        measures = [rule for check in ours for rule in _also(check, step.engine.venue)]
        order = [] if difference.theirs == ACCEPTED else ["EVT-2"]
        rules = [*_of_reversal(step), step.refusal.rule, *order, *_of_transfer(kind), *measures]
        # An earlier check, which passed, must have failed there; with a later one, ours must have passed.
        first = next((check for check in CHECKS.get(kind, ()) if check in (*ours, *claimed)), None)
        shared = {(check.code, check.rule) for check in COMMON}
        if claimed and all((check.code, check.rule) in shared for check in (*ours[:1], claimed[0])):
            rules.insert(0, "EVT-2")  # which has their order
        elif first in claimed and first not in ours:
            rules = _of_checks(claimed, kind, step.engine.venue) + rules
        now = step.engine.snapshot()
        refused = decisions.of_refusal(step.engine.venue, (now, now), step.event, step.refusal)
        lines = () if refused is None else tuple(refused.lines())
        return Reason(difference=difference, rules=_unique(rules), because=(str(step.refusal),), terms=lines)
    # Of the checks of a trade, those that are for the trade as it was: opening or increasing, or reducing.
    done = {effect.rule for effect in step.effects}
    claimed = tuple(check for check in claimed if check.of is None or check.rule in done) or claimed
    rules = _of_checks(claimed, kind, step.engine.venue)
    rules[:0] = _of_reversal(step)
    if not claimed:  # then the rule that accepts the event is the one that was broken
        rules = [*(effect.rule for effect in step.effects[:1]), "EVT-2"]
    because = [f"{difference.theirs} is not a refusal of {kind}"] if not claimed else []
    because += [f"no check failed; {check.code} is for when {check.meaning}" for check in claimed]
    pools = _pools_of(step)
    because += [_pool_line(step.engine, pool) for pool in pools]
    measured = _MEASURED.get(difference.theirs, ())
    lines = tuple(line for pool in pools for line in _terms(step.engine, pool, *measured))
    return Reason(difference=difference, rules=_unique(rules), because=tuple(because), terms=lines)


def _of_checks(checks: Iterable[Listed], kind: str, venue: Venue) -> list[str]:
    """The rules of some checks of an event, each with those that measure what it looks at."""
    return [rule for check in checks for rule in (check.rule, *_of_transfer(kind), *_also(check, venue))]


def _of_transfer(kind: str) -> list[str]:
    """ACC-6, of a transfer: it says which pool pays, and that the other one is not asked."""
    return [Transfer.rule] if kind == Transfer.type else []


def _of_reversal(step: Step) -> list[str]:
    """ACC-16, where the event is a valid trade that turns a position round, which the venue may split."""
    if not isinstance(step.event, dict) or step.event.get("type") != Trade.type:
        return []
    if step.refusal is None:
        turned = {"ACC-8", "ACC-9"} <= {effect.rule for effect in step.effects}
    elif step.refusal.rule in {check.rule for check in Trade.checks}:  # all that other checks look at is as it must be
        turned = turns_round(from_json(step.event), step.engine.state)
    else:
        turned = False
    return ["ACC-16"] if turned else []


def turns_round(event: Event, state: State) -> bool:
    """Whether an event is a trade that turns a position of this state round (ACC-16); not if its fields are refused."""
    if not isinstance(event, Trade):
        return False
    try:
        size = admit_fields(event, state)["size"]
    except Refusal:
        return False
    return changes.turns_round(state.venue, event.held(state), size)


def _also(check: Listed, venue: Venue) -> list[str]:
    """The rules that measure what a check looks at: those of parameters that the venue has first, of others last."""
    own = {entry.rule: getattr(venue, entry.inner_name) is not None for entry in PARAMETERS if entry.family}
    return sorted(check.also, key=lambda rule: 1 if rule not in own else 0 if own[rule] else 2)


def _pools_of(step: Step) -> list[Pool]:
    """The pools that the event names, or those that its effects are about."""
    named = {effect.subject for effect in step.effects}
    pools = step.engine.state.pools()
    return [pool for pool in pools if named & {pool.key, *(held.key for held in pool.positions.values())}]


def _pool_line(engine: Engine, pool: Pool) -> str:
    seen = measures.pool_details(engine, pool)
    return (
        f"{pool.key} after it: equity {seen['equity']}, maintenance margin {seen['maintenance_margin']}, "
        f"initial margin {seen['initial_margin']}, {'' if pool.in_liquidation else 'not '}in liquidation, "
        f"{'an' if pool.order_working() else 'no'} order working"
    )


# The measures that decide a field of a pool, that the guards look at, or that a check of an event compares.
_MEASURED: dict[str, tuple[Measure, ...]] = {
    "pools.equity": ("equity",),
    "pools.maintenance_margin": ("maintenance_margin",),
    "pools.initial_margin": ("initial_margin",),
    "pools.in_liquidation": COVERED,
    "needs_liquidation": COVERED,
    "restored": COVERED,
    "below_backstop": ("equity", "maintenance_margin", "backstop_line"),
    InsufficientMargin.code: ("equity", "maintenance_margin", "initial_margin"),
}


def _terms(engine: Engine, pool: Pool, *measured: Measure) -> tuple[str, ...]:
    return tuple(terms.lines(measures.pool_terms(engine.state, pool), *_unique(measured)))


def _terms_of_guards(engine: Engine, position: Position | None, *guards: str) -> tuple[str, ...]:
    """The terms of what these guards look at; after a position has ended its pool has other ones."""
    if position is None or not position.size:
        return ()
    pool = measures.all_pools(engine)[keys.pool_of(position.key)]
    looked = (measure for guard in guards for measure in _MEASURED.get(machine.guard_name(guard), ()))
    return _terms(engine, pool, *looked)


def of_difference(step: Step, difference: Difference, observes: Observes) -> Reason:
    """Which rules decide a field in which an engine's observation differs from the model's.

    What an engine does not report is not a departure from the rule that decides its value.
    """
    if difference.theirs is NOT_REPORTED:
        missing = f"the engine says that it observes {difference.field}, and its observation does not have it"
        hint = "what an engine does not report it leaves out of `observes`: in `hello`, or the attribute in Python"
        return Reason(difference=difference, rules=("OBS-1",), because=(missing, hint))
    reason, narrow = _of_field(step, difference, observes), _too_narrow(step.engine.venue, difference)
    if step.event.get("type") == Settle.type:  # which moves all that it moves in its own way
        first = 0 if difference.field == "marks" else 1
        reason = evolve(reason, rules=_unique((*reason.rules[:first], Settle.rule, *reason.rules[first:])))
    ours, theirs = difference.ours, difference.theirs
    if is_decimal(ours) and not is_decimal(theirs) and theirs not in (None, NOT_LISTED):
        written = f"{visible(str(theirs))} is not a decimal string (AMT-3)"
        return evolve(reason, rules=_unique(("AMT-3", *reason.rules)), because=(written, *reason.because))
    if narrow is None:
        return reason
    return evolve(reason, rules=_unique(("AMT-1", *reason.rules)), because=(narrow, *reason.because))


def narrow_first(found: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons, with the rule first by which one of them has an amount that is too narrow, for all else follows."""
    reasons = tuple(found)
    narrow = next((one for one in reasons if one.rule == "AMT-1"), None)
    if narrow is None or narrow is reasons[0]:
        return reasons
    first = reasons[0]
    because = (f"{narrow.difference.field} of {narrow.difference.subject}: {narrow.because[0]}", *first.because)
    return evolve(first, rules=_unique(("AMT-1", *first.rules)), because=because), *reasons[1:]


def _too_narrow(venue: Venue, difference: Difference) -> str | None:
    """AMT-1: how an amount that differs is the right one in numbers that are too narrow; None if it is not."""
    ours, theirs = difference.ours, difference.theirs
    if not is_decimal(ours) or not is_decimal(theirs):
        return None
    if difference.field not in ("positions.size", "positions.order", "positions.limit"):
        return widths.as_if(ours, theirs, venue.money.step)
    market = venue.markets[keys.market_of(difference.subject)]
    return widths.as_if(ours, theirs, (market.price if difference.field == "positions.limit" else market.size).step)


def _of_field(step: Step, difference: Difference, observes: Observes) -> Reason:
    """Which rules decide a field that both report."""
    if difference.field == "positions":
        return Reason(difference=difference, rules=("OBS-1", "LIF-2"))
    if difference.field == "pools":  # one that the event just used, or an earlier one
        used = difference.theirs == NOT_LISTED and difference.subject in {pool.key for pool in _pools_of(step)}
        return Reason(difference=difference, rules=("ACC-3", "OBS-1") if used else ("OBS-1", "ACC-3"))
    entry = observables.observables().fields[difference.field]
    concerned = [effect for effect in step.effects if _concerns(effect, difference)]
    setting = [effect for effect in concerned if effect.kind in entry.effects]
    units = Units(step.engine.venue)
    because = tuple(effect_text(effect, units) for effect in setting)
    if difference.field == "positions.state" and difference.theirs != NOT_LISTED:
        return _of_state(step, difference, because, observes)
    if difference.field == "positions.order" and not any(isinstance(effect, Backstopped) for effect in setting):
        return _of_order(step, difference, setting, because)
    rules = [
        rule for effect in setting if isinstance(effect, MarkFormed) for rule in _of_mark(step, effect, difference)
    ]
    rules += [rule for effect in reversed(setting) for rule in _added(effect, entry.effects[effect.kind])]
    rules[:0] = _of_reversal(step)
    if not step.engine.venue.fee_rate.numerator:
        rules.sort(key="FIL-2".__eq__)  # without a fee it is the last
    on = step.engine.venue.families() if entry.families else ()
    rules += [rule for family, listed in entry.families.items() if family in on for rule in listed]
    pool = measures.all_pools(step.engine).get(keys.pool_of(difference.subject))
    if difference.field == "pools.in_liquidation" and _waits_for_a_block(step, difference.subject):
        rules.insert(0, "LIQ-18")
    pool_lines = () if pool is None else (_pool_line(step.engine, pool),)
    lines = () if pool is None else _terms(step.engine, pool, *_MEASURED.get(difference.field, ()))
    because = (*because, *pool_lines)
    return Reason(difference=difference, rules=_unique((*rules, *entry.rules)), because=because, terms=lines)


def _added(effect: Effect, listed: tuple[str, ...]) -> list[str]:
    """The rules of an effect on a field, by those that it adds to its own."""
    placed = listed if observables.OWN in listed else (observables.OWN, *listed)
    return [effect.rule if rule == observables.OWN else rule for rule in placed]


def _concerns(effect: Effect, difference: Difference) -> bool:
    """Whether an effect is about the subject of a difference; a pool's are also those of its positions."""
    part, about = difference.field.partition(".")[0], effect.subject
    if part in ("time", "block", "marks", "vault"):
        return part != "vault" or about is None or effect.kind in ("filled", "deficit_covered", "backstopped")
    if about is None:
        return False
    if part == "pools":
        return keys.pool_of(about) == difference.subject
    backstopped = isinstance(effect, Backstopped) and effect.pool == keys.pool_of(difference.subject)
    return about == difference.subject or backstopped


def _of_mark(step: Step, effect: MarkFormed, difference: Difference) -> list[str]:
    """The rules by which another mark was formed, the likeliest first: what would give the mark that was reported."""
    grid, theirs = step.engine.venue.markets[effect.market].price, difference.theirs
    shown = theirs.get(effect.market) if isinstance(theirs, dict) else None
    ticks = grid.units(shown) if isinstance(shown, str) and is_decimal(shown) else None
    return [] if ticks is None else other_marks.rules_of(step.engine, step.event, effect, ticks)


def _of_state(step: Step, difference: Difference, because: tuple[str, ...], observes: Observes) -> Reason:
    """LIF-1: the transitions that the model took, and the guards of those that the engine must have taken instead."""
    key = difference.subject
    fired = [effect for effect in step.effects if isinstance(effect, Transitioned) and effect.position == key]
    instead = _instead(step, difference, fired, observes)
    position = measures.all_positions(step.engine).get(key)
    guards: list[GuardResult] = []
    if position is not None and position.size:
        # After a position has ended its pool's measures are no longer those that its guards saw; the texts have these.
        results = [result for entry in instead for result in evaluate_guards(step.engine, position, entry.guard)]
        guards = [result for result in results if not result.holds]
    ours = [rule for effect in reversed(fired) for rule in machine.lifecycle().by_id[effect.transition].rules]
    theirs = [rule for entry in instead for rule in entry.rules]
    # An engine that stopped on the model's way lacks what the model did; one that continued did what the model did not.
    passed = {step.states_before.get(key, "new"), *(effect.target for effect in fired)}
    stopped = any(_same_state(state, difference.theirs, observes) for state in passed)
    rules = [*ours, *theirs] if stopped else [*theirs, *ours]
    if not rules:  # the table has no such transition, and the event must not have made one
        lifecycle, *others = observables.observables().fields["positions.state"].rules
        rules = [lifecycle, *(kind.rule for kind in (EVENTS.get(str(step.event.get("type"))),) if kind), *others]
        rules.sort(key=Settle.rule.__ne__)  # which says itself what becomes of each position
    if not stopped and len({result.rule for result in guards}) == 1 and guards[0].rule not in _OF_A_BREACH:
        rules = [*_of_guard(step.engine, guards[0]), *rules]  # all else that leads there holds
    stops = [effect for effect in step.effects if isinstance(effect, OrderEnded) and effect.rule == "LIQ-9"]
    if stopped and any(keys.pool_of(effect.position) == keys.pool_of(key) for effect in stops):
        rules.insert(1, "LIQ-9")  # it may have left the order that the model cancelled
    if stopped and any(machine.lifecycle().by_id[effect.transition].trigger == "assess" for effect in fired):
        rules.append("LIQ-6")  # it may be right about the pool, and not have looked
    between = step.engine.venue.assess_at == "block" and step.event.get("type") != Block.type
    followed = between and stopped and any(effect.transition in _OF_A_LIQUIDATION for effect in fired)
    if followed or _waits_for_a_block(step, keys.pool_of(key)):
        rules.insert(0, "LIQ-18")
    if step.engine.venue.market_attempt is False and "BKS-2" in rules:
        rules.insert(1, "LIQ-16")  # by which the book counts as one that failed
    rules += [effect.rule for effect in step.effects[:1]]  # or what the event itself changed is wrong
    looked = [*(effect.guard for effect in fired), *(entry.guard for entry in instead)]
    lines = _terms_of_guards(step.engine, position, *(guard for guards in looked for guard in guards))
    return Reason(difference=difference, rules=_unique(rules), because=because, guards=_unique(guards), terms=lines)


def _of_guard(engine: Engine, result: GuardResult) -> list[str]:
    """The rules by which a guard was judged otherwise: its own, and what its line is a share of (BKS-9)."""
    at_closeout = machine.guard_name(result.guard) == "below_backstop" and engine.venue.backstop_measure == "tier"
    return [result.rule, *(["BKS-9"] if at_closeout else [])]


def _waits_for_a_block(step: Step, key: str) -> bool:
    """LIQ-18: whether the pool is breached and waits for a block, or waited for this one."""
    if step.engine.venue.assess_at != "block":
        return False
    if step.event.get("type") == Block.type:
        return any(isinstance(effect, LiquidationEntered) and effect.pool == key for effect in step.effects)
    pool = measures.all_pools(step.engine).get(key)
    return pool is not None and not pool.in_liquidation and measure(step.engine.state, pool).needs_liquidation


def _instead(
    step: Step, difference: Difference, fired: list[Transitioned], observes: Observes
) -> list[machine.TransitionEntry]:
    """The transitions that lead to where the engine is and that the model did not take; rather from where it is."""
    before = step.states_before.get(difference.subject, "new")
    now = fired[-1].target if fired else before
    triggers = (*_TRIGGERS.get(str(step.event.get("type")), ()), "assess")
    fired_ids = {effect.transition for effect in fired}
    leading = [
        entry
        for entry in machine.lifecycle().table.transitions
        if _same_state(entry.to, difference.theirs, observes) and entry.id not in fired_ids
    ]
    passed = {before, *(effect.target for effect in fired)}
    possible = [entry for entry in leading if entry.trigger in triggers and passed.intersection(entry.sources)]
    return [entry for entry in possible if now in entry.sources] or possible


def _same_state(state: str, theirs: object, observes: Observes) -> bool:
    if observes.states == "full" or not isinstance(theirs, str):
        return state == theirs
    state_class = observables.observables().state_class
    return state_class(state) == state_class(theirs)


def _of_order(step: Step, difference: Difference, setting: list[Effect], because: tuple[str, ...]) -> Reason:
    """LIQ-9 to LIQ-14, PRT: why there is such an order, or none."""
    position = measures.all_positions(step.engine).get(difference.subject)
    entry = observables.observables().fields["positions.order"]
    emitted = [effect for effect in setting if isinstance(effect, OrderEmitted)]
    forced = position is not None and _may_be_forced(step.engine, position)
    rules: list[str] = [rule for effect in emitted for rule in _of_size(step, effect, difference.theirs, forced=forced)]
    rules += [effect.rule for effect in setting]
    if not setting and difference.ours is not None and difference.theirs is not None:
        rules = ["LIQ-9"]  # theirs withdrew the order that works, and emitted another
    guards: tuple[GuardResult, ...] = ()
    if position is not None and position.size and (position.order is None or difference.theirs is None):
        guards = evaluate_guards(step.engine, position, ("needs_liquidation",))
        if position.order is not None:
            rules = ["LIQ-11", *rules, "LIQ-9"]
        elif not guards[0].holds:
            rules += ["LIQ-3", "LIQ-10"]
        else:
            rules += ["LIQ-12", "LIQ-13"] if position.attempted else ["LIQ-11", "LIQ-9"]
    kept = [effect for effect in setting if not isinstance(effect, OrderEnded)]
    rules += [rule for effect in kept for rule in entry.effects[effect.kind]]
    sizings = observables.observables().sizings
    rules += [rule for effect in emitted for rule in sizings[effect.sizing]]
    sized = ["below_backstop" for effect in emitted if effect.sizing == "below_backstop"]
    lines = _terms_of_guards(step.engine, position, *(result.guard for result in guards), *sized)
    rules = [*rules, *entry.rules]
    return Reason(difference=difference, rules=_unique(rules), because=because, guards=guards, terms=lines)


def _may_be_forced(engine: Engine, position: Position) -> bool:
    """Whether there is a window of the scope that one may take to force an order to full size (CLD-3)."""
    pool = measures.all_pools(engine)[keys.pool_of(position.key)]
    return engine.state.scope_window(pool, position).until > 0


def _of_size(step: Step, effect: OrderEmitted, theirs: object, *, forced: bool) -> list[str]:
    """The rules by which an order has another size: that of its size, unless one is for a chunk and one is not (PRT-2).

    A chunk may have been raised, or `forced` to full size by a window (PRT-5, CLD-3).
    """
    if not is_decimal(theirs):
        return []
    venue, chunked = step.engine.venue, effect.sizing in CHUNKS
    whole = venue.markets[keys.market_of(effect.position)].size.units(str(theirs)) == abs(effect.of)
    raised = ["PRT-5"] if chunked and (venue.min_order_notional, venue.min_rest_notional) != (None, None) else []
    if chunked != whole or effect.rule in ("PRT-5", "CLD-3"):
        return [effect.rule, *raised]
    at_closeout = ["BKS-9"] if venue.backstop_measure == "tier" else []
    if chunked:
        return [*(["CLD-3"] if forced else []), "PRT-2", *raised, "CLD-3", *at_closeout]
    return ["PRT-2", *raised, *at_closeout, *observables.observables().sizings[effect.sizing]]


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


def explain(engine: Engine, key: str) -> Iterator[str]:
    """The position's situation now, line by line.

    `key` is account/market/mode. A key that was never opened gets one line that says so.
    """
    position = measures.all_positions(engine).get(key)
    if position is None:
        yield f"{key} was never opened"
        return
    if position.size == 0:
        yield f"{key} is {position.state}: it has no size"
        return
    yield f"{key} is {position.state}; {_order(engine, position)}"
    yield from _position_lines(engine, position)
    for entry in machine.lifecycle().candidates(position.state, "assess"):
        results = evaluate_guards(engine, position, entry.guard)
        verdict = "holds" if all(result.holds for result in results) else "does not hold"
        yield f"{entry.id} to {entry.to} {verdict}: " + "; ".join(map(str, results))


def evaluate_guards(engine: Engine, position: Position, guards: tuple[str, ...]) -> tuple[GuardResult, ...]:
    """These guards of a position as they are now."""
    pool = next(pool for pool in engine.state.pools() if position in pool.positions.values())
    inputs = measure(engine.state, pool)
    results = []
    for guard in guards:
        name = machine.guard_name(guard)
        holds = getattr(position, name)(inputs) != guard.startswith(machine.NOT)
        rule = machine.lifecycle().table.guards[name].rule
        results.append(GuardResult(guard, holds, rule, _numbers(engine, pool, position, inputs, name)))
    return tuple(results)


def _position_lines(engine: Engine, position: Position) -> Iterator[str]:
    pool = measures.pool_terms(engine.state, measures.all_pools(engine)[keys.pool_of(position.key)])
    return terms.position_lines(pool, next(one for one in pool.positions if one.position == position.key))


def _order(engine: Engine, position: Position) -> str:
    if position.order is not None:
        return f"an order for {position.market.size.text(position.order)} is working"
    if position.failed:
        return "its order of this block ended with quantity left over"
    if position.attempted:
        return "its order of this block is over"
    return f"no order in block {engine.state.block}"


def _numbers(engine: Engine, pool: Pool, position: Position, inputs: GuardInputs, guard: str) -> str:
    units = Units(engine.venue)
    equity, margin = units.money(inputs.equity), units.money(inputs.maintenance_margin)
    sign = "<" if arithmetic.breached(inputs.equity, inputs.maintenance_margin) else ">="
    if guard == "below_backstop":
        share = inputs.backstop_threshold
        sign = "<" if arithmetic.below_backstop(inputs.equity, inputs.backstop_margin, share) else ">="
        of = "maintenance" if inputs.closeout_margin is None else "close-out"
        part = f"{share.numerator}/{share.denominator}"
        return f"equity {equity} {sign} {part} × {of} margin {units.money(inputs.backstop_margin)}"
    if guard == "book_failed":
        tried = ", ".join(other.key for other in pool.open_positions() if not other.failed)
        return f"no failed attempt yet in this block for {tried}" if tried else "every order left quantity over"
    if guard == "own_window_open":
        until = position.window.until
        return f"now {inputs.now} ms, its window ends at {until} ms" if until else "no window"
    if guard == "size_remains":
        return f"size {units.size(position.market.name, position.size)}"
    if inputs.restore_target is not None:
        margin += f", restore target {units.exact_money(inputs.restore_target)}"
    covered = f"equity {equity} {sign} maintenance margin {margin}"
    if guard != "needs_liquidation":
        return covered
    return f"{covered}, {'in' if inputs.in_liquidation else 'not in'} liquidation"
