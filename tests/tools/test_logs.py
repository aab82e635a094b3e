"""The lines and tables of a log (spec/logs.md): what each may say, what is refused, and how the audit continues."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pa_parquet  # type: ignore[import-untyped]
import pytest
from rich.console import Console

from liqspec.audit import follow, parquet, run, tables
from liqspec.audit.follow import Audit
from liqspec.audit.log import Entry, InvalidLog
from liqspec.core import events, snapshot
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.edge.shapes import WrongShape
from support.builders import small_config
from support.commands import run_here
from tools import test_audit

KEY = {"account": "alice", "market": "A", "mode": "cross"}
POOL = {"account": "alice", "mode": "cross"}
DEPOSIT = {"type": "deposit", "account": "alice", "amount": "200"}
TRADE = {"type": "trade", **KEY, "size": "10", "price": "100", "leverage": 5}
BREACH = {"type": "mark_price", "market": "A", "price": "88"}  # 200 - 120 = 80 is below 88
FILL = {"type": "fill", **KEY, "size": "10", "price": "88"}


def followed(config: dict[str, Any], *lines: dict[str, Any], **head: Any) -> Audit:
    """The audit of these lines, the first of which is the file's second."""
    return test_audit.followed([{"format": 1, "config": config, **head}, *lines])


def text(audit: Audit, capsys: pytest.CaptureFixture[str]) -> str:
    """The printed audit."""
    run.print_audit(audit, Console(width=200, highlight=False))
    return capsys.readouterr().out


def snapshot_after(*given: EventData) -> dict[str, Any]:
    """The snapshot of the small engine after some events."""
    engine = Engine(Config.from_json(small_config()))
    for event in given:
        engine.apply(events.from_json(event))
    return snapshot.to_json(engine.venue, engine.snapshot())


# ------------------------------------------------------------------------------------------- from where it continues


def test_a_line_as_the_rules_say_copies_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log can have many accounts, and a copy of them all at each line would be most of the work."""
    lines = test_audit.log_of(small_config(), [DEPOSIT, TRADE, {**DEPOSIT, "amount": "0.5"}, BREACH, FILL])
    assert sum("refused" in line for line in lines) == 1

    def no_copy(_: Engine) -> None:
        raise AssertionError("the whole state was copied")

    monkeypatch.setattr(Engine, "snapshot", no_copy)
    assert test_audit.followed(lines).holds


class TestWhatIsGoneOnFrom:
    def test_is_the_models_state_where_what_is_shown_is_none(self) -> None:
        """STP-2: half a lot is off the grid."""
        shown = {"positions": [{**KEY, "size": "9.5"}]}
        found = followed(
            small_config(),
            {"event": DEPOSIT},
            {"event": TRADE, "observation": shown},
            {"event": BREACH, "observation": {"positions": [{**KEY, "size": "10", "order": "10"}]}},
        )
        assert (found.diverged, found.adopted, found.kept) == (1, 0, 1)
        assert found.first["alice"].went_on == (
            "continued from the model's state, because the log does not show a valid state: "
            "positions[alice/A/cross].size: 9.5 is not a multiple of 1"
        )

    def test_is_a_snapshot_where_a_line_has_one(self) -> None:
        """STP-2: bob traded, and alice did not, whatever the lines before led to."""
        before = snapshot_after({**DEPOSIT, "account": "bob"}, {**TRADE, "account": "bob"})
        shown = {"positions": [{**KEY, "account": "bob", "state": "liquidatable", "order": "10"}]}
        breached = {"event": BREACH, "observation": shown, "before": before}
        found = followed(small_config(), {"event": DEPOSIT}, {"event": TRADE}, breached)
        assert found.holds
        assert found.coverage.transitions == {"T0": 1, "T1": 1}
        assert not followed(small_config(), {"event": DEPOSIT}, {"event": TRADE}, {**breached, "before": {}}).holds

    def test_takes_the_highest_leverage_where_a_position_is_only_seen(self) -> None:
        """STP-4: a leverage is in no observation; 20 of equity at 1/5 is just what 1 of A needs."""
        shown = {
            "positions": [{**KEY, "state": "healthy", "size": "1", "cost": "100", "life": 1}],
            "pools": [{"account": "alice", "mode": "cross", "collateral": "20"}],
        }
        withdraw = {"type": "withdraw", "account": "alice", "amount": "1"}
        found = followed(
            small_config(),
            {"event": {**DEPOSIT, "amount": "7"}, "observation": shown},
            {"event": withdraw, "refused": "insufficient_margin"},
            {"event": {**DEPOSIT, "amount": "1"}},
            {"event": withdraw, "accepted": True},
        )
        assert (found.diverged, found.adopted) == (1, 1)

    def test_is_not_where_nothing_is_known_of_an_account_that_the_run_does_not_have(self) -> None:
        """STP-6: carol is listed by the engine only, as a position and as a pool."""
        carol = {"account": "carol", "mode": "cross"}
        shown = {"positions": [{**carol, "market": "A", "state": "healthy"}], "pools": [{**carol, "equity": "0"}]}
        found = followed(small_config(), {"event": DEPOSIT, "observation": shown})
        (first,) = found.first.values()
        assert (first.account, str(first.reason.difference)) == (
            follow.VENUE,
            "carol/A/cross positions: ours not listed, theirs listed",
        )
        assert '"carol" is not among the accounts of the configuration' in first.went_on


BEFORE = {
    "a leverage that nothing shows": (
        {"positions": [{**KEY, "size": "1"}]},
        "before.positions.leverage: required for A, which the lines before do not have",
    ),
    "an amount off its grid": (
        {"pools": [{"account": "alice", "mode": "cross", "collateral": "0.5"}]},
        "before.accounts.alice.cross.collateral: 0.5 is not a multiple of 1",
    ),
    "a snapshot of another format": (
        {**snapshot_after(), "format": 9},
        "before.format: this version reads format 1, got 9",
    ),
}


@pytest.mark.parametrize("name", BEFORE)
def test_a_state_between_lines_that_is_none_is_refused_at_its_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """STP-2."""
    before, said = BEFORE[name]
    lines: test_audit.Lines = [{"format": 1, "config": small_config()}, {"event": DEPOSIT, "before": before}]
    path = test_audit.written(tmp_path / "log.jsonl", lines)
    assert run_here(monkeypatch, "audit", str(path)) == 2
    assert capsys.readouterr().err.startswith(f"liqspec: {path}:2: {said}")


# --------------------------------------------------------------------------------------------------- what is reported


def test_accounts_beyond_what_is_kept_are_counted_once_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 24 accounts that depart from the rules, 21 are kept and 20 shown; one of the others departs twice."""
    monkeypatch.setattr(follow, "MAX_KEPT", 21)
    names = [f"trader{number:02}" for number in range(24)]
    wrong = [{"event": {**DEPOSIT, "account": name}, "refused": "off_grid"} for name in [*names, names[-1]]]
    found = followed(small_config(accounts=names), *wrong)
    assert (found.diverged, list(found.first)) == (25, names[:21])
    said = text(found, capsys)
    assert "… and 4 accounts more; --json has 21 of them\n" in said
    assert "trader19" in said and "trader20" not in said


def test_what_was_assumed_of_the_state_before_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """STP-3."""
    known = {"positions": [{**KEY, "size": "10", "leverage": 5}], "pools": [{**POOL, "collateral": "200"}]}
    found = followed(small_config(), {"event": BREACH, "accepted": True}, before=known)
    assert found.holds
    said = text(found, capsys)
    assert "\nNot known at the beginning, and assumed: " in f"\n{said}"
    assert "positions[alice/A/cross].cost: 1000 (STP-3)" in said


def test_what_ended_an_audit_is_in_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines: test_audit.Lines = [
        {"format": 1, "config": small_config()},
        {"event": DEPOSIT, "accepted": True},
        {"surprise": 1},
    ]
    path = test_audit.written(tmp_path / "log.jsonl", lines)
    assert run_here(monkeypatch, "audit", str(path), "--json") == 2
    data = json.loads(capsys.readouterr().out)
    assert (data["holds"], data["events"]) == (False, 1)
    assert data["error"].startswith(f"{path}:3: surprise: unknown field")


def test_progress_is_reported_in_bytes_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "EVERY", 2)
    seen: list[tuple[int, int]] = []
    lines = [{"format": 1, "config": small_config()}, *[{"event": DEPOSIT, "accepted": True}] * 4]
    path = test_audit.written(tmp_path / "log.jsonl", lines)
    written = path.read_text(encoding="utf-8").splitlines(keepends=True)
    run.audit(path, progress=lambda read, size, _: seen.append((read, size)))
    sizes = [sum(map(len, written[:count])) for count in (2, 4, 5)]
    assert seen == [(sizes[0], sizes[2]), (sizes[1], sizes[2])]


# ----------------------------------------------------------------------------------------------------------- the lines

BAD_ENTRIES = {
    "a list": ([1], "expected an object, got [1]"),
    "a state before that is a text": (
        {"event": DEPOSIT, "before": "healthy"},
        'before: expected an object, got "healthy"',
    ),
    "executions that are not a list": ({"event": BREACH, "executed": FILL}, "executed: expected a list, got {"),
    "executions of what was refused": (
        {"event": BREACH, "refused": "off_grid", "executed": [FILL]},
        "executed: a refused event executes nothing",
    ),
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_a_line_that_says_what_cannot_be_is_refused(name: str) -> None:
    data, said = BAD_ENTRIES[name]
    with pytest.raises(WrongShape) as caught:
        Entry.from_json(data)
    assert str(caught.value).startswith(said)


def test_a_head_in_a_file_of_its_own_must_be_an_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "head.json").write_text("[1]", encoding="utf-8")
    (tmp_path / "log.csv").write_text("event.type\nblock\n", encoding="utf-8")
    arguments = (str(tmp_path / "log.csv"), "--head", str(tmp_path / "head.json"))
    assert run_here(monkeypatch, "audit", *arguments) == 2
    assert "expected an object, got [1]" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------------- the tables


class TestARow:
    def test_says_of_a_position_its_pool_the_vault_and_the_run_what_a_line_says(self) -> None:
        row: dict[str, Any] = {f"event.{name}": value for name, value in TRADE.items()}
        row |= {"event.mode": "isolated", "time": 5, "position.order": "null", "position.size": "10"}
        row |= {"pool.equity": "3", "vault.positions": '{"A": "1"}', "accepted": "true"}
        key = {**KEY, "mode": "isolated"}
        assert tables.entry(row) == {
            "event": {**TRADE, "mode": "isolated"},
            "accepted": True,
            "observation": {
                "time": 5,
                "positions": [{**key, "order": None, "size": "10"}],
                "pools": [{"account": "alice", "mode": "isolated", "market": "A", "equity": "3"}],
                "vault": {"positions": {"A": "1"}},
            },
        }

    def test_says_of_inputs_and_marks_what_a_line_says(self) -> None:
        """MRK-1, MRK-8."""
        event = {"type": "price_inputs", "market": "A", "index": "3", "perps": [{"price": "3", "weight": 1}]}
        row = {f"event.{name}": value for name, value in event.items() if name != "perps"}
        row |= {"event.perps": '[{"price": "3", "weight": 1}]', "marks": '{"A": "3"}'}
        assert tables.entry(row) == {"event": event, "observation": {"marks": {"A": "3"}}}

    def test_can_show_a_position_and_not_its_pool(self) -> None:
        row = {**{f"event.{name}": value for name, value in TRADE.items()}, "position.cooldown_until": "90"}
        assert tables.entry(row)["observation"] == {"positions": [{**KEY, "cooldown_until": 90}]}

    def test_lays_its_columns_over_what_is_whole(self) -> None:
        row = {"event": json.dumps(DEPOSIT), "event.amount": "7", "observation": '{"time": 1, "block": 2}', "time": "3"}
        assert tables.entry(row) == {"event": {**DEPOSIT, "amount": "7"}, "observation": {"time": 3, "block": 2}}

    def test_keeps_an_event_that_is_no_object_for_the_rules_to_refuse(self) -> None:
        """EVT-2."""
        assert tables.entry({"event": "5", "refused": "bad_request"}) == {"event": 5, "refused": "bad_request"}

    def test_does_not_name_a_pool_where_its_event_names_no_account(self) -> None:
        with pytest.raises(WrongShape, match=r"^pool: the event does not name a pool; write `observation` as JSON"):
            tables.entry({"event.type": "block", "pool.equity": "3"})

    def test_has_no_whole_observation_but_an_object(self) -> None:
        with pytest.raises(WrongShape, match=r"^observation: expected an object, got 5$"):
            tables.entry({"event.type": "block", "observation": "5", "time": "3"})


def test_a_column_that_is_repeated_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "head.json").write_text(json.dumps({"format": 1, "config": small_config()}), encoding="utf-8")
    (tmp_path / "log.csv").write_text("event.type,note,note\nblock,a,b\n", encoding="utf-8")
    arguments = (str(tmp_path / "log.csv"), "--head", str(tmp_path / "head.json"))
    assert run_here(monkeypatch, "audit", *arguments) == 2
    assert capsys.readouterr().err == f"liqspec: {tmp_path / 'log.csv'}: note: this column is repeated\n"


def test_decimals_of_parquet_are_amounts_to_the_last_digit(tmp_path: Path) -> None:
    """AMT-3: never a float, and no exponent."""
    row = {"event.type": "deposit", "event.account": "alice", "event.amount": "200"}
    table = pa.Table.from_pylist([{**row, "pool.collateral": "200"}])
    amounts = table["event.amount"].cast(pa.decimal128(38, 10))
    table = table.set_column(table.schema.get_field_index("event.amount"), "event.amount", amounts)
    pa_parquet.write_table(table, tmp_path / "log.parquet")
    assert run.audit(tmp_path / "log.parquet", head={"format": 1, "config": small_config()}).holds
    with (tmp_path / "log.parquet").open("rb") as file:
        ((row, _),) = parquet.rows_of(file, 10_000)[2]
    assert tables.entry(row)["event"]["amount"] == "200.0000000000"


def test_a_table_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    rows = ["event.type,event.account,event.amount,accepted", *["deposit,alice,1,true"] * 20, "deposit,alice,1,true,5"]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = run.audit(path, head={"format": 1, "config": small_config()})
    assert found.events == 20 and not found.holds
    assert found.error == f"{path}: after row 21: expected 4 columns, got 5"


# ----------------------------------------------------------------------------------------------------------- the parts

PARTED: test_audit.Lines = test_audit.log_of(small_config(), [DEPOSIT, TRADE, BREACH, FILL])


class TestAFolder:
    def test_is_read_as_one_log(self, tmp_path: Path) -> None:
        """The third line of the second part is the sixth of the log."""
        wrong = {"event": DEPOSIT, "observation": {"pools": [{**POOL, "collateral": "1"}]}}
        lines = [*PARTED, wrong]
        test_audit.written(tmp_path / "part-1.jsonl", lines[:3])
        test_audit.written(tmp_path / "part-2.jsonl", lines[3:])
        (tmp_path / "_SUCCESS").write_text("", encoding="utf-8")
        found = run.audit(tmp_path)
        assert [(one.account, one.line) for one in found.first.values()] == [("alice", 6)]
        seen: list[tuple[int, int]] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "EVERY", 6)
            run.audit(tmp_path, progress=lambda read, size, _: seen.append((read, size)))
        size = sum(part.stat().st_size for part in tmp_path.iterdir())
        assert seen == [(size, size)]
        assert run.to_json(run.audit(tmp_path, workers=2)) == run.to_json(found)

    def test_of_tables_has_its_run_in_another_file(self, tmp_path: Path) -> None:
        for name, lines in (("a", PARTED[:3]), ("b", [PARTED[0], *PARTED[3:]])):
            test_audit.as_parquet(tmp_path / f"{name}.parquet", lines)
        found = run.audit(tmp_path, head=PARTED[0])
        assert (found.holds, found.events) == (True, 4)

    @pytest.mark.parametrize(
        ("names", "said"),
        [
            ([], "has no parts of a log; give a file, or a folder with files"),
            (["a.jsonl", "b.csv"], "give --format, or files that end in one of .jsonl, .ndjson, .csv, .parquet"),
            (["a.txt"], "give --format, or files that end in one of .jsonl, .ndjson, .csv, .parquet"),
            (["in/a.jsonl"], "in: is not a file; the parts of a log are files in one folder"),
        ],
    )
    def test_that_is_no_log_is_refused(self, names: list[str], said: str, tmp_path: Path) -> None:
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("{}", encoding="utf-8")
        with pytest.raises(InvalidLog) as caught:
            run.audit(tmp_path)
        assert str(caught.value).endswith(said)

    def test_with_a_wrong_line_names_it_by_its_number_in_the_log(self, tmp_path: Path) -> None:
        test_audit.written(tmp_path / "1.jsonl", PARTED[:2])
        test_audit.written(tmp_path / "2.jsonl", [*PARTED[2:], {"surprise": 1}])
        assert run.audit(tmp_path).error.startswith(f"{tmp_path}:6: surprise: unknown field")
