"""What a study found: as tables for the terminal, as a page of the specification, and as plain data."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console

from liqspec.edge.amounts import ratio_text
from liqspec.replay.study import Checked, Findings, Result, value_of
from liqspec.report.tables import table
from liqspec.report.visible_console import foreign
from liqspec.spec.studies import MEASURES, Claim


def _figure(result: Result, measure: str) -> str:
    return value_of(MEASURES[measure], result.measures[measure])


def _compared(one: Checked) -> tuple[str, str]:
    """Both sides of a comparison with their figures."""
    measure = MEASURES[one.shown.measure]
    left, right = value_of(measure, one.left), value_of(measure, one.right)
    return f"{one.shown.case}: {left}", f"{one.shown.than}: {right}" if one.shown.than else right


def _relation(one: Checked) -> str:
    return {"less": "less than", "equal": "the same as", "more": "more than"}[one.shown.relation]


def _speaks(one: Checked) -> str:
    if not one.holds:
        return "NOT AS STATED"
    return "for it" if one.shown.supports else "against it"


# ---------------------------------------------------------------------------------------------------------- for people


def print_findings(findings: Findings, console: Console) -> None:
    """Print the table of all cases, and then each claim with its verdict and its figures."""
    file = findings.study.file
    console.print(f"[bold]{foreign(file.title)}[/bold]  [dim]venue {foreign(file.venue)}[/dim]")
    console.print(foreign(" ".join(file.story.split())), style="italic")
    titles = [MEASURES[column].title for column in file.columns]
    rows = table("case", *titles, right=titles)
    for result in findings.results:
        rows.add_row(foreign(result.case.name), *(_figure(result, column) for column in file.columns))
    console.print(rows)
    for claim in file.claim:
        console.print(f"\n[bold]{foreign(claim.says)}[/bold] {claim.verdict}", soft_wrap=True)
        for one in findings.checked(claim):
            left, right = _compared(one)
            measure = MEASURES[one.shown.measure].title
            line = f"{one.shown.where}: {measure} {left}, {_relation(one)} {right}; {_speaks(one)}"
            console.print(f"    {foreign(line)}", style="" if one.holds else "bold red", soft_wrap=True)
    count = len(findings.wrong)
    if count:
        console.print(f"\n[bold red]{count} not as the study states it[/bold red]")
    else:
        console.print("\n[bold green]as the study states it[/bold green]")


# ------------------------------------------------------------------------------------------------------------- as pages


def page(findings: Findings) -> str:
    """The page of the specification that shows the study: all of it follows from the study's file and the rules."""
    return "\n".join(_page(findings)) + "\n"


def _page(findings: Findings) -> Iterator[str]:
    study, file = findings.study, findings.study.file
    yield f"# {file.title}"
    yield ""
    yield " ".join(file.story.split())
    yield ""
    yield f"![{file.title}](../../diagrams/study-{study.name}-light.svg)"
    yield ""
    command, first = f"liqspec study {study.name}", findings.results[0].case.name
    yield (
        f"`{command}` runs the {len(findings.results)} cases of [{study.name}.toml]({study.name}.toml) and prints "
        f"these figures; `{command} --case {first}` prints a case as a scenario for `liqspec simulate`; "
        f"`liqspec draw study {study.name}` draws the picture. This page is what `{command} --page` prints; a test "
        "runs the study again and compares."
    )
    yield ""
    yield "## What is claimed"
    for claim in file.claim:
        yield ""
        yield from _claim(findings, claim)
    yield ""
    yield "## All cases"
    yield ""
    yield from markdown_table(
        ["case", *(MEASURES[column].title for column in file.columns)],
        [[result.case.name, *(_figure(result, column) for column in file.columns)] for result in findings.results],
    )
    yield ""
    yield "| figure | is |"
    yield "|---|---|"
    yield from (f"| {MEASURES[column].title} | {MEASURES[column].meaning} |" for column in file.columns)
    yield ""
    yield "A case is named by its choices:"
    yield ""
    for axis in file.axis:
        choices = "; ".join(f"`{choice.name}`, {choice.title}" for choice in axis.choice)
        yield f"- {axis.name}: {choices}"
    yield ""
    yield "## What is public, and what is assumed"
    yield ""
    yield "| figure | status | note |"
    yield "|---|---|---|"
    yield from (f"| {source.figure} | {source.status} | {source.note} |" for source in file.source)


def _claim(findings: Findings, claim: Claim) -> Iterator[str]:
    yield f"### {claim.says}"
    yield ""
    yield f"**{claim.verdict.capitalize()}.** {claim.why}"
    yield ""
    yield "| where | figure | of the case | is | of the case | speaks |"
    yield "|---|---|---|---|---|---|"
    for one in findings.checked(claim):
        cells = (one.shown.where, MEASURES[one.shown.measure].title, *_compared(one))
        yield "| {} | {} | {} | {} | {} | {} |".format(*cells[:3], _relation(one), cells[3], _speaks(one))


def overview(findings: Findings) -> str:
    """What is kept in each case as a table of the first two axes: a row for each choice of the second."""
    first, second = findings.study.file.axis
    rows = []
    for choice in second.choice:
        row = [choice.title]
        for other in first.choice:
            result = findings.of(f"{other.name}/{choice.name}")
            row += [f"{_figure(result, 'kept')} of {_figure(result, 'paid_in')}", _figure(result, "left")]
        rows.append(row)
    titles = [title for other in first.choice for title in (f"{other.title}: kept", "position left")]
    return "\n".join(markdown_table([second.name, *titles], rows)) + "\n"


def markdown_table(titles: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """A table in Markdown whose columns after the first are numbers."""
    yield f"| {' | '.join(titles)} |"
    yield f"|---{'|--:' * (len(titles) - 1)}|"
    yield from (f"| {' | '.join(row)} |" for row in rows)


# -------------------------------------------------------------------------------------------------------- for machines


def to_json(findings: Findings) -> dict[str, Any]:
    """The findings as plain data; every figure is exact, as a decimal or a ratio."""
    file = findings.study.file
    return {
        "study": findings.study.name,
        "title": file.title,
        "as_stated": not findings.wrong,
        "cases": [
            {
                "case": result.case.name,
                **result.case.choices,
                "measures": {
                    name: None if value is None else ratio_text(value) for name, value in result.measures.items()
                },
            }
            for result in findings.results
        ],
        "claims": [
            {
                "says": claim.says,
                "verdict": claim.verdict,
                "shown": [
                    {
                        "where": one.shown.where,
                        "measure": one.shown.measure,
                        "case": one.shown.case,
                        "figure": None if one.left is None else ratio_text(one.left),
                        "relation": one.shown.relation,
                        "than": one.shown.than,
                        "other": None if one.right is None else ratio_text(one.right),
                        "supports": one.shown.supports,
                        "as_stated": one.holds,
                    }
                    for one in findings.checked(claim)
                ],
            }
            for claim in file.claim
        ],
    }
