"""Scenario files: a venue, accounts, starting marks, a timeline of events, and what is expected of it (SCN-1)."""

from pathlib import Path
from typing import Any, Literal

from attrs import Factory, asdict, field, frozen
from attrs.validators import optional

from liqspec.core import events
from liqspec.core.config import Config, VaultConfig
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.parameters import InvalidConfig
from liqspec.core.refusals import CODES, BadRequest
from liqspec.edge import files, shapes
from liqspec.edge.amounts import Grid
from liqspec.edge.errors import InvalidInput
from liqspec.edge.shapes import are_amounts, is_amount, is_integer
from liqspec.edge.texts import show
from liqspec.spec import observables, protection, venues
from liqspec.spec.protection import Protect


class InvalidScenario(InvalidInput):
    """A scenario that cannot be run: the file, the line, the field, and what is wrong with it."""


def _are_observed(_: object, attribute: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in observables.every_name():
            raise shapes.WrongShape(attribute.name, f"unknown field {show(name)}; see OBS-1")


def _is_reply(_: object, attribute: Any, line: str) -> None:
    """A line that accepts or refuses an event as the protocol says."""
    try:
        reply = files.parse_json(line)
    except ValueError as error:
        raise shapes.WrongShape(attribute.name, f"malformed JSON: {error}") from None
    read = reply if isinstance(reply, dict) else {}
    refused = (
        read.get("ok") is False and isinstance(read.get("error"), dict) and isinstance(read["error"].get("code"), str)
    )
    if not refused and not (read.get("ok") is True and isinstance(read.get("observation", {}), dict)):
        raise shapes.WrongShape(attribute.name, "expected the reply to an event, accepted or refused with a code")


@frozen(kw_only=True)
class Level:
    """What rests in the book at a distance from the mark, separately on each side, restored in each block (SCN-3)."""

    distance: str = field(validator=is_amount)
    size: str = field(validator=is_amount)


@frozen(kw_only=True)
class Expectation:
    """What must be so after a step; only what is named is compared."""

    refused: str | None = None
    transitions: tuple[str, ...] | None = None
    positions: dict[str, dict[str, Any]] = Factory(dict)
    pools: dict[str, dict[str, Any]] = Factory(dict)
    vault: dict[str, Any] = Factory(dict)
    marks: dict[str, Any] = Factory(dict)


@frozen(kw_only=True)
class Answered:
    """The engine that answered the steps of a scenario, and what it reports of an observation, as in its `hello`."""

    name: str
    observes: tuple[str, ...] = field(factory=observables.names, validator=_are_observed)
    states: Literal["full", "coarse"] = "full"


@frozen(kw_only=True)
class Step:
    """A step of the timeline: an event, what is expected after it, and the line that an engine answered it with."""

    event: EventData
    note: str = ""
    answered: str | None = field(default=None, validator=optional(_is_reply))
    expect: Expectation = Factory(Expectation)


@frozen(kw_only=True)
class Report:
    """A figure reported of a real event, to be compared with the model's: never tuned to fit."""

    figure: str
    reported: str = field(validator=is_amount)
    after_step: int = field(validator=is_integer)
    measure: str
    explanation: str
    approximate: bool = False


@frozen(kw_only=True)
class Source:
    """A figure that the scenario uses, and whether it is public or assumed."""

    figure: str
    status: Literal["public", "assumed"]
    note: str


@frozen(kw_only=True)
class Change:
    """Parameters of the venue that this scenario changes."""

    liquidation: dict[str, Any] | None = None
    backstop: dict[str, Any] | None = None
    margin: dict[str, Any] | None = None
    account: dict[str, Any] | None = None
    trading: dict[str, Any] | None = None
    mark: dict[str, Any] | None = None

    def tables(self) -> dict[str, dict[str, Any]]:
        """The tables of parameters that it changes, by name."""
        given: dict[str, dict[str, Any] | None] = asdict(self, recurse=False)
        return {table: changes for table, changes in given.items() if changes is not None}


@frozen(kw_only=True)
class ScenarioFile:
    """A scenario as the file writes it."""

    title: str
    step: tuple[Step, ...]
    venue: str | None = None
    config: dict[str, Any] | None = None
    marks: dict[str, str] = field(factory=dict, validator=are_amounts)
    story: str = ""
    accounts: tuple[str, ...] = ("alice",)
    vault: VaultConfig = Factory(VaultConfig)
    time: int = field(default=0, validator=is_integer)
    change: Change = Factory(Change)
    depth: dict[str, tuple[Level, ...]] = Factory(dict)
    protect: tuple[Protect, ...] = ()
    end: Expectation = Factory(Expectation)
    source: tuple[Source, ...] = ()
    report: tuple[Report, ...] = ()
    engine: Answered | None = None


@frozen(kw_only=True)
class Scenario:
    """A valid scenario; one under other rules than those that it was written for `expects` nothing."""

    name: str
    file: ScenarioFile
    config: Config
    expects: bool = True


def template() -> str:
    """The text of a scenario's file to begin with: a shipped one, with where to read what else it may say."""
    text = files.read_text(files.ROOT / "scenarios" / "market-liquidation.toml")
    head = (
        "# A scenario to begin with. spec/rules/09-data.md has its fields (SCN-1), spec/protocol.md those of events.\n"
        "# What is expected is compared with what happens; leave it out where you only want to see.\n\n"
        'title = "My scenario"\n'
    )
    return head + text[text.index("venue = ") :]


def names() -> list[str]:
    """The names of the scenarios that the specification ships."""
    return files.shipped("scenarios")


def load(name_or_path: str) -> Scenario:
    """The scenario of a shipped scenario's name, or in a file.

    Raises:
        UnreadableFile: the file cannot be read or parsed.
        InvalidScenario: it is not a valid scenario; the message has file, line and field.
    """
    no_such = "no such scenario; `liqspec scenarios` lists those shipped, or give the path of a .toml file"
    path = files.shipped_or_path("scenarios", name_or_path, no_such)
    if path.suffix in (".json", ".jsonl"):
        kept = "; the finding's scenario is next to it" if path.with_suffix(".toml").is_file() else ""
        raise files.UnreadableFile(path, f"a scenario is a .toml file{kept}")
    return parse(files.read_text(path), path)


def parse(text: str, path: Path) -> Scenario:
    """The scenario in a TOML text that came from `path`.

    Raises:
        UnreadableFile: it is malformed TOML.
        InvalidScenario: it is not a valid scenario.
    """
    with files.located(text, path, InvalidScenario):
        data = files.parse_toml(text, path)
        if "step" not in data:
            venue = "a venue, not a scenario (liqspec venues FILE, or simulate SCENARIO --venue FILE)"
            shapes.check_kind(data, {"markets": venue, "provenance": venue})
        return build(path.stem, data, path.parent)


def build(name: str, data: dict[str, Any], folder: Path) -> Scenario:
    """The scenario in plain data; a venue's path is relative to `folder`.

    Raises:
        shapes.WrongShape: a field is missing, unknown or mistyped, or no event at all.
        InvalidConfig: the venue, accounts, marks, depth or protective orders make no valid run.
    """
    file = shapes.structure(data, ScenarioFile)
    config = _configuration(file, folder)
    try:
        engine = Engine(config)
    except InvalidConfig as error:
        group, _, name_in_group = error.path.partition(".")
        if name_in_group in file.change.tables().get(group, {}):
            raise InvalidConfig(f"change.{error.path}", error.message) from None
        raise
    _check_depth(file, engine)
    protection.read(file.protect, engine)
    _check_reports(file)
    _check_steps(file)
    return Scenario(name=name, file=file, config=config)


def _configuration(file: ScenarioFile, folder: Path) -> Config:
    """SCN-1: a venue with accounts and marks, or a whole configuration of the scenario's own."""
    if file.config is not None:
        if file.venue is not None or file.marks:
            raise InvalidConfig("config", "a scenario with its own config has neither a venue nor marks")
        with shapes.below("config"):
            return Config.from_json(file.config)
    if file.venue is None:
        raise InvalidConfig("venue", "required field is missing (or a config)")
    try:
        venue = venues.load(file.venue, folder)
    except (files.UnreadableFile, venues.InvalidVenueFile) as error:
        raise InvalidConfig("venue", str(error)) from None
    if not file.marks:
        raise InvalidConfig("marks", "required field is missing: the markets that take part, with their first marks")
    venue = venue.changed(**file.change.tables())
    for market in file.marks:
        if market not in venue.markets:
            raise InvalidConfig(f"marks.{market}", f"venue {venue.name} has no such market")
    return venue.config(accounts=file.accounts, marks=file.marks, vault=file.vault, time=file.time)


def _check_steps(file: ScenarioFile) -> None:
    for index, entry in enumerate(file.step, start=1):
        try:
            events.from_json(entry.event)
        except BadRequest as error:
            # A scenario may be about a malformed event, but then it says so.
            if entry.expect.refused != BadRequest.code:
                path = f"step[{index}].event" + ("" if error.field == "event" else f".{error.field}")
                raise shapes.WrongShape(path, f"{error.value}; {error.limit}") from None
        code = entry.expect.refused
        if code is not None and code not in CODES:
            raise shapes.WrongShape(f"step[{index}].expect.refused", f"{show(code)} is not one of: {', '.join(CODES)}")


def _check_depth(file: ScenarioFile, engine: Engine) -> None:
    for name, levels in file.depth.items():
        market = engine.venue.markets.get(name)
        if market is None:
            raise InvalidConfig(f"depth.{name}", "the market has no starting mark in this scenario")
        for index, level in enumerate(levels, start=1):
            path = f"depth.{name}[{index}]"
            _check_multiple(f"{path}.distance", level.distance, market.price, 0, ", at least 0")
            _check_multiple(f"{path}.size", level.size, market.size, 1, " above 0")


def _check_multiple(path: str, text: str, grid: Grid, least: int, bound: str) -> None:
    units = grid.units(text)
    if units is None or units < least:
        raise InvalidConfig(path, f"must be a multiple of {grid.text(1)}{bound}; got {text}")


def _check_reports(file: ScenarioFile) -> None:
    for index, report in enumerate(file.report, start=1):
        if not 1 <= report.after_step <= len(file.step):
            message = f"must be from 1 to {len(file.step)}, the steps there are"
            raise InvalidConfig(f"report[{index}].after_step", message)
