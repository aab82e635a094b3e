"""A run as one page that needs nothing else: the recording as data, the rules that acted as text, and a script.

The page draws itself from the data. No text of a scenario ever becomes markup: it is escaped here, and set as text
there.
"""

import base64
import hashlib
from collections.abc import Iterator
from fractions import Fraction
from html import escape
from importlib import resources
from string import Template
from typing import Any

from attrs import asdict
from markdown_it import MarkdownIt

from liqspec.core import machine
from liqspec.draw import decisions, legend, lifecycle_svg
from liqspec.draw.diagram import condition, role_of
from liqspec.draw.theme import THEMES, Stroke, Theme
from liqspec.edge import keys
from liqspec.edge.json_text import json_text
from liqspec.edge.texts import counted, time_text, words
from liqspec.replay.contrast import A, B
from liqspec.replay.record import Amount, Measures, PositionSeen, Record, Step, rules_of
from liqspec.report.amounts import approximate, value_text
from liqspec.report.sentences import event_text
from liqspec.spec import rulebook
from liqspec.step.compare import Change, Difference

# What the table of two sides is about, the names of both, and what an event is marked by where they differ.
_ANSWERED = {
    "caption": "The engine answered otherwise",
    "names": ["ours", "theirs"],
    "mark": "not as expected, or answered otherwise",
}
_PAIRED = {"caption": "A and B begin to differ", "names": [A, B], "mark": "A and B begin to differ"}
_PAGE = resources.files("liqspec.draw") / "assets"


def render(record: Record, position: str | None) -> str:
    """The page of a run that first shows `position` (account/market/mode) in the lifecycle."""
    venue = f"Venue {record.venue}. " if record.venue else ""
    style, script = colours() + _asset("page.css"), _asset("page.js")
    return Template(_asset("page.html")).substitute(
        title=escape(record.title),
        about=escape(f"{venue}{counted(len(record.steps), 'event')}."),
        story=escape(record.story),
        policy=escape(policy(style, script)),
        style=style,
        script=script,
        data=_embedded(data(record, position)),
        lifecycle=lifecycle_svg.shipped(),
        rules="\n".join(rule_markup(number) for number in record.rules()),
    )


def data(record: Record, position: str | None) -> dict[str, Any]:
    """What the script of the page draws: event by event, and by market, pool and position."""
    return {
        "selected": position,
        "opens": decisions.decisive(record),
        "explained": lifecycle_svg.explained(),
        "initial": machine.lifecycle().table.initial,
        "verdict": _verdict(record),
        "sides": _PAIRED if record.paired else _ANSWERED,
        "unexpected": list(record.end.unexpected),
        "events": [_event(number, step) for number, step in zip(record.numbers, record.steps, strict=True)],
        "blocks": [
            {
                "first": span.first,
                "last": span.last,
                "text": f"block {span.value[0]} at {time_text(span.value[1])}",
                "time": time_text(span.value[1]),
            }
            for span in record.blocks()
        ],
        "markets": [_market(record, name) for name in record.markets()],
        "pools": [_pool(record, key) for key in record.pools()],
        "positions": [_position(record, key) for key in record.positions()],
        "vaults": [
            {
                "name": name,
                "equity": _drawn(equity),
                "texts": ["" if one is None else value_text(one.text) for one in equity],
            }
            for name, equity in record.vault_equities().items()
        ],
        "legend": [asdict(entry) for entry in legend.entries(record)],
    }


def _event(number: str, step: Step) -> dict[str, Any]:
    table = machine.lifecycle().by_id
    return {
        "number": number,
        "byMarket": step.by_market,
        "text": (f"(the {step.protection}) " if step.protection else "") + event_text(step.event),
        "note": step.note,
        "time": f"block {step.observation.block} at {time_text(step.observation.time)}",
        "refusal": _refusal(step),
        "mark": decisions.happened(step),
        "unexpected": list(step.unexpected),
        "theirs": [_difference(difference) for difference in step.theirs],
        "arithmetic": list(step.arithmetic),
        "effects": [{"rule": rule, "text": text} for rule, text in _effects(step)],
        "rules": rules_of(step),
        "transitions": [
            {
                "position": recorded.position,
                "source": recorded.source,
                "target": recorded.target,
                "edge": lifecycle_svg.edge_id(recorded.source, recorded.target),
                "text": f"{recorded.transition} {words(recorded.source)} → {words(recorded.target)}",
                "why": _why(table[recorded.transition]),
            }
            for recorded in step.transitions
        ],
        "changes": [_change(change) for change in step.changes],
    }


def _effects(step: Step) -> Iterator[tuple[str, str]]:
    """The effects with their rules; what two runs next to each other both do is listed once."""
    waiting = [(effect.rule, effect.text) for effect in step.effects]
    while waiting:
        rule, text = waiting.pop(0)
        same = text.removeprefix(f"{A}: ")
        if same != text and (rule, f"{B}: {same}") in waiting:
            waiting.remove((rule, f"{B}: {same}"))
            text = f"both: {same}"
        yield rule, text


def _change(change: Change) -> dict[str, str]:
    """A change for people: states in words, times in milliseconds."""
    before, after = value_text(change.before), value_text(change.after)
    if change.field == "state":
        before, after = words(before), words(after)
    unit = " (ms)" if change.field == "cooldown_until" else ""
    return {"subject": change.subject, "field": words(change.field) + unit, "before": before, "after": after}


def _difference(found: Difference) -> dict[str, str]:
    """In what an engine answered otherwise, ours and theirs."""
    field = words(found.field.rpartition(".")[2])
    return {
        "subject": found.subject,
        "field": field,
        "ours": value_text(found.ours),
        "theirs": value_text(found.theirs),
    }


def _refusal(step: Step) -> str | None:
    if step.refusal is None:
        return None
    texts = [text for text in (step.refusal.value, step.refusal.limit) if text]
    return f"{step.refusal.code} by {step.refusal.rule}: {step.refusal.field}: {'; '.join(texts)}"


def _why(entry: machine.TransitionEntry) -> str:
    return f"{entry.trigger} {condition(entry)}".rstrip() + f": {entry.meaning}"


def _market(record: Record, name: str) -> dict[str, Any]:
    marks = [step.marks[name] for step in record.steps]
    return {
        "name": name,
        "marks": _drawn(marks),
        "texts": [value_text(mark.text) for mark in marks],
        "liquidations": [
            _drawn(record.liquidation_prices(key)) for key in record.positions() if keys.market_of(key) == name
        ],
        "trades": [
            {
                "event": trade.event,
                "kind": trade.kind,
                "sells": trade.sells,
                "price": trade.price.drawn,
                "text": f"{trade.kind} of {trade.position} at {value_text(trade.price.text)}",
            }
            for trade in record.trades()
            if trade.market == name
        ],
    }


def _pool(record: Record, key: str) -> dict[str, Any]:
    measures = [step.measures.get(key) for step in record.steps]
    backing = [seen if seen and seen.maintenance_margin.exact else None for seen in measures]
    return {
        "key": key,
        "equity": _drawn([seen.equity if seen else None for seen in measures]),
        "margin": _drawn([seen.maintenance_margin if seen else None for seen in backing]),
        "line": _drawn([seen.backstop_line if seen else None for seen in backing]),
        "ratios": [float(decisions.ratio_of(seen)) if seen else None for seen in backing],
        "shares": [
            float(seen.backstop_line.exact / seen.maintenance_margin.exact) if seen else None for seen in backing
        ],
        "ratioTexts": _ratio_texts(record, key, backing),
        "areas": [legend.area_of(seen) or "" for seen in measures],
        "texts": ["" if seen is None else _pool_text(seen) for seen in measures],
        "takeovers": record.takeovers(key),
    }


def _ratio_texts(record: Record, key: str, backing: list[Measures | None]) -> list[str]:
    """The margin ratio after each event; where something was decided, what it was compared with, and what followed."""
    made = {one.event: one.ratios.replace("\n", ": ") for one in decisions.decisions(record, key)}
    plain = ["" if seen is None else decisions.ratio_text(decisions.ratio_of(seen), Fraction(1)) for seen in backing]
    return [made.get(event, text) for event, text in enumerate(plain, start=1)]


def _pool_text(seen: Measures) -> str:
    equity, margin = value_text(seen.equity.text), value_text(seen.maintenance_margin.text)
    if not seen.maintenance_margin.exact:
        return f"equity {equity}"
    sign = "<" if seen.breached else "≥"
    line = approximate(seen.backstop_line.exact)
    return f"equity {equity} {sign} maintenance margin {margin} (backstop line {line})"


def _position(record: Record, key: str) -> dict[str, Any]:
    seen, prices = [step.position(key) for step in record.steps], record.liquidation_prices(key)
    return {
        "key": key,
        "concerns": _concerns(record, key),
        "states": [step.state(key) for step in record.steps],
        "names": {name: words(name) for name in machine.lifecycle().table.states},
        "windows": [None if at is None or at.cooldown_until is None else time_text(at.cooldown_until) for at in seen],
        "texts": [_holding(at, price) for at, price in zip(seen, prices, strict=True)],
        "sizes": _drawn([None if at is None else at.size for at in seen]),
        "orders": _drawn([None if at is None else at.order for at in seen]),
    }


def _concerns(record: Record, key: str) -> list[str]:
    """What a position is about: its market, its pool and itself; of two runs, those of the other one too."""
    same = [other for other in record.positions() if other == key or (record.paired and other[1:] == key[1:])]
    return [name for one in same for name in (keys.market_of(one), keys.pool_of(one), one)]


def _verdict(record: Record) -> str:
    expected = "As expected." if record.end.as_expected else "Not as expected."
    if record.paired:
        begins = record.differs_from
        said = (
            "Both do the same at every event."
            if begins is None
            else f"They differ from event {record.numbers[begins - 1]} on."
        )
    elif any(step.theirs for step in record.steps):
        said = f"{_ANSWERED['caption']}."
    else:
        return expected
    return said if record.end.as_expected else f"{said} {expected}"


def _holding(at: PositionSeen | None, liquidation_price: Amount | None) -> str:
    if at is None or not at.size.exact:
        return ""
    amounts = {"size": at.size, "order": at.order, "liquidation price": liquidation_price}
    return ", ".join(f"{name} {value_text(amount.text)}" for name, amount in amounts.items() if amount)


def _drawn(amounts: "list[Amount] | list[Amount | None]") -> list[float | None]:
    return [amount.drawn if amount else None for amount in amounts]


def _asset(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _embedded(plain: dict[str, Any]) -> str:
    """JSON that cannot end the element that contains it, nor begin another."""
    text = json_text(plain, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def policy(style: str, script: str) -> str:
    """What the browser may run: this style and this script, and nothing from anywhere else."""

    def source(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    scripts = source(script) if script else "'none'"
    return f"default-src 'none'; img-src data:; style-src {source(style)}; script-src {scripts}"


def colours() -> str:
    """The theme as CSS: its colours as variables, for a light and a dark page, and its lines and areas as classes."""
    light, dark = _variables(THEMES["light"]), _variables(THEMES["dark"])
    curves = [f".line.{name} {{ {_dashes(name, stroke)} }}\n" for name, stroke in THEMES["light"].curves.items()]
    areas = [f".area.{name} {{ fill: var(--{name}); }}\n" for name in THEMES["light"].areas]
    return (
        f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n{''.join(curves + areas)}"
    )


def _variables(theme: Theme) -> str:
    pairs = {name: getattr(theme, name) for name in ("background", "panel", "text", "quiet", "grid")}
    pairs |= {"accent": theme.boxes["waiting"].border, "liquidation": theme.boxes["liquidation"].border}
    pairs |= {name: stroke.color for name, stroke in theme.curves.items()}
    pairs |= dict(theme.areas.items())
    for state in machine.lifecycle().table.states:
        look = theme.boxes[role_of(state)]
        pairs |= {f"state-{state}": look.fill, f"on-{state}": look.text}
    return " ".join(f"--{name}: {colour};" for name, colour in pairs.items())


def _dashes(name: str, stroke: Stroke) -> str:
    dashes = " ".join(f"{length * stroke.width:g}" for length in stroke.dashes)
    style = f"stroke: var(--{name}); stroke-width: {stroke.width:g};"
    return f"{style} stroke-dasharray: {dashes};" if dashes else style


def rule_markup(number: str, *, hidden: bool = True) -> str:
    """A rule as an article; one that is hidden is shown by the page when the rule acted."""
    rule = rulebook.rules()[number]
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    for name in ("link_open", "link_close"):  # links lead to neighbouring files, which the page does not have
        reader.add_render_rule(name, lambda *_: "")
    body = reader.render(rule.text)
    opening = f'<article class="rule" id="rule-{number}"{" hidden" if hidden else ""}>'
    return f"{opening}<h3>{number} · {escape(rule.title)}</h3>{body}</article>"
