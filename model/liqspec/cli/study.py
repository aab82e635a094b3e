"""The command that runs a study: one position over the choices of some axes, and what is claimed of them."""

from typing import Annotated

import tomli_w
import typer
from rich.progress import BarColumn, TaskProgressColumn, TextColumn

from liqspec.cli.app import HOLDS, VIOLATED, Json, fail, print_json, progress, terminal
from liqspec.edge.texts import did_you_mean
from liqspec.replay import study as running
from liqspec.replay import study_report
from liqspec.spec import studies


def study(
    name: Annotated[
        str, typer.Argument(metavar="STUDY", help="A shipped study (partial-orders, self-protection), or a .toml file.")
    ],
    case: Annotated[
        str | None, typer.Option(metavar="CASE", help="Run nothing; print this case as a scenario file.")
    ] = None,
    page: Annotated[bool, typer.Option("--page", help="Print the page of the specification, in Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Run all cases of a study, print their figures, and check what it claims of them.

    Exits with 1 if a figure is not as a claim states it.

    **Examples**

    - `liqspec study self-protection`
    - `liqspec study partial-orders --json`
    - `liqspec study self-protection --case october/stop-loss > stop.toml`
    """
    if (case is not None) + page + as_json > 1:
        fail("--case, --page and --json: give one of them")
    loaded = studies.load(name)
    if case is not None:
        found = next((one for one in loaded.cases if one.name == case), None)
        if found is None:
            hint = did_you_mean(case, [one.name for one in loaded.cases]) or f"; such as {loaded.cases[0].name}"
            fail(f"--case {case}: the study has no such case{hint}")
        typer.echo(tomli_w.dumps(found.data), nl=False)
        return
    with progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()) as bar:
        task = bar.add_task("cases", total=len(loaded.cases))
        findings = running.run(loaded, lambda: bar.advance(task))
    if as_json:
        print_json(study_report.to_json(findings))
    elif page:
        typer.echo(study_report.page(findings), nl=False)
    else:
        study_report.print_findings(findings, terminal())
    raise typer.Exit(VIOLATED if findings.wrong else HOLDS)
