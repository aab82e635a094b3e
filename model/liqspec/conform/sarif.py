"""The findings of a comparison as SARIF 2.1.0, the format in which code hosts take the results of an analysis."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from liqspec import __version__
from liqspec.conform.saved import Saved
from liqspec.conform.search import Outcome
from liqspec.edge.texts import counted
from liqspec.report.amounts import people
from liqspec.spec import rulebook

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(outcome: Outcome, engine: str, saved: Sequence[Saved | None]) -> dict[str, Any]:
    """One result for each finding: the rule as `ruleId`, where it was saved as its place, how to replay it in words."""
    broken = list(dict.fromkeys(finding.rules[0] for finding in outcome.findings))
    rules = rulebook.rules()
    results = []
    for finding, files in zip_longest(outcome.findings, saved):
        text = f"{engine}: {people(finding.headline)}" + (f"\nreplay: {files.replay}" if files else "")
        text += f"\nlikely remedy: {finding.fault.remedy}" if finding.fault else ""
        result: dict[str, Any] = {
            "ruleId": finding.rules[0],
            "ruleIndex": broken.index(finding.rules[0]),
            "level": "error",
            "message": {"text": text},
        }
        if files is not None and files.files:
            place = {"artifactLocation": {"uri": files.files[0].as_posix()}, "region": {"startLine": 1}}
            result["locations"] = [{"physicalLocation": place}]
        results.append(result)
    driver = {
        "name": "liqspec",
        "version": __version__,
        "rules": [{"id": number, "shortDescription": {"text": rules[number].title}} for number in broken],
    }
    run: dict[str, Any] = {"tool": {"driver": driver}, "results": results}
    interrupted = [f"interrupted after {counted(outcome.coverage.steps, 'step')}"] if outcome.interrupted else []
    if interrupted or outcome.unchecked:
        notes = [{"level": "warning", "message": {"text": text}} for text in (*interrupted, *outcome.unchecked)]
        run["invocations"] = [{"executionSuccessful": not outcome.interrupted, "toolExecutionNotifications": notes}]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
