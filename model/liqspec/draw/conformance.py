"""How a comparison with an engine ended, as one page that needs nothing else: verdict, findings, what was exercised.

No text of an engine ever becomes markup: all of it is escaped.
"""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

from rich.text import Text

from liqspec.conform.finding import Finding
from liqspec.conform.protocol.conversation import shown
from liqspec.conform.saved import Saved, to_data
from liqspec.conform.search import Outcome
from liqspec.draw import page, report_page
from liqspec.draw.report_page import items, table, text
from liqspec.edge.texts import counted, words
from liqspec.replay import timeline
from liqspec.replay.run import Moment, Run
from liqspec.report.amounts import Units, people, value_text
from liqspec.spec import scenarios


def render(outcome: Outcome, engine: str, saved: Sequence[Saved | None], about: str) -> str:
    """The page of an outcome; each finding has the files that it was saved in, or None. `about` says how it was run."""
    coverage = outcome.coverage
    if outcome.interrupted:
        said = f"Interrupted after {counted(coverage.steps, 'step')}, with {counted(len(outcome.findings), 'finding')}."
    elif outcome.conforms:
        said = f"Conforms in {counted(coverage.steps, 'step')}."
    elif outcome.findings or outcome.stale:
        said = f"Does not conform: {counted(len(outcome.findings), 'finding')}."
    else:
        said = "Nothing was compared."
    kept = zip_longest(outcome.findings, saved)
    sections = [_finding(number, *both) for number, both in enumerate(kept, start=1)]
    never = (
        items(f"{kind}: {', '.join(names)}" for kind, names in coverage.never().items()) or "<p>Nothing is left.</p>"
    )
    main = (
        f"{_unchecked(outcome)}\n"
        + "\n".join(sections)
        + f"\n<section>\n  <h2>What was exercised</h2>\n{_exercised(outcome)}\n</section>"
        + f"\n<section>\n  <h2>Never reached</h2>\n{never}\n</section>"
    )
    return report_page.render(f"{engine} against the rules", said, about, main, holds=outcome.conforms)


def _unchecked(outcome: Outcome) -> str:
    """What the comparison could not look at, with the verdict, which does not speak of it."""
    return f"<section><h2>Not checked</h2>{items(outcome.unchecked)}</section>" if outcome.unchecked else ""


def _finding(number: int, finding: Finding, saved: Saved | None) -> str:
    """One finding: its rule, its events, both sides, why, and how to play it again."""
    noun = "request" if finding.requests else "event"
    parts = [
        f"<h2>{number}. {text(', '.join(finding.rules[:1]))}: {text(people(finding.headline))}</h2>",
        f'<p class="quiet">after {text(counted(finding.length, noun))}; {text(finding.where)}</p>',
    ]
    if finding.requests:
        parts.append(f"<h3>The requests that show it</h3><pre>{text(chr(10).join(map(shown, finding.requests)))}</pre>")
    if finding.events and finding.kind != "protocol":
        moments = Run(scenarios.build("counterexample", to_data(finding), Path()))
        units = Units(moments.engine.venue)
        parts.append(f"<h3>The events, and what the rules make of them</h3>{_events(moments, units)}")
    differences = [reason.difference for reason in finding.reasons]
    rows = [(one.subject, one.field, one.ours, one.theirs) for one in differences]
    if rows:
        titles = ("of", "field", "ours", "theirs")
        cells = [(subject, words(field), value_text(ours), value_text(theirs)) for subject, field, ours, theirs in rows]
        parts.append(table(titles, cells, "theirs", "Ours and theirs"))
        parts.append(items(people(line) for line in finding.reasons[0].because))
    parts.append(items(f"its observations break: {words(name)}: {people(wrong)}" for name, wrong in finding.broken))
    if finding.fault is not None:
        parts += [f"<h3>{title}</h3><pre>{text(printed)}</pre>" for title, printed in _output(finding) if printed]
    if finding.kind in ("difference", "property"):
        parts += [page.rule_markup(rule, hidden=False) for rule in finding.rules[:1]]
    if saved is not None:
        parts.append(f"<h3>Play it again</h3><pre>{text(saved.replay)}</pre>")
    return f"<section>{''.join(parts)}</section>"


def _output(finding: Finding) -> list[tuple[str, str]]:
    assert finding.fault is not None, "only of a fault"
    return [("Its standard output", finding.fault.stdout), ("Its standard error", finding.fault.stderr)]


def _events(moments: Iterable[Moment], units: Units) -> str:
    listed = []
    for moment in moments:
        first, *rest = [Text.from_markup(line).plain for line in timeline.moment_lines(moment, units)]
        listed.append(f"<li><strong>{text(first)}</strong>{''.join(f'<p>{text(line)}</p>' for line in rest)}</li>")
    return f'<ol class="events">{"".join(listed)}</ol>'


def _exercised(outcome: Outcome) -> str:
    """The counts of events, and the largest of each dimension."""
    coverage = outcome.coverage
    refused: dict[str, int] = {}
    for (kind, _), times in coverage.refusals.items():
        refused[kind] = refused.get(kind, 0) + times
    kinds = dict.fromkeys([*coverage.events, *refused])
    events = [(kind, f"{coverage.events[kind]:,}", f"{refused.get(kind, 0):,}") for kind in kinds]
    largest = [(name, f"{size:,}") for name, size in coverage.reach.largest.items()]
    return table(("event", "accepted", "refused"), events) + table(("how far runs went", "the largest"), largest)
