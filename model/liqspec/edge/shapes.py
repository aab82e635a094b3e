"""From plain data (what JSON and TOML give) to attrs classes, strictly, with the path of the first mismatch."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
from attrs import Attribute
from cattrs import (
    AttributeValidationNote,
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn

from liqspec.edge.amounts import MAX_INTEGER, check_amount, check_reported, rate
from liqspec.edge.errors import InvalidInput
from liqspec.edge.keys import check_name
from liqspec.edge.texts import did_you_mean, one_line, show

T = TypeVar("T")

_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class WrongShape(InvalidInput):
    """Plain data that is not of the shape it must have: where, and what was expected."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(one_line(f"{path}: {message}" if path else message))
        self.path = path
        self.message = message


def structure(data: object, shape: type[T]) -> T:
    """Build `shape` from plain data.

    Raises:
        WrongShape: a field is missing, unknown or mistyped, or a validator of the class refused its value.
    """
    try:
        return _CONVERTER.structure(data, shape)
    except (ClassValidationError, IterableValidationError) as error:
        raise _first_mismatch(error, "") from None
    except WrongShape:
        raise
    except ValueError as error:
        raise WrongShape("", str(error)) from None


@contextmanager
def at(path: str) -> Iterator[None]:
    """Give any ValueError raised inside the path of the field at hand.

    Raises:
        WrongShape: in place of that error.
    """
    try:
        yield
    except ValueError as error:
        raise WrongShape(path, str(error)) from None


@contextmanager
def below(path: str) -> Iterator[None]:
    """Put a path before that of any WrongShape raised inside.

    Raises:
        WrongShape: in place of that error.
    """
    try:
        yield
    except WrongShape as error:
        raise WrongShape(_join(path, error.path), error.message) from None


def _first_mismatch(error: BaseException, path: str) -> WrongShape:
    """The first leaf of a cattrs error group as one line, named by its path."""
    if isinstance(error, ForbiddenExtraKeysError):
        unknown = sorted(error.extra_fields)[0]
        names = sorted(field.name for field in attrs.fields(error.cl))
        known = ", ".join(names)
        return WrongShape(
            _join(path, unknown), f"unknown field; the fields here are: {known}{did_you_mean(unknown, names)}"
        )
    if isinstance(error, KeyError):
        return WrongShape(_join(path, str(error.args[0])), "required field is missing")
    if isinstance(error, WrongShape):
        return WrongShape(_join(path, error.path), error.message)
    if not isinstance(error, ClassValidationError | IterableValidationError):
        return WrongShape(path, str(error))
    # A misspelt field is both unknown and missing: the unknown one says more, so it comes first.
    noted, bare = error.group_exceptions()
    for leaf in bare:
        if isinstance(leaf, ForbiddenExtraKeysError):
            return _first_mismatch(leaf, path)
    for leaf, note in noted:
        if isinstance(leaf, KeyError) and isinstance(note, AttributeValidationNote):
            return _first_mismatch(leaf, path)
        return _first_mismatch(leaf, _join(path, _step(note)))
    return _first_mismatch(bare[0], path)


def _step(note: AttributeValidationNote | IterableValidationNote) -> str:
    if isinstance(note, AttributeValidationNote):
        return note.name
    return f"[{note.index}]" if isinstance(note.index, int) else str(note.index)


def _join(path: str, step: str) -> str:
    if not step:
        return path
    return f"{path}{step}" if step.startswith("[") or not path else f"{path}.{step}"


def _scalar(kind: type, wanted: str) -> Callable[[object, object], Any]:
    def hook(value: object, _: object) -> Any:
        if type(value) is not kind:  # bool is an int, and 1.0 is not: no subclass and no coercion
            got = show(value)
            number = kind is str and type(value) in (int, float) and _PLAIN_NUMBER.fullmatch(got)
            raise ValueError(f"expected {wanted}, got {got}" + (f': write "{got}"' if number else ""))
        return value

    return hook


def _literal(value: object, shape: Any) -> Any:
    allowed = get_args(shape)
    if type(value) not in {str, int} or value not in allowed:
        raise ValueError(f"expected one of {', '.join(map(show, allowed))}, got {show(value)}")
    return value


def _optional(shape: Any, converter: Converter) -> Callable[[object, object], Any]:
    # A field that may be absent is left out, not set to null: null is not a value of any field.
    inner = next(kind for kind in get_args(shape) if kind is not type(None))
    return lambda value, _: converter.structure(value, inner)


def _list(shape: Any, converter: Converter) -> Callable[[object, object], Any]:
    (kind, *_) = get_args(shape)

    def hook(value: object, _: object) -> Any:
        if not isinstance(value, list):
            raise ValueError(f"expected a list, got {show(value)}")
        return tuple(converter.structure(value, list[kind]))  # type: ignore[valid-type]

    return hook


def _table(shape: Any, converter: Converter) -> Callable[[object, object], Any]:
    _, kind = get_args(shape)

    def hook(value: object, _: object) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected a table, got {show(value)}")
        built, errors = {}, []
        for key, entry in value.items():
            try:
                built[key] = converter.structure(entry, kind)
            except Exception as error:  # every one is passed on, in the group below, with the key that it is at
                error.__notes__ = [
                    *getattr(error, "__notes__", []),
                    IterableValidationNote(f"at key {key!r}", key, kind),
                ]
                errors.append(error)
        if errors:
            raise IterableValidationError("while structuring a table", errors, shape)
        return built

    return hook


def _class(shape: type, converter: Converter) -> Callable[[object, object], Any]:
    build: Callable[[Any, Any], Any] = make_dict_structure_fn(shape, converter, _cattrs_forbid_extra_keys=True)

    def hook(value: object, _: object) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError(f"expected a table of fields, got {show(value)}")
        return build(value, shape)

    return hook


def _origin(shape: Any) -> Any:
    return get_origin(shape)


def _make_converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, _scalar(str, "a string"))
    converter.register_structure_hook(int, _scalar(int, "a whole number"))
    converter.register_structure_hook(bool, _scalar(bool, "true or false"))
    converter.register_structure_hook_factory(attrs.has, lambda shape: _class(shape, converter))
    converter.register_structure_hook_func(lambda shape: _origin(shape) is Literal, _literal)
    converter.register_structure_hook_factory(
        lambda shape: _origin(shape) in (Union, UnionType) and type(None) in get_args(shape),
        lambda shape: _optional(shape, converter),
    )
    converter.register_structure_hook_factory(
        lambda shape: _origin(shape) is tuple, lambda shape: _list(shape, converter)
    )
    converter.register_structure_hook_factory(
        lambda shape: _origin(shape) is dict, lambda shape: _table(shape, converter)
    )
    return converter


_CONVERTER = _make_converter()


def is_amount(_: object, attribute: "Attribute[str]", value: str | None) -> None:
    """An attrs validator: a decimal string (AMT-3)."""
    if value is not None:
        with at(attribute.name):
            check_amount(value)


def is_reported(_: object, attribute: "Attribute[str]", value: str | None) -> None:
    """An attrs validator: an amount of a state, which may be longer than an input amount (AMT-3)."""
    if value is not None:
        with at(attribute.name):
            check_reported(value)


def are_reported(_: object, attribute: "Attribute[dict[str, str]]", value: dict[str, str] | None) -> None:
    """An attrs validator: a table of amounts of a state (AMT-3)."""
    for name, text in (value or {}).items():
        with at(f"{attribute.name}.{name}"):
            check_reported(text)


def is_rate(_: object, attribute: "Attribute[str]", value: str | None) -> None:
    """An attrs validator: an exact rate (AMT-5)."""
    if value is not None:
        with at(attribute.name):
            rate(value)


def is_integer(_: object, attribute: "Attribute[int]", value: int | None) -> None:
    """An attrs validator: a whole number from 0 to 2^53 - 1 (EVT-4)."""
    if value is not None and (type(value) is not int or not 0 <= value <= MAX_INTEGER):
        raise WrongShape(attribute.name, f"expected a whole number from 0 to {MAX_INTEGER}, got {show(value)}")


def is_moment(_: object, attribute: "Attribute[int]", value: int | None) -> None:
    """An attrs validator: the end of a window, a sum of two integers that may lie beyond their range (CFG-2)."""
    if value is not None and value < 0:
        raise WrongShape(attribute.name, f"expected a whole number of at least 0, got {show(value)}")


def are_amounts(_: object, attribute: "Attribute[dict[str, str]]", value: dict[str, str]) -> None:
    """An attrs validator: a table of decimal strings (AMT-3)."""
    for name, text in value.items():
        with at(f"{attribute.name}.{name}"):
            check_amount(text)


def are_names(_: object, attribute: "Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    """An attrs validator: names of accounts (AMT-7)."""
    for name in value:
        with at(attribute.name):
            check_name(name)
