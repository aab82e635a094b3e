"""How a comparison with an engine ended, as one page that needs nothing else: verdict, findings, what was exercised.

No text of an engine ever becomes markup: all of it is escaped.
"""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from itertools import zip_longest
from pathlib import Path
from string import Template

from rich.text import Text

from liqspec.conform.finding import Finding
from liqspec.conform.protocol.conversation import shown
from liqspec.conform.saved import Saved, to_scenario
from liqspec.conform.search import Outcome
from liqspec.draw import page
from liqspec.edge.texts import counted, visible, words
from liqspec.replay import timeline
from liqspec.replay.run import Moment, Run
from liqspec.report.amounts import Units, people, value_text
from liqspec.spec import scenarios

_ASSETS = resources.files("liqspec.draw") / "assets"


def render(outcome: Outcome, engine: str, saved: Sequence[Saved | None], about: str) -> str:
    """The page of an outcome; each finding has the files that it was saved in, or None. `about` says how it was run."""
    style = page.colours() + (_ASSETS / "conformance.css").read_text(encoding="utf-8")
    coverage = outcome.coverage
    if outcome.conforms:
        verdict, text = "holds", f"Conforms in {counted(coverage.steps, 'step')}."
    elif outcome.findings or outcome.stale:
        verdict, text = "violated", f"Does not conform: {counted(len(outcome.findings), 'finding')}."
    else:
        verdict, text = "violated", "Nothing was compared."
    kept = zip_longest(outcome.findings, saved)
    return Template((_ASSETS / "conformance.html").read_text(encoding="utf-8")).substitute(
        title=_text(f"{engine} against the rules"),
        policy=escape(page.policy(style, "")),
        style=style,
        verdict=verdict,
        verdict_text=_text(text),
        about=_text(about),
        unchecked=_unchecked(outcome),
        findings="\n".join(_finding(number, *both) for number, both in enumerate(kept, start=1)),
        exercised=_exercised(outcome),
        never=_list(coverage.never_listed()) or "<p>Nothing is left.</p>",
    )


def _unchecked(outcome: Outcome) -> str:
    """What the comparison could not look at, with the verdict, which does not speak of it."""
    return f"<section><h2>Not checked</h2>{_list(outcome.unchecked)}</section>" if outcome.unchecked else ""


def _finding(number: int, finding: Finding, saved: Saved | None) -> str:
    """One finding: its rule, its events, both sides, why, and how to play it again."""
    noun = "request" if finding.requests else "event"
    parts = [
        f"<h2>{number}. {_text(', '.join(finding.rules[:1]))}: {_text(people(finding.headline))}</h2>",
        f'<p class="quiet">after {_text(counted(finding.length, noun))}; {_text(finding.where)}</p>',
    ]
    if finding.requests:
        parts.append(
            f"<h3>The requests that show it</h3><pre>{_text(chr(10).join(map(shown, finding.requests)))}</pre>"
        )
    if finding.events and finding.kind != "protocol":
        moments = Run(scenarios.parse(to_scenario(finding), Path("counterexample.toml")))
        units = Units(moments.engine.venue)
        parts.append(f"<h3>The events, and what the rules make of them</h3>{_events(moments, units)}")
    differences = [reason.difference for reason in finding.reasons]
    rows = [(one.subject, one.field, one.ours, one.theirs) for one in differences]
    if rows:
        titles = ("of", "field", "ours", "theirs")
        cells = [(subject, words(field), value_text(ours), value_text(theirs)) for subject, field, ours, theirs in rows]
        parts.append(_table(titles, cells, "theirs", "Ours and theirs"))
        parts.append(_list(people(line) for line in finding.reasons[0].because))
    parts.append(_list(f"its observations break: {words(name)}: {people(wrong)}" for name, wrong in finding.broken))
    if finding.fault is not None:
        parts += [f"<h3>{title}</h3><pre>{_text(text)}</pre>" for title, text in _output(finding) if text]
    if finding.kind in ("difference", "property"):
        parts += [page.rule_markup(rule, hidden=False) for rule in finding.rules[:1]]
    if saved is not None:
        parts.append(f"<h3>Play it again</h3><pre>{_text(saved.replay)}</pre>")
    return f"<section>{''.join(parts)}</section>"


def _output(finding: Finding) -> list[tuple[str, str]]:
    assert finding.fault is not None, "only of a fault"
    return [("Its standard output", finding.fault.stdout), ("Its standard error", finding.fault.stderr)]


def _events(moments: Iterable[Moment], units: Units) -> str:
    items = []
    for moment in moments:
        first, *rest = [Text.from_markup(line).plain for line in timeline.moment_lines(moment, units)]
        items.append(f"<li><strong>{_text(first)}</strong>{''.join(f'<p>{_text(line)}</p>' for line in rest)}</li>")
    return f'<ol class="events">{"".join(items)}</ol>'


def _exercised(outcome: Outcome) -> str:
    """The counts of events, and the largest of each dimension."""
    coverage = outcome.coverage
    refused: dict[str, int] = {}
    for (kind, _), times in coverage.refusals.items():
        refused[kind] = refused.get(kind, 0) + times
    kinds = dict.fromkeys([*coverage.events, *refused])
    events = [(kind, f"{coverage.events[kind]:,}", f"{refused.get(kind, 0):,}") for kind in kinds]
    largest = [(name, f"{size:,}") for name, size in coverage.reach.largest.items()]
    return _table(("event", "accepted", "refused"), events) + _table(("how far runs went", "the largest"), largest)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "", caption: str = "") -> str:
    heads = "".join(f'<th scope="col">{_text(title)}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    named = f"<caption>{_text(caption)}</caption>" if caption else ""
    return f'<table class="{kind}">{named}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>' if body else ""


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _text(text: str) -> str:
    return escape(visible(text, kept="\n\t"))
