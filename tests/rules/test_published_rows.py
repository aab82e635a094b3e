"""Each row of `published.toml` is reproduced by a test or a venue file, or says why not; and each test has a row."""

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from liqspec.edge import files

HERE = Path(__file__).parent
ROWS: list[dict[str, Any]] = tomllib.loads((HERE / "published.toml").read_text(encoding="utf-8"))["row"]
TESTS = {
    node.name
    for path in HERE.glob("test_published_*.py")
    if path != Path(__file__)
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["source"][:40])
def test_a_row_says_where_it_is_reproduced_or_why_it_cannot_be(row: dict[str, Any]) -> None:
    assert row.keys() <= {"source", "tests", "venues", "not_expressed"}
    assert any(row.get(name) for name in ("tests", "venues", "not_expressed"))
    assert set(row.get("tests", ())) <= TESTS
    for place in row.get("venues", ()):
        name, _, path = place.partition(": ")
        found: Any = tomllib.loads((files.ROOT / "venues" / name).read_text(encoding="utf-8"))
        for key in filter(None, path.split(".")):
            found = found[key]


def test_each_test_of_a_published_figure_has_its_row() -> None:
    assert {name for row in ROWS for name in row.get("tests", ())} == TESTS
    assert len({row["source"] for row in ROWS}) == len(ROWS)
