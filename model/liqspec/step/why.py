"""Why a position was, or was not, liquidated: the guards of every transition open to it, with their numbers."""

from collections.abc import Iterator

from attrs import frozen

from liqspec.core import arithmetic, machine, measures
from liqspec.core.engine import Engine
from liqspec.core.lifecycle import measure
from liqspec.core.state import GuardInputs, Pool, Position
from liqspec.report.amounts import Units


@frozen
class GuardFact:
    """A guard as it is judged now, perhaps negated as a transition has it: whether it holds, its rule, its numbers."""

    guard: str
    holds: bool
    rule: str
    numbers: str

    def __str__(self) -> str:
        """The fact in one line."""
        return f"{self.guard.replace('_', ' ')} is {str(self.holds).lower()} ({self.rule}: {self.numbers})"


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
    pool = next(pool for pool in engine.state.pools() if position in pool.positions.values())
    inputs = measure(engine.state, pool)
    yield f"{key} is {position.state}; {_order(engine, position)}"
    lifecycle = machine.lifecycle()
    for entry in lifecycle.candidates(position.state, "assess"):
        judged = [_judge(engine, pool, position, inputs, guard) for guard in entry.guard]
        verdict = "holds" if all(fact.holds for fact in judged) else "does not hold"
        yield f"{entry.id} to {entry.to} {verdict}: " + "; ".join(map(str, judged))


def judge_guards(engine: Engine, position: Position, guards: tuple[str, ...]) -> tuple[GuardFact, ...]:
    """These guards of a position as they are now."""
    pool = next(pool for pool in engine.state.pools() if position in pool.positions.values())
    inputs = measure(engine.state, pool)
    return tuple(_judge(engine, pool, position, inputs, guard) for guard in guards)


def _order(engine: Engine, position: Position) -> str:
    if position.order is not None:
        return f"an order for {position.market.size.text(position.order)} is working"
    if position.failed:
        return "its order of this block ended with quantity left over"
    if position.attempted:
        return "its order of this block is over"
    return f"no order in block {engine.state.block}"


def _judge(engine: Engine, pool: Pool, position: Position, inputs: GuardInputs, guard: str) -> GuardFact:
    name = machine.guard_name(guard)
    value: bool = getattr(position, name)(inputs)
    rule = machine.lifecycle().table.guards[name].rule
    numbers = _numbers(engine, pool, position, inputs, name)
    return GuardFact(guard, value != guard.startswith(machine.NOT), rule, numbers)


def _numbers(engine: Engine, pool: Pool, position: Position, inputs: GuardInputs, guard: str) -> str:
    units = Units(engine.venue)
    equity, margin = units.money(inputs.equity), units.money(inputs.maintenance_margin)
    sign = "<" if arithmetic.breached(inputs.equity, inputs.maintenance_margin) else ">="
    if guard == "below_backstop":
        share = inputs.backstop_threshold
        sign = "<" if arithmetic.below_backstop(inputs.equity, inputs.maintenance_margin, share) else ">="
        return f"equity {equity} {sign} {share.numerator}/{share.denominator} x maintenance margin {margin}"
    if guard == "book_failed":
        tried = [other.key for other in pool.open_positions() if not other.failed]
        return (
            f"no failed attempt yet in this block for {', '.join(tried)}" if tried else "every order left quantity over"
        )
    if guard == "own_window_open":
        return (
            f"now {inputs.now} ms, its window ends at {position.window.until} ms"
            if position.window.until
            else "no window"
        )
    if guard == "size_remains":
        return f"size {units.size(position.market.name, position.size)}"
    if inputs.restore_target is not None:
        margin += f", restore target {units.exact_money(inputs.restore_target)}"
    flag = "in liquidation" if inputs.in_liquidation else "not in liquidation"
    return (
        f"equity {equity} {sign} maintenance margin {margin}, {flag}"
        if guard == "needs_liquidation"
        else (f"equity {equity} {sign} maintenance margin {margin}")
    )
