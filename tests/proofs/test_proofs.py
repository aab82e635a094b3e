"""The arithmetic proved for all whole numbers (LEMMAS), and what makes such a proof worth believing."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache
from typing import Any, cast

import pytest
import z3  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from liqspec.core import arithmetic, machine
from liqspec.core.arithmetic import Holding, Ratio, Schedule, Tier
from liqspec.core.config import Config, Venue
from liqspec.proofs import lemmas, prove, symbolic
from liqspec.proofs.lemmas import LEMMAS, Case
from liqspec.proofs.symbolic import Condition, Domain, SymbolicInt, UnsafeDivision, integer, paths
from liqspec.spec import rulebook, venues
from support.builders import small_config

DOMAINS: tuple[Domain, ...] = ("integers", "reals")

# Rates 1/10 and, above 1000, 1/5, both over 10; the deduction 1000 x (1/5 - 1/10) = 100 is 1000 tenths.
SMALL = Schedule(10, (Tier(0, 1, 0, 5), Tier(1000, 2, 1000, 2)))


# ----------------------------------------------------------------------------------------------------------- the lemmas


@pytest.mark.parametrize("name", LEMMAS)
def test_the_lemma_is_proved(name: str) -> None:
    """MRG-3 to MRG-12, LIQ-3 to LIQ-5, FIL-1, FIL-2, BKS-1, BKS-4, PRT-3, ACC-8, EVT-6: each lemma cites its own."""
    proof = prove.prove(LEMMAS[name])
    assert (proof.status, proof.counterexample) == ("proved", {}), LEMMAS[name].sentence


@pytest.mark.parametrize("name", LEMMAS)
def test_its_control_is_refuted_by_numbers(name: str) -> None:
    """A lemma whose wrong version is proved as well says nothing."""
    control = prove.control(LEMMAS[name])
    proof = prove.refute_control(LEMMAS[name])
    assert proof.status == "refuted", LEMMAS[name].control.sentence
    assert control.of_numbers(proof.counterexample) is False


@pytest.mark.parametrize("name", LEMMAS)
def test_what_is_given_can_hold(name: str) -> None:
    """A lemma whose conditions contradict each other is proved of nothing."""
    for claim in prove.claims(LEMMAS[name]):
        numbers = prove.find_numbers(claim, holds=True)
        assert numbers is not None
        assert claim.of_numbers(numbers) is True


def test_lemmas_cite_rules_that_exist() -> None:
    """VER-1: a citation is a rule of the specification."""
    for lemma in LEMMAS.values():
        assert lemma.rules
        assert set(lemma.rules) <= set(rulebook.rules()), lemma.name
        assert lemma.sentence.endswith((".", ".)")), lemma.name


def test_the_guards_that_the_table_calls_exclusive_are_proved_so() -> None:
    """LIF-1: `excludes` in machine.toml is proved."""
    declared = {
        frozenset((name, other)) for name, guard in machine.lifecycle().table.guards.items() for other in guard.excludes
    }
    proved = {frozenset(name.split("_excludes_")) for name in LEMMAS if "_excludes_" in name}
    assert declared == proved


def test_the_control_of_mrg_12_is_a_pool_that_outlasts_a_less_exposed_one() -> None:
    """MRG-12, by hand: rates 1/3 and, above 2, 2/3 less 2/3; both longs stay in the second tier.

    At a mark of 2 the first is worth 2·2·2 = 8 on an equity of 6 (4/3), the second 7·2·2 = 28 on 22 (14/11: less).
    At 1 the first has 4 - 2 = 2 left and needs (4·2 - 2)/3 = 2; the second has 14 - 6 = 8 and needs 26/3.
    """
    schedule = Schedule(3, (Tier(0, 1, 0, 2), Tier(2, 2, 2, 1)))
    first, second = Holding(2, 0, 1, 2, 2, schedule), Holding(7, 6, 1, 2, 2, schedule)
    assert (arithmetic.pool_equity(-2, [first]), arithmetic.pool_equity(0, [second])) == (6, 22)
    first, second = first._replace(mark=1), second._replace(mark=1)
    assert (arithmetic.pool_equity(-2, [first]), arithmetic.pool_maintenance_margin([first])) == (2, 2)
    assert (arithmetic.pool_equity(0, [second]), arithmetic.pool_maintenance_margin([second])) == (8, 9)


# ----------------------------------------------------------------------------- the lemmas' schedules are the venues'


@st.composite
def valid_tiers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Tiers as MRG-8 wants them, with rates up to the limit of their leverage."""
    count = draw(st.integers(1, 3))
    aboves = [0, *sorted(draw(st.sets(st.integers(1, 2000), min_size=count - 1, max_size=count - 1)))]
    leverages = sorted(draw(st.lists(st.integers(1, 50), min_size=count, max_size=count)), reverse=True)
    tiers, rate = [], Fraction(0)
    for above, leverage in zip(aboves, leverages, strict=True):
        rate = max(rate, draw(st.sampled_from([Fraction(1), Fraction(2, 3), Fraction(1, 7)])) / leverage)
        tiers.append({"above": str(above), "maintenance_rate": str(rate), "max_leverage": leverage})
    return tiers


def assumed(schedule: Schedule) -> Schedule:
    """The schedule that a lemma makes of its numbers; Excluded, if lemmas do not cover it."""
    numbers = {"denominator": schedule.denominator}
    for index, tier in enumerate(schedule.tiers, start=1):
        numbers |= {f"rate{index}": tier.rate, f"max_leverage{index}": tier.max_leverage}
        numbers |= {f"above{index}": tier.above, f"deduction{index}": tier.deduction}
    return lemmas.any_schedule(Case(numbers), len(schedule.tiers))


@given(valid_tiers())
def test_the_loader_makes_only_schedules_that_the_lemmas_speak_of(tiers: list[dict[str, Any]]) -> None:
    """MRG-5, MRG-8: what a lemma assumes of a schedule is what the loader of a venue sees to."""
    market = {"tick": "1", "lot": "1", "tiers": tiers}
    venue = Venue.from_config(Config.from_json(small_config(markets={"A": market, "B": market})))
    schedule = venue.markets["A"].schedule
    assert assumed(schedule) == schedule


@pytest.mark.parametrize("name", venues.names())
def test_the_shipped_venues_are_within_the_bound_of_the_lemmas(name: str) -> None:
    """MRG-8: the lemmas are proved for one to three tiers, and no shipped market has more."""
    file = venues.load(name)
    venue = Venue.from_config(file.config(accounts=("alice",), marks=dict.fromkeys(file.markets, "1000")))
    for market in venue.markets.values():
        assert len(market.schedule.tiers) <= 3
        # The lemmas hold for either way of rounding (MRG-13).
        assert assumed(market.schedule)._replace(rounds_down=venue.rounding == "down") == market.schedule


# --------------------------------------------------------------------------------------- wrong arithmetic is found out

# As they are before anything is replaced.
right_margin, right_price = arithmetic.pool_maintenance_margin, arithmetic.liquidation_price


def falls_off_the_tiers(amount: int, schedule: Schedule) -> Tier:
    chosen = schedule.tiers[0]
    for tier in schedule.tiers[1:]:
        if amount >= tier.above:
            chosen = tier
    return chosen


def fee_without_a_cap(amount: int, fee_rate: Ratio, equity_after: int) -> int:
    return arithmetic.divide_up(amount * fee_rate.numerator, fee_rate.denominator)


def fee_without_a_floor(amount: int, fee_rate: Ratio, equity_after: int) -> int:
    return min(fee_without_a_cap(amount, fee_rate, equity_after), equity_after)


def margin_of_the_largest(holdings: Iterable[Holding]) -> int:
    return max(right_margin([held]) for held in holdings)


def price_one_tick_early(equity: int, other_maintenance: int, held: Holding) -> int | None:
    price = right_price(equity, other_maintenance, held)
    return None if price is None else price + (1 if held.size > 0 else -1)


def bankruptcy_of_nobody(equity: int, held: Holding) -> Ratio:
    worth = held.size * held.unit
    return Ratio(worth * held.mark - equity, abs(worth))


def bankruptcy_of_longs(equity: int, held: Holding) -> Ratio:
    worth = held.size * held.unit
    return Ratio(worth * held.mark - equity, worth)


MUTANTS: list[tuple[str, Callable[..., Any], str]] = [
    # the function, its replacement, the lemma that must fail
    ("divide_up", lambda dividend, divisor: dividend // divisor, "a_breach_before_rounding_is_a_breach"),
    ("divide_up", lambda dividend, divisor: dividend // divisor, "a_chunk_is_some_and_not_too_much"),
    ("divide_up", lambda dividend, divisor: dividend // divisor + 1, "a_margin_has_no_jump_before_rounding"),
    ("divide_down", lambda dividend, divisor: -(-dividend // divisor), "a_part_releases_its_share_towards_zero"),
    (
        "unrealised_pnl",
        lambda size, cost, mark, unit: size * mark * unit + cost,
        "how_cost_is_split_never_changes_equity",
    ),
    ("notional", lambda size, price, unit: size * price * unit, "an_admitted_opening_is_not_breached"),
    ("tier_at", falls_off_the_tiers, "a_margin_has_no_jump_before_rounding"),
    ("tier_at", lambda amount, schedule: schedule.tiers[-1], "a_margin_is_never_negative"),
    ("pool_maintenance_margin", margin_of_the_largest, "a_pool_is_the_sum_of_its_positions"),
    ("initial_margin", lambda amount, leverage, _: amount // leverage, "an_admitted_opening_is_not_breached"),
    ("breached", lambda equity, maintenance: equity <= maintenance, "an_admitted_opening_is_not_breached"),
    ("breached", lambda equity, maintenance: equity <= maintenance, "the_liquidation_price_parts_the_ticks"),
    ("restored", lambda equity, maintenance, _=None: equity + 1 >= maintenance, "needs_liquidation_excludes_restored"),
    ("restored", lambda equity, maintenance, _=None: equity > maintenance, "equality_is_healthy"),
    ("reduction_is_safe", lambda *_: True, "an_accepted_reduction_breaches_no_healthy_pool"),
    ("reduction_is_safe", lambda *_: True, "an_accepted_reduction_makes_no_deficit_larger"),
    ("reduction_is_safe", lambda *inputs: inputs[2] > inputs[3], "a_trader_can_always_reduce_at_the_mark"),
    (
        "below_backstop",
        lambda equity, maintenance, threshold: equity * threshold.denominator <= maintenance * threshold.numerator,
        "below_backstop_excludes_restored",
    ),
    ("released_cost", lambda size, cost, closed: abs(cost) * closed // abs(size), "no_more_than_the_cost_is_released"),
    (
        "realised_pnl",
        lambda size, closed, price, unit, released: closed * price * unit - released,
        "a_fill_at_the_mark_leaves_equity_as_it_was",
    ),
    ("bankruptcy_price", bankruptcy_of_longs, "a_fill_no_worse_than_bankruptcy_makes_no_deficit"),
    # Of a short it is below 0, so that no fill is no worse: the lemma before this one would hold of nothing.
    ("bankruptcy_price", bankruptcy_of_nobody, "equity_is_zero_at_the_bankruptcy_price"),
    ("liquidation_price", price_one_tick_early, "the_liquidation_price_parts_the_ticks"),
    ("liquidation_fee", fee_without_a_cap, "a_fee_never_makes_a_deficit"),
    ("liquidation_fee", fee_without_a_floor, "a_fee_is_never_negative"),
    ("liquidation_fee", lambda *_: 0, "a_fee_is_whole_where_there_is_room"),
    (
        "backstop_return",
        lambda equity, fraction: fraction.numerator * equity // fraction.denominator,
        "a_backstop_returns_no_more_than_there_is",
    ),
    (
        "funding_due",
        lambda size, payment, lot: size * payment * lot.numerator // lot.denominator,
        "opposite_sizes_pay_what_they_receive_but_for_a_unit",
    ),
]


@pytest.mark.parametrize(("function", "wrong", "lemma"), MUTANTS, ids=[f"{row[0]}-{row[2]}" for row in MUTANTS])
def test_a_wrong_function_refutes_its_lemma(
    monkeypatch: pytest.MonkeyPatch, function: str, wrong: Callable[..., Any], lemma: str
) -> None:
    """AMT-6, MRG-1 to MRG-11, LIQ-3, LIQ-4, BKS-1, BKS-4, FIL-2, EVT-6: the proofs run the arithmetic itself."""
    monkeypatch.setattr(arithmetic, function, wrong)
    proof = prove.prove(LEMMAS[lemma])
    assert proof.status == "refuted"
    assert any(claim_fails(claim, proof.counterexample) for claim in prove.claims(LEMMAS[lemma]))


def claim_fails(claim: prove.Claim, numbers: dict[str, int]) -> bool:
    try:
        return claim.of_numbers(numbers) is False
    except KeyError:  # the numbers of another variant
        return False


# -------------------------------------------------------------------------------------- the driver: it takes every way


def ways(function: Callable[[], Any], domain: Domain = "integers") -> list[Any]:
    return [path.result for path in paths(function, domain)]


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_way_is_taken_once(domain: Domain) -> None:
    def sign() -> str:
        number = integer("x")
        if number > 0:
            return "above"
        return "below" if number < 0 else "zero"

    assert sorted(ways(sign, domain)) == ["above", "below", "zero"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_independent_questions_multiply(domain: Domain) -> None:
    def signs() -> tuple[bool, ...]:
        return tuple(bool(integer(name) > 0) for name in "abc")

    assert len(set(ways(signs, domain))) == 8


def test_a_way_that_the_conditions_exclude_is_left_out() -> None:
    def never() -> str:
        number = integer("x")
        symbolic.assume(number > 3)
        if number < 2:
            return "impossible"
        return "less than 5" if number < 5 else "5 or more"

    assert sorted(ways(never)) == ["5 or more", "less than 5"]


def test_the_same_question_is_asked_once() -> None:
    assert len(ways(lambda: [bool(integer("x") > 0) for _ in range(5)])) == 2


def test_contradictory_conditions_leave_no_way() -> None:
    def contradiction() -> bool:
        number = integer("x")
        symbolic.assume(number > 3)
        symbolic.assume(number < 2)
        return bool(number > 0)

    assert ways(contradiction) == []


def test_a_false_plain_assumption_leaves_no_way() -> None:
    assert ways(lambda: symbolic.assume(False)) == []


def test_the_ways_have_their_conditions() -> None:
    """Of the two ways through `max`, each is taken exactly where its own argument is the larger."""
    left, right = z3.Ints("x y")
    found = list(paths(lambda: max(integer("x"), integer("y"))))
    assert len(found) == 2
    for path in found:
        larger = cast(SymbolicInt, path.result).term
        assert path.check(z3.Or(larger < left, larger < right)) == "unsat"


def test_conditions_compare_as_conditions() -> None:
    """`==` between conditions means that both hold or neither; comparing the objects would prove or refute nonsense."""

    def same() -> bool:
        number = integer("x")
        return ((number > 0) == (number >= 1)) & ((number > 0) != (number < 1)) & ((number * 0 == 0) == bool(1))

    assert all(path.check(path.fails) == "unsat" for path in paths(same))


def test_comparing_a_symbol_with_what_is_no_number_is_no_claim() -> None:
    """It is a plain answer of Python's, so that nothing is proved of it."""

    def compared() -> tuple[bool, ...]:
        number, text = integer("x"), cast(Any, "x")
        condition = cast(Any, number > 0)
        return (number == text, number != text, condition == text, condition != text)

    assert [path.result for path in paths(compared)] == [(False, True, False, True)]


def test_a_symbol_is_true_where_it_is_not_0() -> None:
    def message() -> str:
        return "some" if integer("x") else "none"

    found = {path.result: path for path in paths(message)}
    assert found.keys() == {"some", "none"}
    assert found["none"].check(z3.Int("x") != 0) == "unsat"
    assert found["some"].check(z3.Int("x") == 0) == "unsat"


def test_numbers_of_which_what_is_given_does_not_hold_say_nothing() -> None:
    claim = prove.claims(LEMMAS["equality_is_healthy"])[0]

    def impossible(_: Case) -> bool:
        symbolic.assume(False)
        return True

    excluded = prove.Claim(impossible)
    assert excluded.of_numbers({}) is None
    assert claim.of_numbers(prove.find_numbers(claim, holds=True) or {}) is True


# ------------------------------------------------------------------------------------------- the driver: it is right


def compared(first: int, second: int) -> int:
    if first == second:
        return 0
    return min(first, abs(second)) if first != -second or second >= 0 else -first


def tiered(first: int, second: int) -> int:
    return arithmetic.maintenance_margin(abs(first * second), SMALL) + arithmetic.initial_margin(abs(first), 3, SMALL)


def price(first: int, second: int) -> int | None:
    return arithmetic.liquidation_price(first, 7, Holding(7 if second > 0 else -7, 0, 5, abs(second) + 1, 1, SMALL))


def shares(first: int, second: int) -> int:
    part = Ratio(2, abs(second) + 3)
    return arithmetic.backstop_return(first, part) - arithmetic.funding_due(first, second, part)


def released(first: int, second: int) -> int:
    return sum([arithmetic.released_cost(-3 if first < second else 5, first, 2), second, +first])


FUNCTIONS = [compared, tiered, price, shares, released]
NUMBERS = st.one_of(st.integers(-8, 8), st.integers(-2000, 2000))


@cache
def all_ways(function: Callable[[int, int], int | None], domain: Domain) -> list[symbolic.Path[int | None]]:
    return list(paths(lambda: function(integer("x"), integer("y")), domain))


def at(path: symbolic.Path[Any], first: int, second: int) -> list[Any]:
    """What the symbols of a way are worth."""
    values = {"x": first, "y": second}
    return [symbol == values[name] for name, symbol in path.symbols.items()]


def returns(path: symbolic.Path[int | None], expected: int | None) -> Any:
    result = cast(int | SymbolicInt | None, path.result)
    term = result.term if isinstance(result, SymbolicInt) else result
    if isinstance(term, int | None) or expected is None:
        return z3.BoolVal(term == expected)
    return term == expected


@pytest.mark.parametrize("function", FUNCTIONS)
@settings(max_examples=40, deadline=None)
@given(first=NUMBERS, second=NUMBERS)
def test_symbols_agree_with_numbers(function: Callable[[int, int], int | None], first: int, second: int) -> None:
    """Of the ways through a function exactly one is that of the numbers, and it returns what the numbers return."""
    expected = function(first, second)
    taken = [path for path in all_ways(function, "integers") if path.check(*at(path, first, second)) == "sat"]
    assert len(taken) == 1
    assert taken[0].check(*at(taken[0], first, second), z3.Not(returns(taken[0], expected))) == "unsat"


@pytest.mark.parametrize("function", FUNCTIONS)
@settings(max_examples=20, deadline=None)
@given(first=NUMBERS, second=NUMBERS)
def test_reals_leave_no_integers_out(function: Callable[[int, int], int | None], first: int, second: int) -> None:
    """What is proved over the reals holds for the integers: every run on numbers is among those on real symbols."""
    expected = function(first, second)
    assert any(
        path.check(*at(path, first, second), returns(path, expected)) == "sat" for path in all_ways(function, "reals")
    )


@given(dividend=st.integers(-50, 50), divisor=st.integers(1, 9))
@settings(deadline=None, max_examples=50)
def test_a_quotient_is_that_of_python(dividend: int, divisor: int) -> None:
    """AMT-6: rounded down, also below 0."""

    def quotient() -> bool:
        symbolic.assume(integer("x") == dividend)
        symbolic.assume(integer("y") == divisor)
        return integer("x") // integer("y") == dividend // divisor

    (path,) = paths(quotient)
    assert path.check() == "sat"
    assert path.check(path.fails) == "unsat"


# ----------------------------------------------------------------------------------- the driver: what it does not allow

UNSAFE: list[Callable[[], Any]] = [
    lambda: integer("x") // integer("y"),
    lambda: 7 // integer("y"),
    lambda: integer("x") // abs(integer("y")),
    lambda: integer("x") // -2,
    lambda: integer("x") // 0,
]


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("division", UNSAFE)
def test_a_division_that_may_not_be_safe_is_refused(division: Callable[[], Any], domain: Domain) -> None:
    """AMT-6: a divisor is above 0, and has to be known to be."""
    with pytest.raises(UnsafeDivision, match="not known to be above 0"):
        ways(division, domain)


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_divisor_may_be_known_by_a_branch_or_an_assumption(domain: Domain) -> None:
    def by_branch() -> int:
        divisor = integer("y")
        return integer("x") // divisor if divisor > 0 else 0

    def by_assumption() -> int:
        symbolic.assume(integer("z") > 1)
        return 7 // (integer("z") - 1)

    assert (len(ways(by_branch, domain)), len(ways(by_assumption, domain))) == (2, 1)


def test_a_division_is_checked_on_every_way() -> None:
    def unsafe_below() -> int:
        divisor = integer("y")
        return 1 if divisor > 0 else 7 // divisor

    with pytest.raises(UnsafeDivision):
        ways(unsafe_below)


ALIEN: list[Callable[[Any], Any]] = [
    lambda x: x % 2,
    lambda x: x / 2,
    lambda x: x**2,
    lambda x: x << 1,
    lambda x: x + 0.5,
    int,
    range,
    lambda x: {x},
    lambda x: {x > 0},
    lambda x: x < "1",
]


@pytest.mark.parametrize("operation", ALIEN)
def test_what_is_not_defined_is_an_error(operation: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        ways(lambda: operation(integer("x")))


def test_a_symbol_belongs_to_a_run() -> None:
    with pytest.raises(RuntimeError, match="outside"):
        integer("x")


def test_an_exception_of_the_function_comes_through() -> None:
    def fails() -> int:
        if integer("x") > 0:
            raise LookupError
        return 0

    with pytest.raises(LookupError):
        ways(fails)


# ------------------------------------------------------------------------------------------------------- the verdicts


def judged(statement: Callable[[Case], Condition], **control: Any) -> prove.Proof:
    lemma = lemmas.Lemma(
        name="made up",
        sentence="Made up.",
        rules=(),
        statement=cast(lemmas.Statement, statement),
        variants=({},),
        control=lemmas.Control(sentence="", **control),
    )
    return prove.refute_control(lemma) if control else prove.prove(lemma)


def test_what_holds_of_integers_only_is_proved_over_the_integers() -> None:
    """An even number is never 1; one half is what the reals would say."""
    assert judged(lambda case: case.integer("x") * 2 != 1).status == "proved"


def test_what_holds_near_0_only_is_refuted_further_away() -> None:
    assert judged(lambda case: case.integer("x") < 900).counterexample == {"x": 900}


def test_what_is_out_of_reach_is_unknown_and_not_proved() -> None:
    """Its least counterexample is beyond the search: that must not count as a proof."""
    assert judged(lambda case: case.integer("x") < 1_000_000).status == "unknown"


def test_what_does_not_run_on_symbols_is_not_proved_and_its_error_is_reported() -> None:
    """Arithmetic that goes through a float, or a Fraction, must not end the whole verification."""
    proof = judged(lambda case: Fraction(case.integer("x"), 2) <= 1)
    assert proof.status == "unknown"
    assert proof.reason == "TypeError: both arguments should be Rational instances"


def test_a_control_without_effect_is_proved_and_so_found_out() -> None:
    def statement(case: Case) -> bool:
        case.given("x is above 1", case.integer("x") > 1)
        return case.integer("x") > 0

    assert judged(statement, without="a label that nothing has").status == "proved"
    assert judged(statement, without="x is above 1").status == "refuted"
