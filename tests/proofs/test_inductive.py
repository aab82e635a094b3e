"""The engine's own steps proved for all numbers, and what makes such a proof worth believing."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import pytest
import z3  # type: ignore[import-untyped]

from liqspec.core import assessment, parameters
from liqspec.core.config import Config, Mode
from liqspec.core.effects import Effect
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import OPTIONAL
from liqspec.core.state import Book, Pool, State
from liqspec.generate.configurations import base_configuration, configuration, shipped_bases
from liqspec.generate.guide import Guide
from liqspec.proofs import symbolic
from liqspec.proofs.inductive import covered, invariants, steps, witness
from liqspec.proofs.inductive.conditions import same
from liqspec.proofs.inductive.contracts import CONTRACTS, by_contract
from liqspec.proofs.inductive.frame import Leak, Only, Poison
from liqspec.proofs.inductive.invariants import INVARIANTS
from liqspec.proofs.inductive.joined import joined
from liqspec.proofs.inductive.planted import CONTROLS, PLANTED, Planted
from liqspec.proofs.inductive.prove import book_is_addition, prove, prove_event
from liqspec.proofs.inductive.quick import QuickCheck
from liqspec.proofs.inductive.refute import refute, simple
from liqspec.proofs.inductive.run import run
from liqspec.proofs.inductive.steps import Step
from liqspec.proofs.inductive.terms import Shared, SharedRun
from liqspec.proofs.inductive.unknown import Kind, Numbers, Shape, middle_shapes, shapes
from liqspec.proofs.inductive.witness import WANTED, witnesses
from liqspec.proofs.lemmas import LEMMAS
from liqspec.proofs.symbolic import Condition, as_condition
from liqspec.properties.registry import PROPERTIES
from liqspec.spec import rulebook, venues
from support.paths import ROOT

WORKING = Shape(True, (("A", Kind("liquidatable", order=True)),))
WAITING = Shape(True, (("A", Kind("liquidatable")),))

# ----------------------------------------------------------------------------------------------------------- the proofs


# What takes more than a few seconds with one key in a pool; `liqspec verify` proves that too.
LONG = frozenset({*covered.PARTS, "transfer", "trade", "fill"})


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        pytest.param(kind, keys, marks=pytest.mark.thorough if keys > 1 or (keys and kind in LONG) else ())
        for keys in (0, 1, 2)
        for kind in (*covered.PARTS, *covered.COVERED)
        if keys >= covered.FEWEST.get(kind, 0) and not (keys and kind in covered.WITHOUT_KEYS)
    ],
)
def test_every_step_is_proved(kind: str, keys: int) -> None:
    found = prove_event(kind, keys)
    assert [str(one) for one in found.unproved] == []
    assert found.paths


@pytest.mark.thorough
@pytest.mark.parametrize("kind", sorted(steps.OVER_ALL))
def test_an_event_that_touches_two_pools_is_proved(kind: str) -> None:
    """Up to where it hands them to the assessment; and a sample as a whole, since all of that take hours."""
    for step in steps.pairs(kind):
        assert [str(one) for one in prove(step).unproved] == []
    for step in Random(kind).sample(list(steps.pairs(kind)), 6):
        assert [str(one) for one in prove(step, whole=True).unproved] == []


@pytest.mark.parametrize("whole", [False, True], ids=["and its assessment by itself", "as a whole"])
def test_the_end_of_an_order_of_one_position_is_proved(whole: bool) -> None:
    """FIL-6, and the assessment after it: every path of one shape."""
    order_done = prove(Step("order_done", shape=WORKING, markets="A"), whole=whole)
    after_it = prove(Step("assessment", shape=WAITING))
    assert [str(one) for one in (*order_done.unproved, *after_it.unproved)] == []
    assert order_done.accepted > (3 if whole else 0) < after_it.accepted


@pytest.mark.thorough
@pytest.mark.parametrize(
    "kind", [kind for kind in (*covered.COVERED, *covered.PARTS) if kind not in covered.WITHOUT_KEYS]
)
def test_every_step_with_one_position_is_proved(kind: str) -> None:
    found = prove_event(kind, 1)
    assert [str(one) for one in found.unproved] == []


def test_ways_that_end_alike_are_joined_and_no_way_is_lost() -> None:
    """The sign of a number, asked in a function with three ways: two results, each on exactly its condition."""

    def sign(number: int) -> str:
        return "not below" if number > 0 or number == 0 else "below"

    def statement() -> tuple[str, Condition]:
        number = symbolic.integer("number")
        found = joined(sign, number)
        return found, (number < 0) == (found == "below")

    ways = list(symbolic.paths(statement, make=partial(SharedRun, shared=Shared())))
    assert sorted(way.result[0] for way in ways) == ["below", "not below"]
    assert all(way.check(as_condition(way.result[1]).negated) == "unsat" for way in ways)


def test_a_joined_condition_is_exactly_that_of_its_ways() -> None:
    def within(number: int) -> bool:
        return number > 0 and (number < 5 or number == 7)

    def statement() -> Condition:
        number = symbolic.integer("number")
        expected = (number > 0) & ((number < 5) | (number == 7))
        return same(joined(within, number), expected)

    ways = list(symbolic.paths(statement, make=partial(SharedRun, shared=Shared())))
    assert [way.check(way.fails) for way in ways] == ["unsat"]


def test_adding_to_a_book_is_addition(monkeypatch: pytest.MonkeyPatch) -> None:
    assert book_is_addition()
    monkeypatch.setattr(Book, "add", lambda book, market, size, paid: book.positions.update({market: size}))
    assert not book_is_addition()


# ------------------------------------------------------------------------------------------------- what they start from


def test_a_contract_rests_on_lemmas_that_are_there() -> None:
    for contract in CONTRACTS.values():
        assert set(contract.lemmas) <= set(LEMMAS), contract.name
        # Of a payment nothing is known; a part of events is proved by itself.
        assert contract.lemmas or contract.part in covered.PARTS or contract.name == "funding_due"


def test_invariants_cite_rules_and_properties_of_their_names_say_the_same() -> None:
    for one in INVARIANTS.values():
        assert set(one.rules) <= set(rulebook.rules()), one.name
        assert one.sentence.endswith("."), one.name
    assert {
        "closed_is_empty",
        "no_negative_collateral_without_position",
        "a_breach_is_seen_at_once",
        "a_covered_pool_is_left_alone",
        "liquidation_makes_progress",
        "an_order_fits_its_position",
        "where_all_are_sent_nobody_waits",
    } == set(INVARIANTS) & set(PROPERTIES)


def test_what_is_called_as_a_property_is_one() -> None:
    """An obligation of one word is named as the property of the catalogue that says the same."""
    step = Step("order_done", shape=WORKING, markets="A")
    run_of = partial(SharedRun, shared=Shared())
    with by_contract():
        names = {
            name.partition(" [")[0]
            for whole in (False, True)
            for way in symbolic.paths(partial(run, step, Numbers(), whole=whole), make=run_of)
            for name in way.result.must
        }
    assert {name for name in names if " " not in name} - set(INVARIANTS) <= set(PROPERTIES)


def test_the_page_names_what_is_left_out() -> None:
    page = (ROOT / "docs/what-is-proved.md").read_text()
    assert {one for one in covered.left_out() if f"`{one}`" not in page} == set()


def test_what_is_left_out_is_said() -> None:
    """A parameter that the proofs do not know is one that they say nothing with."""
    declared = [one.inner_name for one in (*parameters.PARAMETERS, *parameters.MARKET_PARAMETERS)]
    known = covered.ANY | covered.ANY_MEASURE | set(covered.SOME)
    assert known <= set(declared)
    assert len(covered.left_out()) == len([name for name in declared if name not in known])
    assert "left out" not in covered.sentence(1)


def test_every_parameter_that_may_be_left_out_has_a_wrong_engine() -> None:
    """So there are numbers on which its value matters, and what is proved with it is not proved of nothing."""
    chosen = {name for planted in PLANTED for name, number in planted.venue.items() if number}
    assert {name for name in covered.OPTIONAL if not {f"venue.{name}", f"A.{name}"} & chosen} == set()


def test_the_number_of_shapes_is_that_of_the_lifecycle() -> None:
    """5 kinds of positions in a calm pool, 6 in liquidation, of which 2 are ended."""
    for keys in range(4):
        assert len(list(shapes("ABC"[:keys]))) == 5**keys + 6**keys - 2**keys


def random_states(runs: int, length: int) -> Iterator[Engine]:
    """An engine after each event of random runs at the shipped venues, at their start too."""
    random, bases = Random("inductive"), list(shipped_bases().values())
    for number in range(runs):
        engine = Engine(Config.from_json(configuration(random, bases[number % len(bases)])))
        guide = Guide(random, engine, OPTIONAL)
        yield engine
        for _ in range(length):
            event = guide.next_event()
            assert event is not None
            apply_event(engine, event)
            yield engine


def wrong_in(engine: Engine) -> list[str]:
    """The invariants that a state does not meet, and the shapes that are not among those enumerated."""
    found = []
    for account in engine.state.accounts.values():
        if invariants.normal_window(engine.state, account.window) is not True:
            found.append(f"window of {account.name}")
        for pool in account.pools():
            found += wrong_with(engine.state, pool, shapes)
    return found


def wrong_with(state: State, pool: Pool, enumerated: Callable[[str], Iterator[Shape]], **how: bool) -> list[str]:
    """The invariants that a pool does not meet, and its shape if it is not among those enumerated."""
    found = [name for name, holds in invariants.of_pool(state, pool, **how).items() if holds is not True]
    kinds = [Kind(one.state, one.order is not None) for _, one in sorted(pool.positions.items())]
    markets = "ABCDEFGH"[: len(kinds)]
    if Shape(pool.in_liquidation, tuple(zip(markets, kinds, strict=True))) not in set(enumerated(markets)):
        found.append(f"shape of {pool.key}")
    return found


def test_the_start_of_every_venue_meets_the_invariants() -> None:
    """The base case of the induction."""
    for name in venues.names():
        assert wrong_in(Engine(Config.from_json(base_configuration(venues.load(name))))) == []


def test_states_of_random_runs_meet_the_invariants() -> None:
    assert all(wrong_in(engine) == [] for engine in random_states(10, 50))


def test_the_assessments_of_random_runs_begin_with_what_they_are_proved_from(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong, real, begun = list[str](), assessment.assess, 0

    def assess(state: State, pools: list[Pool], effects: list[Effect]) -> None:
        nonlocal begun
        begun += len(pools)
        for pool in pools:
            wrong.extend(wrong_with(state, pool, middle_shapes, assessed=False))
        real(state, pools, effects)

    monkeypatch.setattr(assessment, "assess", assess)
    assert all(True for _ in random_states(10, 50))
    assert (wrong, begun > 100) == ([], True)


@pytest.mark.thorough
def test_states_of_many_random_runs_meet_the_invariants() -> None:
    assert all(wrong_in(engine) == [] for engine in random_states(300, 80))


def test_what_needs_no_fill_happens_on_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps with few paths; those of a fill take most of the time, and are in the thorough test below."""
    early = WANTED - {"T6", "T7", "filled", "window_opened", "deficit_covered"}
    monkeypatch.setattr(witness, "WANTED", early)
    found = witness.witnesses()
    assert set(found) >= early
    assert all(one.numbers for one in found.values())


@pytest.mark.thorough
def test_every_transition_and_every_kind_of_effect_happens_on_numbers() -> None:
    """What is proved is not proved of nothing."""
    assert set(witnesses()) >= WANTED


def test_what_is_hidden_cannot_be_read() -> None:
    hidden, only = Poison("it"), Only({"a": 1}, "things", ("b",))
    assert (only["a"], only.get("b"), "b" in only) == (1, None, False)
    for read in (
        lambda: hidden.collateral,
        lambda: bool(hidden),
        lambda: hidden + 1,
        lambda: only["c"],
        lambda: list(only),
        lambda: only.get("c"),
        lambda: len(only),
        lambda: only.__setitem__("c", 1),
    ):
        with pytest.raises(Leak):
            read()


# ------------------------------------------------------------------------------------------------------------- controls

QUICK = {one.title for one in CONTROLS.values()}  # the others take longer


def test_every_event_has_a_control() -> None:
    assert set(CONTROLS) == {*covered.COVERED, *covered.PARTS}
    assert len(PLANTED) >= 30
    assert len({one.title for one in PLANTED}) == len(PLANTED)


@pytest.mark.parametrize(
    "planted",
    [pytest.param(one, marks=() if one.title in QUICK else pytest.mark.thorough, id=one.title) for one in PLANTED],
)
def test_a_wrong_engine_is_refuted_by_numbers(planted: Planted) -> None:
    """Each is run again on plain code with the numbers that were found, and the real engine is right about them.

    It is also not proved of all numbers, with the arithmetic by contract: neither as a whole nor in parts.
    """
    keys = max(1, len(planted.step.shape.kinds)) if planted.step.shape is not None else 1
    parts = (step for part in covered.PARTS for step in steps.steps(part, keys))
    with planted.applied():
        found = refute(planted.step, planted.fails, planted.venue)
        assert prove(planted.step, whole=True).unproved
        assert any(prove(step).unproved for step in (planted.step, *parts))
    assert found is not None
    assert any(planted.fails in name for name in found.failed)
    right = run(planted.step, Numbers(values=found.numbers, fixed=simple() | dict(planted.venue)), by_contract=False)
    assert [name for name, holds in right.must.items() if holds is not True] == []


@pytest.mark.parametrize(
    ("title", "mode", "leak"),
    [
        ("an isolated backstop takes from the cross pool", "isolated", "leak: a/cross.collateral"),
        ("a backstop pays another account", "cross", "leak: accounts[b]"),
    ],
)
def test_a_leak_is_refuted_by_the_frame(title: str, mode: Mode, leak: str) -> None:
    """A wrong engine that reads another pool cannot be run at all where that pool cannot be read."""
    planted = next(one for one in PLANTED if one.title == title)
    alone, whole = Step("assessment", mode, WAITING), Step("order_done", mode, WORKING, "A")
    assert prove(alone).unproved == []
    with planted.applied():
        assert {one.end for one in prove(alone).unproved} == {leak}
        assert {one.end for one in prove(whole, whole=True).unproved} == {leak}


def test_the_quick_check_proves_nothing_of_products_that_is_not_so() -> None:
    x, y = z3.Ints("x y")
    quick = QuickCheck()
    assert quick.excludes([x > 0, y < 0, x * y >= 0])
    assert quick.excludes([x * y == 3, x == 0])
    assert not quick.excludes([x > 0, y > 0, x * y == 1])
    assert not quick.excludes([x * y == 6, x == 2])
    assert quick.excludes([x * y == 6, y * x == 7])
