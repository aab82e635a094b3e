"""Running vectors: the results of an engine's answers, and how they are reported."""

import copy
from io import StringIO
from typing import Any

import pytest
from attrs import evolve
from rich.console import Console

from liqspec.core.parameters import FAMILIES, families_of
from liqspec.vectors import report
from liqspec.vectors.play import EVERYTHING, Played, play
from support.corpus import loaded, model


def test_an_engine_that_cannot_do_something_skips_it() -> None:
    vector = copy.deepcopy(loaded()[0])
    abilities = evolve(EVERYTHING, events=frozenset({"block"}))
    assert play(vector, model(), abilities).outcome == "skipped"


def test_a_case_of_a_family_is_skipped_for_an_engine_that_lacks_it() -> None:
    without = evolve(EVERYTHING, families=frozenset())
    played = [play(vector, model(), without) for vector in loaded() if families_of(vector["config"])]
    assert {one.outcome for one in played} == {"skipped"}
    reasons = "; ".join(one.why for one in played)
    assert [name for name in sorted(FAMILIES) if f"the family {name}" not in reasons] == []


def test_an_engine_that_does_not_check_its_input_is_sent_no_event_that_is_malformed() -> None:
    refused = {vector["title"]: {step["expect"].get("refused") for step in vector["steps"]} for vector in loaded()}
    sent = list[str]()

    class Unchecking(Scripted):
        def reset(self, _: dict[str, Any]) -> dict[str, Any]:
            sent.append(vector["title"])
            return {"ok": False, "skipped": "only what is sent is looked at"}

    unchecking = evolve(EVERYTHING, validates=False)
    left = list[Played]()
    for vector in loaded():
        left += [one for one in [play(vector, Unchecking(), unchecking)] if "does not check its input" in one.why]
    malformed = [title for title, codes in refused.items() if codes & {"bad_request", "off_grid"}]
    assert malformed
    assert [one.title for one in left] == malformed
    assert not {*sent} & {*malformed}
    assert f"skipped {len(left)}: the engine does not check its input" in printed(left)


class Scripted:
    """A player that answers with what it is given: the reply to a reset, then those to events."""

    def __init__(self, *replies: dict[str, Any]) -> None:
        self._replies = list(replies)

    def reset(self, _: dict[str, Any]) -> dict[str, Any]:
        return self.answer()

    def give(self, event: Any) -> None: ...

    def answer(self) -> dict[str, Any]:
        return self._replies.pop(0)


ACCEPTED = {"ok": True, "observation": {}}
FILL = {"type": "fill", "account": "alice", "market": "A", "mode": "cross", "size": "1", "price": "100"}


@pytest.mark.parametrize(
    ("replies", "outcome", "message"),
    [
        ([{"ok": False, "error": {"code": "overfill"}}], "failed", "ours accepted, theirs overfill"),
        ([{"ok": False, "error": {"code": "bad_request", "message": "too wide"}}], "skipped", "too wide"),  # AMT-1
        ([{"ok": False}], "failed", "theirs error: expected an object with a code"),
        ([{"ok": False, "skipped": "no such market"}], "skipped", "no such market"),
        ([ACCEPTED, {"ok": False, "skipped": "not today"}], "skipped", "not today"),
        ([ACCEPTED, {"ok": "yes"}], "failed", "theirs ok: expected true or false"),
        ([ACCEPTED, {**ACCEPTED, "executed": 3}], "failed", "theirs executed: expected a list, got 3"),
        ([ACCEPTED, {**ACCEPTED, "executed": [FILL]}], "skipped", "the engine's own order book"),
        ([ACCEPTED, {"ok": True, "observation": {"moon": 1}}], "failed", "theirs not reported"),
        (
            [ACCEPTED, {"ok": True, "observation": 5}],
            "failed",
            "ours one of the protocol, theirs observation: expected an object, got 5",
        ),
        ([ACCEPTED, {"ok": False, "error": {"code": "overfill"}}], "failed", "ours accepted, theirs overfill"),
    ],
)
def test_what_an_engine_answers_is_reported(replies: list[dict[str, Any]], outcome: str, message: str) -> None:
    played = play(loaded()[0], Scripted(*replies), EVERYTHING)
    assert played.outcome == outcome
    assert message in f"{played.difference} {played.why}"


def test_a_field_that_is_not_reported_breaks_no_rule_of_the_case() -> None:
    """OBS-1."""
    shown = {**loaded()[0]["steps"][0]["observation"]}
    del shown["vault"]
    played = play(loaded()[0], Scripted(ACCEPTED, {"ok": True, "observation": shown}), EVERYTHING)
    assert (str(played.difference).rpartition(", ")[2], played.rules) == ("theirs not reported", ("OBS-1",))


def test_an_engine_that_observes_nothing_is_compared_in_what_it_accepts() -> None:
    vector = next(one for one in loaded() if all("accepted" in step["expect"] for step in one["steps"]))
    replies: list[dict[str, Any]] = [ACCEPTED, *({"ok": True} for _ in vector["steps"])]
    assert play(vector, Scripted(*replies), evolve(EVERYTHING, observes=frozenset())).outcome == "passed"


def printed(played: list[Played]) -> str:
    console = Console(width=120, record=True, file=StringIO())
    report.print_played("mine", played, console)
    return console.export_text()


def test_many_failures_are_counted_and_nothing_played_is_no_pass() -> None:
    failed = [play(vector, Scripted({"ok": False}), EVERYTHING) for vector in loaded()[:25]]
    shown = printed(failed)
    assert shown.count("step 0  the reset") == report.SHOWN
    assert "and 5 more; --json has them all" in shown
    skipped = [play(vector, Scripted({"ok": False, "skipped": "no"}), EVERYTHING) for vector in loaded()[:3]]
    assert "skipped 3: no" in printed(skipped)
    assert "nothing was played" in printed(skipped)
    assert not report.conforms(skipped)
    assert [case["why"] for case in report.to_json("mine", skipped)["skipped"]] == ["no"] * 3


def test_a_failure_is_reported_as_data_with_its_step_and_rules() -> None:
    vector = next(one for one in loaded() if one["suite"] == "boundaries" and one["case"] == "margin-at")
    observation = copy.deepcopy(vector["steps"][0]["observation"])
    observation["pools"][0]["collateral"] = "1"
    played = play(vector, Scripted(ACCEPTED, {"ok": True, "observation": observation}), EVERYTHING)
    data = report.to_json("mine", [played])
    assert (data["conforms"], data["passed"], data["skipped"]) == (False, 0, [])
    assert data["failed"] == [
        {
            "case": "small/boundaries/margin-at",
            "title": vector["title"],
            "step": 1,
            "event": vector["steps"][0]["event"],
            "subject": f"{vector['steps'][0]['event']['account']}/cross",
            "field": "pools.collateral",
            "expected": vector["steps"][0]["observation"]["pools"][0]["collateral"],
            "answered": "1",
            "rules": list(dict.fromkeys([*vector["rules"], *vector["steps"][0]["rules"]])),
        }
    ]
