"""Records in `spec/recorded/` the runs of a first comparison, with the model in the place of the engine.

`make recorded` does that, in some minutes.
"""

import sys
from typing import Any

from liqspec.conform import configurations
from liqspec.conform.kept import Kept, options_of
from liqspec.conform.lockstep import Comparison
from liqspec.conform.search import LENGTH, Budget, Search
from liqspec.conform.session import LiveEngine
from liqspec.conform.worker import Worker
from liqspec.search import parallel

STEPS = 500_000  # what an engine in C does in the time of a usual comparison, on two cores
MODEL = (sys.executable, "-m", "liqspec", "oracle")
LEVEL = 6  # of compression: what is recorded is shipped


def record(steps: int = STEPS) -> None:
    """Write what is recorded again, from the rules and random runs as they are.

    Raises:
        OSError: it cannot be written.
    """
    with LiveEngine(MODEL, timeout=60.0) as engine:
        hello = engine.hello
        setting, comparison, budget = configurations.of(hello, None), Comparison.of(hello), Budget(steps=steps)
        kept = Kept.of_model(options_of(setting, comparison, hello.events, budget.seed, LENGTH), LEVEL)
        for path in kept.folder.glob("*.xz"):
            path.unlink()
        asked: dict[str, Any] = {
            "setting": setting,
            "comparison": comparison,
            "budget": budget,
            "malformed": False,
            "every": False,
            "known": (),
            "kept": kept,
        }
        search = Search(engine=engine, events=hello.events, processes=parallel.available(), **asked)
        search.work = Worker(command=MODEL, timeout=60.0, hello=hello, **asked)
        outcome = search.run()
    assert outcome.conforms, "the model is what it is compared with"
    for error in outcome.unwritten:
        raise error


if __name__ == "__main__":
    record()
