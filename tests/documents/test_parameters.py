"""The page and the schema of the parameters are what their declarations say."""

import attrs
import pytest

from liqspec.core.parameters import MARKET_PARAMETERS, PARAMETERS, TABLES, MarketRules, Parameter, Parameters
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
