"""The page of a mutation run: how many mutants there are, what sees them, and why nothing sees some of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from adversaries.mutation.detectors import Detector
from adversaries.mutation.mutants import Name
from adversaries.mutation.survivors import Survivor
from adversaries.mutation.workshop import ENDLESS, Verdict

HEAD = """\
# Small changes of the rules' modules, and what sees them

Written by `make mutation`: on a copy of the tree one comparison, sign, rounding, constant, branch or statement is
changed at a time, and the tests run until one fails; those that see most changes of a module run first. *score* is the
share of all mutants that are seen; those that *change nothing* are listed below, each with the reason why no test can
see it.

"""


def unexplained(verdicts: Iterable[Verdict], listed: Collection[Name]) -> list[Verdict]:
    """The survivors that the list does not explain."""
    return [verdict for verdict in verdicts if verdict.survived and verdict.mutant.name not in listed]


def markdown(
    verdicts: Sequence[Verdict], listed: Collection[Name], detectors: Sequence[Detector], every: int = 1
) -> str:
    """The table as Markdown; the score is the share of the mutants that are seen, the listed ones not left out.

    A sample, of every N-th mutant, is said to be one.
    """
    seen_by = [*(detector.name for detector in detectors), ENDLESS]
    sample = [] if every == 1 else [f"A sample: every {every}th mutant of each module.\n"]
    lines = [
        *sample,
        "| module | mutants | seen | score | change nothing | unseen | " + " | ".join(seen_by) + " |",
        "|---|" + "---:|" * (5 + len(seen_by)),
    ]
    modules = list(dict.fromkeys(verdict.mutant.module for verdict in verdicts))
    for module in [*modules, "**all**"]:
        own = [verdict for verdict in verdicts if module in (verdict.mutant.module, "**all**")]
        lines.append(_row(module, own, listed, seen_by))
    return "\n".join(lines) + "\n"


def page(table: str, survivors: Iterable[Survivor]) -> str:
    """The table, and under it the mutants that change nothing."""
    lines = [
        HEAD + table,
        "## What changes nothing\n",
        "| where | was | becomes | why it changes nothing |",
        "|---|---|---|---|",
    ]
    for survivor in survivors:
        module, inside, was, becomes, _ = survivor.name
        cells = (f"{module}, `{inside}`", _code(was), _code(becomes), survivor.why)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|").replace("\n", " ")
    return f"`{escaped}`"


def _row(module: str, verdicts: list[Verdict], listed: Collection[Name], seen_by: list[str]) -> str:
    seen = sum(not verdict.survived for verdict in verdicts)
    unseen = len(unexplained(verdicts, listed))
    counts = Counter(verdict.detector for verdict in verdicts)
    score = f"{100 * seen / len(verdicts):.1f} %" if verdicts else ""
    cells = [module, len(verdicts), seen, score, len(verdicts) - seen - unseen, unseen]
    return "| " + " | ".join(str(cell) for cell in [*cells, *(counts[name] for name in seen_by)]) + " |"
