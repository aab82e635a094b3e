"""A process that compares blocks of runs with a separate engine process."""

from collections.abc import Sequence

from attrs import frozen

from liqspec.conform.answers import Hello
from liqspec.conform.configurations import Setting
from liqspec.conform.finding import CannotStart, EngineFault
from liqspec.conform.kept import Kept
from liqspec.conform.known_divergences import Divergence
from liqspec.conform.lockstep import Comparison
from liqspec.conform.search import Block, Budget, Part, Search
from liqspec.conform.session import LiveEngine, at_the_start


@frozen(kw_only=True)
class Worker:
    """Does blocks in whatever process it is called, with what the comparison was asked for (see `Search`)."""

    command: Sequence[str]
    timeout: float
    hello: Hello
    setting: Setting
    comparison: Comparison
    budget: Budget
    known: tuple[Divergence, ...]
    malformed: bool
    every: bool
    kept: Kept | None = None

    def __call__(self, block: Block) -> Part:
        """Do a block, on the engine of this process, which is started for the first one.

        Raises:
            CannotStart: it cannot be started, or does not start again.
        """
        if not _searches:
            try:
                _searches.append(self._search())
            except EngineFault as error:
                part = Part()
                part.add(at_the_start(error.fault), malformed=False)
                return part
        return _searches[0].block(block)

    def _search(self) -> Search:
        try:
            engine = LiveEngine(self.command, self.timeout, self.hello)
        except CannotStart as error:
            raise CannotStart(f"{error}; one process of it could be started: --processes 1 starts no other") from None
        return Search(
            engine=engine,
            events=engine.hello.events,
            setting=self.setting,
            comparison=self.comparison,
            budget=self.budget,
            known=self.known,
            malformed=self.malformed,
            every=self.every,
            kept=self.kept,
        )


_searches: list[Search] = []  # of this process: none, or the one of its engine


def kill() -> None:
    """Kill the engine of this process, if it has one; for a signal handler."""
    for search in _searches:
        if isinstance(search.engine, LiveEngine):
            search.engine.kill()
