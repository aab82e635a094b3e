"""Which mistake explains what an engine did: engines that each break one rule, played through the same events."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import evolve, field, frozen

from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.edge.shapes import WrongShape
from liqspec.step.compare import Observes, first_difference
from liqspec.step.reasons import Reason
from liqspec.step.relation import Mode, Observed
from liqspec.step.wrong_engines import WrongEngine

TITLES = 3  # mistakes that are named where several are left


@frozen(kw_only=True)
class Likeness:
    """Whether two answers to an event are alike, as they are compared (STP-5 to STP-7)."""

    mode: Mode = "full"
    observes: Observes = field(factory=Observes)

    def __call__(self, ours: Observed, theirs: Observed) -> bool:
        """Compare them; what is not a valid observation is like none."""
        if self.mode == "decision":
            return (ours.refused is None) == (theirs.refused is None)
        if self.mode == "code" or ours.refused or theirs.refused or ours.observation == theirs.observation:
            return ours.refused == theirs.refused
        if ours.observation is None or theirs.observation is None:
            return True
        try:
            return first_difference(ours.observation, theirs.observation, self.observes) is None
        except WrongShape:
            return False


@frozen(kw_only=True)
class Played:
    """Events from a start: of a run, or in a state from which its next event is judged."""

    start: Callable[[], Engine]
    events: Sequence[EventData]

    def answers(self, last: Observed | None = None) -> Iterator[Observed]:
        """What is shown at the start, and after each event; `last` is what an engine showed after the last (MRK-9)."""
        engine = self.start()
        yield Observed(observation=engine.observe())
        for place, event in enumerate(self.events, start=1):
            reported = last.observation if last is not None and place == len(self.events) else None
            refused = apply_event(engine, event, reported).code
            yield Observed(refused=refused, observation=None if refused else engine.observe())

    def answered_by(self, wrong: WrongEngine, expected: Sequence[Observed], alike: Likeness) -> bool:
        """Whether a wrong engine answers so: at the start, and to each event."""
        with wrong.applied():
            try:
                return all(map(alike, self.answers(expected[-1]), expected))
            except Exception:  # a wrong engine may fail in any way where its mistake was not meant to be seen
                return False


def explaining(
    played: Played, shown: Observed, alike: Likeness, hypotheses: Iterable[WrongEngine]
) -> list[WrongEngine]:
    """Those of the wrong engines that do what the rules say up to the last event, and then what the engine showed."""
    expected = [*list(played.answers())[:-1], shown]
    return [wrong for wrong in hypotheses if played.answered_by(wrong, expected, alike)]


def explained(reason: Reason, mistakes: Sequence[WrongEngine], *, everywhere: bool = True) -> Reason:
    """The reason with the rules that these mistakes break before the others, and with the mistakes in a sentence.

    Unless they explain the answers to further runs `everywhere`, the sentence says so.
    """
    if not mistakes:
        return reason
    mistakes = sorted(mistakes, key=lambda wrong: _place(wrong.rule, reason.rules))
    titles = [*dict.fromkeys(wrong.title[:1].lower() + wrong.title[1:] for wrong in mistakes)]
    more = "" if len(titles) <= TITLES else f"; or one of {len(titles) - TITLES} more"
    where = "it answers" if everywhere else "it answers here, though not in every run,"
    sentence = f"{where} as an engine would with this mistake: {'; or: '.join(titles[:TITLES])}{more}"
    broken = (*(wrong.rule for wrong in mistakes), *(rule for wrong in mistakes for rule in wrong.also))
    rules = dict.fromkeys((*broken, *reason.rules))
    return evolve(reason, rules=tuple(rules), because=(sentence, *reason.because))


def _place(rule: str, rules: Sequence[str]) -> int:
    return rules.index(rule) if rule in rules else len(rules)
