"""Every property that is judged anywhere, by name: its sentence, its rules, its kind, and on what it can be judged."""

from typing import Literal

from attrs import frozen

from liqspec import pairs
from liqspec.model_properties import CRASHES, DETERMINISTIC, MODEL_PROPERTIES
from liqspec.properties import PROPERTIES

Kind = Literal["state", "step", "history", "pair"]


@frozen
class Known:
    """A property as a reader meets it."""

    name: str
    sentence: str
    rules: tuple[str, ...]
    kind: Kind
    judged_on: Literal["observation", "model"]

    @property
    def title(self) -> str:
        """The name as words."""
        return self.name.replace("_", " ")


def _all() -> dict[str, Known]:
    known = [Known(entry.name, entry.sentence, entry.rules, entry.kind, "observation") for entry in PROPERTIES.values()]
    known += [
        Known(entry.name, entry.sentence, entry.rules, entry.kind, "model") for entry in MODEL_PROPERTIES.values()
    ]
    known += [
        Known(DETERMINISTIC, "The same event in the same state ends the same.", ("EVT-1", "OBS-4"), "pair", "model"),
        Known(CRASHES, "Every event is accepted or refused, and never ends the engine.", ("EVT-1",), "step", "model"),
    ]
    known += [Known(entry.name, entry.sentence, entry.rules, "pair", "model") for entry in pairs.PAIRS.values()]
    known.append(Known(pairs.BYSTANDER, pairs.BYSTANDER_SENTENCE, pairs.BYSTANDER_RULES, "pair", "model"))
    return {entry.name: entry for entry in known}


KNOWN = _all()
