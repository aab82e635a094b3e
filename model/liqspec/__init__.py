"""An executable formal specification of perpetual-futures liquidations.

The public API: a run is an `Engine` of a `Config`, to which events are applied one at a time. Engines under test use
`liqspec.testing`. Everything else may change between versions.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liqspec.core import events
    from liqspec.core.config import Config as Config
    from liqspec.core.engine import Engine as Engine
    from liqspec.core.events import *  # noqa: F403  # the records of the events, as `core.events` lists them
    from liqspec.core.parameters import InvalidConfig as InvalidConfig
    from liqspec.core.refusals import Refusal as Refusal
    from liqspec.core.snapshot import Snapshot as Snapshot

    __all__ = ["Config", "Engine", "InvalidConfig", "Refusal", "Snapshot"]
    __all__ += events.__all__

__version__ = "0.1.0"

_MODULES = {
    "Config": "liqspec.core.config",
    "Engine": "liqspec.core.engine",
    "InvalidConfig": "liqspec.core.parameters",
    "Refusal": "liqspec.core.refusals",
    "Snapshot": "liqspec.core.snapshot",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import liqspec` alone costs next to nothing."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    events = import_module("liqspec.core.events")
    public = sorted([*_MODULES, "Event", *(event.__name__ for event in events.EVENTS.values())])
    if name == "__all__":
        return public
    if name not in public:
        raise AttributeError(f"module 'liqspec' has no attribute {name!r}; it has: {', '.join(public)}")
    return getattr(events, name)
