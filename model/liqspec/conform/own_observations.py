"""Every property judged on what an engine shows of itself, event by event."""

from collections import Counter
from contextlib import suppress
from typing import Any

from attrs import define

from liqspec.core.events import EventData
from liqspec.edge.texts import one_line
from liqspec.properties.catalogue import OBSERVED
from liqspec.properties.checker.witness import Witness
from liqspec.properties.property import NOT_EXERCISED

RESET: EventData = {"type": "reset"}  # the event's place where a run begins


@define
class OwnObservations:
    """What was seen of a run so far; `checked` counts the properties that were exercised."""

    config: dict[str, Any]
    checked: Counter[str]
    _witness: Witness | None = None
    _lost: bool = False  # whether something was shown that cannot be judged, after which nothing can

    def broken_by(
        self, event: EventData, refused: str | None, observation: dict[str, Any] | None
    ) -> tuple[tuple[str, str], ...]:
        """The properties that an event broke, each with what was wrong; without an observation, nothing changed."""
        if event is RESET:
            self._witness, self._lost = None if observation is None else Witness(self.config, observation), False
            return ()
        if self._lost:
            return ()
        assert self._witness is not None, "a run that begins as it must not ends there"
        broken = []
        # What an engine shows may be anything; where it cannot be judged, the difference itself is reported.
        self._lost = True
        with suppress(Exception):
            step = self._witness.see(event, refused, observation or self._witness.view.raw)
            for entry, verdict in OBSERVED.judge(step):
                self.checked[entry.name] += verdict is not NOT_EXERCISED
                if verdict.outcome == "violated":
                    broken.append((entry.name, one_line(verdict.wrong)))
            self._lost = False
        return tuple(broken)
