"""Two rule sets in the markets of the first: their configurations, and the parameters in which they differ."""

from fractions import Fraction
from typing import Any

from attrs import evolve, frozen

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.parameters import TABLES, InvalidConfig, tables_of
from liqspec.generate.configurations import base_configuration
from liqspec.spec.venues import VenueFile

Rules = dict[str, dict[str, Any]]


@frozen(kw_only=True)
class Parameter:
    """A parameter in which two rule sets differ, and what it is in each; None where it is absent."""

    path: str
    first: Any
    second: Any


@frozen(kw_only=True)
class RuleSets:
    """Two rule sets, and a setting for both: markets, marks and grids, without the rules.

    The setting keeps a `backstop` with only a threshold, which the rules of either side replace.
    """

    names: tuple[str, str]
    setting: dict[str, Any]
    first: Rules
    second: Rules

    @classmethod
    def of(cls, first: VenueFile, second: VenueFile) -> "RuleSets":
        """The rule sets of two venues in the markets of the first.

        Raises:
            InvalidConfig: the second one's rules do not fit there: an amount of them is off the first one's grid.
        """
        base, other = base_configuration(first), base_configuration(second)
        rules = [tables_of(config) for config in (base, other)]
        setting = {name: value for name, value in base.items() if name not in ("liquidation", "mark")}
        setting["backstop"] = {"threshold": base["backstop"]["threshold"]}
        sets = cls(names=(first.name, second.name), setting=setting, first=rules[0], second=rules[1])
        try:
            Engine(Config.from_json(sets.configs(setting)[1]))
        except InvalidConfig as error:
            message = f"{error.message}; {second.name}'s rules do not fit the markets of {first.name}"
            raise InvalidConfig(f"{second.name}: {error.path}", message) from None
        return sets

    def configs(self, setting: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The configurations of a run in a setting under each rule set."""
        return {**setting, **self.first}, {**setting, **self.second}

    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in which the rule sets differ; rates and amounts compare as numbers."""
        found = []
        for table in TABLES:
            one, other = self.first.get(table, {}), self.second.get(table, {})
            for name in sorted({*one, *other}):
                if _canonical(one.get(name)) != _canonical(other.get(name)):
                    found.append(Parameter(path=f"{table}.{name}", first=one.get(name), second=other.get(name)))
        return tuple(found)

    def without(self, parameter: Parameter) -> "RuleSets":
        """The same, but in this parameter the second is as the first."""
        table, _, name = parameter.path.partition(".")
        rules = {key: value for key, value in self.second.get(table, {}).items() if key != name}
        if parameter.first is not None:
            rules[name] = parameter.first
        return evolve(self, second={**self.second, table: rules})


def _canonical(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError):
            return value
    return value
