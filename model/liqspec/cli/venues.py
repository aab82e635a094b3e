"""The command that lists the shipped rule sets."""

from liqspec.cli.app import Json, print_json, terminal
from liqspec.report.tables import table
from liqspec.spec import venues as shipped


def venues(as_json: Json = False) -> None:
    """List the rule sets that the specification ships.

    Examples: `liqspec venues`, `liqspec venues --json`
    """
    loaded = [shipped.load(name) for name in shipped.names()]
    if as_json:
        print_json(
            [
                {
                    "name": venue.name,
                    "title": venue.title,
                    "markets": list(venue.markets),
                    "about": venue.description,
                    "undocumented": list(venue.undocumented),
                }
                for venue in loaded
            ]
        )
        return
    rows = table("venue", "markets", "about")
    for venue in loaded:
        rows.add_row(venue.name, ", ".join(venue.markets), venue.description)
    terminal().print(rows)
