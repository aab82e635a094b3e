"""Values of no type, amounts and integers that no field may have (AMT-3, AMT-5, EVT-4)."""

from typing import Any

# Of no type that any field has, or of none that this one has.
NO_VALUES: tuple[Any, ...] = (None, True, 1.5, -1, 2**53, [], [[]], 10**30)
NO_AMOUNTS: tuple[Any, ...] = (
    *("", "-", "+1", " 1", "1 ", "1.", ".5", "--1", "1e3", "0x1", "1_0", "1,0", "1/2", "NaN", "Infinity"),
    *("\u0661", "\uff11", "1\n", "1\x00", "9" * 79, "0." + "0" * 78, "-" + "0" * 79, 1, 0, {}),
)
NO_RATES: tuple[Any, ...] = (
    *("-1/2", "1/-2", "1/0", "1/00", "1/2/3", " 1/2", "1/ 2", "0.", "+1/2", "/2", "1/", "0/" + "1" * 78, {}),
    *NO_VALUES,
)
NO_INTEGERS: tuple[Any, ...] = ("1", 1.0, -1, 2**53, None, True, [])

# How an integer or a number is misspelt in JSON itself: what a reader makes a value of, and what it must not read.
NO_INTEGER_TEXTS = (
    *("-0", "-1", "1.0", "6.0", "1e0", "6E0", "1e1", "9007199254740992", "1e999999999", '"6"', "true", "null"),
    *("[6]", "{}"),
)
NO_NUMBER_TEXTS = (
    *("01", "+1", "1.", ".5", "0x1", "NaN", "Infinity", "-Infinity", "1e", "--1", "1_0", "- 1", "\uff11"),
)
