"""Differences of observations: between the rules and an engine (STP-5 to STP-7), and between two steps (OBS-3)."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import attrs
from attrs import Factory, field, frozen

from liqspec.core.observation import same
from liqspec.edge import amounts, keys
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import one_line, show
from liqspec.spec import observables
from liqspec.spec.observables import Kind

# Marks in a difference a value that one side does not have: null is a value itself.
LISTED, NOT_LISTED, NOT_REPORTED = "listed", "not listed", "not reported"

Part = Literal["positions", "pools"]
_KEY: dict[Part, tuple[str, ...]] = {"positions": ("account", "market", "mode"), "pools": ("account", "mode", "market")}
# What a position that is not listed is taken to have, by those who need not list it (STP-6).
_EMPTY = {
    **{"state": "closed", "size": "0", "cost": "0", "order": None, "cooldown_until": None},
    **{"limit": None, "liquidation_price": None, "bankruptcy_price": None},
}


def _check_known(name: str, option: str) -> None:
    if name not in observables.observables().fields:
        known = ", ".join(observables.every_name())
        raise WrongShape(option, f"unknown field {show(name)}; the fields are: {known}")


def _known(fields: Iterable[str] | None) -> frozenset[str]:
    listed = observables.names() if fields is None else tuple(fields)
    for name in listed:
        _check_known(name, "observes")
    return frozenset(listed)


def _tolerances(given: Mapping[str, str | Fraction]) -> dict[str, Fraction]:
    read = {}
    for name, value in given.items():
        _check_known(name, "tolerance")
        if observables.observables().fields[name].kind not in ("amount", "amounts"):
            raise WrongShape(f"tolerance.{name}", "only an amount can be compared within a tolerance")
        try:
            read[name] = value if isinstance(value, Fraction) else amounts.exact(value)
        except amounts.MalformedAmount as error:
            raise WrongShape(f"tolerance.{name}", str(error)) from None
        if read[name] < 0:
            raise WrongShape(f"tolerance.{name}", f"must be at least 0, got {value}")
    return read


@frozen(kw_only=True)
class Observes:
    """How an engine's observations are compared: which fields, states whole or by class, amounts within what.

    All fields are compared if none are given. A tolerance is a decimal string in the field's own unit of measure:
    "0.01" of money, "0.001" of a size. `partial` observations may leave out anything, and what they leave out is not
    compared (STP-5).

    Raises:
        WrongShape: a field is unknown, or a tolerance is malformed, below 0 or not of an amount.
    """

    fields: frozenset[str] = field(default=None, converter=_known)
    states: Literal["full", "coarse"] = "full"
    tolerance: dict[str, Fraction] = field(default=Factory(dict), converter=_tolerances)
    partial: bool = False

    @property
    def prices(self) -> bool:
        """Whether some price of a position is compared (OBS-5)."""
        return any(observables.observables().fields[name].optional for name in self.fields)

    @property
    def must_list_closed(self) -> bool:
        """Whether a position that is gone must be listed: only where its very state is compared (STP-6)."""
        return self.states == "full" and "positions.state" in self.fields


@frozen
class Difference:
    """One thing in which two observations differ: of which position or pool, in which field, ours and theirs.

    It can be in a set: its hash leaves out the values, which may be objects or lists.

    `subject` is a position's or a pool's key, "vault" or "run"; `field` one of `observables.names()`, or "positions" or
    "pools" where only one side lists the subject.
    """

    subject: str
    field: str
    ours: Any = attrs.field(hash=False)
    theirs: Any = attrs.field(hash=False)

    def __str__(self) -> str:
        """The difference in one line."""
        named = self.subject in ("run", "event", self.field.partition(".")[0])
        where = self.field if named else f"{one_line(self.subject)} {self.field}"
        return f"{where}: ours {_value_text(self.ours)}, theirs {_value_text(self.theirs)}"


def _value_text(value: Any) -> str:
    """A value of an observation in a sentence: a text without its quotes, null as none."""
    return "none" if value is None else show(value).strip('"')


@cache
def _parts(fields: frozenset[str]) -> frozenset[str]:
    """The parts of an observation that have some of these fields."""
    return frozenset(name.rpartition(".")[0] for name in fields)


def first_difference(ours: dict[str, Any], theirs: dict[str, Any], observes: Observes) -> Difference | None:
    """The first of the `differences`, None if there is none (STP-6)."""
    return next(differences(ours, theirs, observes), None)


def differences(ours: dict[str, Any], theirs: dict[str, Any], observes: Observes) -> Iterator[Difference]:
    """All differences in the order of an observation: run, positions, pools, vault (STP-6).

    Raises:
        WrongShape: theirs is not a valid observation; ours is the model's own.
    """
    if not isinstance(theirs, dict):
        raise WrongShape("observation", f"expected an object, got {show(theirs)}")
    if observes.partial and "marks" in theirs and "marks" not in ours:
        raise WrongShape("observation.marks", "the configuration has no table mark, so no marks are observed (MRK-8)")
    run = tuple(name for name in observables.of("") if name in ours)
    yield from _fields("run", "", run, ours, theirs, observes)
    yield from _entries("positions", ours, theirs, observes)
    yield from _entries("pools", ours, theirs, observes)
    if "vault" in _parts(observes.fields):
        vault = theirs.get("vault", {})
        if not isinstance(vault, dict):
            raise WrongShape("observation.vault", f"expected an object, got {show(vault)}")
        yield from _fields("vault", "vault.", observables.of("vault"), ours["vault"], vault, observes)


def entries(observation: dict[str, Any], part: Part) -> dict[str, dict[str, Any]]:
    """The positions or pools of an observation from anywhere, by their keys; none if the part is left out.

    Raises:
        WrongShape: it is not a list of objects with distinct keys.
    """
    found: dict[str, dict[str, Any]] = {}
    listed = observation.get(part, [])
    if not isinstance(listed, list):
        raise WrongShape(f"observation.{part}", f"expected a list, got {show(listed)}")
    for index, entry in enumerate(listed, start=1):
        path = f"observation.{part}[{index}]"
        if not isinstance(entry, dict):
            raise WrongShape(path, f"expected an object, got {show(entry)}")
        _check_key(path, part, entry)
        key = _key_of(part, entry)
        if key in found:
            raise WrongShape(path, f"{key} is repeated")
        found[key] = entry
    return found


def _key_of(part: Part, entry: dict[str, Any]) -> str:
    return keys.of_position(entry) if part == "positions" else keys.of_pool(entry)


def check_whole(observation: dict[str, Any]) -> None:
    """See that an observation from a file has all that the model's own would, as `differences` expects of ours.

    Raises:
        WrongShape: the first field that is missing or of another kind.
    """
    for part in ("positions", "pools", "vault"):
        if not isinstance(observation.get(part), dict if part == "vault" else list):
            raise WrongShape(f"observation.{part}", f"is missing or of another type: {show(observation.get(part))}")
    listed = {part: [*entries(observation, part).values()] for part in ("positions", "pools")}
    shown = {"": [observation], "vault": [observation["vault"]], **listed}
    for name, described in observables.observables().fields.items():
        part, _, leaf = name.rpartition(".")
        for one in shown[part]:
            if leaf not in one and not described.optional and not described.family:
                raise WrongShape(f"observation.{name}", "is missing")
            if described.kind == "amounts" and not isinstance(one.get(leaf, {}), dict):
                raise WrongShape(f"observation.{name}", f"expected an object, got {show(one[leaf])}")


def _check_key(path: str, part: Part, entry: dict[str, Any]) -> None:
    cross = part == "pools" and entry.get("mode") == "cross"
    for name in _KEY[part]:
        if cross and name == "market":
            if entry.get(name) is not None:
                raise WrongShape(f"{path}.market", f"a cross pool has no market, got {show(entry[name])}")
        elif not isinstance(entry.get(name), str):
            raise WrongShape(f"{path}.{name}", f"expected a string, got {show(entry.get(name))}")
    if entry["mode"] not in ("cross", "isolated"):
        raise WrongShape(f"{path}.mode", f'expected "cross" or "isolated", got {show(entry["mode"])}')


def _entries(part: Part, ours: dict[str, Any], theirs: dict[str, Any], observes: Observes) -> Iterator[Difference]:
    if part not in _parts(observes.fields):
        return
    expected, observed = {_key_of(part, entry): entry for entry in ours[part]}, entries(theirs, part)
    names = observables.of(part)
    if part not in theirs and not observes.partial:  # a list without entries is present, and empty (OBS-1)
        yield Difference("run", part, LISTED, NOT_REPORTED)
        return
    both = expected | observed
    for key in sorted(both, key=lambda key: _order(part, both[key])) if len(both) > 1 else both:
        if key in expected and key in observed:
            yield from _fields(key, f"{part}.", names, expected[key], observed[key], observes)
        elif observes.partial and key in expected:
            continue
        elif part == "pools" or observes.must_list_closed:
            yield Difference(key, part, *((LISTED, NOT_LISTED) if key in expected else (NOT_LISTED, LISTED)))
        else:
            # `life` is unknown for a position that is not listed.
            some = tuple(name for name in names if name != "life")
            yield from _fields(key, f"{part}.", some, expected.get(key, _EMPTY), observed.get(key, _EMPTY), observes)


def _order(part: Part, entry: dict[str, Any]) -> tuple[str, ...]:
    if part == "positions":
        return (entry["account"], entry["market"], entry["mode"])
    return (entry["account"], "" if entry["mode"] == "cross" else entry["market"])


def _fields(
    subject: str, prefix: str, names: tuple[str, ...], ours: dict[str, Any], theirs: dict[str, Any], observes: Observes
) -> Iterator[Difference]:
    table, fields, partial = observables.observables().fields, observes.fields, observes.partial
    for name in names:
        if partial and name not in theirs:
            continue
        path = prefix + name
        if path not in fields:
            continue
        if name not in ours and (table[path].optional or table[path].family):
            continue  # a vector shows no prices (OBS-5), and a run without a family not what belongs to it
        if name not in theirs:
            yield Difference(subject, path, ours[name], NOT_REPORTED)
            continue
        mine, other = ours[name], theirs[name]
        if type(mine) is type(other) and mine == other:
            continue  # as most are
        if not _equal(table[path].kind, mine, other, path, observes):
            yield Difference(subject, path, mine, other)


def _equal(kind: Kind, ours: Any, theirs: Any, path: str, observes: Observes) -> bool:
    if kind == "state" and observes.states == "coarse":
        state_class = observables.observables().state_class
        return isinstance(theirs, str) and state_class(ours) == state_class(theirs)
    tolerance = observes.tolerance.get(path, Fraction(0))
    if kind == "amounts":
        if not isinstance(theirs, dict):
            return False
        # A market that is not listed is held at 0 (STP-6).
        return all(_close(ours.get(name, "0"), theirs.get(name, "0"), tolerance) for name in {*ours, *theirs})
    return _close(ours, theirs, tolerance) if kind == "amount" else same(ours, theirs)


def _close(ours: Any, theirs: Any, tolerance: Fraction) -> bool:
    if same(ours, theirs):
        return True
    if not tolerance or not amounts.is_decimal(ours) or not amounts.is_decimal(theirs):
        return False
    return abs(Fraction(ours) - Fraction(theirs)) <= tolerance


@frozen
class Change:
    """One field that changed; `subject` is a position's, a pool's or the vault's name, None stands for absent."""

    subject: str
    field: str
    before: Any = attrs.field(hash=False)
    after: Any = attrs.field(hash=False)


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """The fields of positions, pools and vault that differ; amounts compare as numbers (OBS-3)."""
    parts: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (entries(before, "positions"), entries(after, "positions")),
        (entries(before, "pools"), entries(after, "pools")),
        ({"vault": before["vault"]}, {"vault": after["vault"]}),
    ]
    return [
        Change(subject, name, earlier.get(subject, {}).get(name), value)
        for earlier, later in parts
        for subject, fields in later.items()
        for name, value in fields.items()
        if name not in ("account", "market", "mode") and not same(earlier.get(subject, {}).get(name), value)
    ]
