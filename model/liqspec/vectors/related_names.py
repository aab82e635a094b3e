"""The cases in which names are easily confused, sorted wrong, or the same text in a key of two of them (AMT-7)."""

import unicodedata
from collections.abc import Iterator

from liqspec.edge.texts import one_line, show
from liqspec.generate.names import RELATED, SEPARATORS, SORTED_WRONG
from liqspec.spec.vectors import Case
from liqspec.vectors.built import Built, settings

SUITE = "names"
_MOST = 4  # names in a case
_RULES = ("AMT-7",)


def cases() -> Iterator[Case]:
    """All cases about names."""
    for number, names in enumerate(SORTED_WRONG, start=1):
        yield _related(f"sorted-{number}", names)
    for number, names in enumerate(RELATED, start=1):
        yield _related(f"related-{number}", names)
    for number in range(len(SEPARATORS) // 4):
        yield _joined(f"joined-{number + 1}", SEPARATORS[4 * number : 4 * number + 4])


def _related(case: str, related: tuple[str, ...]) -> Case:
    """Every account and market has its own money and price, and the order of names is that of the orders."""
    names = related[:_MOST]
    run = Built(settings(names, names, liquidation={"order_policy": "ranked"}))
    for number, name in enumerate(names):
        run.deposit(name, 20_000 * len(names) if number == 0 else 7 * number)
    for other in _nearly(names):
        run.apply("unknown_account", type="deposit", account=other, amount=1)
        run.apply("unknown_market", type="mark_price", market=other, price=1)
    for name in names:
        run.trade(names[0], name, 100)
    for name in names:
        run.mark(name, 870)
    for name in reversed(names):
        run.apply(type="funding", market=name, payment=1)
    for _ in names:
        for position in run.working():
            run.done(position)
    run.mark(names[-1], 780)
    return run.case(SUITE, case, f"The names {one_line(', '.join(map(show, names)), 200)}", *_RULES)


def _nearly(names: tuple[str, ...]) -> list[str]:
    """A few names that are not there, and are easily taken for one that is."""
    forms = [unicodedata.normalize(form, names[0]) for form in ("NFC", "NFD", "NFKC")]
    others = [*forms, names[0].swapcase(), names[-1].swapcase(), names[0][:-1], f"{names[-1]}x"]
    return [other for other in dict.fromkeys(others) if other not in names and other][:2]


def _joined(case: str, separators: tuple[str, ...]) -> Case:
    """Accounts and markets of which two make the same text, joined by a separator: "a-b" and "c", "a" and "b-c"."""
    accounts, markets = ("a", *(f"a{by}b" for by in separators)), ("c", *(f"b{by}c" for by in separators))
    run = Built(settings(accounts, markets))
    run.deposit("a", 100_000)
    for account, traded in zip(accounts[1:], markets[1:], strict=True):
        run.deposit(account, 50_000)
        run.trade(account, "c", 10)
        run.trade(account, "c", -10, leverage=None)
        run.trade(account, "c", 20)
        run.trade("a", traded, 30)
    run.mark("c", 990)
    run.marks({name: 980 - number for number, name in enumerate(markets)})
    title = f"Names that are the same text when {', '.join(map(show, separators))} joins two of them"
    return run.case(SUITE, case, title, "AMT-7", "LIF-2")
