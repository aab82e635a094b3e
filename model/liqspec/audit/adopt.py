"""Adopting what a log observed into the model, so that one departure from the rules is reported once."""

import copy
from typing import Any

from liqspec.core import snapshot
from liqspec.core.engine import Engine
from liqspec.core.machine import lifecycle
from liqspec.core.parameters import InvalidConfig
from liqspec.edge.shapes import WrongShape
from liqspec.spec import observables
from liqspec.step.completion import complete, pools
from liqspec.step.partial import PartialState

# The state that is assumed where only its class was observed.
_ASSUMED = {"ok": "healthy", "in_liquidation": "liquidatable", "none": "closed"}


def adopt(engine: Engine, observation: dict[str, Any]) -> str:
    """Lay an observation over the state of the model (STP-2); why that cannot be, or "" if it was done.

    What it leaves out stays as it is. A state that contradicts itself is left alone.
    """
    try:
        base = snapshot.to_json(engine.venue, engine.snapshot())
        known = PartialState.from_json(_whole(engine, observation))
        done = complete(engine.venue, base, known)
        for _, pool in pools(done.data):
            for held in pool["positions"]:
                # STP-4: a leverage is in no observation.
                held.setdefault("leverage", engine.venue.markets[held["market"]].max_leverage)
        engine.restore(snapshot.from_json(engine.venue, done.data))
    except (WrongShape, InvalidConfig) as error:
        return str(error)
    return ""


def _whole(engine: Engine, observation: dict[str, Any]) -> dict[str, Any]:
    """The observation with states that are only classes made whole, and without orders that cannot be."""
    whole = copy.deepcopy(observation)
    table = observables.observables()
    for held in whole.get("positions", []):
        state = held.get("state")
        if state in _ASSUMED:
            ours = engine.state.position(held["account"], held["market"], held["mode"])
            same = ours is not None and table.state_class(ours.state) == state
            held["state"] = state = ours.state if same and ours is not None else _ASSUMED[state]
        if state in lifecycle().table.states and state not in ("liquidatable", "partially_liquidated"):
            held.setdefault("order", None)
    return whole
