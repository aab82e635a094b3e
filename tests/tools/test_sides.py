"""What an engine answered, next to what the rules say: in `simulate`, its JSON, and on the page (SCN-2)."""

import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from liqspec.draw import page
from liqspec.replay import recordings
from liqspec.replay.run import Run
from liqspec.spec import scenarios
from liqspec.spec.scenarios import InvalidScenario
from liqspec.step.compare import Difference
from liqspec.verify.counterexample import scenario_data
from support.builders import apply, small_config, small_engine
from support.commands import run_here

DEPOSIT = {"type": "deposit", "account": "alice", "amount": "7000"}
REFUSED = {"ok": False, "error": {"code": "off_grid", "message": "no"}}


def written(reply: object, **engine: Any) -> str:
    """A scenario of one deposit, which an engine answered so."""
    line = reply if isinstance(reply, str) else json.dumps(reply)
    data = scenario_data("Both sides", "", small_config(), [DEPOSIT], {"name": "acme", **engine}, line)
    return tomli_w.dumps(data)


def accepted(**alice: Any) -> dict[str, Any]:
    """A reply as it must be, except these fields of the cross pool of alice."""
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount="7000")
    observation = engine.observe()
    observation["pools"][0].update(alice)
    return {"ok": True, "observation": observation}


def theirs(text: str) -> tuple[Difference, ...]:
    (moment,) = Run(scenarios.parse(text, Path("sides.toml")))
    return moment.theirs


def test_each_field_that_differs_has_both_sides() -> None:
    assert theirs(written(accepted())) == ()
    assert theirs(written(accepted(equity="7000.0"))) == ()
    assert theirs(written(accepted(equity="6000", collateral="1"))) == (
        Difference("alice/cross", "pools.collateral", "7000", "1"),
        Difference("alice/cross", "pools.equity", "7000", "6000"),
    )


def test_a_refusal_is_shown_next_to_what_was_accepted() -> None:
    assert theirs(written(REFUSED)) == (Difference("event", "outcome", "accepted", "off_grid"),)


def test_only_what_the_engine_reports_is_compared() -> None:
    reply = accepted(equity="6000", collateral="1")
    assert [one.field for one in theirs(written(reply, observes=["pools.equity"]))] == ["pools.equity"]


def test_both_sides_are_printed_and_nothing_is_judged_by_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sides.toml"
    path.write_text(written(accepted(equity="6000")), encoding="utf-8")
    assert run_here(monkeypatch, "simulate", str(path)) == 0
    assert "engine alice/cross pools.equity: ours 7,000, theirs 6,000" in capsys.readouterr().out
    assert run_here(monkeypatch, "simulate", str(path), "--json") == 0
    first, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["theirs"] == [{"subject": "alice/cross", "field": "pools.equity", "ours": "7000", "theirs": "6000"}]


def test_the_page_has_both_sides() -> None:
    record = recordings.record(scenarios.parse(written(accepted(equity="6000")), Path("sides.toml")))
    (event,) = page.data(record, None)["events"]
    assert event["theirs"] == [{"subject": "alice/cross", "field": "equity", "ours": "7,000", "theirs": "6,000"}]


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        ("{", "answered"),
        ("[1]", "expected the reply to an event"),
        ({"ok": False}, "expected the reply to an event"),
        ({"ok": False, "error": {"code": 7}}, "expected the reply to an event"),
        ({"ok": True, "observation": 7}, "expected the reply to an event"),
        ({"ok": 1}, "expected the reply to an event"),
    ],
)
def test_what_is_no_reply_is_refused(reply: object, wrong: str) -> None:
    with pytest.raises(InvalidScenario, match=wrong):
        scenarios.parse(written(reply), Path("sides.toml"))


def test_an_unknown_field_that_is_observed_is_refused() -> None:
    with pytest.raises(InvalidScenario, match="unknown field"):
        scenarios.parse(written(accepted(), observes=["pools.equty"]), Path("sides.toml"))
