"""Playing conversations to an engine's process: each line as its vector has it, up to the first reply that is wrong."""

from typing import Any

from liqspec.conform.answers import Accepted, Hello, Refused, Skipped
from liqspec.conform.finding import EngineFault
from liqspec.conform.lockstep import Comparison
from liqspec.conform.protocol import requests
from liqspec.conform.protocol.conversation import Speaking
from liqspec.edge import limits
from liqspec.vectors.play import EXECUTED, UNCHECKED, Played, difference_of, no_reply, path_of, read_reply

_NOT_SENT = frozenset({"expect", "observation", "note"})


def check_requests(vector: dict[str, Any]) -> None:
    """See that each step of a conversation has a request that can be sent, or ends it.

    Raises:
        ValueError: one has not, or they are too long together.
    """
    size = 0
    for number, step in enumerate(vector["steps"], start=1):
        request = {name: value for name, value in step.items() if name not in _NOT_SENT}
        try:
            size += len(requests.made(request)) if request or "ended" not in step["expect"] else 0
        except ValueError as error:
            raise ValueError(f"step {number}: {error}") from None
        if size > limits.REQUESTS_BYTES:
            raise ValueError(f"step {number}: more than {limits.REQUESTS_BYTES} bytes of requests")


def talk(vector: dict[str, Any], engine: Speaking, hello: Hello) -> Played:
    """Play one conversation to a new process of an engine that says this of itself.

    An engine that does not check its input is not sent malformed lines, and one that cannot hold the configuration is
    not judged.

    Raises:
        CannotStart: the engine does not start again.
    """
    about = {"path": path_of(vector), "title": vector["title"]}
    if not hello.validates and any("refused" in step["expect"] for step in vector["steps"]):
        return Played(**about, outcome="skipped", why=UNCHECKED)
    engine.restart()
    observes, begun = Comparison.of(hello).observes, False
    for number, step in enumerate(vector["steps"], start=1):
        request = {name: value for name, value in step.items() if name not in _NOT_SENT}
        at: dict[str, Any] = {**about, "step": number, "event": request, "rules": tuple(vector["rules"])}
        try:
            if "ended" in step["expect"]:
                if request:
                    engine.end_input()
                engine.wait_for_end("the last line", any_status=bool(request))
                continue
            line = requests.made(request)
            engine.say(line)
            if not line.endswith(b"\n"):
                engine.end_input()
            answer = read_reply(engine.answer())
        except EngineFault as error:
            return Played(**at, outcome="failed", difference=no_reply(str(error)))
        if isinstance(answer, Skipped):
            return Played(**at, outcome="skipped", why=answer.why)
        if isinstance(answer, Refused) and not begun and "observation" in step:
            return Played(**at, outcome="skipped", why=f"the engine refuses the configuration: {answer.message}")
        if isinstance(answer, Accepted) and answer.executed:
            return Played(**at, outcome="skipped", why=EXECUTED)
        begun = begun or "observation" in step
        if (found := difference_of(step, answer, observes)) is not None:
            return Played(**at, outcome="failed", difference=found)
    return Played(**about, outcome="passed")
