"""The chart of the assessment is run: each assessed pool of random runs goes the way that the chart says (LIQ-8 to 13).

The questions are answered by the model's measures when the event has made its change; the actions at the nodes of the
way are compared with the effects that happened.
"""

from functools import cache
from random import Random

import attrs
import pytest

from adversaries.wrong_engines.search import SHIPPED
from liqspec.core import arithmetic, assessment, changes, machine
from liqspec.core.config import Config
from liqspec.core.effects import Effect, OrderEnded, Transitioned
from liqspec.core.engine import Engine, apply_event
from liqspec.core.state import Pool, State
from liqspec.generate.configurations import configuration
from liqspec.generate.guide import Guide
from liqspec.spec import charts

CHART = charts.assessment()
QUESTIONS = [name for name, node in CHART.nodes.items() if node.kind == "question"]
RUNS, LENGTH = 60, 80
# What assessment does to a pool, besides transitions and the end of a restored pool's order.
ACTIONS = ("LiquidationEntered", "LiquidationLeft", "DeficitCovered", "OrderEmitted", "Backstopped")


@attrs.frozen
class Assessed:
    """One pool when its assessment began: the answer to each question, what it was, and what was done."""

    answers: dict[str, bool]
    in_liquidation: bool
    deficit: bool
    states: frozenset[str]
    done: frozenset[str]


def answers_of(state: State, pool: Pool) -> dict[str, bool]:
    """The answer to each question of the chart."""
    inputs, held = changes.measure(state, pool), pool.open_positions()
    equity, margin = inputs.equity, inputs.maintenance_margin
    stops = inputs.restored and state.venue.stop_when_restored
    return {
        "has_position": bool(held),
        "working": pool.order_working(),
        "may_stop": stops,
        "needs_liquidation": inputs.needs_liquidation,
        "untried": any(
            # Step 4 makes healthy positions liquidatable first, and a cancelled order was not an attempt.
            position.state in ("healthy", "cooldown", "liquidatable")
            and (not position.attempted or (stops and position.order is not None))
            for position in held
        ),
        "failed": inputs.book_failed and arithmetic.below_backstop(equity, margin, inputs.backstop_threshold),
    }


def way(chart: charts.Assessment, answers: dict[str, bool]) -> list[str]:
    """The nodes from the first one to an end."""
    names = [chart.first]
    while exits := chart.nodes[names[-1]].exits:
        answer = "" if chart.nodes[names[-1]].kind != "question" else "yes" if answers[names[-1]] else "no"
        names.append(exits[answer])
    return names


def expected(chart: charts.Assessment, pool: Assessed) -> set[str]:
    """What the nodes on the way of a pool do to it."""
    done: set[str] = set()
    for name in way(chart, pool.answers):
        transitions = [machine.lifecycle().by_id[number] for number in chart.nodes[name].transitions]
        if name == "backstop" or any(pool.states.intersection(entry.sources) for entry in transitions):
            done.update({f"transition of {name}"} if transitions else ())
        if name in ("empty", "leave") and pool.in_liquidation:
            done.add("LiquidationLeft")
        if name == "enter" and not pool.in_liquidation:
            done.add("LiquidationEntered")
        if name == "empty" and pool.deficit:
            done.add("DeficitCovered")
        done.update({"cancel": ["cancelled"], "market": ["OrderEmitted"]}.get(name, []))
        done.update(("Backstopped", "LiquidationLeft") if name == "backstop" else ())
    return done


def label(effect: Effect) -> str | None:
    """What an effect is to the chart; None if it is nothing of an assessment."""
    if isinstance(effect, OrderEnded):
        return "cancelled" if effect.how == "restored" else None
    if isinstance(effect, Transitioned):
        nodes = [name for name, node in CHART.nodes.items() if effect.transition in node.transitions]
        return f"transition of {nodes[0]}" if nodes else None
    name = type(effect).__name__
    return name if name in ACTIONS else None


@cache
def assessed() -> tuple[Assessed, ...]:
    """Every pool that was assessed in some random runs."""
    right, seen = assessment.assess, list[Assessed]()

    def assess(state: State, pools: list[Pool], effects: list[Effect]) -> None:
        began, before = len(effects), [Assessed(*_start(state, pool), frozenset()) for pool in pools]
        right(state, pools, effects)
        for pool, start in zip(pools, before, strict=True):
            about = {pool.key, *(position.key for position in pool.positions.values())}
            labels = [label(effect) for effect in effects[began:] if effect.subject in about]
            seen.append(attrs.evolve(start, done=frozenset(one for one in labels if one is not None)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assessment, "assess", assess)
        for number in range(RUNS):
            random = Random(f"chart/{number}")
            engine = Engine(Config.from_json(configuration(random, random.choice(SHIPPED))))
            guide = Guide(random, engine)
            for _ in range(LENGTH):
                apply_event(engine, guide.next_event())
    return tuple(seen)


def _start(state: State, pool: Pool) -> tuple[dict[str, bool], bool, bool, frozenset[str]]:
    states = frozenset(position.state for position in pool.open_positions())
    return answers_of(state, pool), pool.in_liquidation, pool.collateral < 0, states


def test_every_pool_is_assessed_as_the_chart_says() -> None:
    """LIQ-8, LIQ-9, LIQ-10, LIQ-11, LIQ-12, LIQ-13, BKS-1, BKS-2, BKS-7."""
    for pool in assessed():
        assert pool.done == expected(CHART, pool), way(CHART, pool.answers)
    ends = {way(CHART, pool.answers)[-1] for pool in assessed()}
    assert ends == {name for name, node in CHART.nodes.items() if node.kind == "end"}, "each end is reached"


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_chart_with_two_answers_swapped_is_seen(name: str) -> None:
    node = CHART.nodes[name]
    swapped = {**CHART.nodes, name: attrs.evolve(node, yes=node.no, no=node.yes)}
    wrong = attrs.evolve(CHART, nodes=swapped)
    assert any(pool.done != expected(wrong, pool) for pool in assessed())


def test_every_question_of_the_chart_is_answered() -> None:
    assert all(pool.answers.keys() == set(QUESTIONS) for pool in assessed())
