"""What `liqspec.testing` publishes: an engine that follows the rules passes, and each other one fails as what it is."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.stateful import run_state_machine_as_test

from engines import python_engine
from liqspec.conform import configurations as compared
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.parameters import InvalidConfig, families_of
from liqspec.edge.shapes import WrongShape
from liqspec.generate.configurations import base_configuration
from liqspec.spec import venues
from liqspec.spec.observables import names
from liqspec.step import relation
from liqspec.testing import Accepted, LiquidationMachine, Model, Refused, Skip, check_engine, configurations, runs
from liqspec.testing.strategies import GROUPS, events

FAST = settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))


class Independent:
    """The engine that was written from `spec/` alone, in this process."""

    make = python_engine.Engine

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run."""
        self.engine = self.make(config)
        return self.engine.observation()

    def apply(self, event: EventData) -> object:
        """Apply an event."""
        reply = self.engine.apply(event)
        if not reply["ok"]:
            raise Refused(reply["error"]["code"], reply["error"]["message"])
        return reply["observation"]


class BreachedAtEquality(python_engine.Engine):
    """Against LIQ-3: equity equal to the margin is a breach."""

    def breached(self, pool: python_engine.Pool) -> bool:
        """Whether the pool is breached."""
        return self.equity(pool) <= self.maintenance(pool)


class Wrong(Independent):
    """An engine with one wrong comparison."""

    make = BreachedAtEquality


class Late(Independent):
    """An engine that liquidates when the position is long under water."""

    class make(python_engine.Engine):  # noqa: N801  # replaces the function that makes the engine
        """Against LIQ-3: only a negative equity is a breach."""

        def breached(self, pool: python_engine.Pool) -> bool:
            """Whether the pool is breached."""
            return self.equity(pool) < 0


class Raising(Independent):
    """An engine that does not know fundings."""

    def apply(self, event: EventData) -> object:
        """Apply an event."""
        if event.get("type") == "funding":
            raise KeyError("funding")
        return super().apply(event)


class Forgetful(Independent):
    """An engine whose every second run ignores deposits."""

    runs = 0

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run."""
        Forgetful.runs += 1
        return super().reset(config)

    def apply(self, event: EventData) -> object:
        """Apply an event."""
        if event.get("type") == "deposit" and Forgetful.runs % 2:
            return self.engine.observation()
        return super().apply(event)


class Unmakeable(Independent):
    """An engine that is not there."""

    def __init__(self) -> None:
        raise OSError("no such library")


class Lazy(Independent):
    """An engine that can do nothing."""

    def apply(self, event: EventData) -> object:
        """Apply an event."""
        raise Skip(f"no {event.get('type')} yet")


class Small(Independent):
    """An engine that supports deposits, and reports little."""

    events = ("deposit",)
    observes = ("pools.collateral",)

    def apply(self, event: EventData) -> object:
        """Apply an event."""
        assert event.get("type") not in set(python_engine.EVENTS) - {"deposit"}
        return super().apply(event)


class Reporting(Independent):
    """An engine whose observation lacks a part, or a field of each of its entries."""

    left_out = "vault"

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run."""
        return self.shown(super().reset(config))

    def apply(self, event: EventData) -> object:
        """Apply an event."""
        return self.shown(super().apply(event))

    def shown(self, observation: Any) -> dict[str, Any]:
        """What is left of an observation."""
        part, _, field = self.left_out.partition(".")
        entries = observation.pop(part)
        if not field:
            return dict(observation)
        return {**observation, part: [{name: entry[name] for name in entry if name != field} for entry in entries]}


class OwnBook(Model):
    """An engine that executes its liquidation orders itself: it finds no buyer, at once."""

    events = tuple(kind for kind in python_engine.EVENTS if kind not in ("fill", "order_done"))

    def apply(self, event: EventData) -> object:
        """Apply an event, and end all orders that are working then."""
        observed, executed = super().apply(event), []
        while working := self._engine.state.working_orders():
            key = {"account": working[0].account, "market": working[0].market.name, "mode": working[0].mode}
            executed.append({"type": "order_done", **key})
            observed = super().apply(executed[-1])
        return Accepted(observation=observed, executed=tuple(executed))


class OverEager(OwnBook):
    """An engine that also ends an order that is not there."""

    def apply(self, event: EventData) -> object:
        """Apply an event."""
        accepted = super().apply(event)
        assert isinstance(accepted, Accepted)
        nothing = {"type": "order_done", "account": "alice", "market": "BTC", "mode": "cross"}
        return Accepted(observation=accepted.observation, executed=(*accepted.executed, nothing))


class TestCheckEngine:
    """`check_engine`."""

    def test_an_engine_that_follows_the_rules_passes(self) -> None:
        exercised = check_engine(Independent, steps=1_500)
        assert exercised.steps >= 1_500
        assert {"T0", "T1", "T6", "T7", "T12"} <= set(+exercised.transitions)
        assert len(+exercised.checked) > 15

    def test_at_one_venue(self) -> None:
        class WithFamilies(Independent):
            families = tuple(sorted(families_of(base_configuration(venues.load("hyperliquid")))))

        check_engine(WithFamilies, steps=200, venue="hyperliquid")
        with pytest.raises(InvalidConfig, match="the engine does not list"):
            check_engine(Independent, steps=200, venue="hyperliquid")

    def test_an_engine_that_does_not_is_reported_with_the_rule_and_the_events(self) -> None:
        with pytest.raises(AssertionError) as failed:
            check_engine(Wrong, steps=20_000)
        message = str(failed.value)
        assert message.startswith("differs ")
        found = re.search(r"after (\d+) events", message)
        assert found is not None and int(found[1]) <= 6
        assert "ours " in message and "theirs " in message
        assert any(rule in message for rule in ("LIQ-3", "ACC-8", "ACC-9", "LIQ-10"))

    def test_an_exception_is_reported_as_that(self) -> None:
        with pytest.raises(
            AssertionError, match=r"fails the engine raised an exception: KeyError: 'funding'"
        ) as failed:
            check_engine(Raising)
        assert "line" in str(failed.value) and "after 1 event" in str(failed.value)

    def test_an_engine_that_is_not_deterministic_is_reported_as_that(self) -> None:
        with pytest.raises(AssertionError, match="not deterministic"):
            check_engine(Forgetful)

    def test_an_engine_that_skips_everything_was_not_compared(self) -> None:
        with pytest.raises(AssertionError, match="nothing was compared"):
            check_engine(Lazy)

    def test_an_engine_that_cannot_be_made(self) -> None:
        with pytest.raises(AssertionError, match="raised an exception: ZeroDivisionError"):
            check_engine(lambda: 1 // 0)  # type: ignore[arg-type, return-value]

    def test_an_engine_is_given_what_it_supports_and_compared_in_what_it_observes(self) -> None:
        exercised = check_engine(Small, steps=300)
        assert set(exercised.events) <= {"deposit"}
        assert exercised.unsupported["trade"]

    @pytest.mark.parametrize("missing", ["vault", "positions", "pools", "pools.equity", "positions.order"])
    def test_what_an_engine_does_not_report_breaks_no_rule_of_its_value(self, missing: str) -> None:
        """OBS-1; the message says how to leave it out."""
        with pytest.raises(AssertionError) as failed:
            check_engine(type("Partial", (Reporting,), {"left_out": missing}), steps=500)
        message = str(failed.value)
        assert re.match(rf"differs .*{missing}.*: ours .*, theirs not reported\n", message)
        assert f"says that it observes {missing}" in message
        assert "leaves out of `observes`" in message
        assert "\nOBS-1 An observation shows positions, pools and vault\n" in message
        assert "its observations break" not in message

    @pytest.mark.parametrize("missing", ["vault", "positions", "pools", "pools.equity", "positions.order"])
    def test_what_an_engine_leaves_out_of_observes_it_need_not_report(self, missing: str) -> None:
        observes = [name for name in names() if not name.startswith(missing)]
        check_engine(type("Partial", (Reporting,), {"left_out": missing, "observes": observes}), steps=200)

    @pytest.mark.parametrize(
        ("said", "message"),
        [
            ({"observe": ["pools.equity"]}, "Partial.observe: unknown attribute; did you mean observes?"),
            ({"event": ("deposit",)}, "Partial.event: unknown attribute; did you mean events?"),
            ({"state": "coarse"}, "Partial.state: unknown attribute; did you mean states?"),
            ({"family": {"restore"}}, "Partial.family: unknown attribute; did you mean families?"),
            ({"venues": {"markets": {}}}, "Partial.venues: unknown attribute; did you mean venue?"),
            ({"observes": ["pools.equty"]}, 'Partial: observes: unknown "pools.equty"; .*; did you mean pools.equity?'),
            ({"events": ["deposits"]}, 'Partial: events: unknown "deposits"; .*; did you mean deposit?'),
            ({"events": "deposit"}, 'Partial: events: expected a list, got "deposit"'),
            ({"observes": 5}, "Partial: observes: expected a list, got 5"),
            ({"states": "rough"}, 'Partial: states: expected "full" or "coarse", got "rough"'),
        ],
    )
    def test_a_mistyped_attribute_or_name_is_one_line(self, said: dict[str, Any], message: str) -> None:
        with pytest.raises(WrongShape) as refused:
            check_engine(type("Partial", (Independent,), said), steps=20)
        assert re.fullmatch(message.replace("?", r"\?"), str(refused.value))

    @pytest.mark.parametrize(
        "said", [{"state": "healthy"}, {"event": None}, {"event": ("deposit",), "events": ("block",)}]
    )
    def test_an_attribute_of_its_own_is_not_taken_for_a_mistyped_one(self, said: dict[str, Any]) -> None:
        check_engine(type("Partial", (Independent,), said), steps=20)

    @pytest.mark.parametrize("families", [None, (), ("restore",)])
    def test_an_engine_is_given_only_the_families_that_it_lists(self, families: tuple[str, ...] | None) -> None:
        configs: list[dict[str, Any]] = []

        class Noting(Independent):
            def reset(self, config: dict[str, Any]) -> dict[str, Any]:
                configs.append(config)
                return super().reset(config)

        said = {} if families is None else {"families": families}
        exercised = check_engine(type("Saying", (Noting,), said), steps=600)
        assert any("restore" in config.get("liquidation", {}) for config in configs) is bool(families)
        assert set(exercised.families) == set(families or ())

    def test_an_engine_with_a_book_of_its_own_is_followed(self) -> None:
        exercised = check_engine(OwnBook, steps=1_500)
        assert exercised.executed["order_done"]

    def test_an_execution_that_the_rules_refuse_is_reported(self) -> None:
        with pytest.raises(
            AssertionError, match=r"ours (no_working_order|unknown_account|unknown_market), theirs accepted"
        ):
            check_engine(OverEager)

    def test_a_known_divergence_that_does_not_occur_fails(self, tmp_path: Path) -> None:
        known = tmp_path / "known.toml"
        known.write_text('format = 1\n[[known]]\nwhy = "was so once"\nfield = "vault.cash"\n')
        with pytest.raises(AssertionError, match="was so once"):
            check_engine(Independent, steps=100, known=known)


class MachineOfTheModel(LiquidationMachine):
    """The model against itself."""


class MachineOfAnother(LiquidationMachine):
    """Another engine in lock-step with the model."""

    engine = Independent


TestTheModel = MachineOfTheModel.TestCase
TestTheModel.settings = FAST
TestAnother = MachineOfAnother.TestCase
TestAnother.settings = FAST


class TestLiquidationMachine:
    """`LiquidationMachine`."""

    @pytest.mark.parametrize(
        ("made", "message"),
        [
            (Late, "ours .* theirs"),
            (Raising, "raised an exception: KeyError"),
            (dict, "raised an exception"),
            (Unmakeable, "the engine raised an exception: OSError: no such library"),
        ],
    )
    def test_an_engine_that_does_not_follow_the_rules_fails(self, made: Any, message: str) -> None:
        class Machine(LiquidationMachine):
            engine = made

        searching = settings(FAST, max_examples=2_000, phases=[Phase.generate], database=None, derandomize=True)
        with pytest.raises(AssertionError, match=message):
            run_state_machine_as_test(Machine, settings=searching)

    def test_a_skipped_event_changes_nothing(self) -> None:
        class Machine(LiquidationMachine):
            engine = Lazy

        run_state_machine_as_test(Machine, settings=FAST)

    def test_an_engine_is_given_only_what_it_supports(self) -> None:
        given_to: list[str] = []

        class Noting(Small):
            def apply(self, event: EventData) -> object:
                given_to.append(str(event.get("type")))
                return super().apply(event)

        class Machine(LiquidationMachine):
            engine = Noting

        run_state_machine_as_test(Machine, settings=FAST)
        assert "deposit" in given_to
        assert set(given_to).isdisjoint(set(python_engine.EVENTS) - {"deposit"})

    def test_an_engine_that_cannot_hold_a_configuration_is_given_nothing_in_that_run(self) -> None:
        """AMT-1."""
        resets: list[object] = []

        class Narrow(Independent):
            def reset(self, config: dict[str, Any]) -> dict[str, Any]:
                resets.append(config)
                raise Skip("too wide")

            def apply(self, event: EventData) -> object:
                pytest.fail(f"given {event} in a run that it skipped")

        class Machine(LiquidationMachine):
            engine = Narrow

        run_state_machine_as_test(Machine, settings=FAST)
        assert resets


class TestStrategies:
    """The strategies."""

    @settings(FAST)
    @given(config=configurations())
    def test_every_configuration_is_valid(self, config: dict[str, Any]) -> None:
        Engine(Config.from_json(config))
        assert "restore" not in config.get("liquidation", {})

    def test_a_configuration_may_have_the_families_that_are_asked_for(self) -> None:
        found = find(configurations(families=["restore"]), lambda config: "restore" in config.get("liquidation", {}))
        Engine(Config.from_json(found))

    def test_runs_reach_liquidations_and_refusals(self) -> None:
        seen: set[str] = set()

        @settings(FAST, max_examples=150, database=None, derandomize=True)
        @given(run=runs())
        def play(run: tuple[dict[str, Any], list[EventData]]) -> None:
            model = Engine(Config.from_json(run[0]))
            for event in run[1]:
                taken = relation.apply(model, event)
                seen.update(type(effect).__name__ for effect in taken.effects)
                seen.update({taken.refusal.code} if taken.refusal else ())

        play()
        assert {"bad_request", "insufficient_margin"} < seen
        assert {"OrderEmitted", "Filled"} <= seen

    def test_the_groups_of_events_are_of_the_guide(self) -> None:
        model = Engine(Config.from_json(compared.shipped().bases[0]))
        for group in GROUPS:
            events(model, group)
        with pytest.raises(KeyError):
            events(model, "no-such-venue")
