"""What a result depends on, apart from what was asked for: the rules, and the sources of this package."""

import hashlib
import platform
from collections.abc import Iterable
from pathlib import Path

from liqspec.edge import files

_PACKAGE = Path(__file__).parents[1]


def digest(*of: object) -> str:
    """A digest of what a result depends on: of this, the rules, the sources, and the version of Python."""
    return _digest((platform.python_version(), *of), (*_files(_PACKAGE, ".py"), *_files(files.ROOT, ".toml", ".md")))


def digest_of_rooms(rooms: Iterable[str], *of: object) -> str:
    """A digest of what depends on the sources of these rooms alone, on the tables of the rules, and on this."""
    sources = [path for room in rooms for path in _files(_PACKAGE / room, ".py")]
    return _digest((*platform.python_version_tuple()[:2], *of), (*sources, *sorted(files.ROOT.glob("*.toml"))))


def _digest(of: object, paths: Iterable[Path]) -> str:
    made = hashlib.sha256(repr(of).encode())
    for path in paths:
        made.update(hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()


def _files(folder: Path, *suffixes: str) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in suffixes)
