"""Why an event is refused: one class per code, in the order in which the checks run (EVT-2)."""

from typing import ClassVar

from liqspec.edge.texts import one_line, snake_case

_LONGEST = 120  # characters of a part of a message: an amount of 78 digits is never cut
_OF_ANOTHER = "{value}: {limit}"  # the value is the key of a position or a pool


class Refusal(Exception):
    """An event that the rules do not accept; it changed nothing (EVT-3).

    `field` is the field of the event that was refused, `value` what it, or the measure it led to, was, and `limit` the
    bound that it broke; all three are texts in the outside format. `meaning` is what a code says
    is wrong, where the check of an event does not say it; `sentence` puts the three together for people.
    """

    code: ClassVar[str]
    meaning: ClassVar[str]
    sentence: ClassVar[str] = "{field} is {value}; {limit}"
    rule: str

    def __init_subclass__(cls, *, rule: str) -> None:
        """A code is the name of its class; `rule` is the rule of its checks, unless a check has another."""
        cls.code, cls.rule = snake_case(cls.__name__), rule

    def __init__(self, field: str, value: str, limit: str, *, rule: str | None = None) -> None:
        super().__init__(field, value, limit)
        if rule is not None:
            self.rule = rule  # a code that several events share cites the rule of the event at hand
        self.field = field
        self.value = value
        self.limit = limit

    @property
    def message(self) -> str:
        """The refusal in one line, without its code."""
        data = self.to_json()
        limit = f"it {data['limit']}" if data["limit"].startswith(("must ", "has ")) else data["limit"]
        return f"{self.sentence.format(**{**data, 'limit': limit})} ({self.rule})"

    def to_json(self) -> dict[str, str]:
        """The refusal as plain data: code, field, value, limit and rule, each of a bounded length."""
        field, value, limit = (one_line(text, _LONGEST) for text in (self.field, self.value, self.limit))
        return {"code": self.code, "field": field, "value": value, "limit": limit, "rule": self.rule}

    def __str__(self) -> str:
        """The refusal in one line."""
        return f"{self.code}: {self.message}"


class BadRequest(Refusal, rule="EVT-2"):
    """No event at all: not an object, of unknown type, or with a missing, unknown or malformed field (EVT-2)."""

    meaning = (
        "it is no event: not an object, an unknown type, or a field that is missing, unknown, mistyped or malformed"
    )
    sentence = "{field}: {value}; {limit}"


class UnknownAccount(Refusal, rule="EVT-2"):
    """An account that the run was not configured with (EVT-2)."""

    meaning = "the account is not one of the run"
    sentence = "{field} {value} is {limit}"


class UnknownMarket(Refusal, rule="EVT-2"):
    """A market that the run was not configured with (EVT-2)."""

    meaning = "a market is not one of the run"
    sentence = "{field} {value} is {limit}"


class OffGrid(Refusal, rule="AMT-4"):
    """An amount that is not a multiple of its tick, lot or quote unit (AMT-4)."""

    meaning = "an amount is no multiple of its tick, lot or quote unit"


class NotPositive(Refusal, rule="EVT-2"):
    """An amount at or below 0 where it must be above, or 0 where it must not be (EVT-2)."""

    meaning = "an amount is not above 0, or is 0 where it must not be"


class MarketSettled(Refusal, rule="EVT-11"):
    """A trade in a market that the venue has settled, or another settlement of it (EVT-11)."""

    meaning = "the market is settled"
    sentence = "{field} {value}: {limit}"


class ModeNotAllowed(Refusal, rule="ACC-17"):
    """A trade in a mode that its market does not have (ACC-17)."""

    meaning = "the market is not traded in this mode"


class NotOpen(Refusal, rule="ACC-7"):
    """A trade in a key that the vault has just taken (ACC-7)."""

    meaning = "the vault has taken the position in this block"
    sentence = _OF_ANOTHER


class RemovalNotAllowed(Refusal, rule="ACC-18"):
    """A transfer out of an isolated pool with a position, in a market where collateral stays (ACC-18)."""

    meaning = "no collateral leaves the isolated pool while it has a position"
    sentence = _OF_ANOTHER


class OrderWorking(Refusal, rule="ACC-7"):
    """A liquidation order of the pool (for a block: of any pool) is working (ACC-5, ACC-7, EVT-9)."""

    meaning = "a liquidation order of the pool is working"
    sentence = _OF_ANOTHER


class CrossesZero(Refusal, rule="ACC-7"):
    """A reduction larger than the position (ACC-7)."""

    meaning = "the trade reduces the position by more than its size"


class InLiquidation(Refusal, rule="ACC-8"):
    """The pool is in liquidation: nothing may leave it, and nothing may be opened or increased in it (ACC-5, ACC-8)."""

    meaning = "the pool is in liquidation"
    sentence = _OF_ANOTHER


class BadLeverage(Refusal, rule="ACC-8"):
    """A leverage that is missing, out of range, or given with a reduction (ACC-8, ACC-9)."""

    meaning = "the leverage is missing, out of its range, or given with a reduction"


class InsufficientMargin(Refusal, rule="ACC-8"):
    """Equity after the event would not cover what the rule asks for (ACC-5, ACC-8, ACC-9)."""

    meaning = "the pool's equity after it would be below its initial margin"
    sentence = "{field} is refused: {value}, but {limit}"


class NoWorkingOrder(Refusal, rule="FIL-1"):
    """A fill or the end of an order that does not exist (FIL-1, FIL-6)."""

    meaning = "no liquidation order of the position is working"
    sentence = _OF_ANOTHER


class Overfill(Refusal, rule="FIL-1"):
    """A fill larger than what is left of the order (FIL-1)."""

    meaning = "the fill is larger than what is left of the order"


class WorseThanLimit(Refusal, rule="LIQ-17"):
    """A fill at a price that is worse for the position than the limit of its order (LIQ-17)."""

    meaning = "the price is worse than the order's limit"


class TimeNotAfter(Refusal, rule="EVT-9"):
    """A block that does not begin after the present one (EVT-9)."""

    meaning = "the time is not after the present one"
    sentence = "{field} is {value} ms; {limit} ms"


class NotFormed(Refusal, rule="MRK-1"):
    """Inputs of a mark in a run that does not form its marks (MRK-1)."""

    meaning = "the run does not form its marks from inputs: its configuration has no table `mark`"
    sentence = "{field} {value}: {limit}"


class NoPrice(Refusal, rule="MRK-6"):
    """Inputs of which no candidate for the mark can be made (MRK-6)."""

    meaning = "none of the three candidates for the mark exists"
    sentence = "{field} {value}: {limit}"


# Every code with its meaning, in the order in which the classes stand, which is that of the checks (EVT-2).
MEANINGS: dict[str, str] = {refusal.code: refusal.meaning for refusal in Refusal.__subclasses__()}
CODES: tuple[str, ...] = tuple(MEANINGS)
