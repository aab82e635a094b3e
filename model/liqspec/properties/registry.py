"""Every property that is judged anywhere, by name, and the page of the specification that lists them."""

from typing import Any

from liqspec.edge.texts import words
from liqspec.proofs.lemmas import LEMMAS
from liqspec.properties.catalogue import OBSERVED
from liqspec.properties.liveness import CLAIMS
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

## Liveness

The properties say what no step may do; these claims say what happens in the end. They are judged on all ways through a
scope, account by account (`liqspec verify --liveness`), on which the market ends every working order: by fills, or by
`order_done`. Up to the scope's depth marks move and the trader acts as the scope has it; then the marks and the trader
rest, and every liquidation is followed to its end.

| claim | what must hold | rules |
|---|---|---|
{claims}

*Why these bounds:* each block in which an order is filled closes at least a chunk. A pool may have been attempted in
the present block already, or its chunk filled whole: then it waits for the next block (LIQ-12, BKS-2), in which an
order below the line is for all of it. A pool that is not below its backstop line, and whose orders all end unfilled,
waits for as long as that lasts: the rules give it to nobody (LIQ-13). This is not a violation, but the shortest such
story is printed. Where the rules emit no order (LIQ-16) a pool above the line waits so in every market: there the
second claim does not hold, and the events that repeat are printed.

*Example:* at the venue `hyperliquid`, a position of 2.5 times the threshold for chunks waits for four blocks at most:
the first after an attempt that found nothing, the others after three chunks of a fifth, of which the last opens a
window that forces the rest (CLD-3). At `generic`, which has no chunks, it is one.

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
    claims = [f"| {claim.name} | {claim.sentence} | {' '.join(claim.rules)} |" for claim in CLAIMS]
    return PAGE.format(properties="\n".join(properties), claims="\n".join(claims), lemmas="\n".join(lemmas))
