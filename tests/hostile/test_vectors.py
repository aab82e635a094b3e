"""What is not valid in a corpus, or in a file of requests, is refused before it is used, with its file."""

import json
from pathlib import Path
from typing import Any

import pytest

from liqspec.conform.protocol import requests
from liqspec.edge import limits
from liqspec.edge.files import UnreadableFile
from liqspec.vectors import corpus

CROSS = {"account": "a", "market": None, "mode": "cross"}
EMPTY: dict[str, Any] = {"time": 0, "block": 0, "positions": [], "pools": []}
EMPTY["vault"] = {"cash": "0", "equity": "0", "positions": {}}


def showing(observation: dict[str, Any]) -> dict[str, Any]:
    """A step that shows this."""
    return {"steps": [{"event": {}, "expect": {}, "observation": observation, "rules": []}]}


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
        (showing({}), "step 1: observation.positions: is missing"),
        (showing({"positions": [], "pools": [], "vault": []}), "step 1: observation.vault: is missing or of another"),
        (showing({"positions": [], "pools": [CROSS], "vault": {}}), "step 1: observation.time: is missing"),
        (showing({**EMPTY, "pools": [CROSS]}), "step 1: observation.pools.collateral: is missing"),
        (
            showing({**EMPTY, "vault": {**EMPTY["vault"], "positions": 5}}),
            "step 1: observation.vault.positions: expected",
        ),
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


class TestAnIndex:
    """It lists only files of its folder."""

    @pytest.mark.parametrize(
        "path", ["/etc/hostname", "../a.json", "b/../../a.json", "link.json", "folder/a.json", "\0"]
    )
    def test_leads_to_no_file_elsewhere(self, path: str, tmp_path: Path) -> None:
        corpus_folder, elsewhere = tmp_path / "corpus", tmp_path / "a.json"
        corpus_folder.mkdir()
        vector = corpus.FOLDER / "small/boundaries/margin-at.json"
        elsewhere.write_bytes(vector.read_bytes())
        (corpus_folder / "link.json").symlink_to(elsewhere)
        (corpus_folder / "folder").symlink_to(tmp_path)
        (corpus_folder / "index.json").write_text(json.dumps({"cases": [{"path": path}]}), encoding="utf-8")
        with pytest.raises(UnreadableFile, match=r"index.json: .*(is not in the folder of the corpus|null)"):
            corpus.load(corpus_folder)

    def test_may_list_a_link_within_it(self, tmp_path: Path) -> None:
        vector = corpus.FOLDER / "small/boundaries/margin-at.json"
        (tmp_path / "a.json").write_bytes(vector.read_bytes())
        (tmp_path / "b.json").symlink_to("a.json")
        (tmp_path / "index.json").write_text(json.dumps({"cases": [{"path": "b.json"}]}), encoding="utf-8")
        assert corpus.load(tmp_path) == [json.loads(vector.read_bytes())]


LARGE = [["x", limits.LINE_BYTES]]  # a mebibyte, in a few bytes


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"line": 5}], "step 1: expected a text"),
        ([{"line": "{}"}, {"op": "bye"}], "step 2: expected a request"),
        ([{"bytes": "7"}], "step 1: "),
        ([{}], "step 1: expected a request"),
        ([{"parts": LARGE}] * 65, f"step 64: more than {limits.REQUESTS_BYTES} bytes of requests"),
    ],
)
def test_a_conversation_is_checked_before_it_is_used(steps: list[dict[str, Any]], said: str, tmp_path: Path) -> None:
    vector = json.loads((corpus.FOLDER / "small/protocol/a-byte-order-mark.json").read_bytes())
    listed = {"cases": [], "conversations": [{"path": "a.json"}]}
    (tmp_path / "index.json").write_text(json.dumps(listed), encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps(vector), encoding="utf-8")
    assert corpus.load_conversations(tmp_path) == [vector]
    made = [{**step, "expect": {"accepted": True}} for step in steps]
    (tmp_path / "a.json").write_text(json.dumps({**vector, "steps": made}), encoding="utf-8")
    with pytest.raises(UnreadableFile) as caught:
        corpus.load_conversations(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: {said}")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"parts": [["x", 10**9], ["y", -(10**9)]]}], "line 1: expected a text"),  # none of which is made
        ([{"parts": LARGE}] * 65, f"line 64: more than {limits.REQUESTS_BYTES} bytes of requests"),
    ],
)
def test_a_few_bytes_describe_no_large_requests(lines: list[dict[str, Any]], said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    with pytest.raises(UnreadableFile) as caught:
        requests.load(path)
    assert str(caught.value).startswith(f"{path}: {said}")
