"""A log followed by several workers, each for its share of the accounts; the result is that of one who follows it all.

The lines are taken chunk by chunk. A chunk that is not divisible is followed again by one, from the state before it.
"""

import pickle
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import chain
from pathlib import Path

from attrs import Factory, define, evolve, frozen

from liqspec.audit import shares
from liqspec.audit.follow import Follower
from liqspec.audit.log import InvalidLog
from liqspec.audit.routes import Routes
from liqspec.audit.shares import Followed, NotDivisible, Numbered, Part, Venue
from liqspec.audit.sources import Line
from liqspec.audit.workers import Workers
from liqspec.core.snapshot import Snapshot
from liqspec.edge.errors import InvalidInput
from liqspec.edge.texts import counted

CHUNK_LINES = 10_000
CHUNK_BYTES = 16 * 1024 * 1024  # of a log, after which a chunk ends


@define
class Chunk:
    """Lines of a log that are followed together, and what is wrong with the line after them, if anything is."""

    lines: list[Line] = Factory(list)
    error: InvalidLog | None = None


def chunks(lines: Iterator[Line]) -> Iterator[Chunk]:
    """The lines of a log in chunks; nothing is read after an error."""
    chunk, begun = Chunk(), None
    try:
        for line in lines:
            begun = line.read if begun is None else begun
            chunk.lines.append(line)
            if len(chunk.lines) >= CHUNK_LINES or line.read - begun > CHUNK_BYTES:
                yield chunk
                chunk, begun = Chunk(), None
    except InvalidLog as error:
        chunk.error = error
    yield chunk


@frozen
class Handed:
    """A chunk that workers follow: the lines of it that concern all, and the results to come of the shares."""

    chunk: Chunk
    shared: list[Numbered]
    running: list["Future[Followed]"]


def follow(whole: Follower, path: Path, lines: Iterator[Line], workers: Workers) -> Iterator[Line]:
    """Follow a log with workers from where the follower of the whole is, whose audit is the result.

    The last line of each chunk is given when the chunk was followed. The next chunk is read in the meantime.

    Raises:
        LostWorkers: one of them ended.
    """
    divided = _Divided(whole, path, workers)
    handed: Handed | None = None
    for chunk in chain(chunks(lines), (None,)):
        if handed is not None:
            divided.take(handed)
            if handed.chunk.lines:
                yield handed.chunk.lines[-1]
        if chunk is None or whole.audit.error:
            break
        handed = divided.hand_out(chunk)
    whole.audit.by_one = divided.by_one()


class _Divided:
    """The state of a run in shares, and the follower of the whole, whose state is not kept up meanwhile."""

    def __init__(self, whole: Follower, path: Path, workers: Workers) -> None:
        self._whole, self._path, self._workers = whole, path, workers
        self._head = evolve(whole.head, before=None)
        self._run = pickle.dumps((self._head, whole.mode))
        self._routes = Routes(whole.model.state.accounts, workers.count)
        self._venue: Snapshot
        self._states: list[bytes]
        self._chunks = self._whole_chunks = 0
        self._why = ""
        self._divide()

    def by_one(self) -> str:
        """How many chunks were followed by one, and why the first was, in a sentence; empty if none was."""
        if not self._whole_chunks:
            return ""
        of = f"{self._whole_chunks:,} of {counted(self._chunks, 'chunk')} of the log"
        return f"{of} could not be divided by account and had one worker; {self._why}"

    def hand_out(self, chunk: Chunk) -> Handed:
        """Let the workers begin with a chunk."""
        lines: list[list[Numbered]] = [[] for _ in self._states]
        own: list[set[int]] = [set() for _ in self._states]
        shared = []
        for line in chunk.lines:
            numbered, share = (line.number, line.raw), self._routes.of(line.raw)
            if share is None:
                shared.append(numbered)
                for of_share in lines:
                    of_share.append(numbered)
            else:
                lines[share].append(numbered)
                own[share].add(line.number)
        running = [
            self._workers.submit(Part(run=self._run, state=state, lines=of_share, own=frozenset(numbers)))
            for state, of_share, numbers in zip(self._states, lines, own, strict=True)
        ]
        return Handed(chunk, shared, running)

    def take(self, handed: Handed) -> None:
        """Wait for a chunk, and add what was found in it; follow it as a whole if it is not divisible."""
        followed = [self._workers.result(future) for future in handed.running]
        self._chunks += 1
        try:
            self._add(handed.shared, followed)
        except (NotDivisible, InvalidInput) as reason:
            self._whole_chunks += 1
            self._why = self._why or str(reason)
            self._follow_whole(handed.chunk)
        if handed.chunk.error is not None and not self._whole.audit.error:
            self._whole.audit.error = str(handed.chunk.error)

    def _add(self, shared: list[Numbered], followed: list[Followed]) -> None:
        for one in followed:
            if one.not_divisible:
                raise NotDivisible(one.not_divisible)
        venue = Venue(self._head, self._whole.mode, self._venue, frozenset(self._routes.of_account))
        venue.follow_shared(shared, followed)
        self._venue = venue.model.snapshot()
        self._states = [one.state for one in followed]
        self._whole.audit.add([venue.audit, *(one.audit for one in followed)])

    def _follow_whole(self, chunk: Chunk) -> None:
        state = shares.join(self._venue, [pickle.loads(state) for state in self._states])
        self._whole.model.restore(state)
        for _ in self._whole.follow(self._path, chunk.lines):
            pass
        self._divide()

    def _divide(self) -> None:
        state = self._whole.model.snapshot()
        self._venue = evolve(state, accounts=())
        self._states = [pickle.dumps(share) for share in shares.divide(state, self._routes)]
