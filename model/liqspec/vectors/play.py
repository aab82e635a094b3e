"""Playing vectors to an engine: each event as its vector has it, up to the first step that is not as expected."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from attrs import evolve, frozen

from liqspec.conform.answers import Accepted, Hello, Player, Refused, Skipped, of_this_process, read_answer
from liqspec.conform.finding import EngineFault
from liqspec.conform.lockstep import OF_SHAPE, Comparison
from liqspec.core.events import EVENTS
from liqspec.core.parameters import FAMILIES, families_of
from liqspec.core.refusals import BadRequest
from liqspec.edge.shapes import WrongShape
from liqspec.step import compare
from liqspec.step.compare import NOT_REPORTED, Difference, Observes
from liqspec.step.reasons import ACCEPTED, OUTCOME

# An engine that observes everything, and has every event and every family.
EVERYTHING = evolve(of_this_process(), events=frozenset(EVENTS), families=FAMILIES)
UNCHECKED = "the engine does not check its input"
EXECUTED = "the engine's own order book executed an order, not this case"


@frozen(kw_only=True)
class Played:
    """How a vector went; `step` is the number, from 1, of the step that was not as expected, or was skipped."""

    path: str
    title: str
    outcome: Literal["passed", "failed", "skipped"]
    step: int | None = None
    event: Any = None
    difference: Difference | None = None
    rules: tuple[str, ...] = ()
    why: str = ""


def play(vector: dict[str, Any], player: Player, hello: Hello) -> Played:
    """Play one vector to an engine that says this of itself; a new run begins with it."""
    about = {"path": path_of(vector), "title": vector["title"]}
    unknown = sorted({_type(step["event"]) for step in vector["steps"]} & (EVENTS.keys() - hello.events))
    unknown += [f"the family {name}" for name in sorted(families_of(vector["config"]).keys() - hello.families)]
    if unknown:
        return Played(**about, outcome="skipped", why=f"the engine does not support {', '.join(unknown)}")
    if not hello.validates and any(step["expect"].get("refused") in OF_SHAPE for step in vector["steps"]):
        return Played(**about, outcome="skipped", why=UNCHECKED)
    match read_reply(player.reset(vector["config"])):
        case Skipped(why=why):
            return Played(**about, outcome="skipped", why=why)
        case Refused(code=BadRequest.code, message=message):  # AMT-1: an engine of fixed width cannot hold all of them
            return Played(**about, outcome="skipped", why=f"the engine refuses the configuration: {message}")
        case Refused(code=code):
            difference = Difference("run", "config", ACCEPTED, code)
            return Played(**about, outcome="failed", difference=difference, rules=("CFG-1",))
        case str(garbage):
            return Played(**about, outcome="failed", difference=no_reply(garbage), rules=("CFG-1",))
    observes = Comparison.of(hello).observes
    for number, step in enumerate(vector["steps"], start=1):
        player.give(step["event"])
        answer = read_reply(player.answer())
        at: dict[str, Any] = {**about, "step": number, "event": step["event"]}
        if isinstance(answer, Skipped):
            return Played(**at, outcome="skipped", why=answer.why)
        if isinstance(answer, Accepted) and answer.executed:
            return Played(**at, outcome="skipped", why=EXECUTED)
        difference_found = difference_of(step, answer, observes)
        if difference_found is not None:
            of_step = tuple(dict.fromkeys((*vector["rules"], *step["rules"])))
            rules = ("OBS-1",) if difference_found.theirs is NOT_REPORTED else of_step
            return Played(**at, outcome="failed", difference=difference_found, rules=rules)
    return Played(**about, outcome="passed")


def play_all(
    vectors: Iterable[dict[str, Any]],
    player: Player,
    hello: Hello,
    done: Callable[[Played], None] = lambda _: None,
) -> list[Played]:
    """Play vectors in their order, all of them."""
    played = []
    for vector in vectors:
        played.append(play(vector, player, hello))
        done(played[-1])
    return played


def not_played(vector: dict[str, Any], why: str) -> Played:
    """A vector that was skipped because something was used up."""
    return Played(path=path_of(vector), title=vector["title"], outcome="skipped", why=f"{why} was used up before")


def path_of(vector: dict[str, Any]) -> str:
    """A vector's name: its venue, its suite and its case."""
    return f"{vector['venue']}/{vector['suite']}/{vector['case']}"


def _type(event: Any) -> str:
    return str(event.get("type")) if isinstance(event, dict) else ""


def read_reply(reply: dict[str, Any]) -> Accepted | Refused | Skipped | str:
    """What a reply says; a text says what is wrong with an invalid one: a case then fails, and the next one begins."""
    try:
        return read_answer(reply)
    except EngineFault as error:
        return error.fault.message


def no_reply(why: str) -> Difference:
    """The difference of an engine that does not answer as the protocol says."""
    return Difference("run", "reply", "one of the protocol", why)


def difference_of(step: dict[str, Any], answer: Accepted | Refused | str, observes: Observes) -> Difference | None:
    """In what an answer is not what its step expects; a step without an observation expects none."""
    if isinstance(answer, str):
        return no_reply(answer)
    wanted = step["expect"].get("refused", ACCEPTED)
    answered = ACCEPTED if isinstance(answer, Accepted) else answer.code
    if wanted != answered:
        return Difference("event", OUTCOME, wanted, answered)
    # A refusal has no observation in the protocol; what it may have changed is seen in the next step.
    if isinstance(answer, Refused) or not observes.fields or "observation" not in step:
        return None
    observed: Any = {} if answer.observation is None else answer.observation
    try:
        return compare.first_difference(step["observation"], observed, observes)
    except WrongShape as error:
        return Difference("run", "observation", "one of the protocol", str(error))
