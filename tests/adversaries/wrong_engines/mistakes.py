"""The vector of a mistake: the events that distinguish an engine with this mistake."""

from typing import Any

from liqspec.edge.texts import slug
from liqspec.spec.vectors import Case
from liqspec.step.wrong_engines.base import WrongEngine
from liqspec.vectors.suites import MISTAKES


def name_of(wrong: WrongEngine) -> str:
    """What its case is called: its id, and its title in small letters."""
    return f"{wrong.id.lower()}-{slug(wrong.title)}"


def case_of(wrong: WrongEngine, config: dict[str, Any], events: list[Any]) -> Case:
    """The case of a wrong engine that gives a different answer at the last of these events.

    One that is wrong before any event is seen to be so after a block too: a reset has no observation in a vector.
    """
    return Case(
        venue="own",
        suite=MISTAKES,
        name=name_of(wrong),
        title=wrong.title,
        rules=(wrong.rule,),
        provenance="found by running an engine that makes this mistake beside the model, and made short",
        config=config,
        events=tuple(events or [{"type": "block", "time": 1}]),
    )
