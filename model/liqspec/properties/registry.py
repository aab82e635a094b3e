"""Every property that is judged anywhere, by name: its sentence, its rules, its kind, and on what it can be judged."""

from typing import Literal

from attrs import frozen

from liqspec.proofs.lemmas import LEMMAS
from liqspec.properties import PROPERTIES, paired
from liqspec.properties.model_step import CRASHES, DETERMINISTIC, MODEL_PROPERTIES

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
    known += [Known(entry.name, entry.sentence, entry.rules, "pair", "model") for entry in paired.PAIRS.values()]
    known.append(Known(paired.BYSTANDER, paired.BYSTANDER_SENTENCE, paired.BYSTANDER_RULES, "pair", "model"))
    return {entry.name: entry for entry in known}


KNOWN = _all()


PAGE = """# The properties

What must hold of every run, whatever the engine. Each is judged on every step of the worked examples, the scenarios,
the exhaustive scopes and random runs (`liqspec verify`), by a checker that was written from these pages and shares no
arithmetic with the model. *Kind*: of one state, of one step, of a history that is remembered, or of a pair of runs.
*Judged on*: what an engine lets everybody observe, or the model's own state. This page is written from the code that
judges (`liqspec properties --markdown`), and a test keeps it so.

| property | what must hold | kind | judged on | rules |
|---|---|---|---|---|
{properties}

## Proved

These hold of the functions of the arithmetic for all whole numbers: Z3 runs the functions themselves on symbols. Each
has a control that claims too much, and must be refuted by numbers. A schedule has up to three tiers there, and a pool
that is looked at as a whole up to three positions. What a liquidation may touch is not proved, but judged in every
explored state and every random run.

| lemma | what holds for all numbers | rules |
|---|---|---|
{lemmas}
"""


def markdown() -> str:
    """The page of the specification that lists the properties."""
    properties = [
        f"| {entry.title} | {entry.sentence} | {entry.kind} | {entry.judged_on} | {' '.join(entry.rules)} |"
        for entry in KNOWN.values()
    ]
    lemmas = [
        f"| {lemma.name.replace('_', ' ')} | {lemma.sentence} | {' '.join(lemma.rules)} |" for lemma in LEMMAS.values()
    ]
    return PAGE.format(properties="\n".join(properties), lemmas="\n".join(lemmas))
