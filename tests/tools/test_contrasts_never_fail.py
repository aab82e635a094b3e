"""A scenario under two rule sets is printed, given as data, drawn and made a page without an internal failure."""

import io
import json
from itertools import product

import pytest
from rich.console import Console

from liqspec.draw import page, timeline
from liqspec.edge.errors import InvalidInput
from liqspec.replay import contrast_report, paired
from liqspec.replay.contrast import Contrast
from liqspec.spec import scenarios, venues, what_if
from liqspec.step.compare import Change, Difference

# At these two venues the vault holds positions on one side alone, so a difference has objects as its values.
SAMPLE = ("isolated-backstop-cross-untouched", "hyperliquid", "generic")
PAIRS = [one for one in product(venues.names(), ["scenario", *venues.names()]) if one[0] != one[1]]
# Every second of all, which are some hundreds: half of the pairs at each scenario, and of the scenarios at each pair.
EVERY = [(story, *pair) for story, pair in product(scenarios.names(), PAIRS)][::2]
# Each scenario is drawn at one pair, each pair with several scenarios: a picture takes seconds.
DRAWN = [(story, *PAIRS[place % len(PAIRS)]) for place, story in enumerate(scenarios.names())]


def contrast_of(story: str, venue: str, against: str) -> Contrast:
    written = scenarios.load(story)
    try:
        return Contrast(what_if.altered(written, venue), what_if.other(written, against))
    except InvalidInput as refused:  # in one line, as for a venue that cannot be asked about this scenario
        pytest.skip(str(refused))


@pytest.mark.parametrize("made", [Difference, Change])
def test_what_differs_can_be_in_a_set_whatever_its_values(made: type[Difference] | type[Change]) -> None:
    held, other, empty = {"BTC": "1"}, {"BTC": "2"}, dict[str, str]()
    ours = made("vault", "vault.positions", held, [empty])
    assert len({ours, made("vault", "vault.positions", held, [empty]), made("vault", "positions", other, [])}) == 2


@pytest.mark.parametrize(
    ("story", "venue", "against"),
    [SAMPLE, *(pytest.param(*one, marks=pytest.mark.thorough) for one in EVERY if one != SAMPLE)],
)
def test_two_rule_sets_are_printed_given_as_data_and_made_a_page(story: str, venue: str, against: str) -> None:
    printed = io.StringIO()
    differ = contrast_report.print_contrast(contrast_of(story, venue, against), Console(file=printed, width=120))
    data = json.loads(json.dumps(contrast_report.to_json(contrast_of(story, venue, against))))
    assert (data["differ"], "both do the same" in printed.getvalue()) == (differ, not differ)
    record = paired.record(contrast_of(story, venue, against))
    assert "<html" in page.render(record, max(record.positions(), default=None))


@pytest.mark.thorough
@pytest.mark.parametrize(("story", "venue", "against"), DRAWN)
def test_two_rule_sets_are_drawn(story: str, venue: str, against: str) -> None:
    assert b"<svg" in timeline.render(paired.record(contrast_of(story, venue, against)), "svg", "light")
