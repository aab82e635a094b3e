"""What looks for a mutant, parts of the tests that `make test` runs, in the same process.

Nothing of the project is imported here, only inside the functions: they run in a process that has not loaded it yet.
"""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import Factory, define, frozen
from hypothesis import Phase, settings

# No shrinking, because the example is not read; the same examples in each run; nothing learnt from the mutant before.
settings.register_profile(
    "mutation",
    phases=(Phase.explicit, Phase.generate),
    database=None,
    derandomize=True,
    deadline=None,
    report_multiple_bugs=False,
)


@frozen
class Detector:
    """A part of the tests: its name in the table, a function that says what saw the mutant, or None, and its files."""

    name: str
    look: Callable[[], str | None]
    files: tuple[str, ...] = ()

    @classmethod
    def of_tests(cls, name: str, *files: str) -> "Detector":
        """The tests of some files, such as rules/test_amounts."""
        return cls(name, _tests(*files), files)


@define(eq=False)  # pytest keeps its plugins in a set
class _FirstFailure:
    """A plugin of pytest that remembers the first test that failed."""

    failed: list[str] = Factory(list)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


def _stories() -> str | None:
    """The worked examples of the rules and the scenarios (tools/test_scenarios)."""
    from adversaries.wrong_engines.search import contradicted, stories  # noqa: PLC0415  # after the mutant

    return contradicted(stories())


def _random_events() -> str | None:
    """The random runs that the right engine must pass (properties/test_wrong_engines)."""
    from adversaries.wrong_engines.search import find  # noqa: PLC0415  # after the mutant

    found = find(2_000)
    return None if found is None else found.violation.property


def _vectors() -> str | None:
    """The vectors made again from what the rules' modules declare (tools/test_vectors)."""
    from liqspec.vectors import corpus  # noqa: PLC0415  # after the mutant

    return next(corpus.stale(corpus.FOLDER), None)


def _tests(*names: str) -> Callable[[], str | None]:
    def look() -> str | None:
        settings.load_profile("mutation")
        memory = _FirstFailure()
        files = [f"tests/{name}.py" for name in names]
        code = pytest.main(
            ["-q", "-x", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", *files], plugins=[memory]
        )
        return None if code == pytest.ExitCode.OK else next(iter(memory.failed), f"pytest ended with {code!r}")

    return look


DETECTORS: tuple[Detector, ...] = (
    Detector("stories", _stories),
    Detector("random events", _random_events),
    Detector.of_tests(
        "by hand",
        "rules/test_arithmetic",
        "rules/test_numbers_by_hand",
        "tools/test_order_book",
        "rules/test_observation",
        "rules/test_effects",
        "rules/test_boundaries",
        "machine/test_machine",
        "rules/test_promises",
        "rules/test_snapshots",
        "rules/test_refusal_table",
    ),
    Detector.of_tests("drawings", "draw/test_diagrams_committed", "tools/test_what_if", "tools/test_venue_words"),
    Detector.of_tests("other engine", "tools/test_independent_engine"),
    Detector.of_tests(
        "amounts, names, admission",
        "rules/test_amounts",
        "rules/test_names",
        "rules/test_admission",
        "tools/test_amounts_in_words",
    ),
    Detector.of_tests("files", "tools/test_scenarios", "cli/test_bad_files"),
    Detector("vectors", _vectors),
    Detector.of_tests("properties", "properties/test_properties", "properties/test_coverage"),
    Detector.of_tests(
        "families",
        "rules/test_account",
        "rules/test_assess_at",
        "rules/test_assessment",
        "rules/test_closeout",
        "rules/test_how_margin_is_measured",
        "rules/test_keys",
        "rules/test_liquidation_orders",
        "rules/test_mark_price",
        "rules/test_restore",
        "rules/test_shown_prices",
        "rules/test_terms",
        "rules/test_what_is_seen",
        "documents/test_parameters",
    ),
)
