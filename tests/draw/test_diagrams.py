"""Pictures of the lifecycle: every state and every transition once in every format, and meaning without colour."""

import json
import re
import shutil
from collections import Counter
from xml.etree import ElementTree

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from liqspec.core import changes, machine
from liqspec.core.parameters import PARAMETERS, Parameter
from liqspec.draw import diagram, dot, lifecycle_dot, lifecycle_mermaid, statecharts
from liqspec.draw.diagram import CannotDraw, Diagram, at_venue
from liqspec.draw.legend import CURVES, PURPOSES, ROLES
from liqspec.draw.theme import DARK, LIGHT, THEMES, Theme
from liqspec.replay.run import Run
from liqspec.spec import rulebook, scenarios, venues

LIFECYCLE = machine.lifecycle()
WHOLE = diagram.whole(LIFECYCLE)
STATES = list(LIFECYCLE.table.states)
IDS = list(LIFECYCLE.by_id)
BOTH_THEMES = pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))

# A picture of some of the transitions: a format that counts on the whole table would fail on one of these.
PARTS = st.sets(st.sampled_from(IDS), min_size=1).map(
    lambda kept: evolve(WHOLE, transitions=tuple(entry for entry in WHOLE.transitions if entry.id in kept))
)


def names(picture: Diagram) -> list[str]:
    return [entry.id for entry in picture.transitions]


class TestOnce:
    """LIF-1: what is in the table is in the picture once, also a transition with several sources."""

    @given(PARTS)
    def test_graphviz_has_one_node_for_each_state_and_each_transition(self, picture: Diagram) -> None:
        source = lifecycle_dot.draw(picture, LIGHT).source
        nodes = re.findall(r"^\s*(\w+) \[label=", source, re.MULTILINE)
        assert Counter(nodes) == Counter(STATES + names(picture))

    @given(PARTS)
    def test_graphviz_leads_each_transition_from_its_sources_to_its_target(self, picture: Diagram) -> None:
        """A line from a frame stands for all of the frame's states."""
        source = lifecycle_dot.draw(picture, LIGHT).source
        edges = re.findall(r"^\s*(\w+) -> (\w+) \[(.*)\]$", source, re.MULTILINE)
        frames = {frame.name: set(frame.states) for frame in picture.frames}
        for entry in picture.transitions:
            heads: set[str] = set()
            tails: set[str] = set()
            for start, end, attributes in edges:
                if entry.id not in (start, end):
                    continue
                other = end if start == entry.id else start
                points_at_other = ("dir=forward" in attributes) == (other == end) and "dir=none" not in attributes
                if points_at_other:
                    heads.add(other)
                else:
                    cut = re.search(r"l(?:head|tail)=cluster_(\w+)", attributes)
                    tails |= frames[cut[1]] if cut else {other}
            assert heads == {entry.to}
            assert tails == set(entry.sources)

    @given(PARTS)
    def test_mermaid_declares_each_state_once_and_labels_each_transition_once(self, picture: Diagram) -> None:
        text = lifecycle_mermaid.draw(picture)
        assert re.findall(r"^    (\w+) : \1$", text, re.MULTILINE) == STATES
        assert Counter(re.findall(r"\bT[0-9]+\b", text)) == Counter(names(picture))
        for entry in picture.transitions:
            label = f"{entry.id} {entry.trigger} {diagram.condition(entry)} {entry.rules[0]}".replace("  ", " ")
            assert label in text.replace("<br>", " ")

    @given(PARTS)
    def test_scxml_has_each_state_and_each_transition_once(self, picture: Diagram) -> None:
        root = ElementTree.fromstring(statecharts.scxml(picture))
        elements = list(root.iter())
        ids = [element.get("id") for element in elements if element.get("id")]
        assert Counter(ids) == Counter([*STATES, *(frame.name for frame in picture.frames)])
        moves = [element for element in elements if element.tag == f"{{{statecharts.NAMESPACE}}}transition"]
        assert Counter(move.get(f"{{{statecharts.OWN}}}id") for move in moves) == Counter(names(picture))

    @given(PARTS)
    def test_xstate_has_each_state_and_each_transition_once(self, picture: Diagram) -> None:
        text = statecharts.xstate(picture)
        ids = re.findall(r'"id": "(\w+)"', text)
        assert Counter(ids) == Counter([statecharts.MACHINE, *STATES, *(frame.name for frame in picture.frames)])
        assert Counter(re.findall(r"\bT[0-9]+\b", text)) == Counter(names(picture))
        json.loads(text)

    @pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is missing: apt-get install graphviz")
    def test_an_image_has_each_state_and_each_transition_once(self) -> None:
        svg = dot.image(lifecycle_dot.draw(WHOLE, LIGHT), "svg").decode()
        titles = Counter(re.findall(r'<g id="node\w+" class="node">\s*<title>(\w+)</title>', svg))
        assert titles == Counter(STATES + IDS)
        assert dot.image(lifecycle_dot.draw(WHOLE, DARK), "png").startswith(b"\x89PNG")
        assert dot.image(lifecycle_dot.draw(WHOLE, DARK), "pdf").startswith(b"%PDF")

    def test_what_leaves_several_states_leaves_one_frame(self) -> None:
        for entry in WHOLE.transitions:
            frame = WHOLE.frame_of(entry)
            assert (frame is None) == (len(entry.sources) == 1)
            assert frame is None or set(frame.states) == set(entry.sources)

    def test_frames_that_cross_are_refused(self) -> None:
        first = evolve(LIFECYCLE.table.transitions[0], sources=("healthy", "closed"))
        table = evolve(LIFECYCLE.table, transitions=(first, *LIFECYCLE.table.transitions[1:]))
        with pytest.raises(CannotDraw, match="cross"):
            diagram.whole(evolve(LIFECYCLE, table=table))


class TestLabels:
    """The issue of a label: transition, trigger, guards and the rule that acts."""

    def test_a_label_says_trigger_guard_and_rule(self) -> None:
        labels = re.findall(r" --> \w+ : (T.*)", lifecycle_mermaid.draw(WHOLE))
        assert "T5 assess<br>[below backstop,<br>book failed]<br>BKS-3" in labels
        assert "T11 block<br>EVT-9" in labels

    def test_every_rule_on_a_label_exists(self) -> None:
        assert {entry.rules[0] for entry in WHOLE.transitions} <= set(rulebook.rules())

    def test_the_reserved_transition_is_drawn_as_such(self) -> None:
        """LIF-5."""
        assert [entry.id for entry in WHOLE.transitions if entry.purpose == "reserved"] == sorted(
            set(IDS) - set(changes.reachable_transitions())
        )

    def test_the_path_into_trouble_runs_one_way(self) -> None:
        """From left to right: whatever leads deeper; drawn backwards are recovery, a second breach, and loops."""
        source = lifecycle_dot.draw(WHOLE, LIGHT).source
        backwards = set(re.findall(r"^\s*\w+ -> (T\w+) \[.*dir=back", source, re.MULTILINE))
        trouble = {entry.id for entry in WHOLE.transitions if entry.purpose == "trouble"}
        loops = {entry.id for entry in WHOLE.transitions if entry.to in entry.sources}
        assert (backwards & trouble) - loops == {"T2"}
        assert loops <= backwards


class TestViews:
    @pytest.mark.parametrize("trigger", list(LIFECYCLE.table.triggers))
    def test_a_trigger_shows_what_it_causes_and_nothing_else(self, trigger: str) -> None:
        part = diagram.of_trigger(WHOLE, trigger)
        entries = [entry for entry in LIFECYCLE.table.transitions if entry.trigger == trigger]
        assert names(part) == [entry.id for entry in entries]
        assert {state.name for state in part.states} == {
            name for entry in entries for name in (entry.to, *entry.sources)
        }

    @pytest.mark.parametrize("state", STATES)
    def test_a_state_shows_its_neighbours_and_nothing_else(self, state: str) -> None:
        part = diagram.of_state(WHOLE, state)
        entries = [entry for entry in LIFECYCLE.table.transitions if state in (entry.to, *entry.sources)]
        assert names(part) == [entry.id for entry in entries]
        assert all(state in (entry.to, *entry.sources) for entry in part.transitions)
        assert all(entry.to == state or entry.sources == (state,) for entry in part.transitions)

    def test_an_unknown_name_gets_those_there_are(self) -> None:
        with pytest.raises(CannotDraw, match=r"the triggers are: open, assess, fill, block, reduce, deleverage"):
            diagram.of_trigger(WHOLE, "liquidate")
        with pytest.raises(CannotDraw, match=r"the states are: new, healthy"):
            diagram.of_state(WHOLE, "dead")

    def test_a_part_is_no_machine_that_runs(self) -> None:
        for draw in (statecharts.scxml, statecharts.xstate):
            with pytest.raises(CannotDraw, match="whole lifecycle"):
                draw(diagram.of_state(WHOLE, "cooldown"))


class TestVenues:
    """CLD-1: without a cooldown there are no windows, so nothing that needs one can happen."""

    @pytest.mark.parametrize("venue", venues.names())
    def test_what_is_greyed_out_never_happens_in_a_scenario_of_the_venue(self, venue: str) -> None:
        impossible = {entry.id for entry in at_venue(WHOLE, venues.load(venue)).transitions if not entry.possible}
        for name in scenarios.names():
            story = scenarios.load(name)
            if story.config.liquidation == venues.load(venue).liquidation:
                run = Run(story)
                list(run)
                assert not impossible & set(run.outcome().transitions), name

    def test_a_venue_without_cooldown_has_none(self) -> None:
        picture = at_venue(WHOLE, venues.load("generic"))
        assert [state.name for state in picture.states if not state.possible] == ["cooldown"]
        assert [entry.id for entry in picture.transitions if not entry.possible] == ["T2", "T3", "T8", "T10"]
        assert any("cooldown_ms is 0 (CLD-1)" in note for note in picture.notes)

    @pytest.mark.parametrize("entry", PARAMETERS, ids=lambda entry: entry.path)
    def test_the_caption_names_each_parameter(self, entry: Parameter) -> None:
        chunks = {"cooldown_ms": 30000, "partial_threshold": "1000"}
        generic = venues.load("generic").changed(mark={}, liquidation=chunks)
        base = {} if entry.only_with is None else {entry.only_with[0]: entry.only_with[1]}
        before = generic.changed(**{entry.table: base})
        after = [before.changed(**{entry.table: {entry.name: value}}) for value in entry.samples]
        assert any(at_venue(WHOLE, one).notes != at_venue(WHOLE, before).notes for one in after)

    def test_the_caption_is_in_units_that_people_read(self) -> None:
        changed = venues.load("hyperliquid").changed(liquidation={"fee_rate": "1/1000"}, mark={"stale_ms": 1500})
        (said,) = [note for note in at_venue(WHOLE, changed).notes if note.startswith("Orders")]
        assert said.startswith(
            "Orders for 20 % of a position above 100,000, all of a pool at once; they run to their end; cooldown 30 s "
            "of the account; a fee of 0.1 % on liquidation fills; backstop below 2/3 of the margin; the vault keeps "
            "the equity"
        )
        assert "; an input counts for 1.5 s" in said

    def test_the_caption_names_what_a_market_restricts(self) -> None:
        generic = venues.load("generic")
        market = evolve(generic.markets["BTC"], modes=("isolated",), isolated_removal="never")
        venue = evolve(generic, markets={**generic.markets, "BTC": market})
        (said,) = [note for note in at_venue(WHOLE, venue).notes if note.startswith("Orders")]
        assert said.endswith("; BTC: isolated only; BTC: no collateral leaves a position")

    def test_a_venue_with_a_cooldown_can_do_everything(self) -> None:
        picture = at_venue(WHOLE, venues.load("hyperliquid"))
        assert all(entry.possible for entry in picture.transitions)
        assert all(state.possible for state in picture.states)

    def test_the_impossible_looks_different_in_each_format(self) -> None:
        picture = at_venue(WHOLE, venues.load("generic"))
        assert lifecycle_mermaid.draw(picture).count("(impossible here)") == 5
        assert lifecycle_dot.draw(picture, LIGHT).source.count("<S>") == 4


class TestCoverage:
    @given(st.dictionaries(st.sampled_from(IDS), st.integers(0, 10**9)))
    def test_what_never_fired_cannot_be_overlooked(self, counts: dict[str, int]) -> None:
        picture = diagram.covered(WHOLE, counts)
        never = [name for name in changes.reachable_transitions() if not counts.get(name)]
        assert lifecycle_dot.draw(picture, DARK).source.count("NEVER FIRED") == len(never)
        assert lifecycle_mermaid.draw(picture).count("NEVER FIRED") == len(never)
        for entry in picture.transitions:
            line = lifecycle_dot.stroke(entry, DARK)
            assert (line.color == DARK.alarm) == (entry.id in never)

    @given(st.integers(1, 10**9), st.integers(1, 10**9))
    def test_more_often_is_never_thinner(self, first: int, second: int) -> None:
        low, high = sorted((first, second))
        widths = [
            lifecycle_dot.stroke(diagram.covered(WHOLE, {"T1": count}).transitions[1], LIGHT).width
            for count in (low, high)
        ]
        assert widths == sorted(widths)

    def test_a_count_of_an_unknown_transition_is_refused(self) -> None:
        with pytest.raises(CannotDraw, match=r"transitions\.T99: no such transition"):
            diagram.covered(WHOLE, {"T99": 1})


class TestPalette:
    """Meaning survives colour-blindness and greyscale, because no colour carries it alone; and text can be read."""

    @BOTH_THEMES
    def test_each_state_has_a_look_of_its_own(self, theme: Theme) -> None:
        assert Counter(map(diagram.role_of, STATES)) == Counter(list(ROLES))
        assert len({(box.fill, box.border) for box in theme.boxes.values()}) == len(STATES)

    @BOTH_THEMES
    def test_no_two_roles_or_purposes_differ_by_colour_alone(self, theme: Theme) -> None:
        outlines = [(box.outline, box.width, box.rounded, box.double) for box in theme.boxes.values()]
        patterns = [(line.pattern, line.width, line.arrow) for line in theme.lines.values()]
        assert len(set(outlines)) == len(ROLES)
        assert len(set(patterns)) == len(PURPOSES)
        assert len({(curve.width, curve.dashes) for curve in theme.curves.values()}) == len(CURVES)
        hatches = [box.hatch for box in theme.boxes.values() if box.hatch]
        assert len(set(hatches)) == len(hatches)

    @BOTH_THEMES
    def test_steps_of_a_scale_are_distinguished_by_weight(self, theme: Theme) -> None:
        widths = [line.width for _, line in lifecycle_dot.scale_steps(theme)]
        assert widths == sorted(set(widths))

    @BOTH_THEMES
    def test_text_stands_out_from_what_is_behind_it(self, theme: Theme) -> None:
        """A contrast of 4.5 is what accessibility guidelines ask of text of this size."""
        pairs = [(box.text, box.fill) for box in theme.boxes.values()]
        inks = [theme.text, theme.quiet, *(line.color for line in theme.lines.values())]
        pairs += [(ink, behind) for ink in inks for behind in (theme.background, theme.panel)]
        pairs += [(theme.text, theme.areas[area]) for area in ("breached", "below_backstop")]
        pairs += [(theme.background, theme.areas["window"])]
        pairs += [(theme.alarm_text, theme.alarm), (theme.alarm, theme.background)]
        assert [(ink, behind) for ink, behind in pairs if contrast(ink, behind) < 4.5] == []

    @BOTH_THEMES
    def test_lines_stand_out_from_the_page(self, theme: Theme) -> None:
        lines = [*(box.border for box in theme.boxes.values()), *theme.scale[1:], theme.faint]
        assert [line for line in lines if contrast(line, theme.background) < 2.9] == []
        behind = [theme.panel, theme.areas["breached"], theme.areas["below_backstop"]]
        curves = [(curve.color, area) for curve in theme.curves.values() for area in behind]
        assert [pair for pair in curves if contrast(*pair) < 3] == []


def contrast(first: str, second: str) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
