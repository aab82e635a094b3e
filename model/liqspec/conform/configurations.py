"""Where an engine is compared: near every shipped venue, at one venue, or at the only one that it can run."""

from random import Random
from typing import Any

from attrs import frozen

from liqspec.conform.answers import Hello, check_families
from liqspec.core.parameters import OWN_TABLE, TABLES, families_of
from liqspec.generate.configurations import base_configuration, configuration, part_of, shipped_bases
from liqspec.generate.random_runs import RandomRun, of_run
from liqspec.spec import venues

# What the configurations of a fixed venue have as the venue has it.
_SAME = ("quote_unit", *(table for table in TABLES if table not in OWN_TABLE))


@frozen(kw_only=True)
class Setting:
    """Where runs take place: at each base in turn; `fixed` leaves their rules as they are, else they are changed.

    No run has a parameter of a family that is not one of `families`.
    """

    bases: tuple[dict[str, Any], ...]
    names: tuple[str, ...]
    fixed: bool = False
    families: frozenset[str] = frozenset()

    @property
    def drawn(self) -> frozenset[str]:
        """The families that some run has."""
        return frozenset(family for base in self.bases for family in families_of(base)) if self.fixed else self.families

    def run(self, number: int, random: Random, usual: int) -> tuple[str, RandomRun]:
        """The name and the drawn of the run with this number, where a usual one has `usual` events."""
        index = number % len(self.bases)
        base, families = self.bases[index], self.families
        return self.names[index], of_run(number, random, base, usual=usual, families=families, fixed=self.fixed)

    def config(self, number: int, random: Random) -> dict[str, Any]:
        """The configuration of a usual run with this number."""
        base = self.bases[number % len(self.bases)]
        return part_of(random, base) if self.fixed else configuration(random, base, self.families)

    def allows(self, config: dict[str, Any]) -> bool:
        """Whether a configuration has these rules: a fixed venue allows no others, and no engine other families."""
        return families_of(config).keys() <= self.families and (not self.fixed or self._at_a_base(config))

    def _at_a_base(self, config: dict[str, Any]) -> bool:
        return any(
            all(config.get(part) == base.get(part) for part in _SAME)
            and all(base["markets"].get(name) == market for name, market in config["markets"].items())
            for base in self.bases
        )


def shipped(families: frozenset[str] = frozenset()) -> Setting:
    """Near shipped venues, their parameters changed now and then, for an engine with these families."""
    bases = shipped_bases()
    return Setting(bases=tuple(bases.values()), names=tuple(bases), families=families)


def of(hello: Hello, venue: str | None) -> Setting:
    """The engine's own rule set, or the venue asked for, as they are; without either, near all shipped venues.

    Raises:
        UnreadableFile, InvalidVenueFile: there is no such venue, or it is not valid.
        InvalidConfig: the venue has a parameter of a family that the engine does not have.
    """
    if venue is not None:
        file = venues.load(venue)
        name, base = file.name, base_configuration(file)
        check_families(base, hello.families)
    elif hello.base is not None:
        name, base = "the engine's own venue", hello.base
    else:
        return shipped(hello.families)
    return Setting(bases=(base,), names=(name,), fixed=True, families=hello.families)
