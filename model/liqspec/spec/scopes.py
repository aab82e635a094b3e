"""Scope files: the small configurations that are explored exhaustively, and what each may leave unexercised."""

from typing import Any, Literal

from attrs import Factory, evolve, field, frozen

from liqspec.core.config import Config
from liqspec.core.events import EventData
from liqspec.edge import files, shapes
from liqspec.edge.shapes import are_amounts, is_amount, is_integer
from liqspec.edge.texts import did_you_mean


@frozen(kw_only=True)
class TradeChoice:
    """A trade that the trader may make at any time: at the mark, unless a price is given."""

    account: str
    market: str
    mode: Literal["cross", "isolated"]
    size: str = field(validator=is_amount)
    price: str | None = field(default=None, validator=is_amount)
    leverage: int | None = field(default=None, validator=is_integer)


@frozen(kw_only=True)
class Alphabet:
    """The events of a scope. A price left out is the mark; fills are of whole orders, and of the sizes given."""

    deposit: dict[str, str] = field(factory=dict, validator=are_amounts)
    withdraw: dict[str, str] = field(factory=dict, validator=are_amounts)
    transfer: tuple[EventData, ...] = ()
    price_inputs: tuple[EventData, ...] = ()
    trade: tuple[TradeChoice, ...] = ()
    mark_price: dict[str, tuple[str, ...]] = Factory(dict)
    fill_size: tuple[str, ...] = ()
    fill_price: tuple[str, ...] = ()
    funding: dict[str, str] = field(factory=dict, validator=are_amounts)
    block: tuple[int, ...] = (1,)


@frozen(kw_only=True)
class Scope:
    """A scope: a configuration, events that prepare its start, the events to explore, and the bounds.

    In a `symmetric` one all accounts can do the same, so states that differ only in who is who are one state.
    `excused` names transitions and properties that this scope cannot exercise, each with the reason.
    """

    name: str
    title: str
    config: dict[str, Any]
    events: Alphabet
    setup: tuple[EventData, ...] = ()
    max_depth: int = field(validator=is_integer)
    max_life: int = field(default=1, validator=is_integer)
    max_collateral: str = field(default="1000000000", validator=is_amount)
    symmetric: bool = False
    excused: dict[str, str] = Factory(dict)


def names() -> list[str]:
    """The names of the scopes that every verification explores."""
    return files.shipped("scopes")


def thorough_names() -> list[str]:
    """The names of the large scopes, which only a thorough verification explores."""
    return [f"thorough/{name}" for name in files.shipped("scopes/thorough")]


def load(name: str) -> Scope:
    """A shipped scope.

    Raises:
        UnreadableFile: there is no such scope, or its file cannot be read or parsed.
        shapes.WrongShape: a field is missing, unknown or mistyped.
    """
    path = files.ROOT / "scopes" / f"{name}.toml"
    shipped = [*names(), *thorough_names()]
    if name not in shipped:
        raise files.UnreadableFile(
            path, f"no such scope; shipped are {', '.join(shipped)}{did_you_mean(name, shipped)}"
        )
    scope = shapes.structure(files.read_toml(path), Scope)
    Config.from_json(scope.config)
    if scope.symmetric and not _treats_all_the_same(scope):
        raise shapes.WrongShape("symmetric", "one account can do what another cannot")
    return scope


def _treats_all_the_same(scope: Scope) -> bool:
    """Whether each account has the same deposits, withdrawals, transfers and trades as any other."""
    events = scope.events
    own = [
        (
            events.deposit.get(name),
            events.withdraw.get(name),
            sorted(repr({**entry, "account": ""}) for entry in events.transfer if entry["account"] == name),
            sorted(repr(evolve(entry, account="")) for entry in events.trade if entry.account == name),
        )
        for name in scope.config["accounts"]
    ]
    return all(entry == own[0] for entry in own)
