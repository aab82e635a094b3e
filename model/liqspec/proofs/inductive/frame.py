"""What an event must not look at: to read or write it raises `Leak`, so that its values need not be enumerated."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn


class Leak(Exception):
    """Something outside the frame of the event was read or written."""


class Poison:
    """Anything that an event must not look at."""

    def __init__(self, what: str) -> None:
        object.__setattr__(self, "_what", what)

    def _leak(self, *_: object, **__: object) -> NoReturn:
        raise Leak(object.__getattribute__(self, "_what"))

    def __getattribute__(self, name: str) -> Any:
        """Nothing can be read; the class is that of a poison, which is what `isinstance` asks for."""
        if name == "__class__":
            return Poison
        raise Leak(f"{object.__getattribute__(self, '_what')}.{name}")

    __setattr__ = __bool__ = __iter__ = __len__ = __lt__ = __add__ = __radd__ = __contains__ = _leak
    __eq__ = __hash__ = _leak


class Only(dict[str, Any]):
    """A dictionary with any number of further entries: nothing says how many, nor which, and none can be reached."""

    def __init__(self, entries: Mapping[str, Any], what: str, absent: Iterable[str] = ()) -> None:
        super().__init__(entries)
        self._what, self._absent = what, frozenset(absent)

    def _leak(self, *_: object, **__: object) -> NoReturn:
        raise Leak(f"the other entries of {self._what}")

    __iter__ = keys = values = items = __len__ = __bool__ = __delitem__ = clear = update = popitem = copy = _leak

    def _known(self, key: object) -> None:
        if not super().__contains__(key) and key not in self._absent:
            raise Leak(f"{self._what}[{key}]")

    def __contains__(self, key: object) -> bool:
        """Whether there is an entry, of a key that may be asked for."""
        self._known(key)
        return super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        """An entry that may be read."""
        self._known(key)
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        """Set an entry that may be written."""
        self._known(key)
        super().__setitem__(key, value)

    def get(self, key: str, default: Any = None) -> Any:
        """An entry that may be read, or the default."""
        self._known(key)
        return super().get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """An entry that may be read; the default if there was none."""
        self._known(key)
        return super().setdefault(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        """An entry that may be removed."""
        self._known(key)
        return super().pop(key, *default)
