"""Of what the model shows, what an observation in a log can be compared with: the same positions and pools only."""

from typing import Any

from liqspec.core.effects import Effect, Transitioned
from liqspec.core.observation import observe_pool, observe_position, observe_vault
from liqspec.core.state import State
from liqspec.step import compare


def seen(state: State, observation: dict[str, Any]) -> dict[str, Any]:
    """The model's observation of the positions and pools that another one lists: work for these, not for all accounts.

    Raises:
        shapes.WrongShape: the other one is not a valid observation.
    """
    positions, pools = [], []
    for listed in compare.entries(observation, "positions").values():
        if listed["account"] in state.accounts:
            held = state.position(listed["account"], listed["market"], listed["mode"])
            positions += [] if held is None or not held.life else [observe_position(state, held)]
    for listed in compare.entries(observation, "pools").values():
        if listed["account"] in state.accounts:
            pool = state.pool(listed["account"], listed["mode"], listed.get("market") or "")
            pools += [] if pool is None else [observe_pool(state, pool)]
    vault = observe_vault(state) if "vault" in observation else {}
    return {"time": state.time, "block": state.block, "positions": positions, "pools": pools, "vault": vault}


def states_before(state: State, effects: tuple[Effect, ...]) -> dict[str, str]:
    """The state of each position before an event that did this."""
    states = {position.key: position.state for pool in state.pools() for position in pool.positions.values()}
    for effect in reversed(effects):
        if isinstance(effect, Transitioned):
            states[effect.position] = effect.source
    return states
