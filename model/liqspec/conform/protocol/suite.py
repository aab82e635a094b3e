"""The protocol's own suite: what no run of events shows, sent line by line to separate processes.

Each section begins with what leads to it, and has cases: a topic, and requests. After a case that shows a defect its
section begins again in a new process with the next case. The sections are in parts that several processes can send at
once.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, islice, repeat
from random import Random
from typing import Any

from attrs import define

from liqspec.conform.answers import Hello
from liqspec.conform.configurations import Setting
from liqspec.conform.finding import Finding
from liqspec.conform.lockstep import Compared, Comparison
from liqspec.conform.proposals import Proposals, probe
from liqspec.conform.protocol import lines
from liqspec.conform.protocol.conversation import Conversation, Speaking
from liqspec.conform.protocol.invalid_configurations import invalid_configurations
from liqspec.conform.protocol.odd_configurations import odd_configurations, with_names
from liqspec.conform.protocol.requests import CLOSE
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.edge import protocol
from liqspec.generate import names
from liqspec.search.campaign import seeded

LENGTH = 12  # events of a run that lines come in the middle of
PROBED = 4  # the interval, in lines that are refused, at which an event shows that the run continues
CONTINUED = 60  # events by which that run continues, one after each configuration that is refused
GRIDS = 12  # configurations, of which some have odd grids
RUNS = 4  # runs between a run and its repetition
PARTS, VALID = 4, (2, 3)  # how many there are; and which are those without malformed lines

Case = tuple[str, list[bytes]]
HELLO, BYE = (line + b"\n" for line in (lines.HELLO, lines.BYE))


@define(kw_only=True)
class ProtocolSuite:
    """What an engine is sent to test the protocol, and what was wrong."""

    engine: Speaking
    setting: Setting
    comparison: Comparison
    seed: int = 1
    goes_on: Callable[[], bool] = lambda: True  # asked after a finding
    lines: int = 0  # judged so far, without those that lead to a section

    def findings(self, part: int) -> Iterator[Finding]:
        """Send one of the parts, and yield what was wrong, each with the requests of its process.

        Raises:
            CannotStart: the engine does not start again.
        """
        config = self.setting.config(0, seeded(f"{self.seed}/protocol", 0))
        begun = [HELLO, *self._run(config, seeded(f"{self.seed}/protocol", 1))]
        tested = probe(config, self.hello.events)
        held = self._started()
        if (found := held.send(*begun)) is not None:
            yield found
        elif held.lockstep is not None and (len(begun) <= 2 or held.coverage.steps):  # it does not skip everything
            send = (self._lines, self._configurations, self._valid, self._odd)[part]
            yield from send(config, begun, tested)

    def _lines(self, config: dict[str, Any], begun: list[bytes], tested: EventData | None) -> Iterator[Finding]:
        """What comes before any run, and lines that are mostly refused in the middle of one."""
        again = _applied(tested)
        event = tested or {"type": "block", "time": config.get("time", 0) + 1}
        before = ("apply before reset", [_line("apply", event=event), *begun[1:2], *again])
        yield from self._section([], [before])
        yield from self._section([HELLO], [("an amount between two steps of a grid", list(self._between_steps()))])
        faults = lines.with_faults(config, self.hello.events)
        refused = enumerate(chain(faults, lines.refused(config, self.hello.events)))
        bad = ((topic, [line + b"\n", *(again if at % PROBED == 0 else [])]) for at, (topic, line) in refused)
        yield from self._section(begun, bad)

    def _configurations(
        self, config: dict[str, Any], begun: list[bytes], tested: EventData | None
    ) -> Iterator[Finding]:
        """Configurations that are refused in the middle of a run."""
        invalid = invalid_configurations(config, self.hello.families)
        # An engine that forgot something shows it in how the run continues.
        continued = chain(self._continued(config), repeat(_applied(tested)))
        bad = (
            (f"an invalid configuration, {path}", [_line("reset", config=one), *more])
            for (path, one), more in zip(invalid, continued, strict=False)
        )
        yield from self._section(begun, bad)

    def _valid(self, config: dict[str, Any], begun: list[bytes], tested: EventData | None) -> Iterator[Finding]:
        """Odd lines that are valid, a run after others, and ends."""
        again = _applied(tested)
        accepted = (
            (topic, [line + b"\n", *again]) for topic, line in lines.accepted(config, tested, self.hello.events)
        )
        formed = enumerate(lines.well_formed(config, self.hello.events))
        judged = ((topic, [line + b"\n", *(again if at % PROBED == 0 else [])]) for at, (topic, line) in formed)
        named = with_names(config, names.FOLDED)
        misread = [line + b"\n" for line in lines.in_other_forms(named, names.FOLDED, self.hello.events)]
        first = [
            ("hello in the middle of a run", [HELLO, *again]),
            ("a name in another form", [_line("reset", config=named), *misread]),
        ]
        yield from self._section(begun, chain(first, accepted, judged))
        others = (seeded(f"{self.seed}/protocol/{number}", 2) for number in range(RUNS))
        runs = [self._run(self.setting.config(number, random), random) for number, random in enumerate(others)]
        forgets = [*begun[1:], *chain(*runs), *begun[1:]]
        yield from self._section([HELLO], [("a reset that does not forget", forgets)])
        for end in ([BYE], [BYE, HELLO], [BYE, CLOSE], [CLOSE], [(again or [HELLO])[0].removesuffix(b"\n"), CLOSE]):
            yield from self._section(begun, [("the end of a conversation", end)])

    def _between_steps(self) -> Iterator[bytes]:
        """A run on grids of other steps than powers of ten, as far as the setting has such, and amounts off them."""
        for number in range(GRIDS):
            config = self.setting.config(number, seeded(f"{self.seed}/grids", number))
            if between := [*lines.between_steps(config, self.hello.events)]:
                yield from (_line("reset", config=config), *(line + b"\n" for line in between))

    def _odd(self, config: dict[str, Any], begun: list[bytes], tested: EventData | None) -> Iterator[Finding]:
        """Odd configurations that are valid."""
        odd = (
            (f"a valid configuration, {what}", [_line("reset", config=one), *_applied(tested)])
            for what, one in odd_configurations(config, self.hello.families)
        )
        yield from self._section(begun, odd)

    @property
    def hello(self) -> Hello:
        """What the engine says of itself."""
        return self.engine.hello

    def _section(self, begun: list[bytes], cases: "Iterator[Case] | list[Case]") -> Iterator[Finding]:
        conversation: Conversation | None = None
        for topic, requests in cases:
            if conversation is None:
                conversation = self._started()
                conversation.send(*begun)
            conversation.topic = topic
            before = conversation.judged
            try:
                found = conversation.send(*requests)
            finally:  # also where the time is up before the last of them
                self.lines += conversation.judged - before
            if found is not None:
                yield found
                conversation = None
                if not self.goes_on():
                    return

    def _started(self) -> Conversation:
        self.engine.restart()
        return Conversation(self.engine, self.comparison, Compared())

    def _run(self, config: dict[str, Any], random: Random) -> list[bytes]:
        """The requests of a run of some guided events."""
        events = islice(self._events(Engine(Config.from_json(config)), random), LENGTH)
        return [_line("reset", config=config), *(_line("apply", event=event) for event in events)]

    def _events(self, model: Engine, random: Random) -> Iterator[EventData]:
        """Guided events, each applied to the model."""
        proposals = Proposals.of(model, random, self.hello.events, malformed=False)
        while (event := proposals.next_event()) is not None:
            apply_event(model, event)
            yield event

    def _continued(self, config: dict[str, Any]) -> Iterator[list[bytes]]:
        """How the run of the suite continues, an event at a time; first a market is settled, if that is possible, and
        now and then a trade in it is refused.
        """
        model = Engine(Config.from_json(config))
        events = self._events(model, seeded(f"{self.seed}/protocol", 1))
        deque(islice(events, LENGTH), maxlen=0)
        market = max(config["markets"])
        settle = {"type": "settle", "market": market, "price": config["marks"][market]}
        refused: list[bytes] = []
        if {"settle", "vault_trade"} <= self.hello.events and apply_event(model, settle).refusal is None:
            yield [_line("apply", event=settle)]
            traded = {**settle, "type": "vault_trade", "size": config["markets"][market]["lot"]}
            refused = [_line("apply", event=traded)]
        for number, event in enumerate(islice(events, CONTINUED)):
            yield [_line("apply", event=event), *(refused if number % PROBED == 0 else [])]


def _applied(event: EventData | None) -> list[bytes]:
    return [] if event is None else [_line("apply", event=event)]


def _line(op: str, **fields: EventData | Any) -> bytes:
    return protocol.write_line({"op": op, **fields})
