"""What the liquidation of a pool may touch, read from `spec/isolation.toml` (ACC-2, ACC-10, CLD-5)."""

from functools import cache
from pathlib import Path
from typing import Literal

from attrs import frozen

from liqspec.core.config import Mode
from liqspec.edge import files, shapes, toml_lines

TABLE = "isolation.toml"

Touch = Literal["changes", "orders", "never"]
Kind = Literal["pool", "sibling", "vault", "stranger"]

# What each kind of touch says in a picture.
WORDS: dict[Touch, str] = {"changes": "changes", "orders": "only the size of orders", "never": "untouched"}


class InvalidIsolationTable(ValueError):
    """A table of what is touched that has the wrong shape."""


@frozen(kw_only=True)
class Reach:
    """Something that a liquidation may touch, or may not: a kind of target, how, and by which rules."""

    target: str
    kind: Kind
    touch: Touch
    text: str
    rules: tuple[str, ...]


@frozen(kw_only=True)
class Liquidation:
    """What the liquidation of one kind of pool reaches."""

    of: Mode
    title: str
    reaches: tuple[Reach, ...]


@frozen(kw_only=True)
class IsolationTable:
    """Both kinds of liquidation."""

    format: int
    liquidations: tuple[Liquidation, ...]


@cache
def touch() -> IsolationTable:
    """The table of the specification."""
    return load(files.ROOT / TABLE)


def load(path: Path) -> IsolationTable:
    """The table in a file.

    Raises:
        specification.UnreadableFile: the file cannot be read or parsed.
        InvalidIsolationTable: an entry has the wrong shape.
    """
    text = files.read_text(path)
    try:
        return shapes.structure(files.parse_toml(text, path), IsolationTable)
    except shapes.WrongShape as error:
        raise InvalidIsolationTable(f"{toml_lines.place(text, path, error.path)}: {error}") from None
