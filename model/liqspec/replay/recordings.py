"""Recordings from where they come from: a run of a scenario, or the JSON Lines that `simulate --json` printed."""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from cattrs import Converter, transform_error

from liqspec.core import machine
from liqspec.core.refusals import CODES
from liqspec.edge import files
from liqspec.edge.errors import InvalidInput
from liqspec.edge.texts import one_line
from liqspec.replay import timeline
from liqspec.replay.record import Amount, End, Record, Step
from liqspec.replay.run import Moment, Run
from liqspec.report.amounts import Units
from liqspec.spec import rulebook, scenarios
from liqspec.spec.scenarios import Scenario

T = TypeVar("T")

SUFFIXES = (".jsonl", ".ndjson", ".json")
MOST_STEPS = 2_000

# A bound on the digits keeps a hostile file cheap, and every amount drawable.
_AMOUNT = re.compile(r"-?[0-9]{1,150}(?:\.[0-9]{1,150}|/0*[1-9][0-9]{0,149})?", re.ASCII)
_NOT_AN_AMOUNT = 'expected an amount such as "1.5"'


class InvalidTrace(InvalidInput):
    """A file that is not a trace of a run: the file, the line, and what is wrong with it."""


def load(name_or_path: str) -> Record:
    """The recording of a shipped scenario's name, of a scenario file, or in a trace file.

    Raises:
        files.UnreadableFile: the file cannot be read or parsed.
        scenarios.InvalidScenario: it is not a valid scenario.
        InvalidTrace: it is not a trace, or its end is missing.
    """
    path = Path(name_or_path)
    no_trace = path.suffix not in SUFFIXES and (path.suffix == ".toml" or not path.exists())
    if no_trace or name_or_path in scenarios.names():
        return record(scenarios.load(name_or_path))
    text = files.read_text(path)
    # No TOML begins with a brace, and every line of a trace does.
    if path.suffix in SUFFIXES or text.lstrip().startswith("{"):
        return parse(text, path)
    return record(scenarios.parse(text, path))


def record(story: Scenario) -> Record:
    """Run a scenario and record it; an InvalidTrace is raised if it has no event, or too many to draw."""
    run = Run(story)
    units = Units(run.engine.venue)
    steps = [step(moment, units, story.name) for moment in run]
    end = _structure(timeline.outcome_json(run.outcome())["end"], End, story.name)
    check_count(len(steps), story.name)
    name, file = story.name, story.file
    return Record(name, file.title, tuple(steps), end, venue=file.venue or "", story=file.story.strip())


def read(stream: BinaryIO, path: Path) -> Record:
    """The recording in a stream that errors call `path`; an UnreadableFile or an InvalidTrace as `load` raises them."""
    return parse(files.read_text(path, stream), path)


def parse(text: str, path: Path) -> Record:
    """The recording in the JSON Lines of a trace that came from `path`; an InvalidTrace names the first wrong line."""
    lines = [(f"{path}:{number}", line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    check_count(len(lines) - 1, str(path))
    *read, (last, ending) = [(where, _object(line, where)) for where, line in lines]
    if (end := ending.get("end")) is None:
        raise InvalidTrace(
            f"{last}: the end of the run is missing: the trace is cut off, or is not a trace; "
            "`liqspec simulate SCENARIO --json` prints one"
        )
    steps: list[Step] = []
    for where, data in read:
        found = _structure(data, Step, where)
        for mistake in _mistakes(found, steps[-1] if steps else None):
            raise InvalidTrace(one_line(f"{where}: {mistake}"))
        steps.append(found)
    return Record(path.stem, path.stem, tuple(steps), _structure(end, End, last))


def step(moment: Moment, units: Units, where: str) -> Step:
    """A moment of a run as it is recorded; errors name `where` it is from."""
    return _structure(timeline.moment_json(moment, units), Step, where)


def check_count(steps: int, where: str) -> None:
    """Refuse a run without an event, or with too many to draw.

    Raises:
        InvalidTrace: it is such a run.
    """
    if steps < 1:
        raise InvalidTrace(f"{where}: there is no event to draw")
    if steps > MOST_STEPS:
        raise InvalidTrace(f"{where}: {steps} events are too many for a picture; the most is {MOST_STEPS}")


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        data = files.parse_json(line)
    except ValueError as error:
        raise InvalidTrace(f"{where}: malformed JSON, perhaps cut off: {error}") from None
    if not isinstance(data, dict):
        raise InvalidTrace(f"{where}: expected an object, as `liqspec simulate --json` prints them")
    return data


def _mistakes(step: Step, before: Step | None) -> Iterator[str]:
    """What the pictures could not show: names that the specification does not have, marks that come and go."""
    lifecycle = machine.lifecycle()
    for seen in step.observation.positions:
        if seen.state not in lifecycle.table.states:
            yield f"{seen.key}: unknown state {seen.state!r}"
    for recorded in step.transitions:
        entry = lifecycle.by_id.get(recorded.transition)
        if entry is None or recorded.source not in entry.sources or recorded.target != entry.to:
            text = f"{recorded.transition} from {recorded.source} to {recorded.target}"
            yield f"the lifecycle has no transition {text}"
    for effect in step.effects:
        if effect.rule not in rulebook.rules():
            yield f"unknown rule {effect.rule!r}"
    if step.refusal is not None and step.refusal.code not in CODES:
        yield f"unknown refusal {step.refusal.code!r}"
    if not step.marks or (before is not None and step.marks.keys() != before.marks.keys()):
        yield "the marks are missing, or are of other markets than before"
    yield from _mistakes_of_event(step)


def _mistakes_of_event(step: Step) -> Iterator[str]:
    event = step.event
    if step.refusal is None and event.get("type") in ("trade", "fill"):
        for name in ("account", "market", "mode", "size", "price"):
            if not isinstance(event.get(name), str):
                yield f"event.{name}: expected a string"
        for name in ("size", "price"):
            if _AMOUNT.fullmatch(event[name]) is None:
                yield f"event.{name}: {_NOT_AN_AMOUNT}"
        if event["market"] not in step.marks:
            yield f"event.market: {event['market']!r} has no mark"


def _structure(data: Any, shape: type[T], where: str) -> T:
    try:
        return _CONVERTER.structure(data, shape)
    except Exception as error:  # whatever cattrs groups together: the first of it becomes the one line
        first = next(iter(_messages(error)), str(error))
        raise InvalidTrace(one_line(f"{where}: {first}", 400)) from None


def _messages(error: Exception) -> Iterator[str]:
    for line in transform_error(error, path="", format_exception=_mismatch):
        message, _, place = line.partition(" @ ")
        yield f"{place.lstrip('.')}: {message}" if place.strip(".") else message


def _mismatch(error: BaseException, _: type | None) -> str:
    return f"required field {error.args[0]} is missing" if isinstance(error, KeyError) else str(error)


def _exactly(kind: type, wanted: str) -> Any:
    def hook(value: Any, _: Any) -> Any:
        if type(value) is not kind:  # no coercion: a trace is read as it was written
            raise ValueError(f"expected {wanted}")
        return value

    return hook


def _amount(value: Any, _: Any) -> Amount:
    if not isinstance(value, str) or _AMOUNT.fullmatch(value) is None:
        raise ValueError(_NOT_AN_AMOUNT)
    return Amount(value, Fraction(value))


# Like that of `shapes`, but fields that it does not know are ignored: a trace may hold more than the pictures show.
_CONVERTER = Converter()
_CONVERTER.register_structure_hook(str, _exactly(str, "a string"))
_CONVERTER.register_structure_hook(int, _exactly(int, "a whole number"))
_CONVERTER.register_structure_hook(bool, _exactly(bool, "true or false"))
_CONVERTER.register_structure_hook(Amount, _amount)
