"""How a comparison ended as JUnit XML, for the pages on which builds show their tests."""

from pathlib import Path

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from liqspec.conform import report
from liqspec.conform.search import Outcome
from liqspec.edge.texts import counted


def write(outcome: Outcome, engine: str, seconds: float, path: Path) -> None:
    """Write one test for the comparison, one for each known divergence, and one skipped for what was never reached.

    Raises:
        OSError: the file cannot be written.
    """
    suite = TestSuite("liqspec conform")
    compared = TestCase(f"{engine} conforms", "liqspec.conform", seconds)
    if outcome.finding is not None:
        failure = Failure(_printable(outcome.finding.headline), outcome.finding.rules[0])
        failure.text = _printable(report.text(outcome.finding))
        compared.result = [failure]
    elif outcome.coverage.steps == 0:
        compared.result = [Failure("nothing was compared")]
    suite.add_testcase(compared)
    for entry, times in outcome.occurred.items():
        case = TestCase(f"known: {_printable(str(entry))}", "liqspec.conform.known")
        case.result = (
            [Skipped(f"occurred {counted(times, 'time')}")] if times else [Failure("it did not occur: take it out")]
        )
        suite.add_testcase(case)
    for name in outcome.coverage.never_listed():
        case = TestCase(name, "liqspec.conform.reached")
        case.result = [Skipped("never reached")]
        suite.add_testcase(case)
    xml = JUnitXml()
    xml.add_testsuite(suite)
    xml.write(str(path), pretty=True)


def _printable(text: str) -> str:
    """The text without what XML cannot carry."""
    return "".join(one if one.isprintable() or one in "\n\t" else "�" for one in text)
