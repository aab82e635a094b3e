"""A folder with the runs in which an engine was right, which are not computed again as long as it replies the same.

A file has the runs of one block: a line of JSON about them, then all their requests, a line each; compressed. A file
is of one comparison: of its seed and options, the rules and the sources. One of another comparison is replaced. In the
user's cache each comparison has a separate folder, and those that were not used for the longest time make room. The
runs of a first comparison are recorded in `spec/recorded/`, with what the model replies.
"""

import json
import lzma
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, frozen
from platformdirs import user_cache_path

from liqspec.conform.configurations import Setting
from liqspec.conform.lockstep import Compared, Comparison
from liqspec.conform.tape import TOGETHER, KeptRun
from liqspec.edge import files, limits, writing
from liqspec.edge.errors import InvalidInput, named
from liqspec.edge.sources import digest, digest_of_rooms
from liqspec.properties.plain_coverage import plain_converter

FORMAT = 2
MOST = 256 * limits.MEBIBYTE  # of all files, beyond which no further one is written

RECORDED = files.ROOT / "recorded"

_ROOMS = ("core", "generate")  # which decide what is right, and what is sent
_FOLDER = 32  # characters of a digest that name the folder of a comparison in the cache
_CACHED = re.compile(rf"[0-9a-f]{{{_FOLDER}}}")
_NAME = re.compile(r"runs-\d+(-malformed)?\.xz")
_CONVERTER = plain_converter()
_FOREIGN = "is not a file that conform --kept has written; give another folder"

Runs = dict[tuple[int, int], KeptRun]  # by their numbers and lengths


@frozen
class Kept:
    """What a folder has of a comparison with this digest; what is damaged in one of the `cache` is replaced.

    What is `recorded` is used where the folder has nothing. `level` is how much files are compressed.
    """

    folder: Path
    comparison: str
    cache: bool = False
    recorded: "Kept | None" = None
    level: int = 1  # above which time is lost

    @classmethod
    def of(cls, folder: Path, setting: Setting, comparison: Comparison, *others: object) -> "Kept":
        """What a folder, which is made if there is none, has of a comparison in this setting, with other options.

        Raises:
            InvalidInput: it has other files.
            OSError: it cannot be made or read.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.iterdir()):
            if not path.name.startswith(".") and not (_NAME.fullmatch(path.name) and path.is_file()):
                raise InvalidInput(f"{path}: {_FOREIGN}")
        options = options_of(setting, comparison, *others)
        return cls(folder, digest(options), recorded=cls.of_model(options))

    @classmethod
    def in_cache(cls, engine: str, setting: Setting, comparison: Comparison, *others: object) -> "Kept":
        """What the user's cache has of a comparison of the engine with this name.

        Raises:
            OSError: it cannot be written.
        """
        options = options_of(setting, comparison, *others)
        made, cache = digest(engine, options), user_cache_path("liqspec") / "conform"
        folder = cache / made[:_FOLDER]
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        _make_room(cache, folder)
        return cls(folder, made, cache=True, recorded=cls.of_model(options))

    @classmethod
    def of_model(cls, options: str, level: int = 1) -> "Kept":
        """What is recorded of the model itself, in a comparison with these options."""
        return cls(RECORDED, digest_of_rooms(_ROOMS, options), cache=True, level=level)

    @contextmanager
    def block(self, first: int, unwritten: list[OSError], *, malformed: bool) -> Iterator[Runs]:
        """The kept runs of the block that begins with this number; those that are added within this are kept too.

        If they cannot be, `unwritten` gets the reason: what was found meanwhile is still to be reported.

        Raises:
            InvalidInput: its file is damaged, or something else; it stays as it is.
            OSError: it cannot be read.
        """
        path = self.folder / f"runs-{first:06}{'-malformed' * malformed}.xz"
        recorded = self.recorded._cached(self.recorded.folder / path.name, unwritten) if self.recorded else {}
        before = {**recorded, **(self._cached(path, unwritten) if self.cache else self._read(path))}
        runs = before.copy()
        try:
            yield runs
        finally:
            if any(run is not before.get(key) for key, run in runs.items()):
                try:
                    self._write(path, {key: run for key, run in runs.items() if run is not recorded.get(key)})
                except OSError as error:
                    unwritten.append(error)

    def _cached(self, path: Path, unread: list[OSError]) -> Runs:
        """The runs of a file, where what is damaged is as good as none."""
        try:
            return self._read(path)
        except InvalidInput:
            return {}
        except OSError as error:
            unread.append(error)
            return {}

    def _read(self, path: Path) -> Runs:
        try:
            with lzma.LZMAFile(path) as file:
                head, *requests = BytesIO(file.read(limits.FILE_BYTES)).readlines()
            about = files.parse_json(head.decode())
        except FileNotFoundError:  # in the cache another process may remove it at any time
            return {}
        except (EOFError, ValueError, lzma.LZMAError) as error:
            raise InvalidInput(f"{path}: is damaged: {named(error)}") from None
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise InvalidInput(f"{path}: {_FOREIGN}")
        if about.get("comparison") != self.comparison:
            return {}
        try:
            return _runs(about["runs"], requests)
        except Exception as error:  # whoever forged it may have written anything
            raise InvalidInput(f"{path}: is damaged: {named(error)}") from None

    def _write(self, path: Path, runs: Runs) -> None:
        about = [
            {**_CONVERTER.unstructure(evolve(run, requests=())), "requests": len(run.requests)} for run in runs.values()
        ]
        head = json.dumps({"format": FORMAT, "comparison": self.comparison, "runs": about}, sort_keys=True)
        data = b"".join([head.encode(), b"\n", *[line for run in runs.values() for line in run.requests]])
        packed = lzma.compress(data, preset=self.level)
        others = sum(_size(one) for one in self.folder.iterdir() if one != path)
        if len(data) < limits.FILE_BYTES and others + len(packed) <= MOST:
            writing.write(path, packed)


def _size(path: Path) -> int:
    """The bytes of a file; 0 if it is gone, as one that another process was just writing, and has renamed."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def options_of(setting: Setting, comparison: Comparison, *others: object) -> str:
    """What a comparison was asked for, as text."""
    return json.dumps([asdict(setting), asdict(comparison), *others], sort_keys=True, default=_plain)


def _make_room(cache: Path, used: Path) -> None:
    """Remove what was not used for the longest time, so that the folders of all other comparisons have `MOST` bytes."""
    with suppress(FileNotFoundError):  # another process makes room too
        others = [one for one in cache.iterdir() if one != used and _CACHED.fullmatch(one.name)]
        left = MOST
        for folder in sorted(others, key=lambda one: one.stat().st_mtime, reverse=True):
            left -= sum(map(_size, folder.iterdir()))
            if left < 0:
                shutil.rmtree(folder, ignore_errors=True)


def _runs(about: list[dict[str, Any]], requests: list[bytes]) -> Runs:
    runs, rest = Runs(), iter(requests)
    for one in about:
        lines, replies = [*islice(rest, one["requests"])], _CONVERTER.structure(one["replies"], list[str])
        exercised = _CONVERTER.structure(one["exercised"], Compared)
        if not len(lines) == one["requests"] > 0 or len(replies) != ceil(len(lines) / TOGETHER):
            raise ValueError("some requests or replies are missing")
        runs[one["number"], one["length"]] = KeptRun(one["number"], one["length"], lines, replies, exercised)
    return runs


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)
