"""Whether an engine's number is the right one in too few bits or digits (AMT-1)."""

from fractions import Fraction

BITS = (31, 32, 53, 63, 64, 95, 96, 127, 128, 255, 256, 512)  # of an integer, with a sign or without
DIGITS = range(15, 40)  # of a decimal, that many at most
LOST = 3  # digits that were lost, at least: fewer can be chance
_DOUBLE = 2**53
_FINER = 13  # powers of ten: more could be met by chance


def as_if(ours: str, theirs: str, step: Fraction) -> str | None:
    """How theirs comes of ours, both decimals, where numbers count steps and are too narrow; None if it does not."""
    right, shown = Fraction(ours) / step, Fraction(theirs) / step
    if right.denominator != 1 or right == shown:
        return None
    how = _in_bits(right.numerator, shown) or _in_doubles(right.numerator, shown) or _in_digits(right.numerator, shown)
    return how or _of_a_product(right.numerator, shown)


def _in_bits(right: int, shown: Fraction) -> str | None:
    for bits in reversed(BITS):
        if abs(right) < 2**bits // 2 or shown.denominator != 1:
            continue
        if (right - shown.numerator) % 2**bits == 0 and 0 < abs(shown) < 2**bits:  # 0 is what a step leaves out
            return f"it is the right number modulo 2^{bits}"
        if abs(right) >= 2**bits and abs(shown) in (2**bits, 2**bits - 1) and shown * right > 0:
            return f"it is the largest number of {bits} bits"
    return None


def _in_doubles(right: int, shown: Fraction) -> str | None:
    near = abs(right) > _DOUBLE and abs(right - shown) * _DOUBLE <= abs(right)
    try:
        double = near and shown == Fraction(float(right))
    except OverflowError:
        return None
    return "it is the double next to the right number" if double else None


def _in_digits(right: int, shown: Fraction) -> str | None:
    digits = len(str(abs(right)))
    for kept in DIGITS:
        lost = 10 ** (digits - kept) if digits - kept >= LOST else 0
        if lost and shown % lost == 0 and abs(right - shown) < lost:
            return f"it has the first {kept} digits of the right number"
    return None


def _of_a_product(right: int, shown: Fraction) -> str | None:
    """A number in finer units that was too wide, and then divided."""
    for bits in (128, 64):
        for power in range(1, _FINER):
            product = (right * 10**power + 2**bits // 2) % 2**bits - 2**bits // 2  # with a sign
            for wrapped in (product, product % 2**bits):
                if abs(right) * 10**power >= 2**bits // 2 and shown in (wrapped // 10**power, -(-wrapped // 10**power)):
                    return f"it is 10^{power} times the right number modulo 2^{bits}, divided by 10^{power}"
    return None
