"""Wrong engines: the properties detect each, and the scenarios of the specification most."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adversaries.wrong_engines.search import SHIPPED, contradicted, find, shortest_known, stories
from liqspec.step import wrong_engines
from liqspec.step.wrong_engines import AT_SCALE, CATALOGUE, EVERY, NOT_EXPRESSIBLE, WRONG_ENGINES, WrongEngine
from liqspec.verify.counterexample import shortest
from liqspec.verify.run import STEPS
from support.paths import TESTS

# Found only after more than 1,500 random events.
# fmt: off
SLOW = {
    "B51", "B56", "X08", "X27", "X29", "X33", "X41", "X62", "X65", "X66", "X92", "X96", "X97", "X161", "X171", "X178",
    "X189", "X190", "X192", "X195", "X196", "X211", "X213", "X216", "X218", "X219", "X221", "X225", "X227", "X238",
    "X340", "X342", "X343", "X344", "X345", "X349", "X365", "X366", "X367", "X368", "X374", "X378", "X379", "X381",
    "X382", "X383", "X385", "X386", "X387", "X388", "X389", "X395", "X396", "X401", "X404", "X406", "X408", "X412",
    "X413", "X414", "X415", "X416", "X418", "X419",
    "X205", "X31", "X356", "X341", "X246", "X255", "X248", "X348", "X260", "X364", "X261", "X254", "X262", "X244",
    "X249",
    "X331", "X334", "X337", "X338", "X339", "X241", "X242", "X243", "X245", "X250", "X251", "X253", "X256", "X257",
}
# fmt: on
SLOW |= AT_SCALE.keys() - {"X270", "X274", "X284", "X301"}

# A few of every kind, whose counterexamples are shrunk in the default profile too.
SHRUNK = ("B01", "B29", "X161")


def _parameters() -> list[object]:
    return [
        pytest.param(engine, id=engine.id, marks=[pytest.mark.thorough] if engine.slow or engine.id in SLOW else [])
        for engine in EVERY.values()
    ]


@pytest.mark.parametrize("engine", _parameters())
def test_random_events_find_a_violated_property(engine: WrongEngine) -> None:
    with engine.applied():
        assert find(STEPS) is not None, engine.title


@pytest.mark.parametrize(
    "number", [pytest.param(one, marks=[] if one in SHRUNK else [pytest.mark.thorough]) for one in EVERY]
)
def test_a_counterexample_has_at_most_twice_the_events_of_the_shortest_known(number: str) -> None:
    with EVERY[number].applied():
        found = find(STEPS)
        assert found is not None
        smallest = shortest([found.violation], SHIPPED, seed=1)
        assert smallest is not None
        assert len(smallest.events) <= 2 * shortest_known()[number]


@pytest.mark.thorough
def test_the_stories_contradict_most_wrong_engines() -> None:
    """A second detector that shares nothing with the first: expectations written by hand."""
    shipped = stories()
    seen = []
    for engine in WRONG_ENGINES.values():
        with engine.applied():
            if contradicted(shipped) is not None:
                seen.append(engine.id)
    assert len(seen) > len(WRONG_ENGINES) // 3


def test_the_right_engine_is_not_found_wrong() -> None:
    assert find(2_000) is None
    assert contradicted(stories()) is None


def test_every_bug_of_the_catalogue_is_an_engine_or_has_a_reason_not_to_be() -> None:
    ours = {number for number in WRONG_ENGINES if number.startswith("B")}
    assert ours | set(NOT_EXPRESSIBLE) == set(CATALOGUE)
    assert not ours & set(NOT_EXPRESSIBLE)
    assert all(NOT_EXPRESSIBLE.values())


def test_every_patch_changes_something_and_leaves_no_trace() -> None:
    for engine in EVERY.values():
        before = [patch.read() for patch in engine.patches]
        with engine.applied():
            now = [patch.read() for patch in engine.patches]
        assert all(real is not wrong for real, wrong in zip(before, now, strict=True)), engine.id
        assert [patch.read() for patch in engine.patches] == before, engine.id


def test_wrong_engines_override_public_names_only() -> None:
    """A private helper of the core may change without a wrong engine noticing."""
    patched = {patch.name for engine in EVERY.values() for patch in engine.patches}
    assert not [name for name in patched if name.startswith("_")]
    for path in Path(wrong_engines.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr) and node.attr != "_replace":
                assert isinstance(node.value, ast.Name) and node.value.id == "self", f"{path.name}:{node.lineno}"


def test_a_process_can_be_a_wrong_engine_from_its_start() -> None:
    script = (
        "from liqspec.step.wrong_engines import WRONG_ENGINES\n"
        "WRONG_ENGINES['X01'].install()\n"
        "from liqspec.core import arithmetic\n"
        "assert arithmetic.breached(5, 5)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=TESTS, check=True, timeout=60)
