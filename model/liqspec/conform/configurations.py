"""Where an engine is compared: near every shipped venue, at one venue, or at the only one that it can run."""

from random import Random
from typing import Any

from attrs import frozen

from liqspec.conform.negotiate import Hello
from liqspec.generate.configurations import base_configuration, configuration, part_of
from liqspec.spec import venues


@frozen(kw_only=True)
class World:
    """Where runs take place: at each base in turn; `fixed` leaves their rules as they are, else they are changed."""

    bases: tuple[dict[str, Any], ...]
    names: tuple[str, ...]
    fixed: bool = False

    def run(self, number: int, random: Random) -> tuple[str, dict[str, Any]]:
        """The name and the configuration of the run with this number."""
        index = number % len(self.bases)
        base = self.bases[index]
        config = part_of(random, base) if self.fixed else configuration(random, base)
        return self.names[index], config

    def allows(self, config: dict[str, Any]) -> bool:
        """Whether a configuration has these rules: a fixed venue allows no others."""
        return not self.fixed or any(
            all(config.get(part) == base.get(part) for part in ("liquidation", "backstop", "quote_unit"))
            and all(base["markets"].get(name) == market for name, market in config["markets"].items())
            for base in self.bases
        )


def shipped() -> World:
    """All shipped venues, their parameters changed now and then."""
    names = tuple(venues.names())
    return World(bases=tuple(base_configuration(venues.load(name)) for name in names), names=names)


def of(hello: Hello, venue: str | None) -> World:
    """The engine's own rule set, or the venue asked for, as they are; without either, near all shipped venues.

    Raises:
        specification.UnreadableFile, InvalidVenueFile: there is no such venue, or it is not valid.
    """
    if venue is not None:
        file = venues.load(venue)
        return World(bases=(base_configuration(file),), names=(file.name,), fixed=True)
    if hello.base is not None:
        return World(bases=(hello.base,), names=("the engine's own venue",), fixed=True)
    return shipped()
