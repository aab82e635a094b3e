"""Whose line of a log it is: of one account alone, so that no other account needs to see it, or of all."""

import re
from collections.abc import Iterable

import attrs

from liqspec.audit.sources import Raw
from liqspec.audit.tables import Row
from liqspec.core.events import EVENTS

# The events that name an account: by the frame (docs/what-is-proved.md) they change it and the vault, and nothing else.
OWN = frozenset(kind for kind, event in EVENTS.items() if "account" in attrs.fields_dict(event))

_OWN = frozenset(kind.encode() for kind in OWN)
_NAMES = re.compile(rb'"account"\s*:\s*"([^"]*)"')
_TYPES = re.compile(rb'"type"\s*:\s*"([^"]*)"')
_WHOLE = ("event", "observation", "executed", "before")


class Routes:
    """The shares into which the accounts of a run are divided, and the share of each line that concerns one only."""

    def __init__(self, accounts: Iterable[str], shares: int) -> None:
        """Divide accounts into shares, at most one for each account."""
        names = sorted(accounts)
        self.shares = min(shares, len(names))
        self.of_account = {name: place % self.shares for place, name in enumerate(names)}
        self._of_bytes = {name.encode(): share for name, share in self.of_account.items()}

    def of(self, raw: Raw) -> int | None:
        """The share of a line that concerns no account of another, and not the vault either; None of any other.

        A line of JSON is not read for that: where it might say more than what is found in it, it is of all.
        """
        return self._of_text(raw) if isinstance(raw, bytes) else self._of_row(raw)

    def _of_text(self, text: bytes) -> int | None:
        # What is escaped may be a name, or a name of a field.
        if b"\\" in text or b'"vault"' in text or b'"before"' in text:
            return None
        names = set(_NAMES.findall(text))
        if len(names) != 1:
            return None
        types = _TYPES.findall(text)
        return self._of_bytes.get(names.pop()) if types and _OWN.issuperset(types) else None

    def _of_row(self, row: Row) -> int | None:
        account = row.get("event.account")
        if not isinstance(account, str) or row.get("event.type") not in OWN:
            return None
        if any(row.get(name) is not None for name in _WHOLE):
            return None
        if any(value is not None and name.startswith("vault.") for name, value in row.items()):
            return None
        return self.of_account.get(account)
