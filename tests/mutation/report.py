"""The table of a mutation run: for each module how many mutants there are, and which part of the tests sees them."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from mutation.detectors import Detector
from mutation.mutants import Name
from mutation.workshop import ENDLESS, Verdict


def unexplained(verdicts: Iterable[Verdict], listed: Collection[Name]) -> list[Verdict]:
    """The survivors that the list does not explain."""
    return [verdict for verdict in verdicts if verdict.survived and verdict.mutant.name not in listed]


def markdown(verdicts: Sequence[Verdict], listed: Collection[Name], detectors: Sequence[Detector]) -> str:
    """The table as Markdown; the score is the share of the mutants that are seen, the listed ones not left out."""
    seen_by = [*(detector.name for detector in detectors), ENDLESS]
    lines = [
        "| module | mutants | seen | score | change nothing | unseen | " + " | ".join(seen_by) + " |",
        "|---|" + "---:|" * (5 + len(seen_by)),
    ]
    modules = list(dict.fromkeys(verdict.mutant.module for verdict in verdicts))
    for module in [*modules, "**all**"]:
        own = [verdict for verdict in verdicts if module in (verdict.mutant.module, "**all**")]
        lines.append(_row(module, own, listed, seen_by))
    return "\n".join(lines) + "\n"


def _row(module: str, verdicts: list[Verdict], listed: Collection[Name], seen_by: list[str]) -> str:
    seen = sum(not verdict.survived for verdict in verdicts)
    unseen = len(unexplained(verdicts, listed))
    counts = Counter(verdict.detector for verdict in verdicts)
    score = f"{100 * seen / len(verdicts):.1f} %" if verdicts else ""
    cells = [module, len(verdicts), seen, score, len(verdicts) - seen - unseen, unseen]
    return "| " + " | ".join(str(cell) for cell in [*cells, *(counts[name] for name in seen_by)]) + " |"
