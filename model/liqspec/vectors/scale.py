"""The cases in which there is much of something: positions, pools, tiers, lives, blocks, events, digits, or time.

An engine can be right in small cases and wrong from some size on: fixed room, a counter of few bits, a double.
"""

from collections.abc import Iterator
from itertools import product
from math import isqrt

from liqspec.core.config import Mode
from liqspec.edge.amounts import MAX_DIGITS, MAX_INTEGER
from liqspec.spec.vectors import Case
from liqspec.vectors.built import Built, market, settings

SUITE = "scale"
_MARKETS = tuple("ABCDEFGHIJKLMNOP")  # 16
_ACCOUNTS = tuple("abcdefghij")  # 10, of four pools each
_MODES: tuple[Mode, ...] = ("cross", "isolated")
_CHUNKS = {"partial_threshold": "0", "partial_fraction": "1/3", "cooldown_ms": 30000}
_ALL = 1_000
_LIVES, _EVENTS = 34, 1_100
_AMOUNTS = {
    **{f"{bits}-bits": 2**bits for bits in (31, 53, 63, 64, 127, 191, 255)},
    f"{MAX_DIGITS}-digits": 10**MAX_DIGITS - 1,
}
_LEVERAGES = (100, 50, 40, 25, 20, 12, 10, 8, 5, 4, 2, 1)  # of twelve tiers


def cases() -> Iterator[Case]:
    """All cases about size."""
    yield _positions("all")
    yield _positions("ranked")
    yield _pools()
    yield _tiers()
    yield from (_lives(mode) for mode in _MODES)
    yield from (_siblings(scope) for scope in ("position", "pool", "account"))
    yield _events()
    yield from (_amounts(digits, largest) for digits, largest in _AMOUNTS.items())
    yield from (_times(bits) for bits in (31, 32, 53))


def _positions(policy: str) -> Case:
    """A pool of 16 positions, long and short; some orders are filled, the others find nothing, then all do."""
    run = Built(settings(("alice",), _MARKETS, liquidation={"order_policy": policy, **_CHUNKS}))
    sides = {name: (-1) ** (number // 3) for number, name in enumerate(_MARKETS)}

    def against(move: int) -> None:
        run.marks({name: 1000 - move * side for name, side in sides.items()})

    run.deposit("alice", 280_000)
    for number, name in enumerate(_MARKETS, start=1):
        run.trade("alice", name, 10 * number * sides[name])
    against(80)
    against(110)
    for number, position in enumerate(run.working()):
        run.done(position) if number % 3 else run.fill(position, position.order or 1)
    run.block(1)
    against(160)
    for _ in _MARKETS:
        for position in run.working():
            run.done(position)
    return run.case(
        SUITE,
        f"sixteen-positions-{policy}",
        f"A pool of 16 positions is liquidated under the policy {policy}, and the vault takes over all of them",
        *("MRG-6", "LIQ-11", "BKS-3"),
    )


def _pools() -> Case:
    """One event touches 40 pools, all of which it breaches; the vault takes some when their orders find nothing."""
    markets = ("A", "B", "C")
    run = Built(settings(_ACCOUNTS, markets))
    for number, account in enumerate(_ACCOUNTS):
        run.deposit(account, 8_000 + 4 * number)
        for name in markets:
            run.transfer(account, name, 2_000 + number)
            run.trade(account, name, 10, mode="isolated")
        run.trade(account, "A", 10)
    run.marks(dict.fromkeys(markets, 880))
    run.mark("A", 850)
    for position in list(run.working())[::9]:
        run.done(position)
    return run.case(SUITE, "forty-pools", "One event touches 40 pools, and each is assessed", "LIQ-6", "LIQ-11")


def _tiers() -> Case:
    """A position that grows to where each of twelve tiers starts, and beyond it, and is moved back by its mark."""
    starts = [0, *(1000 * 2**power for power in range(len(_LEVERAGES) - 1))]
    tiers = tuple(
        {"above": str(start), "maintenance_rate": f"1/{2 * leverage}", "max_leverage": leverage}
        for start, leverage in zip(starts, _LEVERAGES, strict=True)
    )
    run = Built(settings(("alice",), ("A",), markets={"A": market(tiers)}, marks={"A": "2"}))
    run.deposit("alice", 8 * starts[-1])
    held = 0
    for number, start in enumerate(starts[1:], start=1):
        run.trade("alice", "A", start // 2 - held, 2, leverage=_LEVERAGES[number - 1])
        run.trade("alice", "A", 1, 2, leverage=_LEVERAGES[number])
        held = start // 2 + 1
    run.mark("A", 3)
    run.mark("A", 1)
    for start in reversed(starts[1:]):
        run.trade("alice", "A", start // 2 - held, 1, leverage=None)
        held = start // 2
    return run.case(SUITE, "twelve-tiers", "A position grows through twelve tiers, and shrinks again", "MRG-4", "MRG-5")


def _lives(mode: Mode) -> Case:
    """A key that is opened 34 times, long and short; its trader, a fill, or the vault ends its lives in turn."""
    run = Built(settings(("alice",), ("A",)))

    def paid_in() -> None:
        run.deposit("alice", 2_000)
        if mode == "isolated":
            run.transfer("alice", "A", 2_000)

    paid_in()
    for life in range(_LIVES):
        side = 1 if life % 2 else -1
        run.trade("alice", "A", 10 * side, mode=mode)
        if life % 3 == 0:
            run.trade("alice", "A", -10 * side, mode=mode, leverage=None)
            continue
        run.mark("A", 1000 - 120 * side)
        (working,) = run.working()
        if life % 3 == 1:
            run.fill(working, 10, 1000)
            run.mark("A", 1000)
            continue
        run.done(working)
        run.mark("A", 1000 - 150 * side)
        run.mark("A", 1000)
        run.block(life)
        paid_in()
    title = f"A key in mode {mode} has {_LIVES} lives, which its trader, the book and the vault end in turn"
    return run.case(SUITE, f"many-lives-{mode}", title, "LIF-2", "ACC-4")


def _siblings(scope: str) -> Case:
    """Positions in two markets and both modes, whose orders end each in its own way, over several blocks."""
    rules = {**_CHUNKS, "partial_fraction": "1/5", "cooldown_scope": scope}
    run = Built(settings(("alice", "bob"), ("A", "B"), liquidation=rules))
    run.deposit("alice", 80_000)
    for mode, name in product(_MODES, ("A", "B")):
        if mode == "isolated":
            run.transfer("alice", name, 20_000)
        run.trade("alice", name, 100, mode=mode)
    run.marks({"A": 870, "B": 870})
    # What of the orders in A and B, cross and isolated, is filled before they end, in lots; all: then they are filled.
    for time, filled in (
        (10_000, (_ALL, 0, 0, 5)),
        (25_000, (0, 1, 1, 0)),
        (31_000, (1, 0, 0, 1)),
        (70_000, (0, 0, 0, 0)),
    ):
        _ended(run, filled)
        run.block(time)
    run.marks({"A": 858, "B": 858})
    _ended(run, (0, _ALL, 1, 0))
    run.marks({"A": 838, "B": 838})
    run.block(80_000)
    return run.case(
        SUITE,
        f"siblings-{scope}",
        f"Two markets and both modes of one account over several blocks, where a window is that of a {scope}",
        *("LIQ-12", "FIL-6", "CLD-1", "BKS-2"),
    )


def _ended(run: Built, filled: tuple[int, ...]) -> None:
    for position, size in zip(list(run.working()), filled, strict=False):
        if size:
            run.fill(position, min(size, position.order or 1))
        if position.order:
            run.done(position)


def _events() -> Case:
    """Deposits and blocks in turn."""
    run = Built(settings(("alice",), ("A",), vault={}))
    for number in range(1, _EVENTS // 2 + 1):
        run.block(number)
        run.deposit("alice", number)
    return run.case(SUITE, "many-events", f"{_EVENTS} events, every other one a block", "EVT-9", "ACC-4")


def _amounts(digits: str, largest: int) -> Case:
    """Money, a size and a price of about this size, in a pool that is liquidated, filled, and taken by the vault."""
    root = isqrt(largest)
    price, size = root // 3, root // 7
    worth = price * size
    run = Built(settings(("alice", "bob"), ("A",), marks={"A": str(price)}))
    run.deposit("alice", largest)
    run.deposit("bob", 1)
    run.apply(type="withdraw", account="alice", amount=largest - worth // 4)
    run.trade("alice", "A", size, price)
    run.trade("alice", "A", size // 11, price + 1)
    run.apply(type="funding", market="A", payment=3)
    run.mark("A", price - price // 6)
    (working,) = run.working()
    run.fill(working, size // 9)
    run.done(next(run.working()))
    run.mark("A", price - price // 5)
    run.apply(type="vault_cash", amount=-largest)
    run.apply(type="vault_trade", market="A", size=-(size // 5), price=price)
    return run.case(SUITE, f"amounts-{digits}", f"Amounts of {digits.replace('-', ' ')}", "AMT-1", "AMT-3")


def _times(bits: int) -> Case:
    """Blocks just before and beyond the largest integer of that number of bits, and windows that end there."""
    run = Built(settings(("alice",), ("A",), liquidation=_CHUNKS, time=2**bits - 30_002))
    run.deposit("alice", 20_000)
    run.trade("alice", "A", 100)
    run.mark("A", 875)
    run.fill(next(run.working()), 5)
    run.done(next(run.working()))
    ends = (2**bits - 30_001, 2**bits - 2, 2**bits - 1, 2**bits, 2**bits + 1, 2**bits + 40_000)
    for time in ends:
        if time > MAX_INTEGER:
            run.apply("bad_request", type="block", time=time)
            continue
        run.block(time)
        for working in run.working():
            run.fill(working, 1)
        for working in run.working():
            run.done(working)
    return run.case(SUITE, f"times-of-{bits}-bits", f"Time passes the largest integer of {bits} bits", "EVT-4", "CLD-2")
