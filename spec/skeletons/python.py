"""A skeleton of a liquidation engine that speaks the protocol of spec/protocol.md: python3 engine.py.

It starts every run and skips every event. Continue in `apply`, one event type after the other.
"""

import json
import sys
from typing import Any

HELLO = {
    "ok": True,
    "protocol": 1,
    "engine": "my-engine 0.1",
    # What `reset` and `apply` report; only this is compared: add names as you continue (OBS-1, spec/rules/09-data.md).
    "observes": ["time", "block", "pools.collateral"],
    "states": "full",
    "events": [
        *("deposit", "withdraw", "transfer", "trade", "mark_price", "marks", "fill", "order_done", "funding"),
        *("vault_trade", "vault_cash", "block"),
    ],
}
BYE = {"ok": True}


class Refused(Exception):
    """A request is refused: the code (spec/refusals.toml has all), and a message for people."""


class Engine:
    """One run. Amounts are decimal strings: compute in integers, never in floats (spec/rules/01-amounts.md)."""

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run. spec/rules/09-data.md has the configuration (CFG-1); refuse what is not valid as bad_request."""
        self.time, self.block = config.get("time", 0), 0
        self.collateral = dict.fromkeys(config["accounts"], "0")
        return {"ok": True, "observation": self.observation()}

    def apply(self, event: dict[str, Any]) -> dict[str, Any]:
        """Process an event (spec/rules/08-events.md); 07-accounts.md has deposits and trades, 03 to 06 the rest.

        Begin with `deposit` (ACC-4) and `block` (EVT-9). First its checks in their order, of which the first that fails
        is the answer: `raise Refused("not_positive", "amount: 0, must be above 0")`; the table in spec/protocol.md has
        them. Then its change: `return {"ok": True, "observation": self.observation()}`.
        """
        match event.get("type"):
            case _:  # put the events that you implement before this
                return {"ok": False, "skipped": "not implemented"}

    def observation(self) -> dict[str, Any]:
        """What HELLO says that it observes; account, market and mode are always reported (OBS-1, OBS-2)."""
        pools = [
            {"account": account, "mode": "cross", "market": None, "collateral": money}
            for account, money in sorted(self.collateral.items())
        ]
        return {"time": self.time, "block": self.block, "positions": [], "pools": pools}


def answer(request: Any, engine: Engine) -> dict[str, Any]:
    """The reply to a request; spec/protocol.md lists what else is a bad_request, such as a repeated key."""
    match request:
        case {"op": "hello", "protocol": int(version), **rest} if not rest and version is not True and version == 1:
            return HELLO
        case {"op": "reset", "config": {"accounts": [*_]} as config, **rest} if not rest:
            return engine.reset(config)
        case {"op": "apply", "event": dict(event), **rest} if not rest and hasattr(engine, "time"):
            return engine.apply(event)
        case {"op": "bye", **rest} if not rest:
            return BYE
    raise Refused("bad_request", "not a request of spec/protocol.md, or apply before reset")


def main() -> None:
    """Answer each line with one line, written at once; end after `bye`, or when the input ends."""
    engine = Engine()
    for line in sys.stdin.buffer:
        try:
            reply = answer(json.loads(line.decode("utf-8")), engine)
        except Refused as refused:
            reply = {"ok": False, "error": dict(zip(("code", "message"), refused.args, strict=True))}
        except (ValueError, RecursionError):
            reply = {"ok": False, "error": {"code": "bad_request", "message": "the line is not JSON"}}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()
        if reply is BYE:
            return


if __name__ == "__main__":
    main()
