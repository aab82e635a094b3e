"""The names of accounts and markets: a closed list of refused code points, the same in page and model (AMT-7)."""

import re
import unicodedata
from functools import cache

import pytest

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.edge import keys
from liqspec.edge.keys import check_name
from liqspec.edge.shapes import WrongShape
from liqspec.spec import rulebook
from support.builders import small_config

RANGE = re.compile(r"U\+([0-9A-F]{4,6})(?:–U\+([0-9A-F]{4,6}))?")
EVERY_PLANE = {plane * 0x10000 + last for plane in range(17) for last in (0xFFFE, 0xFFFF)}


def written() -> set[int]:
    """The code points that the page refuses; its last row says that every plane has noncharacters."""
    rows = [line for line in rulebook.rules()["AMT-7"].text.splitlines() if line.startswith("| U+")]
    found = RANGE.findall("".join(row.split("|")[1] for row in rows))
    return EVERY_PLANE | {point for first, last in found for point in range(int(first, 16), int(last or first, 16) + 1)}


@cache
def refused() -> set[int]:
    return {point for point in range(0x110000) if keys.is_refused(point)}


@pytest.mark.wide
def test_the_page_and_the_model_refuse_the_same_code_points() -> None:
    """AMT-7."""
    assert written() == refused()


@pytest.mark.wide
def test_all_controls_separators_and_surrogates_are_refused() -> None:
    """AMT-7: whatever tables this Python has; the list is older than they may be, but these categories do not grow."""
    unseen = [point for point in range(0x110000) if unicodedata.category(chr(point)) in ("Cc", "Cs", "Zl", "Zp", "Zs")]
    assert set(unseen) <= refused()


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "-",
        "__proto__",
        "Ωμέγα",
        "\U0001f600" * 128,  # 256 units of UTF-16, 512 bytes of UTF-8
        "\U0001fae8",  # assigned in Unicode 15.0
        "\u0378",  # unassigned
        "\ue000",  # for private use
        "\U0003fffd",
        "\ufffd",
        "e\u0301",
    ],
    ids=ascii,
)
def test_a_name_may_have_any_other_code_point(name: str) -> None:
    """AMT-7."""
    assert list(Engine(Config.from_json(small_config(accounts=[name]))).state.accounts) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 129,
        "a/b",
        "a b",
        "\t",
        "\x7f",
        "\xa0",
        "a\xad",
        "a\u200d",
        "\u202eb",
        "\ufeff",
        "\ufe0f",
        "\U0001fffe",
        "\U0010ffff",
    ],
    ids=ascii,
)
def test_a_name_with_one_that_is_listed_is_refused(name: str) -> None:
    """AMT-7: of an account and of a market."""
    with pytest.raises(WrongShape, match=r"^accounts: .* is not a valid name: "):
        Config.from_json(small_config(accounts=[name]))
    with pytest.raises(ValueError, match=" is not a valid name: "):
        check_name(name)


def test_names_are_not_normalised() -> None:
    """AMT-7: é in one code point and in two, in the order of code points."""
    accounts = ["\xe9", "e\u0301"]
    assert list(Engine(Config.from_json(small_config(accounts=accounts))).state.accounts) == ["e\u0301", "\xe9"]


def test_names_sort_by_code_points_and_not_by_units_of_utf_16() -> None:
    """AMT-7."""
    accounts = ["\U00010000", "\uff5e"]
    assert list(Engine(Config.from_json(small_config(accounts=accounts))).state.accounts) == ["\uff5e", "\U00010000"]
