"""The steps of an account as arrays, for all its states in one setting: marks and inputs of marks."""

from collections.abc import Sequence

import numpy as np
from attrs import define

from liqspec.search.alone import REFUSED, Alone
from liqspec.search.expand import Setting
from liqspec.search.packing import NotJoinable, Numbers


@define
class AccountSteps:
    """What follows in each state, by its place among those of the setting; states not expanded have no steps.

    `tried` and `refused` count the account's own events, `changes` the states that these lead to, and `own[j]` is the
    j-th of them. `shared[e]` is the state after an event of all, in the setting `following[e]`; that is None where all
    states refuse the event.
    """

    tried: Numbers
    refused: Numbers
    changes: Numbers
    own: list[Numbers]
    shared: list[Numbers]
    following: list[Setting | None]

    @classmethod
    def of(cls, alone: Alone, setting: Setting) -> "AccountSteps":
        """The steps that are known of an account.

        Raises:
            NotJoinable: an own event leads to another setting, or one of all to several.
        """
        numbers = alone.within[setting]
        expanded = [(place, alone.steps[number]) for place, number in enumerate(numbers) if number in alone.steps]
        tried, refused, changes = (np.zeros(len(numbers), np.int64) for _ in range(3))
        own: list[Numbers] = []
        shared = [np.full(len(numbers), REFUSED, np.int64) for _ in (expanded[0][1].shared if expanded else ())]
        following: list[set[Setting]] = [set() for _ in shared]
        for place, steps in expanded:
            tried[place], refused[place] = len(steps.own), steps.own.count(REFUSED)
            moves = dict.fromkeys(after for after in steps.own if after not in (REFUSED, numbers[place]))
            changes[place] = len(moves)
            for order, after in enumerate(moves):
                around, there = alone.places[after]
                if around != setting:
                    raise NotJoinable("an event of an account changes the marks")
                if order == len(own):
                    own.append(np.zeros(len(numbers), np.int64))
                own[order][place] = there
            for event, after in enumerate(steps.shared):
                if after != REFUSED:
                    around, shared[event][place] = alone.places[after]
                    following[event].add(around)
        return cls(tried, refused, changes, own, shared, [one_of(settings) for settings in following])


def one_of(settings: Sequence[Setting | None] | set[Setting]) -> Setting | None:
    """The only setting that an event of all leads to; None if there is none.

    Raises:
        NotJoinable: there are several.
    """
    several = {setting for setting in settings if setting is not None}
    if len(several) > 1:
        raise NotJoinable("an event of all accounts leads each to other marks")
    return several.pop() if several else None
