"""What of a verification is done, and the file that keeps it, from which an interrupted one continues.

A file is of one verification: of its options, the rules and the sources. A task in which anything was violated, or
could not continue, is not kept, as it is soon done again.
"""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from attrs import define, field
from cattrs import Converter

from liqspec.edge import files, writing
from liqspec.edge.errors import named
from liqspec.edge.files import UnreadableFile
from liqspec.properties.plain_coverage import plain_converter
from liqspec.spec.scopes import Scope
from liqspec.verify.tasks import Part

FORMAT = 1
INTERVAL = 30.0  # seconds between two writings of the file

_MERGED = "random events"  # the kind of the tasks that are many, and whose results are only added up


@define
class Span:
    """What tasks found together, from the number `first` to `last`."""

    first: int
    last: int
    part: Part


@define
class Done:
    """The tasks that are done, by their numbers; tasks of random events that follow each other as one span."""

    spans: list[Span] = field(factory=list)

    def __contains__(self, number: int) -> bool:
        """Whether a task is done."""
        return any(span.first <= number <= span.last for span in self.spans)

    def add(self, number: int, part: Part) -> None:
        """Add what a task found."""
        added = Span(number, number, part)
        if _mergeable(part):
            added.part = Part(part.kind, 0)
            added.part.add(part)
        spans, self.spans = sorted([*self.spans, added], key=lambda span: span.first), []
        for span in spans:
            last = self.spans[-1] if self.spans else None
            if last and last.last + 1 == span.first and _mergeable(last.part) and _mergeable(span.part):
                last.part.add(span.part)
                last.last = span.last
            else:
                self.spans.append(span)

    def parts(self) -> list[Part]:
        """What was found, in the order of the tasks, up to the first that violates something."""
        found: list[Part] = []
        for span in self.spans:
            found.append(span.part)
            if span.part.coverage.violations:
                break
        return found


def _mergeable(part: Part) -> bool:
    return part.kind == _MERGED and part.is_clean


class Checkpoint:
    """Keeps in a file what is done of the verification with this digest, and writes it at intervals."""

    def __init__(self, path: Path, verification: str, scopes: list[Scope]) -> None:
        """Take what the file has; one that is not there is begun. `scopes` are those that are explored.

        Raises:
            UnreadableFile: it is not such a file, is damaged, or is of another verification; it stays as it is.
            OSError: it cannot be written.
        """
        self.path, self._verification, self._converter = path, verification, _converter(scopes)
        self.done = Done(self._read() if path.exists() else [])
        self.write()

    def written_in_time(self) -> None:
        """Write the file, if this is long ago."""
        if time.monotonic() - self._written >= INTERVAL:
            self.write()

    def write(self) -> None:
        """Write the file.

        Raises:
            OSError: it cannot be written; what it had stays.
        """
        clean = [span for span in self.done.spans if span.part.is_clean]
        for span in clean:
            span.part.coverage.reach.condense()
        done = self._converter.unstructure(clean)
        head = {"format": FORMAT, "verification": self._verification, "checksum": _checksum(done)}
        writing.write(self.path, json.dumps({**head, "done": done}))
        self._written = time.monotonic()

    def _read(self) -> list[Span]:
        data = files.read_json(self.path)
        if not isinstance(data, dict) or data.get("format") != FORMAT or "verification" not in data:
            raise UnreadableFile(self.path, "is not a file that verify --resume has written")
        if data["verification"] != self._verification:
            raise UnreadableFile(
                self.path, "is of another verification: the options, the rules or the sources differ; give another file"
            )
        if data.get("checksum") != _checksum(data.get("done")):
            raise UnreadableFile(self.path, "is damaged: what it has is not what was written")
        try:
            spans: list[Span] = self._converter.structure(data["done"], list[Span])
        except Exception as error:  # whoever forged it may have written anything
            raise UnreadableFile(self.path, f"is damaged: {named(error)}") from None
        return spans


def _checksum(done: Any) -> str:
    return hashlib.sha256(json.dumps(done).encode()).hexdigest()


def _converter(scopes: list[Scope]) -> Converter:
    """Reads and writes spans as plain data: a scope is its place among those that are explored."""
    converter = plain_converter()
    converter.register_unstructure_hook(Scope, scopes.index)
    converter.register_structure_hook(Scope, lambda place, _: scopes[place])
    return converter
