"""The command that lists the shipped rule sets, and reads one back in words."""

from typing import Annotated

import typer

from liqspec.cli.app import Json, print_json, refuse, terminal
from liqspec.edge.texts import counted
from liqspec.report.amounts import parameter_value
from liqspec.report.tables import table
from liqspec.report.visible_console import foreign
from liqspec.spec import venue_words
from liqspec.spec import venues as shipped
from liqspec.spec.venue_problems import problems


def venues(
    venue: Annotated[
        str | None, typer.Argument(metavar="[VENUE]", help="A shipped venue's name, or a .toml file, to read back.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Say all that is wrong with the file, a line each.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the rule sets that the specification ships; or check one, and read it back parameter by parameter.

    Each parameter is shown with its value, whether that is documented, assumed or the rules' default, and what it
    means. Exits with 2 if the file is not a valid rule set, and says what is wrong first, or with `--all` everything.

    **Examples**

    - `liqspec venues`
    - `liqspec venues hyperliquid`
    - `liqspec venues my-venue.toml`
    - `liqspec venues my-venue.toml --all`
    """
    if venue is not None:
        try:
            chosen = shipped.load(venue)
        except shipped.InvalidVenueFile:
            _refuse(venue, everything=everything)
            raise
        _read_back(chosen, as_json=as_json)
        return
    loaded = [shipped.load(name) for name in shipped.names()]
    if as_json:
        print_json(
            [
                {
                    "name": one.name,
                    "title": one.title,
                    "markets": list(one.markets),
                    "about": one.description,
                    "undocumented": list(one.undocumented),
                }
                for one in loaded
            ]
        )
        return
    rows = table("venue", "markets", "about")
    for one in loaded:
        rows.add_row(one.name, ", ".join(one.markets), one.description)
    terminal().print(rows)


def _refuse(venue: str, *, everything: bool) -> None:
    """End with what is wrong with the file first, and how much else is; or with everything."""
    if found := problems(venue):
        others = f" (and {counted(len(found) - 1, 'other problem')}: --all lists all)" if found[1:] else ""
        refuse(found if everything else [found[0] + others])


def _read_back(venue: shipped.VenueFile, *, as_json: bool) -> None:
    worded = list(venue_words.of(venue))
    if as_json:
        parameters = [
            {"parameter": one.path, "value": one.value, "from": one.origin, "rule": one.rule} for one in worded
        ]
        print_json({"name": venue.name, "title": venue.title, "parameters": parameters})
        return
    console = terminal()
    console.print(f"[bold]{foreign(venue.title)}[/bold]  [dim]{foreign(venue.name)}[/dim]")
    console.print(foreign(venue.description))
    rows = table("parameter", "value", "from", "rule", "what it means")
    for one in worded:
        rows.add_row(foreign(one.path), foreign(parameter_value(one.value)), one.origin, one.rule, one.meaning)
    console.print(f"{foreign(venue_words.in_short(venue))}\n", soft_wrap=True)
    console.print(rows)
    for line in venue.undocumented:
        console.print(f"not documented: {foreign(line)}", soft_wrap=True)
    unsaid = [one.path for one in worded if one.origin == "not said"]
    if not unsaid:
        console.print("every value says where it comes from")
        return
    console.print(
        f"{counted(len(unsaid), 'value')} without a word where it comes from: {foreign(', '.join(unsaid))}: "
        "add it to [bold]provenance[/bold]",
        soft_wrap=True,
    )
