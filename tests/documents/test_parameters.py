"""The page and the schema of the parameters are what their declarations say."""

import attrs
import pytest

from liqspec.core.parameters import (
    MARKET_PARAMETERS,
    PARAMETERS,
    TABLES,
    MarketRules,
    Parameter,
    Parameters,
    families_of,
    market_rules_of,
)
from liqspec.edge import files, shapes
from liqspec.spec import generated, rulebook


@pytest.mark.parametrize("name", ["parameters.md", "schemas/config.schema.json"])
def test_the_page_and_the_schema_are_what_is_declared(name: str) -> None:
    assert files.read_text(files.ROOT / name) == generated.texts()[name], "`make parameters` regenerates it"


def test_each_parameter_has_one_type_in_integers() -> None:
    """What a rule computes with is typed next to the declarations, one for each."""
    assert [entry.inner_name for entry in PARAMETERS] == [entry.name for entry in attrs.fields(Parameters)]


def test_each_parameter_names_a_rule() -> None:
    assert [entry.path for entry in (*PARAMETERS, *MARKET_PARAMETERS) if entry.rule not in rulebook.rules()] == []


@pytest.mark.parametrize("entry", (*PARAMETERS, *MARKET_PARAMETERS), ids=lambda entry: entry.path)
def test_the_values_of_a_parameter_can_be_read(entry: Parameter) -> None:
    """Its samples, its pairs and its default are values that a configuration can have."""
    shape = TABLES.get(entry.table, MarketRules)
    required = {other.name: other.samples[0] for other in PARAMETERS if other.table == entry.table and other.required}
    for value in [*entry.samples, *(side for pair in entry.pairs for side in pair if side is not None)]:
        shapes.structure({**required, entry.name: value}, shape)
    assert entry.samples
    assert entry.pairs


def test_what_markets_restrict_is_listed_by_their_paths() -> None:
    """ACC-17, ACC-18: also a market that restricts nothing."""
    markets = {"A": {"tick": "1", "modes": ["cross"], "isolated_removal": "never"}, "B": {"tick": "1"}}
    listed = {"markets.A": {"modes": ["cross"], "isolated_removal": "never"}, "markets.B": {}}
    assert market_rules_of({"markets": markets}) == listed


def test_a_family_is_found_by_the_first_that_turns_it_on() -> None:
    """BKS-9: one tier is enough, whether or not the others have what they need."""
    tiers: list[dict[str, str]] = [{}, {"closeout_rate": "1/100"}]
    config = {
        "markets": {
            "A": {"tiers": [{}]},
            "B": {"tiers": tiers, "modes": ["cross"]},
            "C": {"tiers": tiers, "modes": []},
        },
        "liquidation": {"partial_method": "lots", "partial_lots": 2, "fee_rate": "0"},
        "mark": {},
    }
    assert families_of(config) == {
        "mark": "mark",
        "partial_method": "liquidation.partial_method",
        "modes": "markets.B.modes",
        "closeout": "markets.B.tiers",
    }
