"""A vector that is not valid is refused before it is used, with its file."""

import json
from pathlib import Path
from typing import Any

import pytest

from liqspec.edge.files import UnreadableFile
from liqspec.vectors import corpus


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rules": 5}, "rules: is not of its type"),
        ({"rules": [[]]}, "rules: expected texts, got"),
        ({"title": None}, "title: is not of its type"),
        ({"config": []}, "config: is not of its type"),
        ({"suite": "none"}, "suite: there is no suite"),
        ({"steps": [{"event": {}, "expect": "x", "observation": {}, "rules": []}]}, "steps.expect: is not of its type"),
        ({"steps": [{"event": {}, "expect": {}, "observation": [], "rules": []}]}, "steps.observation: is not of"),
        ({"steps": [[]]}, "steps.event: is missing"),
    ],
)
def test_a_vector_is_checked_before_it_is_used(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    index = json.loads((corpus.FOLDER / "index.json").read_text(encoding="utf-8"))
    vector = json.loads((corpus.FOLDER / index["cases"][0]["path"]).read_text(encoding="utf-8"))
    (tmp_path / "index.json").write_text(json.dumps({"cases": [{"path": "a.json"}]}), encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps(vector), encoding="utf-8")
    assert corpus.load(tmp_path) == [vector]
    (tmp_path / "a.json").write_text(json.dumps({**vector, **change}), encoding="utf-8")
    with pytest.raises(UnreadableFile) as caught:
        corpus.load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: ") and said in str(caught.value)
