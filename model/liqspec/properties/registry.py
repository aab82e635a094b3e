"""Every property that is judged anywhere, by name, and the page of the specification that lists them."""

from typing import Any

from liqspec.edge.texts import words
from liqspec.proofs.lemmas import LEMMAS
from liqspec.properties.catalogue import OBSERVED
from liqspec.properties.mark_price import FORMED
from liqspec.properties.model_step import ANSWERS, MODEL
from liqspec.properties.paired import PAIRED, REPEATED, WHOLE_RUNS
from liqspec.properties.property import Property

PROPERTIES: dict[str, Property[Any]] = {**OBSERVED, **MODEL, **REPEATED, **ANSWERS, **PAIRED, **FORMED, **WHOLE_RUNS}


PAGE = """# The properties

What must hold of every run, whatever the engine. Each is judged on every step of the worked examples, the scenarios,
the exhaustive scopes and random runs (`liqspec verify`), by a checker that was written from these pages and shares no
arithmetic with the model. *Kind*: of one state, of one step, of a history that is remembered, or of a pair of runs.
*Judged on*: what an engine lets an observer see, or the model's own state. This page is generated from the code that
judges (`liqspec properties --markdown`), and a test checks it.

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
        for entry in PROPERTIES.values()
    ]
    lemmas = [f"| {words(lemma.name)} | {lemma.sentence} | {' '.join(lemma.rules)} |" for lemma in LEMMAS.values()]
    return PAGE.format(properties="\n".join(properties), lemmas="\n".join(lemmas))
