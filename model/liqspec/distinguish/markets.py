"""In which markets, and in which numbers of them, two venues differ: what a comparison of their rules leaves out."""

from collections.abc import Iterator

from liqspec.report.amounts import parameter_value
from liqspec.spec import venue_words
from liqspec.spec.venues import VenueFile


def differences(first: VenueFile, second: VenueFile) -> Iterator[str]:
    """A line for each market that only one of them has, and for each number in which a market of both differs."""
    for name in dict.fromkeys((*first.markets, *second.markets)):
        if name not in first.markets or name not in second.markets:
            yield f"markets.{name}: only in {first.name if name in first.markets else second.name}"
    here, there = _numbers(first, second), _numbers(second, first)
    for path in dict.fromkeys((*here, *there)):
        one, other = here.get(path, "none"), there.get(path, "none")
        if one != other:
            yield f"{path}: {first.name} {one}, {second.name} {other}"


def _numbers(venue: VenueFile, other: VenueFile) -> dict[str, str]:
    """The numbers of the markets that both venues have, in words by their path, and the grid of money."""
    shared = ("quote_unit", *(f"markets.{name}." for name in venue.markets if name in other.markets))
    return {one.path: parameter_value(one.value) for one in venue_words.of(venue) if one.path.startswith(shared)}
