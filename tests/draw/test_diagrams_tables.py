"""The tables behind two pictures are true of the model: the chart of the assessment, and what a liquidation touches."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from liqspec.core import arithmetic, assessment, changes, machine
from liqspec.core.effects import Effect, OrderEmitted, WindowOpened
from liqspec.core.state import Pool, State
from liqspec.draw import flowcharts
from liqspec.draw.theme import LIGHT
from liqspec.edge import files
from liqspec.replay.run import Moment, Run
from liqspec.spec import charts, rulebook, scenarios
from liqspec.step import compare

CHART = charts.assessment()
ISOLATION = charts.isolation()


def moments() -> Iterator[tuple[str, Moment]]:
    """Every moment of every shipped scenario and worked example."""
    stories = [*(scenarios.load(name) for name in scenarios.names()), *rulebook.example_scenarios()]
    for story in stories:
        for moment in Run(story):
            yield story.name, moment


class TestTheChart:
    """LIQ-8 to LIQ-13: the steps as they are drawn are the steps as they are executed."""

    def test_its_rules_exist_and_its_steps_are_those_of_the_rules(self) -> None:
        assert {rule for node in CHART.nodes.values() for rule in node.rules} <= set(rulebook.rules())
        steps = {step: next(iter(nodes.values())).rules[0] for step, nodes in CHART.steps().items()}
        assert steps == {1: "LIQ-8", 2: "LIQ-9", 3: "LIQ-10", 4: "LIQ-11", 5: "LIQ-13"}

    def test_it_has_every_transition_of_the_assessment_once_with_a_rule_of_it(self) -> None:
        cited = [(name, node) for node in CHART.nodes.values() for name in node.transitions]
        table = machine.lifecycle().table.transitions
        assert sorted(name for name, _ in cited) == [entry.id for entry in table if entry.trigger == "assess"]
        for name, node in cited:
            assert set(node.rules) & set(machine.lifecycle().by_id[name].rules)

    def test_the_model_ends_each_assessment_where_the_chart_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ends: list[str] = []
        settled = assessment.settled_without_backstop
        last = assessment.backstop_or_wait

        def steps_1_to_4(state: State, pool: Pool, effects: list[Effect]) -> bool:
            end = _walk(CHART.first, state, pool)
            before = len(effects)
            done = settled(state, pool, effects)
            assert done == (end != "failed")
            assert any(isinstance(effect, OrderEmitted) for effect in effects[before:]) == (end == "market")
            ends.append(end)
            return done

        def step_5(state: State, pool: Pool, effects: list[Effect]) -> None:
            end = _walk("failed", state, pool)
            last(state, pool, effects)
            taken = any(position.state == "backstopped" for position in pool.positions.values())
            assert taken == (end == "backstop")
            ends.append(end)

        monkeypatch.setattr(assessment, "settled_without_backstop", steps_1_to_4)
        monkeypatch.setattr(assessment, "backstop_or_wait", step_5)
        for _ in moments():
            pass
        drawn = {name for name, node in CHART.nodes.items() if node.kind == "end"}
        assert set(ends) == drawn | {"failed"}, "every end is reached in some run"

    def test_a_chart_that_leads_nowhere_is_refused_by_name(self, tmp_path: Path) -> None:
        text = (files.ROOT / charts.ASSESSMENT).read_text("utf-8")
        for old, new, said in [
            ('next = "untried"', 'next = "tried"', "tried"),
            ('kind = "action"\nstep = 2', 'kind = "end"\nstep = 2', "nodes.cancel: kind end needs no next node"),
            ('kind = "start"', 'kind = "beginning"', 'assessment.toml:9: nodes.touched.kind: expected one of "start"'),
        ]:
            assert text.count(old) == 1
            path = tmp_path / charts.ASSESSMENT
            path.write_text(text.replace(old, new), "utf-8")
            with pytest.raises(charts.InvalidChart) as error:
                charts.assessment(path)
            assert said.replace("a end", "an end") in str(error.value).replace("a end", "an end")

    def test_each_format_has_every_node_once(self) -> None:
        source = flowcharts.assessment_dot(CHART, LIGHT).source
        text = flowcharts.assessment_mermaid(CHART)
        for name, node in CHART.nodes.items():
            assert source.count(f"\t{name} [label=<") == 1
            assert text.count(f'"{node.text}<br>') == 1


def _walk(name: str, state: State, pool: Pool) -> str:
    """Follow the chart through steps 1 to 4, or from step 5 on, by the inputs of a pool."""
    inputs = changes.measure(state, pool)
    held = pool.open_positions()
    cancelled = pool.order_working() and inputs.restored and state.venue.stop_when_restored
    answers: dict[str, Callable[[], bool]] = {
        "has_position": lambda: bool(held),
        "working": pool.order_working,
        "may_stop": lambda: inputs.restored and state.venue.stop_when_restored,
        "needs_liquidation": lambda: inputs.needs_liquidation,
        # Before step 4 the healthy ones are not yet liquidatable, and a cancelled order still counts as an attempt.
        "untried": lambda: any(
            position.state in ("healthy", "cooldown", "liquidatable")
            and not (position.attempted and not (cancelled and position.order is not None))
            for position in held
        ),
        "failed": lambda: (
            inputs.book_failed
            and arithmetic.below_backstop(inputs.equity, inputs.maintenance_margin, inputs.backstop_threshold)
        ),
    }
    start = name
    while True:
        node = CHART.nodes[name]
        if node.kind == "end" or (name == "failed" and start != "failed"):
            return name
        answer = "" if node.kind != "question" else ("yes" if answers[name]() else "no")
        name = node.exits[answer]


class TestWhatALiquidationTouches:
    """ACC-2, ACC-10, CLD-5: the model changes what the picture says it may, and nothing else."""

    def test_its_rules_exist(self) -> None:
        assert {rule for kind in ISOLATION.liquidations for reach in kind.reaches for rule in reach.rules} <= set(
            rulebook.rules()
        )

    @pytest.mark.parametrize("mode", ["cross", "isolated"])
    def test_fills_and_ended_orders_change_exactly_what_is_drawn(self, mode: str) -> None:
        (kind,) = (liquidation for liquidation in ISOLATION.liquidations if liquidation.of == mode)
        may_change = {reach.kind for reach in kind.reaches if reach.access == "changes"}
        changed: set[str] = set()
        for name, moment in moments():
            event = moment.event
            if event.get("type") in ("fill", "order_done") and event.get("mode") == mode and moment.refusal is None:
                for change in compare.changes(moment.before, moment.after):
                    target = _target(change.subject, event["account"], event["market"], mode)
                    assert target in may_change, f"{name}: {change}"
                    changed.add(target)
        assert changed == may_change, "each of them does change in some run"

    def test_an_order_of_a_sibling_is_forced_to_full_size_and_nothing_else_is_said_of_it(self) -> None:
        """CLD-5: an order is for the full size because of a window that another pool of the account opened."""
        assert {
            reach.access for kind in ISOLATION.liquidations for reach in kind.reaches if reach.kind == "sibling"
        } == {"orders"}
        story = scenarios.load("windows-of-a-sibling")
        opened: set[str] = set()
        forced: set[str] = set()
        for moment in Run(story):
            opened |= {effect.position for effect in moment.effects if isinstance(effect, WindowOpened)}
            forced |= {
                effect.position
                for effect in moment.effects
                if isinstance(effect, OrderEmitted) and effect.sizing == "window"
            }
        assert forced - opened

    def test_each_format_has_both_side_by_side(self) -> None:
        source, text = flowcharts.isolation_dot(ISOLATION, LIGHT).source, flowcharts.isolation_mermaid(ISOLATION)
        for liquidation in ISOLATION.liquidations:
            assert source.count(liquidation.title) == text.count(liquidation.title) == 1

    def test_a_table_of_another_shape_is_refused_by_line(self, tmp_path: Path) -> None:
        path = tmp_path / charts.ISOLATION
        text = (files.ROOT / charts.ISOLATION).read_text("utf-8")
        path.write_text(text.replace('kind = "vault"', 'kind = "bank"', 1), "utf-8")
        with pytest.raises(charts.InvalidChart, match=r'isolation\.toml:\d+: .*expected one of "pool", "sibling"'):
            charts.isolation(path)


def _target(subject: str, account: str, market: str, mode: str) -> str:
    """What a changed position, pool or vault is to the liquidated pool, as the table calls it."""
    if subject == "vault":
        return "vault"
    owner, *rest = subject.split("/")
    if owner != account:
        return "stranger"
    own = rest[-1] == mode and (mode == "cross" or rest[0] == market)
    return "pool" if own else "sibling"
