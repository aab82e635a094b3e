"""Engines that are right up to some size only, or confuse names, or one position with its siblings."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from liqspec.core import arithmetic, assessment, events
from liqspec.core.admission import Amounts
from liqspec.core.arithmetic import Holding, Schedule, Tier
from liqspec.core.effects import Effect
from liqspec.core.state import Book, GuardInputs, Pool, Position, State
from liqspec.step.wrong_engines.base import ADMIT, PERFORM, Patch, WrongEngine, operates, wrong

Effects = list[Effect]
Perform = Callable[[Any, State, Amounts, Effects], list[Pool]]

_MARGIN = arithmetic.pool_maintenance_margin
_EQUITY = arithmetic.pool_equity
_TIER = arithmetic.tier_at
_ASSESS = assessment.assess
_EMIT = assessment.emit_order
_ADD = Book.add

# ---------------------------------------------------------------------------------------------------- up to some size


def _margin_of(most: int) -> Patch:
    def margin(holdings: Iterable[Holding]) -> int:
        return _MARGIN(list(holdings)[:most])

    return Patch(arithmetic, "pool_maintenance_margin", margin)


def _assesses(most: int) -> Patch:
    def assess(state: State, pools: list[Pool], effects: Effects) -> None:
        _ASSESS(state, pools[:most], effects)

    return Patch(assessment, "assess", assess)


def _reads_tiers(most: int) -> Patch:
    def tier_at(amount: int, schedule: Schedule) -> Tier:
        return _TIER(amount, schedule._replace(tiers=schedule.tiers[:most]))

    return Patch(arithmetic, "tier_at", tier_at)


def _counts_blocks(most: int) -> Patch:
    def block(event: events.Block, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        touched = PERFORM[events.Block](event, state, amounts, effects)
        state.block %= most
        return touched

    return operates(events.Block, block)


def _counts_lives(most: int) -> Patch:
    def trade(event: events.Trade, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        touched = PERFORM[events.Trade](event, state, amounts, effects)
        position = state.position(event.account, event.market, event.mode)
        assert position is not None, "it was traded"
        position.life %= most
        return touched

    return operates(events.Trade, trade)


def _works_orders(most: int) -> Patch:
    def emit(state: State, pool: Pool, position: Position, inputs: GuardInputs, effects: Effects) -> None:
        if len(state.working_orders()) < most:
            _EMIT(state, pool, position, inputs, effects)

    return Patch(assessment, "emit_order", emit)


def _vault_holds(most: int) -> Patch:
    def add(self: Book, market: str, size: int, paid: int) -> None:
        if market in self.positions or len(self.positions) < most:
            _ADD(self, market, size, paid)

    return Patch(Book, "add", add)


def _right_for(most: int) -> tuple[Patch, ...]:
    """After `most` events of a run, accepted or not, a deposit is a unit short."""
    counts: WeakKeyDictionary[State, int] = WeakKeyDictionary()

    def counted(kind: type[Any]) -> Patch:
        def admit(event: Any, state: State) -> Amounts:
            counts[state] = counts.get(state, 0) + 1
            return ADMIT[kind](event, state)

        return Patch(kind, "admit", admit)

    def deposit(event: events.Deposit, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        touched = PERFORM[events.Deposit](event, state, amounts, effects)
        state.accounts[event.account].cross.collateral -= counts.get(state, 0) > most
        return touched

    return (*(counted(kind) for kind in events.EVENTS.values()), operates(events.Deposit, deposit))


def _holds_money(hold: Callable[[int], int]) -> Patch:
    def equity(collateral: int, holdings: Iterable[Holding]) -> int:
        return hold(_EQUITY(collateral, holdings))

    return Patch(arithmetic, "pool_equity", equity)


def _in_bits(bits: int) -> Callable[[int], int]:
    half = 2 ** (bits - 1)
    return lambda amount: (amount + half) % (2 * half) - half


def _in_a_double(amount: int) -> int:
    return int(float(amount))


def _time_in_bits(bits: int) -> Patch:
    def block(event: events.Block, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        touched = PERFORM[events.Block](event, state, amounts, effects)
        state.time %= 2**bits
        return touched

    return operates(events.Block, block)


# ------------------------------------------------------------------------------------------------------------- names

Alike = Callable[[str, str], bool]  # whether an engine takes a name for another one


def _pays_the_first(alike: Alike) -> Patch:
    """A deposit is for the first account that the engine takes for the one named."""

    def deposit(event: events.Deposit, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        taken = next(name for name in state.accounts if alike(name, event.account))
        return PERFORM[events.Deposit](events.Deposit(account=taken, amount=event.amount), state, amounts, effects)

    return operates(events.Deposit, deposit)


def _marks_the_alike(alike: Alike) -> Patch:
    """A mark is also that of the markets that the engine takes for the one named."""

    def mark_price(event: events.MarkPrice, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        touched = PERFORM[events.MarkPrice](event, state, amounts, effects)
        for name in state.marks:
            if alike(name, event.market):
                state.marks[name] = amounts["price"]
        return touched

    return operates(events.MarkPrice, mark_price)


def _knows_without_case() -> tuple[Patch, ...]:
    """An account that is not there is one that is, without regard to case."""

    def named(state: State, account: str) -> str:
        if account in state.accounts:
            return account
        return next((name for name in state.accounts if name.casefold() == account.casefold()), account)

    def admit(event: events.Deposit, state: State) -> Amounts:
        account = named(state, event.account)
        return ADMIT[events.Deposit](events.Deposit(account=account, amount=event.amount), state)

    def deposit(event: events.Deposit, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        account = named(state, event.account)
        return PERFORM[events.Deposit](events.Deposit(account=account, amount=event.amount), state, amounts, effects)

    return Patch(events.Deposit, "admit", admit), operates(events.Deposit, deposit)


def _ranks(key: Callable[[str], Any]) -> Patch:
    """Positions of a pool come in this order of their markets, which decides between equal margins."""

    def open_positions(self: Pool) -> list[Position]:
        return [self.positions[name] for name in sorted(self.positions, key=key) if self.positions[name].size]

    return Patch(Pool, "open_positions", open_positions)


def _as_numbers(name: str) -> list[tuple[bool, int, str]]:
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)]


def _without_marks(name: str) -> tuple[str, str]:
    """As a dictionary sorts: without regard to case and accents first."""
    plain = "".join(one for one in unicodedata.normalize("NFD", name) if not unicodedata.combining(one))
    return plain.casefold(), name


def _pays_nobody(named: frozenset[str]) -> Patch:
    """What is paid into an account of such a name is lost."""

    def deposit(event: events.Deposit, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        touched = PERFORM[events.Deposit](event, state, amounts, effects)
        if event.account in named:
            touched[0].collateral -= amounts["amount"]
        return touched

    return operates(events.Deposit, deposit)


def _keyed_by(separator: str) -> Patch:
    """Lives are counted by account and market as one text, which can be that of another account and market."""

    def trade(event: events.Trade, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        touched = PERFORM[events.Trade](event, state, amounts, effects)
        key = f"{event.account}{separator}{event.market}"
        alike = [held for _, held in state.positions() if f"{held.account}{separator}{held.market.name}" == key]
        for held in alike:
            if held.account == event.account and held.life == 1:
                held.life += sum(other.life for other in alike if other.account != held.account)
        return touched

    return operates(events.Trade, trade)


# ---------------------------------------------------------------------------------------------------------- siblings

Siblings = Callable[[State, Pool, Position], Iterator[Position]]


def _of_the_pool(_: State, pool: Pool, __: Position) -> Iterator[Position]:
    yield from pool.open_positions()


def _of_the_market(state: State, pool: Pool, position: Position) -> Iterator[Position]:
    """The account's other position in the market."""
    for other in state.accounts[pool.account].pools():
        yield from (held for held in other.open_positions() if held.market is position.market)


def _of_the_account(state: State, pool: Pool, _: Position) -> Iterator[Position]:
    for other in state.accounts[pool.account].pools():
        yield from other.open_positions()


def _attempts(siblings: Siblings) -> Patch:
    def emit(state: State, pool: Pool, position: Position, inputs: GuardInputs, effects: Effects) -> None:
        _EMIT(state, pool, position, inputs, effects)
        for held in siblings(state, pool, position):
            held.attempted = True

    return Patch(assessment, "emit_order", emit)


def _failures(siblings: Siblings) -> Patch:
    def done(event: events.OrderDone, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        touched = PERFORM[events.OrderDone](event, state, amounts, effects)
        for held in siblings(state, touched[0], touched[0].positions[event.market]):
            held.failed = True
        return touched

    return operates(events.OrderDone, done)


def _windows(siblings: Siblings) -> Patch:
    def fill(event: events.Fill, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        touched = PERFORM[events.Fill](event, state, amounts, effects)
        position = touched[0].positions[event.market]
        for held in siblings(state, touched[0], position):
            held.window.extend(position.window.until)
        return touched

    return operates(events.Fill, fill)


# ----------------------------------------------------------------------------------------------------------- the list

_FIELDS = frozenset({"type", "account", "market", "mode", "size", "price", "amount", "time", "prices", "payment"})
_INHERITED = frozenset({"__proto__", "constructor", "toString", "hasOwnProperty", "prototype", "valueOf"})


def _same_case(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _same_normal_form(one: str, other: str) -> bool:
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


def _same_start(most: int) -> Alike:
    return lambda one, other: one[:most] == other[:most]


ENGINES: tuple[WrongEngine, ...] = (
    wrong("X270", "MRG-6", "The margins of three positions are added", _margin_of(3)),
    wrong("X271", "MRG-6", "The margins of eight positions are added", _margin_of(8)),
    wrong("X272", "LIQ-6", "Eight pools are assessed after an event", _assesses(8)),
    wrong("X273", "LIQ-6", "Twenty pools are assessed after an event", _assesses(20)),
    wrong("X274", "MRG-4", "Four tiers of a market are read", _reads_tiers(4)),
    wrong("X275", "MRG-4", "Eight tiers of a market are read", _reads_tiers(8)),
    wrong("X276", "EVT-9", "Blocks are counted in seven bits", _counts_blocks(128)),
    wrong("X277", "EVT-9", "Blocks are counted in a byte", _counts_blocks(256)),
    wrong("X278", "LIF-2", "Lives are counted in three bits", _counts_lives(8)),
    wrong("X279", "LIF-2", "Lives are counted in four bits", _counts_lives(16)),
    wrong("X280", "LIQ-11", "At most eight orders work at a time", _works_orders(8)),
    wrong("X281", "BKS-3", "The vault holds positions in four markets", _vault_holds(4)),
    wrong("X282", "ACC-4", "After 256 events a deposit is a unit short", *_right_for(256)),
    wrong("X283", "ACC-4", "After 1,000 events a deposit is a unit short", *_right_for(1000)),
    wrong("X284", "AMT-1", "Equity has 128 bits", _holds_money(_in_bits(128))),
    wrong("X285", "AMT-1", "Equity has 192 bits", _holds_money(_in_bits(192)), slow=True),
    wrong("X286", "AMT-1", "Equity is a double", _holds_money(_in_a_double)),
    wrong("X287", "EVT-4", "Time has 32 bits", _time_in_bits(32)),
    wrong("X288", "AMT-7", "A mark is that of all markets whose name begins so", _marks_the_alike(str.startswith)),
    wrong("X289", "AMT-7", "A mark is that of a market in another case", _marks_the_alike(_same_case)),
    wrong("X290", "AMT-7", "An account is found by its initial", _pays_the_first(_same_start(1))),
    wrong("X291", "AMT-7", "An account is found by the first 64 characters", _pays_the_first(_same_start(64))),
    wrong("X292", "AMT-7", "An account is found by its normal form", _pays_the_first(_same_normal_form)),
    wrong("X293", "EVT-2", "An unknown account is a known one in another case", *_knows_without_case()),
    wrong("X294", "AMT-7", "Markets are sorted by UTF-16", _ranks(lambda name: name.encode("utf-16-be")), slow=True),
    wrong("X295", "AMT-7", "Markets are sorted as numbers where they have digits", _ranks(_as_numbers), slow=True),
    wrong("X296", "AMT-7", "Markets are sorted without their accents", _ranks(_without_marks), slow=True),
    wrong("X297", "AMT-7", "An account named like a field is lost", _pays_nobody(_FIELDS)),
    wrong("X298", "AMT-7", "An account named like what objects inherit is lost", _pays_nobody(_INHERITED)),
    wrong("X299", "LIF-2", "Lives are counted by account-market as one text", _keyed_by("-")),
    wrong("X300", "LIF-2", "Lives are counted by account and market run together", _keyed_by("")),
    wrong("X301", "LIQ-12", "An attempt counts for all positions of the pool", _attempts(_of_the_pool)),
    wrong("X302", "LIQ-12", "An attempt counts for both modes of a market", _attempts(_of_the_market)),
    wrong("X303", "LIQ-12", "An attempt counts for all positions of the account", _attempts(_of_the_account)),
    wrong("X304", "FIL-6", "A failure counts for all positions of the pool", _failures(_of_the_pool)),
    wrong("X305", "FIL-6", "A failure counts for both modes of a market", _failures(_of_the_market)),
    wrong("X306", "FIL-6", "A failure counts for all positions of the account", _failures(_of_the_account)),
    wrong("X307", "CLD-1", "A window is that of all positions of the pool", _windows(_of_the_pool)),
    wrong("X308", "CLD-1", "A window is that of both modes of a market", _windows(_of_the_market)),
    wrong("X309", "CLD-1", "A window is that of all positions of the account", _windows(_of_the_account)),
)
