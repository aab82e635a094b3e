"""What of `spec/` is written from the declarations of the parameters: their page and their schema (CFG-1, CFG-2).

`make parameters` regenerates both; a test checks them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from liqspec.core import parameters
from liqspec.core.parameters import PARAMETERS, Parameter
from liqspec.edge import files, schemas

PAGE = files.ROOT / "parameters.md"
SCHEMA = files.ROOT / schemas.FOLDER / "config.schema.json"

_HEAD = """# The parameters of a venue

What venues differ in, besides their markets: the fields of the tables `liquidation` and `backstop` of a configuration
(CFG-1), and what each may be (CFG-2). This page is written from the declarations that the model reads
(`make parameters`), and a test keeps it so.

| parameter | is | default | rule | meaning |
|---|---|---|---|---|
"""


def page() -> str:
    """The table of all parameters in Markdown."""
    return _HEAD + "".join(f"| {' | '.join(_cells(entry))} |\n" for entry in PARAMETERS)


def _cells(entry: Parameter) -> Iterator[str]:
    yield f"`{entry.path}`"
    yield entry.kind.values
    if entry.required:
        yield "required"
    else:
        yield "absent" if entry.default is None else f"`{json.dumps(entry.default)}`"
    yield entry.rule
    yield entry.meaning


def schema() -> str:
    """The JSON Schema of a configuration, its tables of parameters as they are declared."""
    data: dict[str, Any] = files.read_json(SCHEMA)
    for table in parameters.TABLES:
        data["$defs"][table] = _of_table(table)
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _of_table(table: str) -> dict[str, Any]:
    entries = list(parameters.of_table(table))
    required = [entry.name for entry in entries if entry.required]
    return {
        "type": "object",
        "properties": {
            entry.name: {"description": f"{entry.meaning} ({entry.rule})", **entry.kind.schema} for entry in entries
        },
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def write(folder: Path = files.ROOT) -> None:
    """Regenerate both files."""
    for path, text in ((PAGE, page()), (SCHEMA, schema())):
        (folder / path.relative_to(files.ROOT)).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
