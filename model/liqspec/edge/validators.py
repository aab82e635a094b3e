"""What attrs checks of a field of plain data, so that a fault is reported with the field's path."""

from attrs import Attribute

from liqspec.edge import shapes
from liqspec.edge.amounts import MAX_INTEGER, check_amount, check_reported, rate
from liqspec.edge.names import check_name
from liqspec.edge.texts import show


def is_amount(_: object, attribute: "Attribute[str]", value: str | None) -> None:
    """An attrs validator: a decimal string (AMT-3)."""
    if value is not None:
        with shapes.at(attribute.name):
            check_amount(value)


def is_reported(_: object, attribute: "Attribute[str]", value: str | None) -> None:
    """An attrs validator: an amount of a state, which may be longer than an input amount (AMT-3)."""
    if value is not None:
        with shapes.at(attribute.name):
            check_reported(value)


def are_reported(_: object, attribute: "Attribute[dict[str, str]]", value: dict[str, str] | None) -> None:
    """An attrs validator: a table of amounts of a state (AMT-3)."""
    for name, text in (value or {}).items():
        with shapes.at(f"{attribute.name}.{name}"):
            check_reported(text)


def is_rate(_: object, attribute: "Attribute[str]", value: str) -> None:
    """An attrs validator: an exact rate (AMT-5)."""
    with shapes.at(attribute.name):
        rate(value)


def is_integer(_: object, attribute: "Attribute[int]", value: int | None) -> None:
    """An attrs validator: a whole number from 0 to 2^53 - 1 (EVT-4)."""
    if value is not None and (type(value) is not int or not 0 <= value <= MAX_INTEGER):
        raise shapes.WrongShape(attribute.name, f"expected a whole number from 0 to {MAX_INTEGER}, got {show(value)}")


def is_moment(_: object, attribute: "Attribute[int]", value: int | None) -> None:
    """An attrs validator: the end of a window, a sum of two integers that may lie beyond their range (CFG-2)."""
    if value is not None and value < 0:
        raise shapes.WrongShape(attribute.name, f"expected a whole number of at least 0, got {show(value)}")


def are_amounts(_: object, attribute: "Attribute[dict[str, str]]", value: dict[str, str]) -> None:
    """An attrs validator: a table of decimal strings (AMT-3)."""
    for name, text in value.items():
        with shapes.at(f"{attribute.name}.{name}"):
            check_amount(text)


def are_names(_: object, attribute: "Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    """An attrs validator: names of accounts (AMT-7)."""
    for name in value:
        with shapes.at(attribute.name):
            check_name(name)
