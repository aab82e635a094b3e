"""What the venue knows: positions, margin pools, accounts, the vault and the outside, in integers (ACC-1)."""

from collections.abc import Iterator

from attrs import Factory, define, frozen

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding, Ratio
from liqspec.core.config import Market, Mode, Venue
from liqspec.core.families.mark_price import Feed
from liqspec.edge import keys


@frozen(eq=False)
class GuardInputs:
    """What the guards of the lifecycle depend on, in addition to the position itself."""

    equity: int
    maintenance_margin: int
    in_liquidation: bool
    book_failed: bool
    backstop_threshold: Ratio
    now: int
    restore_target: Ratio | None = None
    closeout_margin: int | None = None  # where the backstop line is a share of it (BKS-9)

    @property
    def backstop_margin(self) -> int:
        """What the backstop threshold is a share of (BKS-1, BKS-9)."""
        return self.maintenance_margin if self.closeout_margin is None else self.closeout_margin

    @property
    def restored(self) -> bool:
        """Whether the pool is restored (LIQ-4)."""
        return arithmetic.restored(self.equity, self.maintenance_margin, self.restore_target)

    @property
    def needs_liquidation(self) -> bool:
        """Whether the pool needs liquidation (LIQ-5)."""
        return arithmetic.needs_liquidation(
            self.equity, self.maintenance_margin, self.in_liquidation, self.restore_target
        )


@define
class Window:
    """A time during which liquidation orders are for the full size (CLD-1 to CLD-4); 0 means no window.

    `until` is where the window ends; `forcing_until` is the same as it was when this block began, because a window
    forces full size from the next block on.
    """

    until: int = 0
    forcing_until: int = 0

    def extend(self, until: int) -> None:
        """Open the window until then, or make it longer; never shorter (CLD-4)."""
        self.until = max(self.until, until)

    def begin_block(self, now: int) -> None:
        """Forget a window that has ended, and let an open one force full size from now on (CLD-3)."""
        if not arithmetic.window_open(now, self.until):
            self.until = 0
        self.forcing_until = self.until

    def forces_full_size(self, now: int) -> bool:
        """Whether orders emitted now are for the whole position because of this window (CLD-3)."""
        return arithmetic.window_open(now, self.forcing_until)


# Not slotted and compared by identity: a position is a model of the lifecycle's `transitions` machine.
@define(slots=False, eq=False)
class Position:
    """One account's position in one market and mode, through all its lives; its methods are the lifecycle's guards."""

    account: str
    market: Market
    mode: Mode
    state: str = "new"
    size: int = 0
    cost: int = 0
    leverage: int = 0
    life: int = 0
    order: int | None = None
    attempted: bool = False
    failed: bool = False
    limit: int | None = None
    window: Window = Factory(Window)

    @property
    def key(self) -> str:
        """The position's name in texts: account/market/mode."""
        return keys.position(self.account, self.market.name, self.mode)

    def end_order(self) -> None:
        """FIL-3: no order works any more."""
        self.order = self.limit = None

    def end_life(self) -> None:
        """Forget what belonged to this life only; the state and the number of lives stay (LIF-2)."""
        self.size = self.cost = self.leverage = 0
        self.end_order()
        self.attempted = self.failed = False
        self.window = Window()

    def needs_liquidation(self, inputs: GuardInputs) -> bool:
        """LIQ-5."""
        return inputs.needs_liquidation

    def restored(self, inputs: GuardInputs) -> bool:
        """LIQ-4."""
        return inputs.restored

    def own_window_open(self, inputs: GuardInputs) -> bool:
        """CLD-2."""
        return arithmetic.window_open(inputs.now, self.window.until)

    def below_backstop(self, inputs: GuardInputs) -> bool:
        """BKS-1."""
        return arithmetic.below_backstop(inputs.equity, inputs.backstop_margin, inputs.backstop_threshold)

    def book_failed(self, inputs: GuardInputs) -> bool:
        """BKS-2."""
        return inputs.book_failed

    def size_remains(self, _: GuardInputs) -> bool:
        """LIF-3."""
        return self.size != 0


@define(eq=False)
class Pool:
    """A margin pool, where liquidation happens; `market` is None for the cross pool (LIQ-1, ACC-1)."""

    account: str
    mode: Mode
    market: str | None
    collateral: int = 0
    in_liquidation: bool = False
    positions: dict[str, Position] = Factory(dict)
    window: Window = Factory(Window)

    @property
    def key(self) -> str:
        """The pool's name in texts: account/cross, or account/market/isolated."""
        return keys.pool(self.account, self.market)

    def open_positions(self) -> list[Position]:
        """The positions with a size, by market name (AMT-7)."""
        if not (positions := self.positions):
            return []
        names = sorted(positions) if len(positions) > 1 else positions
        return [held for name in names if (held := positions[name]).size]

    def order_working(self) -> bool:
        """Whether a liquidation order of the pool is working."""
        return any(position.order is not None for position in self.positions.values())


@define(eq=False)
class Account:
    """A trader: one cross pool, and one isolated pool for each market used so (ACC-1, ACC-3)."""

    name: str
    cross: Pool
    isolated: dict[str, Pool] = Factory(dict)
    window: Window = Factory(Window)

    def pools(self) -> Iterator[Pool]:
        """The account's pools: cross first, then by market name (LIQ-7)."""
        yield self.cross
        if self.isolated:
            for market in sorted(self.isolated):
                yield self.isolated[market]


@define(eq=False)
class Book:
    """Cash and positions without margin: the liquidator vault's, and the outside's."""

    cash: int = 0
    positions: dict[str, int] = Factory(dict)

    def add(self, market: str, size: int, paid: int) -> None:
        """Add a signed size for a signed payment."""
        held = self.positions.get(market, 0) + size
        if held:
            self.positions[market] = held
        else:
            self.positions.pop(market, None)
        self.cash -= paid


@define(eq=False)
class State:
    """Everything that an event can change; `net_deposits` is the sum of deposits and vault funding.

    `feeds` are the markets whose marks were formed from inputs, with what they remember (MRK-2, MRK-5). In those that
    are `settled` nothing is traded any more (EVT-11).
    """

    venue: Venue
    time: int
    marks: dict[str, int]
    accounts: dict[str, Account]
    vault: Book
    outside: Book
    net_deposits: int
    block: int = 0
    feeds: dict[str, Feed] = Factory(dict)
    settled: set[str] = Factory(set)

    def pools(self) -> Iterator[Pool]:
        """All margin pools in the order of assessment (LIQ-7)."""
        for account in self.accounts.values():
            yield from account.pools() if account.isolated else (account.cross,)

    def pool(self, account: str, mode: Mode, market: str) -> Pool | None:
        """The pool that backs this key, or None for an isolated one that was never used."""
        owner = self.accounts[account]
        return owner.cross if mode == "cross" else owner.isolated.get(market)

    def position(self, account: str, market: str, mode: Mode) -> Position | None:
        """The position of this key, or None if it was never opened."""
        pool = self.pool(account, mode, market)
        return None if pool is None else pool.positions.get(market)

    def positions(self) -> list[tuple[Pool, Position]]:
        """Every position ever opened, with its pool, by account, market and mode (OBS-1, LIF-4)."""
        listed: list[tuple[Pool, Position]] = []
        for account in self.accounts.values():
            found = [(pool, position) for pool in account.pools() for position in pool.positions.values()]
            if len(found) > 1:
                found.sort(key=lambda entry: (entry[1].market.name, entry[1].mode))
            listed += found
        return listed

    def working_orders(self) -> list[Position]:
        """The positions with a working liquidation order, in the order of assessment (LIQ-7)."""
        return [held for pool in self.pools() for held in pool.open_positions() if held.order is not None]

    def scope_window(self, pool: Pool, position: Position) -> Window:
        """The window that forces orders of this position to full size, by the venue's scope (CLD-1)."""
        if self.venue.cooldown_scope == "position":
            return position.window
        return pool.window if self.venue.cooldown_scope == "pool" else self.accounts[pool.account].window

    def holding(self, position: Position) -> Holding:
        """A position as the arithmetic takes it, at the present mark."""
        market = position.market
        return Holding(
            position.size, position.cost, position.leverage, self.marks[market.name], market.unit, market.schedule
        )

    def holdings(self, pool: Pool) -> list[Holding]:
        """The open positions of a pool as the arithmetic takes them, at the present marks."""
        return [self.holding(position) for position in pool.open_positions()]

    def closeout_margin(self, pool: Pool) -> int | None:
        """The pool's margin at the close-out rates, where the backstop line is a share of it (BKS-9)."""
        if self.venue.backstop_measure != "tier":
            return None
        held = ((self.holding(position), position.market.closeout) for position in pool.open_positions())
        return arithmetic.pool_maintenance_margin(one._replace(schedule=at) for one, at in held if at is not None)

    def measured(self, pool: Pool, position: Position) -> tuple[int, int, Holding]:
        """What the prices of an open position depend on: equity, the others' margin, and itself (MRG-10)."""
        held, everything = self.holding(position), self.holdings(pool)
        others = arithmetic.pool_maintenance_margin(everything) - arithmetic.pool_maintenance_margin([held])
        return arithmetic.pool_equity(pool.collateral, everything), others, held

    def equity(self, book: Book) -> int:
        """The worth of the vault or the outside at the present marks: cash and positions (BKS-8)."""
        markets = self.venue.markets
        return book.cash + sum(size * self.marks[name] * markets[name].unit for name, size in book.positions.items())
