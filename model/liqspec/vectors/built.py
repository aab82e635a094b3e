"""A case that is written event by event, where later events depend on the state; and small numbers to begin with."""

from collections.abc import Iterator
from typing import Any

from liqspec.core.config import Config, Mode
from liqspec.core.engine import Engine, apply_event
from liqspec.core.state import Position
from liqspec.spec.vectors import Case

_ONE_TIER = ({"above": "0", "maintenance_rate": "1/10", "max_leverage": 5},)


def market(tiers: tuple[dict[str, Any], ...] = _ONE_TIER) -> dict[str, Any]:
    """A market of whole numbers: its tick and its lot are 1."""
    return {"tick": "1", "lot": "1", "tiers": list(tiers)}


def settings(accounts: tuple[str, ...], markets: tuple[str, ...], /, **others: Any) -> dict[str, Any]:
    """A configuration with these equal markets at 1000; `others` are its other fields, in place of these too."""
    return {
        "quote_unit": "1",
        "markets": {name: market() for name in markets},
        "marks": dict.fromkeys(markets, "1000"),
        "accounts": list(accounts),
        "vault": {"cash": "1000000"},
        "backstop": {"threshold": "2/3"},
        **others,
    }


class Built:
    """A run of the model, and the events that it was given; each must be answered as the case means it to be."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config, self.events = config, list[dict[str, Any]]()
        self.engine = Engine(Config.from_json(config))

    def apply(self, refused: str | None = None, /, **event: Any) -> None:
        """Apply an event, which is accepted, or refused with this code; whole numbers are its amounts.

        Raises:
            ValueError: it is answered otherwise.
        """
        written = {name: _text(name, value) for name, value in event.items() if value is not None}
        if (code := apply_event(self.engine, written).code) != refused:
            raise ValueError(f"event {len(self.events) + 1}: expected {refused or 'accepted'}, got {code}: {written}")
        self.events.append(written)

    def deposit(self, account: str, amount: int) -> None:
        """Pay into the account's cross pool."""
        self.apply(type="deposit", account=account, amount=amount)

    def transfer(self, account: str, into: str, amount: int) -> None:
        """Move collateral into the account's isolated pool of a market."""
        self.apply(type="transfer", account=account, market=into, amount=amount)

    def trade(
        self, account: str, traded: str, size: int, price: int = 1000, mode: Mode = "cross", leverage: int | None = 5
    ) -> None:
        """Trade a size; a reducing trade has no leverage."""
        event = {"account": account, "market": traded, "mode": mode, "size": size, "price": price}
        self.apply(type="trade", **event, leverage=leverage)

    def mark(self, named: str, price: int) -> None:
        """Set one mark."""
        self.apply(type="mark_price", market=named, price=price)

    def marks(self, prices: dict[str, int]) -> None:
        """Set several marks at once."""
        self.apply(type="marks", prices={name: str(price) for name, price in prices.items()})

    def block(self, time: int) -> None:
        """Begin a block at this time."""
        self.apply(type="block", time=time)

    def working(self) -> Iterator[Position]:
        """The positions with an order that works, each if it still does when its turn comes."""
        yield from (position for position in self.engine.state.working_orders() if position.order is not None)

    def fill(self, position: Position, size: int, price: int | None = None) -> None:
        """Fill a part or all of a position's order, at its mark if no price is given."""
        at_mark = self.engine.state.marks[position.market.name]
        self.apply(type="fill", **_key(position), size=size, price=price or at_mark)

    def done(self, position: Position) -> None:
        """End a position's order: the book has nothing left for it."""
        self.apply(type="order_done", **_key(position))

    def case(self, suite: str, name: str, title: str, *rules: str) -> Case:
        """The case of these events."""
        return Case(
            venue="small",
            suite=suite,
            name=name,
            title=title,
            rules=rules,
            provenance="written as a run of the model",
            config=self.config,
            events=tuple(self.events),
        )


def _text(name: str, value: Any) -> Any:
    return str(value) if isinstance(value, int) and name not in ("time", "leverage") else value


def _key(position: Position) -> dict[str, Any]:
    return {"account": position.account, "market": position.market.name, "mode": position.mode}
