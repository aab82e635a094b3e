"""The lifecycle table is valid, a broken one is refused by name, and the machine built from it does what it says."""

import inspect
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqspec.core import arithmetic, changes, machine
from liqspec.core.arithmetic import Ratio
from liqspec.core.config import Mode
from liqspec.core.engine import Engine
from liqspec.core.machine import InvalidMachine, Lifecycle, TransitionEntry
from liqspec.core.state import GuardInputs, Position, Window
from liqspec.edge import files
from support.builders import (
    apply,
    backstopped,
    chunk_badly_filled,
    holding,
    mark,
    order_event,
    position,
    restored_by_a_fill,
    small_engine,
    trade,
    transitions,
    waiting,
    working,
)

TABLE = files.ROOT / "machine.toml"
LIFECYCLE = machine.lifecycle()
STATES = list(LIFECYCLE.table.states)
GUARDS = list(LIFECYCLE.table.guards)
TRIGGERS = list(LIFECYCLE.table.triggers)
BY_ID = pytest.mark.parametrize("entry", LIFECYCLE.table.transitions, ids=lambda entry: entry.id)


def load_with(tmp_path: Path, *replacements: tuple[str, str], more: str = "") -> Lifecycle:
    """The table with some of its text replaced, and more text after it."""
    text = TABLE.read_text("utf-8")
    for old, new in replacements:
        assert text.count(old) == 1, f"{old!r} must be in the table exactly once"
        text = text.replace(old, new)
    changed = tmp_path / "machine.toml"
    changed.write_text(text + more, "utf-8")
    return machine.load(changed)


def new_position(state: str, size: int = 5, until: int = 0) -> Position:
    mode: Mode = "cross"
    market = small_engine().venue.markets["A"]
    return Position("alice", market, mode, state=state, size=size, window=Window(until, until))


def situations() -> list[tuple[GuardInputs, int, int]]:
    """GuardInputs, a size, and the end of a window, that make every combination of guards which arithmetic allows."""
    return [
        (GuardInputs(equity, 100, in_liquidation, failed, Ratio(2, 3), now=10), size, until)
        for equity, in_liquidation, failed, size, until in product(
            (50, 80, 100), (True, False), (True, False), (0, 5), (0, 11)
        )
    ]


def holds(entry: TransitionEntry, subject: Position, inputs: GuardInputs) -> bool:
    """Whether all guards of a transition hold, read from the table and not from the machine."""
    return all(
        getattr(subject, machine.guard_name(guard))(inputs) is not guard.startswith(machine.NOT)
        for guard in entry.guard
    )


class TestTheTable:
    """LIF-1."""

    def test_loads_and_is_the_table_of_the_design(self) -> None:
        """LIF-1: fourteen transitions, as (trigger, from, to)."""
        fourteen = {
            "T0": ("open", ("new", "closed"), "healthy"),
            "T1": ("assess", ("healthy",), "liquidatable"),
            "T2": ("assess", ("cooldown",), "liquidatable"),
            "T3": ("assess", ("liquidatable",), "cooldown"),
            "T4": ("assess", ("liquidatable",), "healthy"),
            "T5": ("assess", ("liquidatable", "partially_liquidated"), "backstopped"),
            "T6": ("fill", ("liquidatable", "partially_liquidated"), "partially_liquidated"),
            "T7": ("fill", ("liquidatable", "partially_liquidated"), "closed"),
            "T8": ("block", ("partially_liquidated",), "cooldown"),
            "T9": ("block", ("partially_liquidated",), "healthy"),
            "T10": ("block", ("cooldown",), "healthy"),
            "T11": ("block", ("backstopped",), "closed"),
            "T12": ("reduce", ("healthy", "cooldown", "liquidatable", "partially_liquidated"), "closed"),
            "T13": ("deleverage", ("healthy", "cooldown", "liquidatable", "partially_liquidated"), "closed"),
        }
        found = {
            entry.id: (entry.trigger, tuple(sorted(entry.sources)), entry.to) for entry in LIFECYCLE.table.transitions
        }
        assert found == {name: (trigger, tuple(sorted(source)), to) for name, (trigger, source, to) in fourteen.items()}

    def test_every_guard_is_a_method_of_a_position(self) -> None:
        """LIF-1: by its name, and it cites the rule that the table gives."""
        for name, guard in LIFECYCLE.table.guards.items():
            method = getattr(Position, name)
            assert callable(method)
            assert guard.rule in (inspect.getdoc(method) or "")

    def test_every_guard_is_used(self) -> None:
        used = {machine.guard_name(guard) for entry in LIFECYCLE.table.transitions for guard in entry.guard}
        assert used == set(GUARDS)

    def test_nothing_but_the_triggers_of_the_table_can_be_fired(self) -> None:
        assert set(LIFECYCLE.machine.events) == set(LIFECYCLE.table.triggers)

    def test_only_opening_leads_out_of_closed(self) -> None:
        """LIF-2: closed is final for its life."""
        assert [entry.id for entry in LIFECYCLE.table.transitions if "closed" in entry.sources] == ["T0"]

    def test_candidates_are_those_of_the_table_in_its_order(self) -> None:
        """LIF-1."""
        assert [entry.id for entry in LIFECYCLE.candidates("liquidatable", "assess")] == ["T3", "T4", "T5"]
        assert LIFECYCLE.candidates("closed", "assess") == []


class TestABrokenTable:
    """LIF-1: what the library would accept until it fires, or forever, is refused in one line that names the entry."""

    def test_the_unbroken_copy_loads(self, tmp_path: Path) -> None:
        assert load_with(tmp_path).table == LIFECYCLE.table

    @pytest.mark.parametrize(
        ("replacement", "more", "message"),
        [
            (('initial = "new"', 'initial = "newt"'), "", "initial: unknown state 'newt'"),
            (
                ('guard = ["needs_liquidation"]\nto = "liquidatable"\nrules = ["LIQ-3", "LIQ-5", "LIQ-11"]', "to = 1"),
                "",
                "transitions[2].to: expected a string, got 1",
            ),
            (
                (
                    'id = "T11"\ntrigger = "block"\nfrom = ["backstopped"]',
                    'id = "T11"\ntrigger = "block"\nfrom = ["x"]',
                ),
                "",
                "transitions.T11: unknown state 'x'; the states are: new, healthy, liquidatable, "
                "partially_liquidated, cooldown, backstopped, closed",
            ),
            (
                ('to = "closed"\nrules = ["EVT-9", "BKS-5"]', 'to = "clsoed"\nrules = ["EVT-9", "BKS-5"]'),
                "",
                "transitions.T11: unknown state 'clsoed'",
            ),
            (
                ('guard = ["below_backstop", "book_failed"]', 'guard = ["below_backstop", "book_faild"]'),
                "",
                "transitions.T5: unknown guard 'book_faild'; the guards are: needs_liquidation, restored, ",
            ),
            (
                ('guard = ["restored", "not own_window_open"]', 'guard = ["restored", "not window_open"]'),
                "",
                "transitions.T4: unknown guard 'not window_open'",
            ),
            (('trigger = "reduce"', 'trigger = "recude"'), "", "transitions.T12: unknown trigger 'recude'"),
            (
                ('guard = ["restored", "not own_window_open"]', 'guard = ["restored"]'),
                "",
                "transitions.T4: its guards and those of T3 can both hold in state 'liquidatable' on trigger 'assess'",
            ),
            (
                ('guard = ["restored", "own_window_open"]', 'guard = ["book_failed", "own_window_open"]'),
                "",
                "transitions.T5: its guards and those of T3 can both hold in state 'liquidatable' on trigger 'assess'",
            ),
            (
                ('from = ["liquidatable", "partially_liquidated"]\nguard = ["size_remains"]', 'from = ["cooldown"]'),
                '[[transitions]]\nid = "T14"\ntrigger = "fill"\nfrom = ["cooldown"]\nto = "closed"\n'
                'rules = ["X-1"]\nmeaning = "m"\n',
                "transitions.T14: its guards and those of T6 can both hold in state 'cooldown' on trigger 'fill'",
            ),
            (
                ("", ""),
                '[states.limbo]\nkind = "open"\nmeaning = "m"\n',
                "states.limbo: unreachable from 'new'",
            ),
            (('id = "T13"', 'id = "T12"'), "", "transitions.T12: is repeated"),
            (
                ('excludes = ["needs_liquidation", "below_backstop"]', 'excludes = ["needs_liquidation"]'),
                "",
                "guards.below_backstop: excludes 'restored', but not the other way round",
            ),
            (
                ('excludes = ["needs_liquidation", "below_backstop"]', 'excludes = ["nonsense"]'),
                "",
                "guards.needs_liquidation: excludes 'restored', but not the other way round",
            ),
            (
                (
                    'meaning = "The position\'s size is not 0 after the event."',
                    'meaning = "m"\nexcludes = ["nonsense"]',
                ),
                "",
                "guards.size_remains: excludes unknown guard 'nonsense'",
            ),
            (('rules = ["LIF-5"]', "rules = []"), "", "transitions.T13: rules names no rule"),
            (('from = ["new", "closed"]', "from = []"), "", "transitions.T0: from names no state"),
            (("", ""), '[triggers.wait]\nmeaning = "m"\n', "triggers.wait: no transition has it"),
            (("", ""), '[triggers.a]\nmeaning = "m"\n', "triggers.a: no transition has it"),
            (
                ("", ""),
                '[[transitions]]\nid = "T14"\ntrigger = "fill"\nfrom = ["partially_liquidated", "liquidatable"]\n'
                'to = "closed"\nrules = ["X-1"]\nmeaning = "m"\n',
                "transitions.T14: its guards and those of T6 can both hold in state 'liquidatable' on trigger 'fill'",
            ),
            (('from = ["new", "closed"]', ""), "", "transitions[1].from: required field is missing"),
            (('from = ["new", "closed"]', 'sources = ["new"]'), "", "transitions.T0: unknown field sources"),
            (('from = ["new", "closed"]', 'from = "new"'), "", 'transitions[1].from: expected a list, got "new"'),
            (('kind = "pseudo"', 'kind = "virtual"'), "", "states.new.kind: expected one of"),
            (('id = "T13"', 'id = "T13"\ncolour = "red"'), "", "transitions[14].colour: unknown field"),
        ],
        ids=lambda value: value if isinstance(value, str) and value else "",
    )
    def test_is_refused(self, tmp_path: Path, replacement: tuple[str, str], more: str, message: str) -> None:
        with pytest.raises(InvalidMachine) as caught:
            load_with(tmp_path, *([replacement] if replacement[0] else []), more=more)
        assert str(caught.value).startswith(f"machine.toml: {message}")
        assert "\n" not in str(caught.value)

    def test_a_state_that_only_leads_to_itself_is_unreachable(self, tmp_path: Path) -> None:
        more = (
            '[states.limbo]\nkind = "open"\nmeaning = "m"\n'
            '[[transitions]]\nid = "T14"\ntrigger = "open"\nfrom = ["limbo"]\nto = "limbo"\n'
            'rules = ["X-1"]\nmeaning = "m"\n'
        )
        with pytest.raises(InvalidMachine, match=r"states\.limbo: unreachable from 'new'"):
            load_with(tmp_path, more=more)

    def test_the_order_of_the_entries_does_not_matter_for_what_can_be_reached(self, tmp_path: Path) -> None:
        entry = (
            '[[transitions]]\nid = "{}"\ntrigger = "open"\nfrom = ["{}"]\nto = "{}"\nrules = ["X-1"]\nmeaning = "m"\n'
        )
        states = "".join(f'[states.{name}]\nkind = "open"\nmeaning = "m"\n' for name in ("far", "near"))
        more = states + entry.format("T14", "near", "far") + entry.format("T15", "healthy", "near")
        assert load_with(tmp_path, more=more).table.states["far"].kind == "open"

    def test_a_transition_that_is_no_table_of_fields_is_refused(self, tmp_path: Path) -> None:
        text = (files.ROOT / "machine.toml").read_text(encoding="utf-8").partition("[[transitions]]")[0]
        (tmp_path / "machine.toml").write_text(f"transitions = [3]\n{text}", encoding="utf-8")
        with pytest.raises(
            InvalidMachine, match=r"^machine\.toml: transitions\[1\]: expected a table of fields, got 3$"
        ):
            machine.load(tmp_path / "machine.toml")

    def test_a_file_that_is_no_table_at_all_is_refused(self, tmp_path: Path) -> None:
        broken = tmp_path / "machine.toml"
        broken.write_text("format = 1\nformat = 2\n")
        with pytest.raises(files.UnreadableFile, match="Cannot overwrite a value"):
            machine.load(broken)


EQUITIES = st.integers(-(10**9), 10**9)
MARGINS = st.integers(0, 10**9)
THRESHOLDS = st.integers(1, 1000).flatmap(lambda bottom: st.integers(1, bottom).map(lambda top: Ratio(top, bottom)))


class TestDeclaredExclusions:
    """LIF-1: guards declared exclusive are exclusive in the arithmetic, for margins from 0 and thresholds in (0, 1]."""

    @given(EQUITIES, MARGINS, st.booleans())
    def test_restored_and_needs_liquidation_never_hold_together(
        self, equity: int, margin: int, in_liquidation: bool
    ) -> None:
        """LIQ-4, LIQ-5: and with the target at the margin, one of them always does."""
        assert arithmetic.restored(equity, margin) is not arithmetic.needs_liquidation(equity, margin, in_liquidation)

    @given(EQUITIES, MARGINS, THRESHOLDS)
    def test_restored_and_below_backstop_never_hold_together(self, equity: int, margin: int, threshold: Ratio) -> None:
        """LIQ-4, BKS-1."""
        assert not (arithmetic.restored(equity, margin) and arithmetic.below_backstop(equity, margin, threshold))

    @given(MARGINS, THRESHOLDS)
    def test_not_even_where_they_meet(self, margin: int, threshold: Ratio) -> None:
        """LIQ-4, BKS-1: equity at the margin and one unit below it."""
        assert not arithmetic.below_backstop(margin, margin, threshold)
        assert not arithmetic.restored(margin - 1, margin)

    def test_these_are_all_that_the_table_declares(self) -> None:
        declared = {
            frozenset((name, other)) for name, guard in LIFECYCLE.table.guards.items() for other in guard.excludes
        }
        assert declared == {
            frozenset({"restored", "needs_liquidation"}),
            frozenset({"restored", "below_backstop"}),
        }


class TestTheMachine:
    """LIF-1: `transitions` moves a position exactly as the table says."""

    @BY_ID
    def test_takes_every_transition_from_each_of_its_states(self, entry: TransitionEntry) -> None:
        for source in entry.sources:
            taken = 0
            for inputs, size, until in situations():
                subject = new_position(source, size, until)
                if holds(entry, subject, inputs):
                    assert LIFECYCLE.fire(subject, entry.trigger, inputs) is entry
                    assert subject.state == entry.to
                    taken += 1
            assert taken, "no situation makes the guards hold"

    @pytest.mark.parametrize(("state", "trigger"), list(product(STATES, TRIGGERS)))
    def test_moves_only_where_exactly_one_transition_of_the_table_holds(self, state: str, trigger: str) -> None:
        """LIF-1: at most one ever does, and where none does nothing changes."""
        for inputs, size, until in situations():
            subject = new_position(state, size, until)
            expected = [entry for entry in LIFECYCLE.candidates(state, trigger) if holds(entry, subject, inputs)]
            assert len(expected) <= 1
            fired = LIFECYCLE.fire(subject, trigger, inputs)
            assert ([fired] if fired else []) == expected
            assert subject.state == (expected[0].to if expected else state)
            assert (subject.size, subject.window) == (size, Window(until, until))

    def test_two_positions_share_the_machine_and_not_their_states(self) -> None:
        first, second = new_position("new"), new_position("new")
        inputs = situations()[0][0]
        LIFECYCLE.fire(first, "open", inputs)
        assert (first.state, second.state) == ("healthy", "new")


class TestTheGuards:
    @pytest.mark.parametrize(("size", "remains"), [(5, True), (-5, True), (0, False)])
    def test_size_remains(self, size: int, remains: bool) -> None:
        """LIF-3."""
        assert new_position("liquidatable", size).size_remains(situations()[0][0]) is remains

    @pytest.mark.parametrize("failed", [True, False])
    def test_book_failed(self, failed: bool) -> None:
        """BKS-2."""
        inputs = GuardInputs(50, 100, True, failed, Ratio(2, 3), now=10)
        assert new_position("liquidatable").book_failed(inputs) is failed

    def test_the_book_failed_only_when_every_open_position_failed(self) -> None:
        """BKS-2: A has been tried and failed, B is still working; closed positions do not count."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="400")
        for market in ("A", "B"):
            trade(engine, "10", "100", 5, market=market)
        apply(engine, "marks", prices={"A": "88", "B": "88"})
        cross = engine.state.accounts["alice"].cross
        # 400 - 240 = 160 against 88 + 88
        order_event(engine, "order_done")
        assert not changes.measure(engine.state, cross).book_failed
        order_event(engine, "order_done", market="B")
        assert changes.measure(engine.state, cross).book_failed
        trade(engine, "-10", "88", market="B")
        assert not cross.positions["A"].failed, "restored by the sale, which forgets the failure"

    def test_each_guard_reads_its_own_inputs(self) -> None:
        """LIQ-4, LIQ-5, BKS-1, CLD-2."""
        subject = new_position("liquidatable", until=11)
        breached = GuardInputs(66, 100, False, False, Ratio(2, 3), now=10)
        assert subject.needs_liquidation(breached)
        assert subject.below_backstop(breached)
        assert not subject.restored(breached)
        assert subject.own_window_open(breached)
        healthy = GuardInputs(100, 100, True, False, Ratio(1, 1), now=11)
        assert not subject.needs_liquidation(healthy)
        assert not subject.below_backstop(healthy)
        assert subject.restored(healthy)
        assert not subject.own_window_open(healthy)


class TestTheLifecycleOfAnEngine:
    @pytest.mark.parametrize(
        "situation", [holding, working, waiting, backstopped, restored_by_a_fill, chunk_badly_filled]
    )
    def test_a_state_says_whether_there_is_a_size(self, situation: Callable[[], Engine]) -> None:
        """LIF-3: open states have one, backstopped and closed have none, no cost and no order."""
        engine = situation()
        seen = position(engine)
        if LIFECYCLE.table.states[seen["state"]].kind == "open":
            assert seen["size"] != "0"
        else:
            assert (seen["size"], seen["cost"], seen["order"]) == ("0", "0", None)

    def test_a_key_has_lives_and_nothing_of_one_carries_over(self) -> None:
        """LIF-2: neither the attempt nor the window nor the leverage of the first life is known in the second."""
        engine = working(liquidation={"cooldown_ms": 1000, "cooldown_scope": "position", "stop_when_restored": False})
        order_event(engine, "fill", size="1", price="88")
        order_event(engine, "order_done")
        assert transitions(trade(engine, "-9", "88")) == ["T12"]
        subject = engine.state.accounts["alice"].cross.positions["A"]
        assert (subject.life, subject.leverage, subject.attempted, subject.failed) == (1, 0, False, False)
        assert (subject.cost, subject.window) == (0, Window())
        # 200 - 120 = 80 buys 4 of the next life at 5x: 352 / 5 = 70.4
        assert transitions(trade(engine, "4", "88", 5)) == ["T0"]
        assert position(engine)["life"] == 2
        # 80 - 4 x 12 = 32 against 30.4, then 28 against 30: liquidated in the same block, since this life was not yet
        mark(engine, "76")
        assert transitions(mark(engine, "75")) == ["T1"]
        assert position(engine)["order"] == "4"

    def test_no_event_causes_the_reserved_transition(self) -> None:
        """LIF-5: the table lists it, and the model fires its trigger nowhere."""
        assert LIFECYCLE.by_id["T13"].trigger == "deleverage"
        sources = (Path(inspect.getfile(machine)).parent).glob("*.py")
        assert not [path.name for path in sources if '"deleverage"' in path.read_text("utf-8")]

    def test_each_transition_but_the_reserved_one_happens_in_some_run(self) -> None:
        """LIF-1, LIF-5: a table whose transitions never fire would satisfy every other test."""
        seen: set[str] = set()
        cooled = restored_by_a_fill(liquidation={"cooldown_ms": 1000})
        for engine, steps in (
            (holding(), [("mark_price", "88"), ("mark_price", "89")]),
            (cooled, [("block", "1"), ("mark_price", "87"), ("mark_price", "88"), ("block", "1000")]),
            (restored_by_a_fill(), [("block", "1")]),
            (backstopped(), [("block", "1")]),
        ):
            for kind, value in steps:
                effects = apply(engine, "block", time=int(value)) if kind == "block" else mark(engine, value)
                seen.update(transitions(effects))
        seen.update(transitions(trade(holding(), "-10")))
        seen.update(transitions(order_event(working(), "fill", size="10", price="88")))
        seen.update(transitions(order_event(working(), "fill", size="1", price="88")))
        seen.update(transitions(mark(waiting(), "85")))
        fresh = small_engine()
        apply(fresh, "deposit", account="alice", amount="20")
        seen.update(transitions(trade(fresh, "1", "100", 5)))
        assert seen == {f"T{number}" for number in range(13)}
