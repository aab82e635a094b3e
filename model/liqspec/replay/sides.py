"""What an engine answered to an event, next to what the rules say of it (SCN-2)."""

from typing import Any

from liqspec.core.refusals import Refusal
from liqspec.spec.scenarios import Answered
from liqspec.step import compare
from liqspec.step.compare import Difference, Observes
from liqspec.step.reasons import outcome_difference


def observes(engine: Answered | None) -> Observes:
    """How what an engine answered is compared: as it said in `hello`; whole, where a scenario does not say."""
    if engine is None:
        return Observes()
    return Observes(fields=engine.observes, states=engine.states)


def differences(
    reply: dict[str, Any], refusal: Refusal | None, observation: dict[str, Any], observed: Observes
) -> tuple[Difference, ...]:
    """Where a reply differs from the model's refusal, or from its observation after the event (STP-6).

    Raises:
        WrongShape: the observation in the reply is not a valid one.
    """
    code = None if reply["ok"] else reply["error"]["code"]
    outcome = outcome_difference(refusal, code, codes=True)
    if outcome is not None:
        return (outcome,)
    if code is not None or "observation" not in reply:
        return ()
    return tuple(compare.differences(observation, reply["observation"], observed))
