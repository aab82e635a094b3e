"""A stateful test for Hypothesis: an engine in lock-step with the model, every property judged on the way."""

from typing import Any, ClassVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.strategies import DataObject

from liqspec.conform import configurations, report
from liqspec.conform.finding import EngineFault, Finding
from liqspec.conform.lockstep import Compared, Comparison, LockStep
from liqspec.core.events import EVENTS
from liqspec.testing.engines import Factory, InProcess, Model
from liqspec.testing.strategies import events, of_setting

LEAP = 12  # events at most in one step of the machine


class LiquidationMachine(RuleBasedStateMachine):
    """Drives `engine` in lock-step with the model; a subclass says which engine, and `TestCase` of it is the test.

    Each step is compared (STP-5 to STP-7), and where the engine observes everything, every property is judged on
    what it shows. A failure has the events, the first difference and the rule, made short by Hypothesis. Rules of
    a subclass's own can call `give` with any event. Without an engine the model is compared with itself.
    """

    engine: ClassVar[Factory] = Model
    venue: ClassVar[str | None] = None  # a shipped venue's name, or a file; None is near all shipped ones

    def __init_subclass__(cls, **options: Any) -> None:
        """Leave out Hypothesis' phase of explaining: it is slow here, and the message says more."""
        super().__init_subclass__(**options)
        cls.TestCase.settings = settings(cls.TestCase.settings, phases=set(Phase) - {Phase.explain})

    def __init__(self) -> None:
        super().__init__()
        self.lockstep: LockStep | None = None  # None until the engine runs, or where it skips the configuration

    @initialize(data=st.data())
    def begin(self, data: DataObject) -> None:
        """Start a run."""
        try:
            driven = InProcess(type(self).engine)
        except EngineFault as error:
            raise AssertionError(str(error.fault)) from None
        config = data.draw(of_setting(configurations.of(driven.hello, self.venue)), label="configuration")
        self._supported = driven.hello.events
        comparison = Comparison.of(driven.hello)
        lockstep = LockStep(driven, comparison, Compared(), config, witnessed=comparison.judged)
        begun = lockstep.start()
        if isinstance(begun, Finding):
            raise AssertionError(report.text(begun))
        self.lockstep = lockstep if begun is None else None

    def give(self, event: dict[str, object]) -> None:
        """Give an event to the engine and to the model, if the engine supports its type.

        Raises:
            AssertionError: the engine departs from the rules.
        """
        if self.lockstep is None or (event.get("type") in EVENTS and event["type"] not in self._supported):
            return
        finding = self.lockstep.give(event)
        if finding is not None:
            raise AssertionError(report.text(finding))

    def orders_are_working(self) -> bool:
        """Whether a liquidation order is working."""
        return self.lockstep is not None and bool(self.lockstep.model.state.working_orders())

    @rule(data=st.data())
    def move_money(self, data: DataObject) -> None:
        """A deposit, a withdrawal, or a transfer."""
        self._draw(data, "money")

    @rule(data=st.data())
    def trade(self, data: DataObject) -> None:
        """A trade that opens, increases or reduces a position."""
        self._draw(data, "trades")

    @rule(data=st.data())
    def move_prices(self, data: DataObject) -> None:
        """New marks, or a funding payment; often exactly at a line."""
        self._draw(data, "prices")

    @precondition(orders_are_working)
    @rule(data=st.data())
    def act_on_an_order(self, data: DataObject) -> None:
        """A fill of a working liquidation order, or its end."""
        self._draw(data, "orders")

    @rule(data=st.data())
    def pass_time(self, data: DataObject) -> None:
        """The next block; often at the end of a window."""
        self._draw(data, "time")

    @rule(data=st.data())
    def move_the_vault(self, data: DataObject) -> None:
        """A trade of the vault, or its cash."""
        self._draw(data, "vault")

    @rule(data=st.data(), times=st.integers(2, LEAP))
    def go_on(self, data: DataObject, times: int) -> None:
        """Several events, as the guide would have them: what takes long to reach is reached so."""
        for _ in range(times if self.lockstep is not None else 0):
            self._draw(data, None)

    @rule(data=st.data())
    def ask_what_must_be_refused(self, data: DataObject) -> None:
        """An event that is malformed, or about an order that is not there."""
        self._draw(data, "refused")

    def _draw(self, data: DataObject, group: str | None) -> None:
        if self.lockstep is not None:
            event = data.draw(events(self.lockstep.model, group), label="event")
            if event is not None:
                self.give(event)
