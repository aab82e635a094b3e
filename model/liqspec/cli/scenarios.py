"""The command that lists the shipped scenarios."""

from liqspec.cli.app import Json, print_json, terminal
from liqspec.report.tables import table
from liqspec.spec import scenarios as shipped


def scenarios(as_json: Json = False) -> None:
    """List the scenarios that the specification ships; run one with `liqspec simulate NAME`.

    **Examples**

    - `liqspec scenarios`
    - `liqspec scenarios --json`
    """
    loaded = [shipped.load(name) for name in shipped.names()]
    if as_json:
        print_json([{"name": story.name, "title": story.file.title, "venue": story.file.venue} for story in loaded])
        return
    rows = table("scenario", "venue", "title")
    for story in loaded:
        rows.add_row(story.name, story.file.venue or "its own", story.file.title)
    terminal().print(rows)
