"""From plain data (what JSON and TOML give) to attrs classes, strictly, with the path of the first mismatch."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import UnionType
from typing import Any, Literal, NamedTuple, TypeGuard, TypeVar, Union, get_args, get_origin

import attrs
from attrs import Attribute
from cattrs import (
    AttributeValidationNote,
    BaseConverter,
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, make_mapping_structure_fn

from liqspec.edge.amounts import MAX_INTEGER, check_amount, check_reported, rate
from liqspec.edge.errors import InvalidField
from liqspec.edge.keys import check_name
from liqspec.edge.texts import did_you_mean, show

T = TypeVar("T")

_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class WrongShape(InvalidField):
    """Plain data that is not of the shape it must have: where, and what was expected."""


def structure(data: object, shape: type[T]) -> T:
    """Build `shape` from plain data.

    Raises:
        WrongShape: a field is missing, unknown or mistyped, or a validator of the class refused its value.
    """
    try:
        return shape(**data) if _fits_flat(data, shape) else _CONVERTER.structure(data, shape)
    except (ClassValidationError, IterableValidationError, ValueError) as error:
        raise next(_mismatches(error, "")) from None


def mismatches(data: object, shape: type[Any]) -> list[WrongShape]:
    """All for which `structure` refuses plain data, one for each path, the first one first; empty if it does not.

    Of several values of a class that its validators refuse, the first; `refused_values` has all.
    """
    try:
        _CONVERTER.structure(data, shape)
    except (ClassValidationError, IterableValidationError, ValueError) as error:
        return list(_mismatches(error, ""))
    return []


def refused_values(data: object, shape: type[Any], path: str) -> Iterator[WrongShape]:
    """The values of the right type in a table that the validators of a class refuse; these see each value alone."""
    if not isinstance(data, dict):
        return
    for attribute in attrs.fields(shape):
        kinds = get_args(attribute.type) or (attribute.type,)
        if attribute.validator is not None and type(value := data.get(attribute.name)) in kinds:
            try:
                attribute.validator(None, attribute, value)
            except WrongShape as error:
                yield WrongShape(_join(path, error.path), error.message)


def _fits_flat(data: object, shape: type[T]) -> TypeGuard[dict[str, Any]]:
    """Whether data is a table of scalars with the fields of a class: events are, and this is faster to say."""
    flat = _flat(shape)  # type: ignore[arg-type]  # a class is hashable
    if flat is None or type(data) is not dict or not data.keys() >= flat.required:
        return False
    for name, value in data.items():
        kind, allowed = flat.fields.get(name, (None, None))
        if type(value) is not kind or (allowed is not None and value not in allowed):
            return False
    return True


def holds(data: object, shape: type[Any]) -> bool:
    """Whether data is a table of scalars of which `structure` would build a class that holds only these.

    False also where `structure` must say what is wrong; nothing is built.
    """
    if not _fits_flat(data, shape):
        return False
    validators = _validators(shape)  # type: ignore[arg-type]  # a class is hashable
    try:
        for name, value in data.items():
            if name in validators:
                attribute, validate = validators[name]
                validate(None, attribute, value)
    except ValueError:
        return False
    return True


@cache
def _validators(shape: Any) -> dict[str, tuple[Any, Callable[[Any, Any, Any], Any]]]:
    """The fields of a class that are validated, each with what validates it."""
    return {one.name: (one, one.validator) for one in attrs.fields(shape) if one.validator is not None}


class _Flat(NamedTuple):
    """The fields of a class that holds only scalars: the type of each, and its values where these are listed."""

    fields: dict[str, tuple[type, tuple[str, ...] | None]]
    required: set[str]


@cache
def _flat(shape: Any) -> _Flat | None:
    """The fields of a flat class, None of any other."""
    fields: dict[str, tuple[type, tuple[str, ...] | None]] = {}
    for one in attrs.fields(shape) if attrs.has(shape) else ():
        kinds = [kind for kind in get_args(one.type) if kind is not type(None)] if _is_union(one.type) else [one.type]
        if kinds[0] in (str, int, bool):
            fields[one.name] = (kinds[0], None)
        elif _origin(kinds[0]) is Literal and all(type(value) is str for value in get_args(kinds[0])):
            fields[one.name] = (str, get_args(kinds[0]))
        else:
            return None
    return _Flat(fields, {one.name for one in attrs.fields(shape) if one.default is attrs.NOTHING}) if fields else None


@contextmanager
def at(path: str) -> Iterator[None]:
    """Raise a WrongShape at this path in place of any ValueError raised inside."""
    try:
        yield
    except ValueError as error:
        raise WrongShape(path, str(error)) from None


@contextmanager
def below(path: str) -> Iterator[None]:
    """Put this path before that of any WrongShape raised inside."""
    try:
        yield
    except WrongShape as error:
        raise WrongShape(_join(path, error.path), error.message) from None


def check_kind(data: object, marks: Mapping[str, str]) -> None:
    """See that a file is not of another kind, which `marks` names by a field that only such a file has.

    Raises:
        WrongShape: it is; the message says of which kind.
    """
    for name, kind in marks.items():
        if isinstance(data, dict) and name in data:
            raise WrongShape("", f"this is {kind}: it has {name}")


def _mismatches(error: BaseException, path: str) -> Iterator[WrongShape]:
    """The leaves of a cattrs error group, each as one line, named by its path."""
    if isinstance(error, ForbiddenExtraKeysError):
        names = sorted(field.name for field in attrs.fields(error.cl))
        for unknown in sorted(error.extra_fields):
            message = f"unknown field; the fields here are: {', '.join(names)}{did_you_mean(unknown, names)}"
            yield WrongShape(_join(path, unknown), message)
    elif isinstance(error, KeyError):
        yield WrongShape(path, "required field is missing")
    elif isinstance(error, WrongShape):
        yield WrongShape(_join(path, error.path), error.message)
    elif not isinstance(error, ClassValidationError | IterableValidationError):
        yield WrongShape(path, str(error))
    else:
        # A misspelt field is both unknown and missing: the unknown one says more, so it comes first.
        noted, bare = error.group_exceptions()
        misspelt = [leaf for leaf in bare if isinstance(leaf, ForbiddenExtraKeysError)]
        for wrong in misspelt:
            yield from _mismatches(wrong, path)
        misspellings = [name for wrong in misspelt for name in wrong.extra_fields]
        for leaf, note in noted:
            if not (isinstance(leaf, KeyError) and did_you_mean(_step(note), misspellings)):
                yield from _mismatches(leaf, _join(path, _step(note)))
        for leaf in bare:
            if leaf not in misspelt:
                yield from _mismatches(leaf, path)


def _step(note: AttributeValidationNote | IterableValidationNote) -> str:
    if isinstance(note, AttributeValidationNote):
        return note.name
    return f"[{note.index + 1}]" if isinstance(note.index, int) else str(note.index)


def _join(path: str, step: str) -> str:
    return f"{path}.{step}" if path and step and not step.startswith("[") else path + step


def _scalar(kind: type, wanted: str) -> Callable[[object, object], Any]:
    def hook(value: object, _: object) -> Any:
        if type(value) is not kind:  # bool is an int, and 1.0 is not: no subclass and no coercion
            got = show(value)
            number = kind is str and type(value) in (int, float) and _PLAIN_NUMBER.fullmatch(got)
            raise ValueError(f"expected {wanted}, got {got}" + (f': write "{got}"' if number else ""))
        return value

    return hook


def _literal(shape: Any) -> Callable[[object, object], Any]:
    allowed = get_args(shape)

    def hook(value: object, _: object) -> Any:
        if type(value) not in (str, int) or value not in allowed:
            raise ValueError(f"expected one of {', '.join(map(show, allowed))}, got {show(value)}")
        return value

    return hook


def _optional(shape: Any, converter: BaseConverter) -> Callable[[object, object], Any]:
    # A field that may be absent is left out, not set to null: null is not a value of any field.
    kinds = [kind for kind in get_args(shape) if kind is not type(None)]
    builds = [(kind, converter.get_structure_hook(kind)) for kind in kinds]

    def hook(value: object, _: object) -> Any:
        fitting = (one for one in builds if type(value) is (_origin(one[0]) or one[0]))
        kind, build = next(fitting, builds[0])
        return build(value, kind)

    return hook


def _kind(kind: type, wanted: str, build: Callable[[Any, Any], Any]) -> Callable[[object, Any], Any]:
    def hook(value: object, shape: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"expected {wanted}, got {show(value)}")
        return build(value, shape)

    return hook


def _list(shape: Any, converter: BaseConverter) -> Callable[[object, object], Any]:
    (entry, *_) = get_args(shape)
    entries: Any = list[entry]  # type: ignore[valid-type]
    return _kind(list, "a list", lambda value, _: tuple(converter.structure(value, entries)))


def _table(shape: Any, converter: BaseConverter) -> Callable[[object, object], Any]:
    return _kind(dict, "a table", make_mapping_structure_fn(shape, converter, key_type=Any))


def _class(shape: type, converter: BaseConverter) -> Callable[[object, object], Any]:
    build: Callable[[Any, Any], Any] = make_dict_structure_fn(shape, converter, _cattrs_forbid_extra_keys=True)
    of_any = _kind(Mapping, "a table of fields", build)
    return lambda value, wanted: shape(**value) if _fits_flat(value, shape) else of_any(value, wanted)


def _origin(shape: Any) -> Any:
    return get_origin(shape)


def _is_union(shape: Any) -> bool:
    return get_origin(shape) in (Union, UnionType)


_CONVERTER = Converter(forbid_extra_keys=True)
_CONVERTER.register_structure_hook(str, _scalar(str, "a string"))
_CONVERTER.register_structure_hook(int, _scalar(int, "a whole number"))
_CONVERTER.register_structure_hook(bool, _scalar(bool, "true or false"))
_CONVERTER.register_structure_hook_factory(attrs.has, _class)
_CONVERTER.register_structure_hook_factory(lambda shape: _origin(shape) is Literal, _literal)
_CONVERTER.register_structure_hook_factory(lambda shape: _is_union(shape) and type(None) in get_args(shape), _optional)
_CONVERTER.register_structure_hook_factory(lambda shape: _origin(shape) is tuple, _list)
_CONVERTER.register_structure_hook_factory(lambda shape: _origin(shape) is dict, _table)


def _validator(check: Callable[[Any], object]) -> Callable[[object, "Attribute[Any]", Any], None]:
    """An attrs validator: `check` refuses the value, or an entry of it if it is a table or a list; it may be None."""

    def validate(_: object, attribute: "Attribute[Any]", value: Any) -> None:
        if value is None:
            return
        if type(value) is str:
            check_at(attribute.name, value)
        elif isinstance(value, dict):
            for name, entry in value.items():
                check_at(f"{attribute.name}.{name}", entry)
        elif isinstance(value, tuple):
            for entry in value:
                check_at(attribute.name, entry)
        else:
            check_at(attribute.name, value)

    def check_at(path: str, entry: Any) -> None:
        if entry is None:
            return
        try:
            check(entry)
        except ValueError as error:
            raise WrongShape(path, str(error)) from None

    return validate


def _check_integer(value: object) -> None:
    if type(value) is not int or not 0 <= value <= MAX_INTEGER:
        raise ValueError(f"expected a whole number from 0 to {MAX_INTEGER}, got {show(value)}")


def _check_moment(value: int) -> None:
    if value < 0:
        raise ValueError(f"expected a whole number of at least 0, got {show(value)}")


is_amount = are_amounts = _validator(check_amount)  # a decimal string (AMT-3)
is_reported = are_reported = _validator(check_reported)  # an amount of a state, which may be longer (AMT-3)
is_rate = _validator(rate)  # an exact rate (AMT-5)
is_integer = _validator(_check_integer)  # a whole number from 0 to 2^53 - 1 (EVT-4)
is_moment = _validator(_check_moment)  # the end of a window, a sum of two integers, which may be larger (CFG-2)
are_names = _validator(check_name)  # names of accounts (AMT-7)
