"""In what two rule sets differ, as one page that needs nothing else: for each parameter its events and both sides."""

from collections.abc import Iterator

from liqspec.distinguish import report
from liqspec.distinguish.by_parameter import Alone
from liqspec.distinguish.search import Distinction, Outcome, RuleSets
from liqspec.draw import page, report_page
from liqspec.draw.report_page import items, table, text
from liqspec.edge.texts import counted
from liqspec.report.amounts import parameter_value, people
from liqspec.report.sentences import event_text


def render(sets: RuleSets, found: list[Alone], outcome: Outcome) -> str:
    """The page of what each parameter does alone, and of the shortest events of all."""
    first, second = sets.names
    count = counted(len(sets.parameters()), "parameter")
    said = f"They differ in {count}." if sets.parameters() else "They have the same rules."
    sections = [_alone(sets, one) for one in found]
    if outcome.distinction is not None:
        needed = items(report.parameter_text(one, sets.names) for one in outcome.distinction.parameters)
        shown = "".join(_shown(sets, outcome.distinction))
        sections.append(f"<section><h2>The shortest of all</h2>{needed}{shown}</section>")
    about = f"Both run in the markets of {first}, or of {second} where these show nothing: only their rules differ."
    if found:
        sections.insert(0, _summary(sets, found))
    return report_page.render(
        f"{first} and {second}", said, about, "\n".join(sections), holds=outcome.distinction is None
    )


def _summary(sets: RuleSets, found: list[Alone]) -> str:
    """A table of the parameters, each in a line, before the sections."""
    rows = [
        (
            one.parameter.path,
            *map(parameter_value, (one.parameter.first, one.parameter.second)),
            "no difference found"
            if one.distinction is None
            else report.difference_text(one.distinction.divergence.first.difference, sets.names),
        )
        for one in found
    ]
    return table(("parameter", *sets.names, "what an account notices"), rows, kind="summary")


def _alone(sets: RuleSets, one: Alone) -> str:
    parameter, (first, second) = one.parameter, sets.names
    within = "" if one.within == first else f" (in the rules of {one.within})"
    head = f"<h2>{text(parameter.path)}{text(within)}</h2><p>{text(parameter.meaning)}</p>"
    values = table((first, second), [tuple(map(parameter_value, (parameter.first, parameter.second)))])
    found = "<p>No difference was found.</p>" if one.distinction is None else "".join(_shown(sets, one.distinction))
    return f"<section>{head}{values}{found}{page.rule_markup(parameter.rule, hidden=False)}</section>"


def _shown(sets: RuleSets, found: Distinction) -> Iterator[str]:
    """What an account notices, the events, and what each side makes of the last one."""
    difference = found.divergence.first.difference
    yield f"<h3>What an account notices</h3><p>{text(report.difference_text(difference, sets.names))}</p>"
    events = "".join(f"<li>{text(event_text(event))}</li>" for event in found.divergence.events)
    yield f"<h3>The events, from {text(report.marks_text(found))}</h3><ol>{events}</ol><h3>The last of them</h3>"
    sides = ["\n".join(people(line) for line in did) or "nothing happens" for did in found.divergence.did]
    for name, did in zip(sets.names, sides, strict=True):
        yield f"<h4>{text(name)}</h4><pre>{text(did)}</pre>"
