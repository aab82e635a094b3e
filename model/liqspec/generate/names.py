"""Names that are easily confused or sorted wrong: by case, digits, normal form, length, or in a key (AMT-7)."""

import unicodedata
from collections.abc import Mapping
from random import Random
from typing import Any

MOST = 520  # accounts or markets, twice as many as a byte counts
ACCOUNTS = (
    *("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"),
    *("ivan", "judy", "kim", "leo", "mia", "nina", "oscar", "peggy"),
    *(f"trader{number}" for number in range(17, MOST + 1)),
)
MARKETS = (
    *("BTC", "ETH", "SOL", "XRP", "DOGE", "LINK", "AVAX", "LTC", "UNI", "ATOM", "NEAR", "FIL"),
    *("ARB", "OP", "TON", "INJ", "SUI", "TIA", "JUP", "WLD"),
    *(f"COIN{number}" for number in range(21, MOST + 1)),
)

BY_MARKET = ("markets", "marks")  # the parts of a configuration that have an entry for each market

# Each line is one relation: whoever ignores it sorts two of its names wrong,
SORTED_WRONG: tuple[tuple[str, ...], ...] = (
    ("9", "10", "2", "100"),
    ("m9", "m10", "m2", "m1"),
    ("Z", "m", "\u00c4", "a", "z"),
    ("\uff21", "\U0001d401", "\ue000", "\U0001d402"),  # another order by UTF-16
    ("\U0010fffd", "\ufffd", "\uffee", "\U0001f600"),
)
# or confuses them.
RELATED: tuple[tuple[str, ...], ...] = (
    ("abc", "ABC", "Abc", "aBc"),
    ("B", "BT", "BTC", "BTCX"),  # each is the start of the next
    ("C", "TC", "BTC", "XBTC"),  # each is the end of the next
    ("ann", "amy", "abe", "alf"),  # one initial
    ("ana", "eva", "mia", "ida"),  # one last letter
    ("abc", "bca", "cab", "acb"),  # the same letters
    ("Aa", "BB", "AaBB", "BBAa"),  # the same hash in some libraries
    ("1", "01", "1.0", "+1", "1e0", "0x1", "-1"),  # the same number
    ("0", "-0", "00", "NaN", "Infinity"),
    ("K", "k", "\u212a", "\u043a"),  # the last but one is the sign of the kelvin
    ("I", "i", "\u0131", "\u0130"),  # with and without a dot
    ("ss", "\u00df", "SS", "\u1e9e"),
    ("\u03c3", "\u03c2", "\u03a3"),  # the sigma in a word, at its end, and the capital one
    ("\u00e9", "e\u0301", "e", "\u00c9", "E\u0301"),
    ("\u00c5", "A\u030a", "\u212b", "A"),
    ("\uac00", "\u1100\u1161", "\u1100"),  # a syllable of Hangul and its letters
    ("q\u0323\u0307", "q\u0307\u0323", "q"),  # two marks in either order
    ("AB", "\uff21\uff22", "\u1d2c\u1d2e"),
    ("fi", "\ufb01", "f"),
    ("\u0378", "\u05d0", "\u0301", "a\u0301"),  # unassigned, written from the right, a mark alone
    ("x" * 128, "x" * 127, "x" * 127 + "y", "x" * 64, "x" * 63 + "y" * 65),
    ("\U0001d401" * 128, "\U0001d401" * 127, "\U0001d401" * 127 + "\U0001d402"),
    ("a" * 8, "a" * 9, "a" * 16, "a" * 17, "a" * 32 + "b", "a" * 32 + "c"),
    ("type", "account", "market", "mode", "leverage"),
    ("cross", "isolated", "null", "none", "None"),
    ("size", "price", "amount", "prices", "time", "payment"),
    ("positions", "pools", "vault", "cash", "equity"),
    ("__proto__", "constructor", "toString", "hasOwnProperty", "prototype", "valueOf", "length"),
    ("__class__", "__dict__", "self", "items", "keys", "get"),
    ("true", "false", "undefined", "nil", "nobody", "NONE"),
    ("op", "ok", "event", "config", "observation", "id"),
    ('"', "\\", "'", "\\\\", "\\n"),
    ("%s", "{}", "$1", "{0}", "%"),
    ("&", "&amp;", "<b>", "#"),
    ("*", ".*", "?", "[a]", "a"),
    (".", "..", "~", "-"),
    ("\\u0061", "a", "\\x61", "%61"),
    (",", ";", "a,b", "a", "b"),
)

# Each has other forms, none of which is among these.
FOLDED = ("\u00e9", "\u212b", "\ufb01", "\u212a", "\u00df", "\u0130", "\u03c2", "\uac00", "q\u0307\u0323", "xyz", "W")

SEPARATORS = ("", "-", "_", ".", ":", "|", ",", "#", "+", "@", "cross", "isolated")
_KEYED = 4  # accounts and markets with names that meet in keys
_MOST_RELATED = 40  # of the names of a run


def of_accounts_and_markets(random: Random, accounts: int, markets: int) -> tuple[list[str], list[str]]:
    """That many names of accounts and of markets, which are related among themselves, or in the keys that they make."""
    if min(accounts, markets) >= _KEYED and random.random() < 0.6:
        by = random.sample(SEPARATORS, k=_KEYED - 1)  # "a-b" and "c" make the same key as "a" and "b-c"
        owners, traded = ["a", *(f"a{one}b" for one in by)], ["c", *(f"b{one}c" for one in by)]
        return _filled(random, owners, accounts), _filled(random, traded, markets)
    if random.random() < 0.3:
        shared = list(random.choice(RELATED))
        return _filled(random, shared, accounts), _filled(random, shared, markets)
    return _filled(random, [], accounts), _filled(random, [], markets)


def _filled(random: Random, names: list[str], count: int) -> list[str]:
    """`count` names in any order: these first, then two or more of each of some relations, then others."""
    names = names[:count]
    while len(names) < min(count, _MOST_RELATED):
        related = random.choice(SORTED_WRONG if random.random() < 0.25 else RELATED)
        fresh = [name for name in random.sample(related, k=random.choice((2, 2, len(related)))) if name not in names]
        names += fresh[: count - len(names)]
    names += [f"other{number}" for number in range(count - len(names))]
    return random.sample(names, k=count)


def other_forms(name: str) -> list[str]:
    """Other names that are this one without regard to case or to a normal form of Unicode."""
    forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    others = (*forms, name.upper(), name.lower(), name.swapcase(), name.casefold())
    return [other for other in dict.fromkeys(others) if other != name]


def nearly(random: Random, name: str) -> str:
    """A name that is easily taken for this one: in another form, without its beginning or end, or as a number."""
    others = (name[:-1], name[1:], f"{name}x", f"0{name}", name * 2)
    return random.choice([*other_forms(name), *(other for other in others if other != name)])


def renamed(
    config: dict[str, Any], events: list[dict[str, Any]], accounts: Mapping[str, str], markets: Mapping[str, str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A configuration and events in plain data with other names of accounts and markets, in the same order."""
    other = {
        **config,
        "accounts": [accounts.get(name, name) for name in config["accounts"]],
        **{part: {markets.get(name, name): value for name, value in config[part].items()} for part in BY_MARKET},
    }
    return other, [_with_names(event, accounts, markets) for event in events]


def _with_names(event: dict[str, Any], accounts: Mapping[str, str], markets: Mapping[str, str]) -> dict[str, Any]:
    event = dict(event)
    for field, names in (("account", accounts), ("market", markets)):
        if isinstance(event.get(field), str):
            event[field] = names.get(event[field], event[field])
    if isinstance(event.get("prices"), dict):
        event["prices"] = {markets.get(name, name): price for name, price in event["prices"].items()}
    return event
