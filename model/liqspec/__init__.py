"""An executable formal specification of perpetual-futures liquidations.

The public API: a run is an `Engine` of a `Config`, to which events are applied one at a time. Engines under test use
`liqspec.testing`. Everything else may change between versions.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liqspec.core.config import Config as Config
    from liqspec.core.engine import Engine as Engine
    from liqspec.core.events import Block as Block
    from liqspec.core.events import Deposit as Deposit
    from liqspec.core.events import Event as Event
    from liqspec.core.events import Fill as Fill
    from liqspec.core.events import Funding as Funding
    from liqspec.core.events import MarkPrice as MarkPrice
    from liqspec.core.events import Marks as Marks
    from liqspec.core.events import OrderDone as OrderDone
    from liqspec.core.events import Trade as Trade
    from liqspec.core.events import Transfer as Transfer
    from liqspec.core.events import VaultCash as VaultCash
    from liqspec.core.events import VaultTrade as VaultTrade
    from liqspec.core.events import Withdraw as Withdraw
    from liqspec.core.parameters import InvalidConfig as InvalidConfig
    from liqspec.core.refusals import Refusal as Refusal
    from liqspec.core.snapshot import Snapshot as Snapshot

__version__ = "0.1.0"

_EVENTS = [
    "Block",
    "Deposit",
    "Event",
    "Fill",
    "Funding",
    "MarkPrice",
    "Marks",
    "OrderDone",
    "Trade",
    "Transfer",
    "VaultCash",
    "VaultTrade",
    "Withdraw",
]
_MODULES = {
    "Config": "liqspec.core.config",
    "Engine": "liqspec.core.engine",
    "InvalidConfig": "liqspec.core.parameters",
    "Refusal": "liqspec.core.refusals",
    "Snapshot": "liqspec.core.snapshot",
    **dict.fromkeys(_EVENTS, "liqspec.core.events"),
}
__all__ = sorted(_MODULES)  # noqa: PLE0605  # ruff wants a literal; this is one list, not two


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import liqspec` alone costs next to nothing."""
    if name not in _MODULES:
        raise AttributeError(f"module 'liqspec' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(_MODULES[name]), name)
