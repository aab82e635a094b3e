"""The suite about the protocol itself: request lines as they are sent, and what an engine must answer to each.

Nothing here is written twice: the lines are those that `conform` sends, and the replies those of the model.
"""

import json
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import groupby
from typing import Any

from attrs import Factory, define, frozen

from liqspec.conform.oracle import Oracle
from liqspec.conform.protocol import lines, requests
from liqspec.conform.protocol.invalid_configurations import invalid_configurations
from liqspec.core.events import EVENTS, OPTIONAL
from liqspec.core.parameters import FAMILIES
from liqspec.core.refusals import BadRequest
from liqspec.edge import protocol
from liqspec.edge.texts import slug
from liqspec.spec.vectors import FORMAT
from liqspec.vectors import scale
from liqspec.vectors.built import settings

SUITE = "protocol"
ABOUT = "raw request lines, most of them malformed, and the reply to each; resets that must forget, and ends"
_CUTS = (13, 41)  # events of a run, after which the next one begins
_STORED = 2_000  # bytes of a line that is stored as it is; a longer one is stored as its parts
_PROBED = 4  # the interval, in lines that are refused, at which an event shows that the run continues
_REQUIRED = EVENTS.keys() - OPTIONAL
_CONFIG = settings(("alice",), ("A",))
_DEPOSIT = {"type": "deposit", "account": "alice", "amount": "1"}
_PROBE = protocol.write_line({"op": "apply", "event": _DEPOSIT})
_HELLO, _BYE = (line + b"\n" for line in (lines.HELLO, lines.BYE))


@frozen(kw_only=True)
class Conversation:
    """What is sent to one process, and what it answers."""

    name: str
    title: str
    rules: tuple[str, ...]
    steps: list[dict[str, Any]]

    @property
    def path(self) -> str:
        """Where its vector is in the corpus."""
        return f"small/{SUITE}/{self.name}.json"

    def vector(self) -> dict[str, Any]:
        """The vector."""
        head = {"format": FORMAT, "venue": "small", "suite": SUITE, "case": self.name, "title": self.title}
        made = {"provenance": "the lines that conform sends, with the replies of the model"}
        return {**head, "rules": list(self.rules), **made, "steps": self.steps}


@define
class _Recorded:
    """A conversation with the model."""

    model: Oracle = Factory(lambda: Oracle(StringIO(), with_effects=False))
    steps: list[dict[str, Any]] = Factory(list)

    def send(self, *sent: bytes, refused: bool | None = False, note: str = "") -> None:
        """Send requests, each of which is accepted, or `refused` as a `bad_request`, or answered in any way if None.

        Raises:
            ValueError: the model answers otherwise.
        """
        for request in sent:
            reply = json.loads(self.model.reply(request.removesuffix(b"\n")[: protocol.MAX_LINE + 1]))
            code = reply.get("error", {}).get("code")
            if refused is not None and code != (BadRequest.code if refused else None):
                raise ValueError(f"expected {'a refusal' if refused else 'acceptance'}, got {code}: {request[:200]!r}")
            step = {**requests.described(request, _STORED), "expect": {"refused": code} if code else {"accepted": True}}
            shown = {"observation": reply["observation"]} if "observation" in reply else {}
            self.steps.append({**step, **shown, **({"note": note} if note else {})})

    def end(self, *, closed: bool) -> None:
        """The process ends: by itself with status 0, or with any status as its standard input is closed."""
        self.steps.append({**({"close": True} if closed else {}), "expect": {"ended": True}})


def conversations() -> Iterator[Conversation]:
    """All conversations, in the order in which an engine should be taken through them."""
    yield _accepted()
    title = "Longest amounts and names that are nearly known are well-formed, and the run continues"
    yield _judged("nearly-malformed", title, ("AMT-3", "EVT-2"), lines.well_formed(_CONFIG, _REQUIRED))
    yield _hello()
    yield _begin()
    title = "Of two things that are wrong with an event, the one that is checked first is reported"
    yield _judged("what-is-wrong-first", title, ("EVT-2",), lines.with_faults(_CONFIG, _REQUIRED))
    by_topic = sorted(lines.refused(_CONFIG, EVENTS), key=lambda line: line[0])
    for topic, given in groupby(by_topic, key=lambda line: line[0]):
        sent = ((line + b"\n", "") for _, line in given)
        yield _refusals(slug(topic), f"A line is refused: {topic}", ("EVT-2", "EVT-3"), sent)
    invalid = list(invalid_configurations(_CONFIG, FAMILIES))
    for part in sorted({path.partition(".")[0] for path, _ in invalid}):
        sent = (
            (protocol.write_line({"op": "reset", "config": config}), path)
            for path, config in invalid
            if path.partition(".")[0] == part
        )
        title = f"An invalid configuration is refused, and the run continues: {part}"
        yield _refusals(f"invalid-{slug(part)}", title, ("CFG-1", "CFG-2", "EVT-3"), sent)
    yield from _forgetting()
    yield from _ends()


def _begun() -> _Recorded:
    run = _Recorded()
    run.send(_HELLO, _reset(_CONFIG), _PROBE)
    return run


def _reset(config: dict[str, Any]) -> bytes:
    return protocol.write_line({"op": "reset", "config": config})


def _accepted() -> Conversation:
    run = _begun()
    for topic, line in lines.accepted(_CONFIG, _DEPOSIT, EVENTS):
        run.send(line + b"\n", note=topic)
    return Conversation(
        name="odd-spellings",
        title="Odd spellings are accepted, and what is just within its limit",
        rules=("EVT-1",),
        steps=run.steps,
    )


def _judged(name: str, title: str, rules: tuple[str, ...], sent: Iterable[lines.Line]) -> Conversation:
    """Events that the model accepts or refuses, each followed by one that shows how the run continues."""
    run = _begun()
    for topic, line in sent:
        run.send(line + b"\n", refused=None, note=topic)
        run.send(_PROBE)
    return Conversation(name=name, title=title, rules=rules, steps=run.steps)


def _hello() -> Conversation:
    run = _begun()
    run.send(_HELLO, _PROBE, _HELLO, _HELLO, _PROBE)
    title = "A hello may come at any time, and the run continues"
    return Conversation(name="hello-again", title=title, rules=("EVT-1",), steps=run.steps)


def _begin() -> Conversation:
    run = _Recorded()
    run.send(_PROBE, refused=True)
    run.send(_reset(_CONFIG), _PROBE)
    title = "A hello is not needed, and a reset is"
    return Conversation(name="apply-before-reset", title=title, rules=("EVT-1",), steps=run.steps)


def _refusals(name: str, title: str, rules: tuple[str, ...], sent: Iterable[tuple[bytes, str]]) -> Conversation:
    run = _begun()
    for number, (request, note) in enumerate(sent, start=1):
        run.send(request, refused=True, note=note)
        if number % _PROBED == 0:
            run.send(_PROBE)
    run.send(_PROBE)
    return Conversation(name=name, title=title, rules=rules, steps=run.steps)


def _forgetting() -> Iterator[Conversation]:
    """The same run twice in one process, with another one between."""
    between = [_reset({**_CONFIG, "time": 70_000, "vault": {"cash": "7"}, "marks": {"A": "7"}}), _PROBE]
    between.append(protocol.write_line({"op": "apply", "event": {"type": "block", "time": 80_000}}))
    for case in scale.cases():
        for at in _CUTS if case.name == "siblings-pool" else ():
            events = [protocol.write_line({"op": "apply", "event": event}) for event in case.events[:at]]
            run, requested = _Recorded(), [_reset(case.config), *events]
            run.send(_HELLO, *requested, *requested, *between, *requested)
            title = f"The same {at} events three times in one process: a reset forgets everything"
            yield Conversation(name=f"reset-forgets-{at}", title=title, rules=("EVT-1",), steps=run.steps)


def _ends() -> Iterator[Conversation]:
    for name, title, sent, closed in (
        ("bye", "After a bye the process ends with status 0", [_BYE], False),
        ("close", "The process ends when its standard input is closed", [], True),
        ("no-line-feed", "A last line without a line feed is a line", [_PROBE.removesuffix(b"\n")], True),
    ):
        run = _begun()
        run.send(*sent)
        run.end(closed=closed)
        yield Conversation(name=f"end-{name}", title=title, rules=("EVT-1",), steps=run.steps)
