"""What the tests ask of the answer to a question about one step."""

from liqspec.step.relation import Verdict


def assumed(verdict: Verdict, field: str) -> tuple[str, bool]:
    """What was assumed for a field, and whether it matters."""
    return next((entry.value, entry.matters) for entry in verdict.assumed if entry.field == field)
