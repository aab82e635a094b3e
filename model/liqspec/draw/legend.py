"""The words in pictures: what each state, transition, line, area and mark means, and short labels."""

import textwrap
from typing import Literal

from attrs import frozen

from liqspec.core.events import EventData
from liqspec.draw.theme import Area, Curve, Purpose, Role, Source
from liqspec.edge.texts import words
from liqspec.replay.record import Measures, Record, Trade

# None is the name of a state, so that a state's name stands once in a picture.
ROLES: dict[Role, str] = {
    "start": "no history yet",
    "covered": "open, margin covered",
    "waiting": "open, restored, window still open",
    "liquidation": "open, in liquidation",
    "partial": "open, partly liquidated",
    "vault": "taken by the vault",
    "end": "end of a life",
}
PURPOSES: dict[Purpose, str] = {
    "opening": "begins a life",
    "trouble": "deeper into trouble",
    "relief": "recovery",
    "closing": "ends the life",
    "reserved": "reserved: no event causes it (LIF-5)",
}
CURVES: dict[Curve, str] = {
    "mark": "mark price",
    "liquidation": "liquidation price",
    "equity": "equity",
    "maintenance": "maintenance margin",
    "backstop": "backstop line",
    "takeover": "the vault takes the pool",
    "size": "position size",
    "vault": "the vault's equity",
}
AREAS: dict[Area, str] = {
    "breached": "breached",
    "below_backstop": "below the backstop line",
    "window": "own cooldown window",
    "order": "working liquidation order",
}
SOURCES: dict[Source, str] = {
    "index": "index",
    "book": "book",
    "perps": "other venues",
    "last": "last trade",
}

Side = Literal["sells", "buys"]
_WHO: dict[Literal["trade", "fill"], str] = {"trade": "trader", "fill": "liquidation"}


@frozen(kw_only=True)
class Mark:
    """The mark of a trade or a fill on one side of the market."""

    kind: Literal["trade", "fill"]
    side: Side


@frozen(kw_only=True)
class Entry:
    """A line, an area or a mark of a run's picture, with its meaning."""

    text: str
    curve: Curve | None = None
    area: Area | None = None
    mark: Mark | None = None


def entries(record: Record) -> list[Entry]:
    """The lines, areas and marks that occur in the picture of a run, each with its meaning."""
    measures = [seen for step in record.steps for seen in step.measures.values()]
    curves: set[Curve] = {"mark", "equity"}
    if record.positions():
        curves.add("size")
    if any(any(record.liquidation_prices(key)) for key in record.positions()):
        curves.add("liquidation")
    if record.vault_equities():
        curves.add("vault")
    if any(seen.maintenance_margin.exact for seen in measures):
        curves |= {"maintenance", "backstop"}
    if any(record.takeovers(key) for key in record.pools()):
        curves.add("takeover")
    areas = {area_of(seen) for seen in measures}
    if any(record.windows(key) for key in record.positions()):
        areas.add("window")
    if any(seen.order and seen.order.exact for step in record.steps for seen in step.observation.positions):
        areas.add("order")
    sides: tuple[Side, ...] = ("sells", "buys")
    marks = [Mark(kind=kind, side=side) for side in sides for kind in _WHO]
    trades = {mark_of(trade) for trade in record.trades()}
    return [
        *(Entry(curve=curve, text=text) for curve, text in CURVES.items() if curve in curves),
        *(Entry(area=area, text=text) for area, text in AREAS.items() if area in areas),
        *(Entry(mark=mark, text=f"{_WHO[mark.kind]} {mark.side}") for mark in marks if mark in trades),
    ]


def mark_of(trade: Trade) -> Mark:
    """How a trade or a fill is marked."""
    return Mark(kind=trade.kind, side="sells" if trade.sells else "buys")


def area_of(seen: Measures | None) -> Area | None:
    """The area behind a pool that is below one of its lines."""
    if seen is None or not (seen.breached or seen.below_backstop):
        return None
    return "below_backstop" if seen.below_backstop else "breached"


def short(text: str, most: int) -> str:
    """The text, without its middle where it is longer than `most` characters: both ends of a key say the most."""
    plain = "".join(character if character.isprintable() else "�" for character in text)
    if len(plain) <= most:
        return plain
    end = most // 3
    return f"{plain[: most - end - 1]}…{plain[-end:]}"


def event_label(event: EventData, width: int = 11) -> str:
    """What kind of event it is and what it is about, in at most three short lines."""
    kind = words(str(event.get("type")))
    about = event.get("market") or event.get("account")
    if isinstance(event.get("prices"), dict):
        about = ", ".join(event["prices"])
    lines = textwrap.wrap(kind, width, max_lines=2, placeholder="…") or ["?"]
    return "\n".join([*lines, short(str(about), width)] if about else lines)
