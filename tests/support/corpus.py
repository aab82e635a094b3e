"""The committed corpus of vectors, and engines in this process that it is played to."""

import json
from functools import cache
from typing import Any

from liqspec.conform.oracle import Oracle
from liqspec.vectors import corpus


@cache
def loaded() -> list[dict[str, Any]]:
    """The committed corpus."""
    return corpus.load(corpus.FOLDER)


class InProcess:
    """An engine in this process, asked as the protocol asks: the model's oracle, or the engine in plain Python."""

    def __init__(self, session: Any) -> None:
        self._session, self._reply = session, dict[str, Any]()
        self._ask({"op": "hello", "protocol": 1})

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        return self._ask({"op": "reset", "config": config})

    def give(self, event: Any) -> None:
        self._reply = self._ask({"op": "apply", "event": event})

    def answer(self) -> dict[str, Any]:
        return self._reply

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        answered = self._session.reply(json.dumps(request).encode())
        read: dict[str, Any] = answered if isinstance(answered, dict) else json.loads(answered)
        return read


def model() -> InProcess:
    return InProcess(Oracle(log=None))  # type: ignore[arg-type]  # nothing is logged
