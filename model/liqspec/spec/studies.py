"""Studies: one position over the choices of some axes, each combination a scenario, and what is claimed of them."""

from itertools import product
from math import prod
from pathlib import Path
from typing import Any, Literal

from attrs import Factory, field, frozen

from liqspec.core.parameters import InvalidConfig
from liqspec.edge import files, limits, shapes
from liqspec.edge.errors import InvalidInput
from liqspec.edge.shapes import are_amounts, is_amount, is_integer
from liqspec.edge.texts import did_you_mean, placed, show
from liqspec.spec import scenarios
from liqspec.spec.scenarios import Scenario, Source

TRADER = "trader"

Relation = Literal["less", "equal", "more"]
# The measures of a case by name, each with its title in tables and whether it is money, a size, a price, or a share.
Unit = Literal["money", "size", "price", "percent", "points", "yes"]


@frozen(kw_only=True)
class Measure:
    """A figure of each case: its title, its unit, and what it is."""

    title: str
    unit: Unit
    meaning: str


MEASURES: dict[str, Measure] = {
    "paid_in": Measure(title="paid in", unit="money", meaning="all that the trader deposited"),
    "kept": Measure(title="kept", unit="money", meaning="equity at the end"),
    "kept_share": Measure(title="kept, %", unit="percent", meaning="equity at the end, of all that was deposited"),
    "result": Measure(title="result", unit="money", meaning="what was kept less what was paid in"),
    "left": Measure(title="position left", unit="size", meaning="the size of the position at the end"),
    "survives": Measure(title="survives", unit="yes", meaning="whether a part of the position is left"),
    "by_orders": Measure(title="liquidated", unit="size", meaning="what liquidation orders closed in the market"),
    "by_trader": Measure(title="closed himself", unit="size", meaning="what the trader closed"),
    "by_vault": Measure(title="taken by the vault", unit="size", meaning="what the vault took"),
    "price": Measure(title="average price", unit="price", meaning="of all that was closed in the market"),
    "slippage": Measure(
        title="below the mark, bp",
        unit="points",
        meaning="how far the average price is below the marks at which it was sold, in hundredths of a per cent",
    ),
    "slippage_cost": Measure(title="lost to the book", unit="money", meaning="that distance in money"),
    "shortfall": Measure(
        title="below the first mark, bp",
        unit="points",
        meaning="how far the average price is below the mark at the first sale, in hundredths of a per cent",
    ),
    "vault": Measure(title="vault's result", unit="money", meaning="the vault's equity at the end less its first cash"),
    "deficit": Measure(title="deficit", unit="money", meaning="what the pool was short of when it ended"),
}


class InvalidStudy(InvalidInput):
    """A study that cannot be run: the file, the line, the field, and what is wrong with it."""


@frozen(kw_only=True)
class Setting:
    """A part of what makes a case: of the base of a study, or of a choice, which replaces what the base has.

    The trader deposits, opens a long position at the first mark, and each further mark comes with a new block.
    `liquidation` changes parameters of the venue (SCN-1), `depth` is the ladder of the market (SCN-3), and `protect`
    lists protective orders (SCN-5).
    """

    deposit: str | None = field(default=None, validator=is_amount)
    size: str | None = field(default=None, validator=is_amount)
    leverage: int | None = field(default=None, validator=is_integer)
    depth: tuple[dict[str, str], ...] | None = field(default=None)
    marks: tuple[str, ...] | None = None
    every_ms: int | None = field(default=None, validator=is_integer)
    liquidation: dict[str, Any] = Factory(dict)
    protect: tuple[dict[str, Any], ...] | None = None


@frozen(kw_only=True)
class Choice:
    """One choice of an axis: its name in the names of cases, what it is, and what it sets."""

    name: str
    title: str
    set: Setting = Factory(Setting)


@frozen(kw_only=True)
class Axis:
    """What is varied: its choices in their order."""

    name: str
    choice: tuple[Choice, ...]


@frozen(kw_only=True)
class Shown:
    """A measure of a case compared with that of another case, or with a value; whether that speaks for the claim."""

    where: str
    measure: str
    case: str
    relation: Relation
    supports: bool
    than: str | None = None
    value: str | None = field(default=None, validator=is_amount)


@frozen(kw_only=True)
class Claim:
    """A sentence about the subject, with the comparisons that confirm or refute it, and why it is so."""

    says: str
    why: str
    shown: tuple[Shown, ...]

    @property
    def verdict(self) -> str:
        """What the comparisons say of it together."""
        found = {one.supports for one in self.shown}
        if found == {True}:
            return "confirmed"
        return "refuted" if found == {False} else "it depends"


@frozen(kw_only=True)
class StudyFile:
    """A study as its file writes it."""

    title: str
    story: str
    venue: str
    market: str
    columns: tuple[str, ...]
    base: Setting
    axis: tuple[Axis, ...]
    claim: tuple[Claim, ...] = ()
    source: tuple[Source, ...] = ()
    vault: dict[str, str] = field(factory=dict, validator=are_amounts)


@frozen(kw_only=True)
class Case:
    """One combination of choices, one of each axis, as a scenario in plain data."""

    name: str
    choices: dict[str, str]
    data: dict[str, Any]
    scenario: Scenario


@frozen(kw_only=True)
class Study:
    """A valid study: its file and its cases, in the order of the axes."""

    name: str
    file: StudyFile
    cases: tuple[Case, ...]


def names() -> list[str]:
    """The names of the studies that the specification ships."""
    return files.shipped("studies")


def load(name_or_path: str) -> Study:
    """The study of a shipped study's name, or in a file.

    Raises:
        UnreadableFile: the file cannot be read or parsed.
        InvalidStudy: it is not a valid study; the message has file, line and field.
    """
    no_such = f"no such study; shipped are {', '.join(names())}, or give the path of a .toml file"
    path = files.shipped_or_path("studies", name_or_path, no_such)
    text = files.read_text(path)
    with files.located(text, path, InvalidStudy):
        return build(path.stem, files.parse_toml(text, path), path.parent)


def build(name: str, data: dict[str, Any], folder: Path) -> Study:
    """The study in plain data; a venue's path is relative to `folder`.

    Raises:
        shapes.WrongShape: a field is missing, unknown or mistyped.
        InvalidConfig: there are too many cases (`edge/limits.py`), a case makes no valid scenario, or a claim names
            what does not exist.
    """
    file = shapes.structure(data, StudyFile)
    for axis in file.axis:
        if not axis.choice:
            raise InvalidConfig("axis", f"{axis.name} has no choice")
        if len({choice.name for choice in axis.choice}) < len(axis.choice):
            raise InvalidConfig("axis", f"{axis.name} has two choices of the same name")
    _check_size(file)
    cases = tuple(_case(file, choices, folder) for choices in product(*(axis.choice for axis in file.axis)))
    _check(file, {case.name for case in cases})
    return Study(name=name, file=file, cases=cases)


def _check_size(file: StudyFile) -> None:
    """Refuse a study whose axes multiply to more than is made of a file, before any case is made."""
    cases = prod(len(axis.choice) for axis in file.axis)
    if cases > limits.STUDY_CASES:
        raise InvalidConfig("axis", f"the choices make more than {limits.STUDY_CASES} cases")
    repeated = cases * len(repr((file.title, file.venue, file.vault, file.base)))
    repeated += sum(cases // len(axis.choice) * len(repr(axis)) for axis in file.axis)
    if repeated > limits.STUDY_BYTES:
        most = limits.STUDY_BYTES // limits.MEBIBYTE
        raise InvalidConfig("axis", f"the choices make cases of more than {most} MiB together")


def _check(file: StudyFile, known: set[str]) -> None:
    for index, column in enumerate(file.columns, start=1):
        _check_measure(column, f"columns[{index}]")
    for number, claim in enumerate(file.claim, start=1):
        for index, one in enumerate(claim.shown, start=1):
            path = f"claim[{number}].shown[{index}]"
            _check_measure(one.measure, f"{path}.measure")
            if (one.than is None) == (one.value is None):
                raise InvalidConfig(path, "compares with either `than`, another case, or a `value`")
            for name, case in (("case", one.case), ("than", one.than)):
                if case is not None and case not in known:
                    hint = did_you_mean(case, sorted(known))
                    raise InvalidConfig(f"{path}.{name}", f"there is no case {show(case)}{hint}")


def _check_measure(name: str, path: str) -> None:
    if name not in MEASURES:
        hint = did_you_mean(name, MEASURES) or f"; the measures are: {', '.join(MEASURES)}"
        raise InvalidConfig(path, f"there is no measure {show(name)}{hint}")


def _case(file: StudyFile, choices: tuple[Choice, ...], folder: Path) -> Case:
    name = "/".join(choice.name for choice in choices)
    settings = [file.base, *(choice.set for choice in choices)]
    deposit, size, leverage, marks, every = (
        _last(settings, field_name) for field_name in ("deposit", "size", "leverage", "marks", "every_ms")
    )
    first, *rest = marks
    opening = {"type": "trade", "account": TRADER, "market": file.market, "mode": "cross", "size": size}
    events: list[dict[str, Any]] = [
        {"type": "deposit", "account": TRADER, "amount": deposit},
        {**opening, "price": first, "leverage": leverage},
    ]
    for number, mark in enumerate(rest, start=1):
        events.append({"type": "block", "time": number * every})
        events.append({"type": "mark_price", "market": file.market, "price": mark})
    changes: dict[str, Any] = {}
    for setting in settings:
        changes |= setting.liquidation
    data: dict[str, Any] = {
        "title": f"{file.title}: {', '.join(choice.title for choice in choices)}",
        "venue": file.venue,
        "accounts": [TRADER],
        "marks": {file.market: first},
        "vault": dict(file.vault),
        "change": {"liquidation": changes},
        "depth": {file.market: [dict(level) for level in _last(settings, "depth")]},
        "protect": [dict(entry) for entry in _last(settings, "protect", ())],
        "step": [{"event": event} for event in events],
    }
    try:
        scenario = scenarios.build(name, data, folder)
    except (shapes.WrongShape, InvalidConfig) as error:
        raise InvalidConfig("", f"the case {name}: {placed(error.path, error.message)}") from None
    named = {axis.name: choice.name for axis, choice in zip(file.axis, choices, strict=True)}
    return Case(name=name, choices=named, data=data, scenario=scenario)


def _last(settings: list[Setting], name: str, default: Any = None) -> Any:
    """What the last of the settings that has this field says."""
    given = [getattr(setting, name) for setting in settings if getattr(setting, name) is not None]
    if not given and default is None:
        raise InvalidConfig(f"base.{name}", "required field is missing, in the base or in each choice of an axis")
    return given[-1] if given else default
