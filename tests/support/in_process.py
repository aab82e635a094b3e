"""Engines in this process that answer as a process would."""

import json
import time
from typing import Any

from engines.python_engine import Session
from liqspec.conform.finding import EngineFault, Fault
from liqspec.step.wrong_engines import WrongEngine
from liqspec.testing.engines import InProcess, Model


class Pausing:
    """The engine in plain Python in this process, wrong after some events; then it may also fail to answer."""

    def __init__(self, wrong: int, pause: float = 0.0, hung: int | None = None) -> None:
        self.session, self.events, self.runs = Session(), 0, 0
        self.wrong, self.pause, self.hung = wrong, pause, hung

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        self.events, self.runs = 0, self.runs + 1
        return self._ask(op="reset", config=config)

    def give(self, event: dict[str, Any]) -> None:
        self.events += 1
        self.reply = self._ask(op="apply", event=event)

    def answer(self) -> dict[str, Any]:
        time.sleep(self.pause)
        if self.hung is not None and self.runs > self.hung:
            time.sleep(0.05)
            raise EngineFault(Fault(kind="hung", message="no reply"))
        refused = {"ok": False, "error": {"code": "overfill", "message": ""}}
        return refused if self.events >= self.wrong else self.reply

    def settle(self) -> None: ...

    def renew(self) -> None: ...

    def _ask(self, **request: Any) -> dict[str, Any]:
        reply: dict[str, Any] = self.session.reply(json.dumps(request).encode())
        return reply


class Wrong(Model):
    """A wrong engine: the model, which is patched only while it is asked."""

    wrong: WrongEngine

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        with self.wrong.applied():
            return super().reset(config)

    def apply(self, event: dict[str, Any]) -> object:
        with self.wrong.applied():
            return super().apply(event)


def wrong_engine(wrong: WrongEngine) -> InProcess:
    """The wrong engine as it is driven."""
    return InProcess(type("AWrongEngine", (Wrong,), {"wrong": wrong}))
