"""The panels of a timeline: markets, the margin ratio and the equity of pools, positions, the vault, and blocks."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from liqspec.core import machine
from liqspec.draw.decisions import Decision, Kind, decisions, ratio_text
from liqspec.draw.diagram import role_of
from liqspec.draw.legend import CURVES, area_of, mark_of
from liqspec.draw.theme import Role
from liqspec.draw.timeline_axes import (
    Note,
    Sheet,
    bare,
    beyond,
    box,
    cut_off,
    limit,
    padded,
    scale,
    stairs,
    title,
    write,
    write_notes,
)
from liqspec.draw.timeline_heading import hatched, marker, stroke
from liqspec.edge.texts import time_text, words
from liqspec.replay.record import Amount, Measures, Record, Span, spans
from liqspec.report.amounts import value_text

# Inches.
_PRICE, _FLAT, _RATIO, _EQUITY, _SIZE, _VAULT, _BLOCKS = 1.35, 0.24, 1.25, 1.6, 0.5, 0.7, 0.34
_STATES, _STRIP, _WINDOWS = 0.5, 0.13, 0.2  # a band of states, the hatched strip on top of it, the windows below it
_GAP, _CLOSE = 0.4, 0.06  # above a panel, with its title and without one

# In maintenance margins; what lies beyond is cut off.
_HIGHEST, _LOWEST_RATIO, _LOWEST_EQUITY = 2.5, -0.15, -0.5
_WEIGHTS: dict[Kind, int] = {"taken": 4, "breached": 3, "restored": 2, "healthy": 1}
MANY_BLOCKS = 12  # more are ticks instead of lines


@frozen(kw_only=True)
class Panel:
    """A panel: its height and the gap above it in inches, and what fills it."""

    height: float
    fill: Callable[[Axes], None]
    gap: float = _GAP


def panels(sheet: Sheet) -> Iterator[Panel]:
    """All panels of a run, from the top down."""
    record = sheet.record
    for name in record.markets():
        height = _FLAT if _flat(record, name) else _PRICE
        yield Panel(height=height, fill=partial(_market, sheet=sheet, name=name))
    for key in record.pools():
        if any(_backing(record, key)):
            yield Panel(height=_RATIO, fill=partial(_ratio, sheet=sheet, key=key))
        yield Panel(height=_EQUITY, fill=partial(_equity, sheet=sheet, key=key))
    for key in record.positions():
        yield Panel(height=_band_height(record, key), fill=partial(_states, sheet=sheet, key=key))
        yield Panel(height=_SIZE, fill=partial(_size, sheet=sheet, key=key), gap=_CLOSE)
    for name, equity in record.vault_equities().items():
        yield Panel(height=_VAULT, fill=partial(_vault, sheet=sheet, name=name, equity=_drawn(equity)))
    yield Panel(height=_BLOCKS, fill=partial(_blocks, sheet=sheet))


def _drawn(amounts: list[Amount] | list[Amount | None]) -> list[float | None]:
    return [None if amount is None else amount.drawn for amount in amounts]


def _texts(amounts: list[Amount | None]) -> list[str]:
    return ["" if amount is None else value_text(amount.text) for amount in amounts]


# ------------------------------------------------------------------------------------------------------------- markets


def _flat(record: Record, name: str) -> bool:
    """Whether a market's mark never changes, and nothing is traded at another price."""
    prices = {step.marks[name].exact for step in record.steps}
    return len(prices | {trade.price.exact for trade in record.trades() if trade.market == name}) == 1


def _market(axes: Axes, sheet: Sheet, name: str) -> None:
    """The mark price of a market as steps, the liquidation prices, and the fills and trades at their prices."""
    record, theme = sheet.record, sheet.theme
    marks = [step.marks[name] for step in record.steps]
    flat = _flat(record, name)
    title(axes, name, ": mark price" + (f" {value_text(marks[0].text)} throughout" if flat else ""), theme)
    stairs(axes, _drawn(marks), "mark", theme)
    trades = [trade for trade in record.trades() if trade.market == name]
    for trade in trades:
        look = marker(mark_of(trade), theme)
        axes.plot([trade.event], [trade.price.drawn], **look, markeredgewidth=1.0, zorder=4, label=trade.kind)
    low, high = padded([*(mark.drawn for mark in marks), *(trade.price.drawn for trade in trades)])
    if flat:
        axes.set_ylim(low, high)
        axes.set_yticks([])
        for trade in trades:  # at the price that the title names
            looks: dict[str, Any] = {
                "fontsize": 7.0,
                "color": theme.text,
                "xytext": (6, 0),
                "textcoords": "offset points",
            }
            place = (trade.event, trade.price.drawn)
            axes.annotate(value_text(trade.size.text), place, va="center", label="note", **looks)
        return
    notes = [
        Note(event=trade.event, text=f"{value_text(trade.size.text)}\nat {value_text(trade.price.text)}", weight=1)
        for trade in trades
    ]
    reach = high - low  # a liquidation price further away than this would only squeeze the scale
    lines = [record.liquidation_prices(key) for key in _positions_of(record, name)]
    near = [one.drawn for line in lines for one in line if one and low - reach <= one.drawn <= high + reach]
    if near:
        low, high = min(low, min(near) - reach / 20), max(high, max(near) + reach / 20)
    for line in lines:
        stairs(axes, _drawn(line), "liquidation", theme)
        notes += cut_off(_drawn(line), low, high, [f"liquidation {text}" for text in _texts(line)])
    scale(axes, theme)
    limit(axes, low, high, _PRICE, notes)
    write_notes(axes, notes, sheet)


def _positions_of(record: Record, market: str) -> list[str]:
    seen = [position for step in record.steps for position in step.observation.positions]
    return list(dict.fromkeys(position.key for position in seen if position.market == market))


# --------------------------------------------------------------------------------------------------------------- pools


def _backing(record: Record, key: str) -> list[Measures | None]:
    """The measures of a pool after each event; None while it has no positions, and so no lines to be measured by."""
    measures = [step.measures.get(key) for step in record.steps]
    return [seen if seen and seen.maintenance_margin.exact else None for seen in measures]


def _ratio(axes: Axes, sheet: Sheet, key: str) -> None:
    """Equity by maintenance margin: at 1 and above, the pool is healthy; below the share, it may go to the vault."""
    record, theme = sheet.record, sheet.theme
    title(axes, key, ": margin ratio (equity ÷ maintenance margin)", theme)
    _draw_areas(axes, sheet, key)
    backing = _backing(record, key)
    ratios = [seen.equity.exact / seen.maintenance_margin.exact if seen else None for seen in backing]
    shares = [float(seen.backstop_line.exact / seen.maintenance_margin.exact) if seen else None for seen in backing]
    stairs(axes, shares, "backstop", theme, zorder=3)
    stairs(axes, [1.0 if seen else None for seen in backing], "maintenance", theme, zorder=3)
    drawn = [None if ratio is None else float(ratio) for ratio in ratios]
    stairs(axes, beyond(drawn, _LOWEST_RATIO, _HIGHEST), "equity", theme)
    texts = ["" if ratio is None else ratio_text(ratio) for ratio in ratios]
    made = decisions(record, key)
    for one in [one for one in made if _LOWEST_RATIO <= one.ratio <= _HIGHEST]:
        axes.plot([one.event], [float(one.ratio)], label=one.kind, zorder=5, **_dot(one.kind, sheet))
    notes = [_note(one, one.ratios) for one in made] + cut_off(drawn, _LOWEST_RATIO, _HIGHEST, texts)
    scale(axes, theme)
    axes.set_yticks([0, 1, 2])
    limit(axes, _LOWEST_RATIO, _HIGHEST, _RATIO, notes)
    write_notes(axes, notes, sheet)


def _note(decision: Decision, text: str) -> Note:
    """What was still healthy ends where the breach begins."""
    return Note(event=decision.event, text=text, weight=_WEIGHTS[decision.kind], ends=decision.kind == "healthy")


def _dot(kind: Kind, sheet: Sheet) -> dict[str, Any]:
    roles: dict[Kind, Role] = {"breached": "liquidation", "taken": "vault", "healthy": "covered", "restored": "covered"}
    look = sheet.theme.boxes[roles[kind]]
    return {"marker": "o", "markersize": 6, "markerfacecolor": look.border, "markeredgecolor": sheet.theme.panel}


def _equity(axes: Axes, sheet: Sheet, key: str) -> None:
    """The equity of a pool against its lines, near the margin, with the numbers of each decision."""
    record, theme = sheet.record, sheet.theme
    title(axes, key, ": equity against its lines", theme)
    _draw_areas(axes, sheet, key)
    equity = [None if (seen := step.measures.get(key)) is None else seen.equity for step in record.steps]
    backing = _backing(record, key)
    lines = [seen.backstop_line if seen else None for seen in backing]
    amounts = [seen.maintenance_margin if seen else None for seen in backing]
    stairs(axes, _drawn(lines), "backstop", theme, zorder=3)
    stairs(axes, _drawn(amounts), "maintenance", theme, zorder=3)
    known = [value for value in _drawn(equity) if value is not None]
    margins = [margin.drawn for margin in amounts if margin]
    low, high = padded([0.0, *known, *margins])
    if margins:
        low, high = max(low, _LOWEST_EQUITY * max(margins)), min(high, _HIGHEST * max(margins))
    stairs(axes, beyond(_drawn(equity), low, high), "equity", theme)
    for event in record.takeovers(key):
        axes.plot([event, event], [low, high], label=CURVES["takeover"], **stroke("takeover", theme))
    notes = [_note(one, one.amounts) for one in decisions(record, key)]
    notes += cut_off(_drawn(equity), low, high, _texts(equity))
    scale(axes, theme)
    limit(axes, low, high, _EQUITY, notes)
    write_notes(axes, notes, sheet)


def _draw_areas(axes: Axes, sheet: Sheet, key: str) -> None:
    measures = [step.measures.get(key) for step in sheet.record.steps]
    for span in spans([area_of(seen) for seen in measures]):
        if span.value:
            color = sheet.theme.areas[span.value]
            axes.axvspan(span.first - 0.5, span.last + 0.5, color=color, linewidth=0, zorder=0)


# ----------------------------------------------------------------------------------------------------------- positions


def _band_height(record: Record, key: str) -> float:
    return _STATES + (_WINDOWS if record.windows(key) else 0)


def _states(axes: Axes, sheet: Sheet, key: str) -> None:
    """The states of a position as a band, each with its name, and below it the position's own open windows."""
    record, theme, column = sheet.record, sheet.theme, sheet.column
    title(axes, key, "", theme)
    whole = _band_height(record, key)
    bare(axes, whole)
    floor = whole - _STATES
    for span in record.states(key):
        if span.value == machine.lifecycle().table.initial:
            continue
        look = theme.boxes[role_of(span.value)]
        axes.add_patch(area := box(span, floor, whole, facecolor=look.fill, label=span.value))
        if look.hatch:  # the hatch takes the colour of the edge; on a separate strip it leaves the name readable
            strip = box(span, whole - _STRIP, whole, facecolor=look.fill, edgecolor=look.border, hatch=look.hatch)
            strip.set_linewidth(0)
            axes.add_patch(strip)
            area.set_height(_STATES - _STRIP)
        write(axes, area, column, [words(span.value)], look.text)
        area.set_height(_STATES)
        axes.add_patch(box(span, floor, whole, facecolor="none", edgecolor=theme.background))
    for span in record.windows(key):
        looks = {"facecolor": theme.areas["window"], "edgecolor": theme.background, "label": "window"}
        axes.add_patch(area := box(span, 0, floor, **looks))
        ends = time_text(span.value)
        write(axes, area, column, [f"window to {ends}", f"to {ends}", ends], theme.background)


def _size(axes: Axes, sheet: Sheet, key: str) -> None:
    """The size of a position as steps; hatched, the part of it that a working liquidation order is to close."""
    record, theme = sheet.record, sheet.theme
    axes.set_label(f"{key}: size")
    seen = [step.position(key) for step in record.steps]
    sizes = [None if at is None else at.size.drawn for at in seen]
    for span in spans([(at.size, at.order) if at and at.order and at.order.exact else None for at in seen]):
        if span.value:
            size, order = span.value
            rest = size.drawn - order.drawn if size.exact > 0 else size.drawn + order.drawn
            axes.add_patch(hatched(_between(span, rest, size.drawn), theme))
    stairs(axes, sizes, "size", theme, zorder=3)
    scale(axes, theme)
    extremes = sorted({0.0, *(size for size in sizes if size is not None)})
    axes.set_yticks(sorted({0.0, max(extremes, key=abs)}))
    axes.set_ylim(*padded(extremes))


def _between(span: Span, one: float, other: float) -> Rectangle:
    return Rectangle((span.first - 0.5, one), span.last - span.first + 1, other - one, label="order")


# -------------------------------------------------------------------------------------------------- the vault and time


def _vault(axes: Axes, sheet: Sheet, name: str, equity: list[float | None]) -> None:
    """A vault's equity from its first change on."""
    title(axes, name, ": equity", sheet.theme)
    stairs(axes, equity, "vault", sheet.theme)
    scale(axes, sheet.theme, ticks=2)
    axes.set_ylim(*padded([value for value in equity if value is not None]))


def _blocks(axes: Axes, sheet: Sheet) -> None:
    """The blocks with their times; a tick for each where they are many."""
    title(axes, "blocks and their times", "", sheet.theme)
    bare(axes, _BLOCKS)
    blocks = sheet.record.blocks()
    for place, span in enumerate(blocks):
        number, time = span.value
        ground = sheet.theme.grid if place % 2 else sheet.theme.panel
        axes.add_patch(area := box(span, 0, _BLOCKS, facecolor=ground, label=f"block {number}"))
        area.set_edgecolor(ground if len(blocks) > MANY_BLOCKS else sheet.theme.grid)
        clock = time_text(time)
        texts = [f"block {number} at {clock}", clock, str(number)]
        write(axes, area, sheet.column, texts, sheet.theme.text)
        if len(blocks) > MANY_BLOCKS and place:
            axes.axvline(span.first - 0.5, ymax=0.3, color=sheet.theme.quiet, linewidth=0.8, zorder=3)
