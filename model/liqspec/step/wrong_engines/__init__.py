"""Wrong engines: each differs from the rules in one way, and the properties must see it.

The ids B.. and their titles are those of the project's catalogue of liquidation bugs that real venues have had; X.. are
our own.
"""

from liqspec.step.wrong_engines import (
    account,
    admission,
    attempts,
    backstop,
    blocks,
    cooldown,
    fills,
    isolation,
    lifecycle,
    margin,
    mark_price,
    measuring,
    orders,
    prices,
    scale,
    sizing,
    tiny,
    trigger,
)
from liqspec.step.wrong_engines.base import Patch, WrongEngine
from liqspec.step.wrong_engines.catalogue import CATALOGUE, NOT_EXPRESSIBLE

__all__ = ["AT_SCALE", "CATALOGUE", "EVERY", "NOT_EXPRESSIBLE", "OF_PRICES", "WRONG_ENGINES", "Patch", "WrongEngine"]

_MODULES = (
    trigger,
    margin,
    sizing,
    cooldown,
    attempts,
    fills,
    backstop,
    isolation,
    lifecycle,
    admission,
    mark_price,
    measuring,
    account,
    orders,
    blocks,
    tiny,
)

WRONG_ENGINES: dict[str, WrongEngine] = {
    engine.id: engine
    for engine in sorted(
        (engine for module in _MODULES for engine in module.ENGINES),
        key=lambda engine: (engine.id[0], int(engine.id[1:])),
    )
}
# Those that only a long run shows, or a large one, or one with unusual names: vectors about these show them.
AT_SCALE: dict[str, WrongEngine] = {engine.id: engine for engine in scale.ENGINES}
# Those that only show a wrong price, which no vector does (OBS-5).
OF_PRICES: dict[str, WrongEngine] = {engine.id: engine for engine in prices.ENGINES}
EVERY: dict[str, WrongEngine] = {**WRONG_ENGINES, **AT_SCALE, **OF_PRICES}
if len(EVERY) != sum(len(module.ENGINES) for module in (*_MODULES, scale, prices)):
    raise ValueError("two wrong engines have the same id")

# Numbers left out were tried and are not bugs: the rules make them indistinguishable from the right engine:
# X39, a window that forces to its present end (only a block moves time, and a block sets both ends);
# X57, a cancelled order that counts as failed (a pool whose orders are cancelled leaves liquidation, which forgets it);
# X151, a failure that outlives its life (a key can be reopened only after its pool left liquidation);
# X153, an order that outlives its position (neither a fill, a trade nor a backstop ends a life while one works);
# X224, accounts in the order of the configuration (only the order of a list would show it, and lists compare by keys);
# X239, X240, X259, a formed mark that is rounded down, or half a tick up, or cannot move where a share of it is below a
# tick (MRK-9 allows a tick; the examples of MRK-6 and a test of MRK-7 show them).
