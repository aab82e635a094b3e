"""The rules as a document: numbers, worked examples, and the citations that tie them to code and tests."""

import itertools
import re
import tomllib

import pytest

from liqspec.core import machine, measures, refusals
from liqspec.core.observation import observe_pool, observe_position
from liqspec.edge import files
from liqspec.edge.files import rules_version
from liqspec.replay.run import Run
from liqspec.spec import citations, rulebook, scenarios
from liqspec.spec.rulebook import Example, Rule
from liqspec.spec.scenarios import InvalidScenario

RULES = rulebook.rules()
EXAMPLES = [(rule, example) for rule in RULES.values() for example in rule.examples]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[f"{rule.id}@{example.line}" for rule, example in EXAMPLES])
def test_a_worked_example_ends_as_it_says(rule: Rule, example: Example) -> None:
    run = Run(rulebook.example_scenario(rule, example))
    moments = list(run)
    assert moments
    assert run.outcome().unexpected == ()


def test_a_worked_example_that_drifts_from_the_model_is_seen() -> None:
    rule = RULES["MRG-5"]
    drifted = Example(text=rule.examples[0].text.replace('"35000"', '"35001"'), line=1)
    run = Run(rulebook.example_scenario(rule, drifted))
    list(run)
    assert run.outcome().unexpected == ("step 2: alice/BTC/cross.maintenance_margin is 35000, expected 35001",)


def test_a_worked_example_that_is_no_scenario_names_page_and_line() -> None:
    rule = RULES["MRG-5"]
    malformed = Example(text=rule.examples[0].text.replace("amount", "amuont"), line=rule.examples[0].line)
    with pytest.raises(InvalidScenario, match=r"^02-margin\.md:\d+: MRG-5: step\[1\]\.event\.amuont: unknown field"):
        rulebook.example_scenario(rule, malformed)


def test_rules_are_numbered_without_gaps() -> None:
    groups: dict[str, list[int]] = {}
    for number in RULES:
        group, _, index = number.partition("-")
        groups.setdefault(group, []).append(int(index))
    for group, indices in groups.items():
        assert indices == list(range(1, len(indices) + 1)), group


def test_every_rule_states_its_reason() -> None:
    assert [rule.id for rule in RULES.values() if "*Why:*" not in rule.text] == []


def test_every_rule_named_in_the_specification_exists() -> None:
    pages = [*files.ROOT.rglob("*.md"), files.ROOT / "machine.toml"]
    named = {number for page in pages for number in citations.cited(page.read_text(encoding="utf-8"))}
    assert sorted(named - set(RULES)) == []


def test_every_rule_is_cited_by_code() -> None:
    assert sorted(set(RULES) - {citation.rule for citation in citations.of_code()}) == []


def test_every_rule_is_cited_by_a_test() -> None:
    # A list of numbers in this file would count as a citation, so nothing here names a rule but in a test of it.
    cited = {citation.rule for citation in citations.of_tests()}
    exemplified = {rule.id for rule, _ in EXAMPLES}
    assert sorted(set(RULES) - cited - exemplified) == []


def test_code_and_tests_cite_only_rules_that_exist() -> None:
    cited = {citation.rule for citation in [*citations.of_code(), *citations.of_tests()]}
    assert sorted(cited - set(RULES)) == []


def test_a_range_of_rules_cites_each_of_them() -> None:
    assert citations.cited("see MRG-1 to MRG-4, and UTF-8") == ["MRG-1", "MRG-2", "MRG-3", "MRG-4"]


def test_the_lifecycle_cites_rules_that_exist() -> None:
    table = machine.lifecycle().table
    cited = {number for entry in table.transitions for number in entry.rules}
    cited |= {guard.rule for guard in table.guards.values()}
    assert sorted(cited - set(RULES)) == []


def table_of(rule: str, heading: str) -> list[list[str]]:
    """The cells of the table with this heading in the text of a rule."""
    lines = RULES[rule].text.split(f"| {heading} |")[1].splitlines()[2:]
    rows = list(itertools.takewhile(lambda line: line.startswith("|"), lines))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_of_codes_is_that_of_the_model() -> None:
    """EVT-2, EVT-3."""
    rows = table_of("EVT-2", "code")
    assert [code.strip("`") for code, _, _ in rows] == list(refusals.CODES)
    for code, _, rules in rows:
        raised = next(kind for kind in refusals.Refusal.__subclasses__() if kind.code == code.strip("`"))
        assert raised.rule in citations.cited(rules)


def test_the_measures_of_an_expectation_are_those_of_the_model() -> None:
    """SCN-2."""
    run = Run(scenarios.load("market-liquidation"))
    moments = iter(run)
    for _ in range(3):
        next(moments)
    (position,), (pool,) = measures.all_positions(run.engine).values(), measures.all_pools(run.engine).values()
    observed = {*observe_position(run.engine.state, position), *observe_pool(run.engine.state, pool)}
    named_in_model = {
        *measures.position_details(run.engine, position),
        *measures.pool_details(run.engine, pool),
    } - observed
    named = {name for _, names, _ in table_of("SCN-2", "of") for name in re.findall("`([a-z_]+)`", names)}
    assert named == named_in_model | {
        "maintenance_margin",
        "initial_margin",
    }  # a pool's are observed, a position's are not


def test_the_defaults_of_the_worked_examples_are_those_that_are_written() -> None:
    """SCN-1."""
    assert tomllib.loads(RULES["SCN-1"].text.split("```toml\n")[1].split("```")[0]) == rulebook.EXAMPLE_DEFAULTS


def test_the_version_of_the_rules_is_written_once() -> None:
    """VER-1."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", rules_version())
    text = (files.ROOT / "rules.md").read_text(encoding="utf-8")
    assert text.count(rules_version()) == 1


def test_the_summary_of_a_rule_is_its_first_two_sentences_without_tables_lists_and_reasons() -> None:
    assert RULES["LIQ-3"].summary == "`equity < maintenance margin`. Equal is healthy."
    assert RULES["ACC-9"].summary.endswith("before the assessment: …"), "a list follows"
    assert RULES["LIQ-5"].summary == "", "its title says it"
    assert RULES["STP-3"].summary == "", "it is a table"
    for rule in RULES.values():
        assert not [part for part in ("|---", "*Why:*", "\n") if part in rule.summary], rule.id
        assert len(rule.summary) < 700, rule.id
