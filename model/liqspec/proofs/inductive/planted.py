"""Wrong engines that a proof must refute: each is one line of the engine changed, and the step that must show it."""

import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import evolve, frozen

from liqspec.core import admission, arithmetic, assessment, changes
from liqspec.core.events import EVENTS
from liqspec.core.families import chunks
from liqspec.core.families import limits as core_limits
from liqspec.core.state import State, Window
from liqspec.proofs.inductive.steps import Other, Step
from liqspec.proofs.inductive.unknown import Kind, Shape


@frozen
class Planted:
    """A wrong engine: a line of a function of the engine, what it is changed to, and what must fail where.

    `venue` are numbers that the search is given: which optional parameters are there, and what makes it short.
    """

    title: str
    owner: Any
    function: str
    line: str
    wrong: str
    step: Step
    fails: str
    venue: Mapping[str, int] = {}

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The engine with the wrong line, until the block ends.

        Raises:
            LookupError: the function does not have the line exactly once.
        """
        real = inspect.getattr_static(self.owner, self.function)
        source = textwrap.dedent(inspect.getsource(real))
        if source.count(self.line) != 1:
            raise LookupError(f"{self.function} has not exactly one {self.line!r}")
        made: dict[str, Any] = {}
        exec(compile(source.replace(self.line, self.wrong), f"<{self.title}>", "exec"), real.__globals__, made)
        self._replace(real, made[self.function])
        try:
            yield
        finally:
            self._replace(made[self.function], real)

    def _replace(self, old: Any, new: Any) -> None:
        """Replace a function of the engine wherever it is known by its name, and among the checks of the events."""
        setattr(self.owner, self.function, new)
        for name, module in list(sys.modules.items()):
            if name.startswith("liqspec.core") and module.__dict__.get(self.function) is old:
                setattr(module, self.function, new)
        for kind in EVENTS.values():
            if any(check.failing is old for check in kind.checks):
                listed: Any = kind.checks
                kind.checks = tuple(evolve(one, failing=new) if one.failing is old else one for one in listed)


def _shape(in_liquidation: bool, **kinds: str) -> Shape:
    """A shape; `+` behind a state is a working order."""
    listed = ((market, Kind(kind.rstrip("+"), kind.endswith("+"))) for market, kind in kinds.items())
    return Shape(in_liquidation, tuple(listed))


_WORKING, _HEALTHY = _shape(True, A="liquidatable+"), _shape(False, A="healthy")
_WAITING, _TWO = _shape(True, A="liquidatable"), _shape(True, A="liquidatable+", B="liquidatable")
_SIZE = "a chunk has exactly the size of its rule"
_NEXT_TO_IT = Other("a", "cross", _shape(False, B="healthy"))


def _at(kind: str, shape: Shape, markets: str = "A", **more: Any) -> Step:
    return Step(kind, shape=shape, markets=markets, **more)


PLANTED: tuple[Planted, ...] = (
    Planted(
        "an isolated backstop takes from the cross pool",
        assessment,
        "hand_to_vault",
        "state.vault.cash += taken",
        "state.vault.cash += taken + state.accounts[pool.account].cross.collateral\n"
        "    state.accounts[pool.account].cross.collateral = 0",
        _at("order_done", _WORKING, mode="isolated", other=_NEXT_TO_IT),
        "other_pools_are_untouched [a/cross.collateral]",
    ),
    Planted(
        "a backstop pays another account",
        assessment,
        "hand_to_vault",
        "state.vault.cash += taken",
        'state.accounts["b"].cross.collateral += taken',
        _at("order_done", _WORKING, other=Other("b", "cross", _shape(False, B="healthy"))),
        "other_pools_are_untouched [b/cross.collateral]",
    ),
    Planted(
        "an isolated deficit is paid by the cross pool",
        assessment,
        "cover_deficit",
        "state.vault.cash += pool.collateral",
        "state.accounts[pool.account].cross.collateral += pool.collateral",
        _at("fill", _WORKING, mode="isolated", other=_NEXT_TO_IT),
        "other_pools_are_untouched [a/cross.collateral]",
    ),
    Planted(
        "equality is breached",
        arithmetic,
        "breached",
        "equity < maintenance",
        "equity <= maintenance",
        _at("mark_price", _HEALTHY),
        "a_covered_pool_is_left_alone",
    ),
    Planted(
        "one failed order is a failed book",
        changes,
        "_book_failed",
        "return all(",
        "return any(",
        _at("order_done", _TWO),
        "the vault comes last",
    ),
    Planted(
        "the fee is credited to nobody",
        EVENTS["fill"],
        "perform",
        "state.vault.cash += fee",
        "pass",
        _at("fill", _WORKING),
        "nothing_is_created [money]",
    ),
    Planted(
        "a fill does not shorten its order",
        EVENTS["fill"],
        "perform",
        "position.order -= size",
        "pass",
        _at("fill", _WORKING),
        "an_order_fits_its_position",
    ),
    Planted(
        "a failed order counts in the next liquidation",
        assessment,
        "leave_liquidation",
        "position.failed = False",
        "pass",
        _at("mark_price", _WAITING),
        "what_failed_was_attempted",
    ),
    Planted(
        "the vault gets what it should return",
        assessment,
        "hand_to_vault",
        "taken = pool.collateral - returned",
        "taken = pool.collateral",
        _at("order_done", _WORKING),
        "nothing_is_created [money]",
    ),
    Planted(
        "half of the vault's funding is paid to nobody",
        EVENTS["funding"],
        "perform",
        "state.vault.cash -= due",
        "state.vault.cash -= 2 * due",
        _at("funding", _HEALTHY),
        "nothing_is_created [money]",
    ),
    Planted(
        "no position is ever sent to the market",
        assessment,
        "to_attempt",
        "and not position.attempted",
        "and position.attempted",
        _at("mark_price", _HEALTHY),
        "liquidation_makes_progress",
    ),
    Planted(
        "an order is placed twice a block",
        assessment,
        "to_attempt",
        " and not position.attempted",
        "",
        _at("mark_price", _WAITING),
        "an order is emitted only if needed and once",
    ),
    Planted(
        "the backstop leaves the second position",
        assessment,
        "hand_to_vault",
        "for position in pool.open_positions():",
        "for position in pool.open_positions()[:1]:",
        _at("order_done", _TWO),
        "the vault takes the whole pool and nothing else",
    ),
    Planted(
        "a part is closed as if it were the position",
        changes,
        "close",
        "position.cost -= released",
        "position.cost = 0",
        _at("fill", _WORKING),
        "nothing_is_created [money]",
    ),
    Planted(
        "a window is open at its end",
        arithmetic,
        "window_open",
        "now < until",
        "now <= until",
        _at("block", _shape(False, A="cooldown"), ""),
        "windows_are_normal",
    ),
    Planted(
        "a withdrawal takes twice",
        EVENTS["withdraw"],
        "perform",
        "pool.collateral -= amount",
        "pool.collateral -= 2 * amount",
        _at("withdraw", _HEALTHY, ""),
        "nothing_is_created [money]",
    ),
    Planted(
        "the largest position is sent last",
        assessment,
        "to_attempt",
        "[max(",
        "[min(",
        _at("mark_price", _shape(False, A="healthy", B="healthy")),
        "the largest position is sent first",
    ),
    Planted(
        "a window forces in its own block",
        Window,
        "extend",
        "self.until = max(self.until, until)",
        "self.until = self.forcing_until = max(self.until, until)",
        _at("fill", _WORKING),
        "windows_open_and_end_on_time",
    ),
    Planted(
        "an order at the threshold is a chunk",
        assessment,
        "order_sizing",
        "<= venue.partial_threshold",
        "< venue.partial_threshold",
        _at("mark_price", _HEALTHY),
        "an order has exactly the size of its rule",
        {"venue.partial_threshold": 1},
    ),
    Planted(
        "a window does not force full size",
        assessment,
        "order_sizing",
        "if state.scope_window(pool, position).forces_full_size(state.time):",
        "if False:",
        _at("mark_price", _HEALTHY),
        "an order has exactly the size of its rule",
        {"venue.partial_threshold": 1},
    ),
    Planted(
        "a transfer is received twice",
        EVENTS["transfer"],
        "perform",
        "isolated.collateral += amount",
        "isolated.collateral += 2 * amount",
        _at("transfer", _shape(False), other=Other("a", "isolated", _shape(False))),
        "nothing_is_created [money]",
    ),
    Planted(
        "a deposit comes from nowhere",
        EVENTS["deposit"],
        "perform",
        "state.net_deposits += amount",
        "pass",
        _at("deposit", _shape(False), ""),
        "nothing_is_created [money]",
    ),
    Planted(
        "a trade is paid the wrong way round",
        EVENTS["trade"],
        "perform",
        "state.outside.add(market.name, -size, -size",
        "state.outside.add(market.name, -size, size",
        _at("trade", _shape(False), leverage=True),
        "nothing_is_created [money]",
    ),
    Planted(
        "new marks are not looked at",
        EVENTS["marks"],
        "perform",
        "return changes.pools_in(state, *amounts)",
        "return []",
        _at("marks", _HEALTHY),
        "a_breach_is_seen_at_once",
    ),
    Planted(
        "a settled market may be settled again",
        admission,
        "market_settled",
        "if market in state.settled",
        "if False",
        _at("settle", _shape(False)),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
    ),
    Planted(
        "a settled position is not paid for",
        EVENTS["settle"],
        "perform",
        "state.outside.add(market.name, size, size * price * market.unit)",
        "state.outside.add(market.name, size, 0)",
        _at("settle", _HEALTHY),
        "nothing_is_created [money]",
    ),
    Planted(
        "the vault trades with nobody",
        EVENTS["vault_trade"],
        "perform",
        "state.outside.add(market.name, -size, -worth)",
        "pass",
        Step("vault_trade", markets="A"),
        "nothing_is_created [A]",
    ),
    Planted(
        "the vault is funded by nobody",
        EVENTS["vault_cash"],
        "perform",
        'state.net_deposits += amounts["amount"]',
        "pass",
        Step("vault_cash"),
        "nothing_is_created [money]",
    ),
    Planted(
        "an adjustment is paid twice",
        EVENTS["adjust"],
        "perform",
        "state.outside.cash -= amount",
        "state.outside.cash += amount",
        _at("adjust", _shape(False), ""),
        "nothing_is_created [money]",
    ),
    Planted(
        "a leverage is one more than it was set to",
        EVENTS["leverage"],
        "perform",
        "position.leverage = self.leverage",
        "position.leverage = self.leverage + 1",
        _at("leverage", _HEALTHY, leverage=True),
        "a_leverage_is_allowed",
    ),
    Planted(
        "a cancelled order was an attempt",
        assessment,
        "cancel_orders",
        "position.attempted = False",
        "pass",
        _at("mark_price", _WORKING),
        "an_order_changes_only_as_it_may",
    ),
    Planted(
        "a block does not forget attempts",
        EVENTS["block"],
        "perform",
        "position.attempted = position.failed = False",
        "position.failed = False",
        _at("block", _WAITING, ""),
        "an_order_changes_only_as_it_may",
    ),
    Planted(
        "a fill may be one lot more than its order",
        EVENTS["fill"],
        "overfills",
        'if amounts["size"] <= left:',
        'if amounts["size"] <= left + 1:',
        _at("fill", _WORKING),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
    ),
    Planted(
        "equality does not cover a withdrawal",
        admission,
        "below_initial_margin",
        "if equity >= required:",
        "if equity > required:",
        _at("withdraw", _HEALTHY, ""),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
    ),
    Planted(
        "an opening trade forgets its leverage",
        changes,
        "increase",
        "position.leverage = leverage",
        "position.leverage = 1",
        _at("trade", _shape(False), leverage=True),
        "an_event_changes_exactly_what_it_must",
    ),
    Planted(
        "a life is not counted",
        changes,
        "increase",
        "position.life += 1",
        "position.life += 2",
        _at("trade", _shape(False), leverage=True),
        "an_event_changes_exactly_what_it_must",
    ),
    Planted(
        "a fill costs no fee",
        EVENTS["fill"],
        "perform",
        "fee = arithmetic.liquidation_fee(worth, state.venue.fee_rate, equity)",
        "fee = 0",
        _at("fill", _WORKING),
        "an_event_changes_exactly_what_it_must",
    ),
    Planted(
        "shorts pay the funding",
        EVENTS["funding"],
        "perform",
        "due = arithmetic.funding_due(position.size, payment, market.lot)",
        "due = arithmetic.funding_due(-position.size, payment, market.lot)",
        _at("funding", _HEALTHY),
        "an_event_changes_exactly_what_it_must",
    ),
    Planted(
        "a block may begin at the time of the present one",
        EVENTS["block"],
        "too_early",
        "if self.time > state.time:",
        "if self.time >= state.time:",
        _at("block", _HEALTHY, ""),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
    ),
    Planted(
        "a leverage may be one more than the maximum",
        admission,
        "leverage_out_of_range",
        "leverage <= market.max_leverage:",
        "leverage <= market.max_leverage + 1:",
        _at("leverage", _HEALTHY, leverage=True),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
    ),
    Planted(
        "a reduction may turn the position round by one lot",
        EVENTS["trade"],
        "larger_than_position",
        "<= abs(position.size):",
        "<= abs(position.size) + 1:",
        _at("trade", _HEALTHY),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
    ),
    Planted(
        "equity at the floor is not enough",
        arithmetic,
        "keeps_the_floor",
        ">= amount",
        "> amount",
        _at("withdraw", _HEALTHY, ""),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
        {"venue.withdraw_floor": 1, "venue.withdraw_floor.top": 1, "venue.withdraw_floor.bottom": 2},
    ),
    Planted(
        "the last of the collateral may not leave",
        admission,
        "beyond_collateral",
        "or collateral >= 0",
        "or collateral > 0",
        _at("withdraw", _HEALTHY, ""),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
        {"venue.withdraw_from": 2},
    ),
    Planted(
        "a position that turns round continues its life",
        EVENTS["trade"],
        "perform",
        "changes.closed_part(position.size, size)",
        "size",
        _at("trade", _HEALTHY, leverage=True),
        "an_event_changes_exactly_what_it_must",
        {"venue.crossing": 2},
    ),
    Planted(
        "the initial margin of a trade that turns a position round is asked of all of it",
        EVENTS["trade"],
        "increase_uncovered",
        "traded, size, cost = traded + size, 0, 0",
        "size, cost = 0, 0",
        _at("trade", _HEALTHY, leverage=True),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
        {"venue.crossing": 2},
    ),
    Planted(
        "a market of one mode is traded in the other",
        EVENTS["trade"],
        "in_another_mode",
        "self.mode in modes",
        "self.mode not in modes",
        _at("trade", _shape(False), leverage=True),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
        {"A.modes": 1},
    ),
    Planted(
        "nothing leaves an isolated pool without position",
        EVENTS["transfer"],
        "removed",
        "if not kept or not pool.open_positions():",
        "if not kept:",
        _at("transfer", _shape(False), other=Other("a", "isolated", _shape(False))),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
        {"A.isolated_removal": 2},
    ),
    Planted(
        "without a book no pool is taken",
        changes,
        "_book_failed",
        "return True",
        "return False",
        _at("mark_price", _HEALTHY),
        "a_failed_pool_below_its_line_is_taken",
        {"venue.market_attempt": 2},
    ),
    Planted(
        "an order is emitted although the venue has no market step",
        assessment,
        "to_attempt",
        "market_attempt is False",
        "market_attempt is None",
        _at("mark_price", _HEALTHY),
        "an order is emitted only if needed and once",
        {"venue.market_attempt": 2},
    ),
    Planted(
        "a breach does not wait for its block",
        assessment,
        "due",
        "or not pool.open_positions()",
        "or pool.open_positions()",
        _at("mark_price", _HEALTHY),
        "only_prices_and_funding_start_a_liquidation",
        {"venue.assess_at": 2},
    ),
    Planted(
        "a block does not see what waited for it",
        assessment,
        "due",
        "block_begins or",
        "",
        _at("block", _HEALTHY, ""),
        "a block sees every breach",
        {"venue.assess_at": 2},
    ),
    Planted(
        "a deficit waits for a block",
        assessment,
        "due",
        "or not pool.open_positions()",
        "",
        _at("settle", _HEALTHY),
        "no_negative_collateral_without_position",
        {"venue.assess_at": 2},
    ),
    Planted(
        "equity at the restore target is not restored",
        arithmetic,
        "restored",
        ">= target.numerator",
        "> target.numerator",
        _at("mark_price", _WAITING),
        "a_covered_pool_is_left_alone",
        {"venue.restore": 1},
    ),
    Planted(
        "a pool is left alone below its restore target",
        changes,
        "restore_target",
        "if restore is None:",
        "if True:",
        _at("mark_price", _WAITING),
        "a liquidation ends only where the pool is restored",
        {"venue.restore": 1},
    ),
    Planted(
        "a restore target of the initial margin is one of the maintenance margin",
        changes,
        "restore_target",
        'restore.measure == "initial"',
        "False",
        _at("mark_price", _WAITING),
        "a liquidation ends only where the pool is restored",
        {"venue.restore": 1, "venue.restore.measure": 1},
    ),
    Planted(
        "a healthy pool below its restore target is liquidated",
        arithmetic,
        "needs_liquidation",
        "in_liquidation and not",
        "not",
        _at("mark_price", _HEALTHY),
        "a liquidation begins only with a breach",
        {"venue.restore": 1},
    ),
    Planted(
        "the backstop line is that of the maintenance rates",
        State,
        "closeout_margin",
        '!= "tier"',
        '== "tier"',
        _at("order_done", _WORKING),
        "the vault comes last",
        {"venue.backstop_measure": 2, "A.rate": 2, "A.tier_leverage": 5, "A.max_leverage": 5},
    ),
    Planted(
        "a limit counts what the order is for",
        core_limits,
        "limit_of",
        "held = state.venue.order_price, state.holding(position)",
        "held = state.venue.order_price, state.holding(position)._replace(size=position.order)",
        _at("mark_price", _HEALTHY),
        "an order has exactly the limit of its rule",
        {"venue.order_price": 2, "venue.partial_threshold": 1},
    ),
    Planted(
        "a fill at its limit is refused",
        arithmetic,
        "worse",
        "price < limit if",
        "price <= limit if",
        _at("fill", _WORKING),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
        {"venue.order_price": 3},
    ),
    Planted(
        "a fill frees the rest of its order from its limit",
        EVENTS["fill"],
        "perform",
        "position.order -= size",
        "position.order -= size\n    position.limit = None",
        _at("fill", _WORKING),
        "an_order_changes_only_as_it_may",
        {"venue.order_price": 3},
    ),
    Planted(
        "a chunk is a fraction of half the size",
        chunks,
        "size_of",
        "arithmetic.chunk(held.size, venue.partial_fraction)",
        "arithmetic.chunk(arithmetic.divide_up(held.size, 2), venue.partial_fraction)",
        _at("chunk", _WAITING),
        _SIZE,
    ),
    Planted(
        "a chunk to a lower tier is a fraction",
        chunks,
        "size_of",
        'case "tier_down":',
        'case "down":',
        _at("chunk", _WAITING),
        _SIZE,
        {"venue.partial_method": 2, "venue.tier_steps": 1},
    ),
    Planted(
        "a chunk is one lot more than its number of lots",
        chunks,
        "size_of",
        "venue.partial_lots or 1",
        "(venue.partial_lots or 1) + 1",
        _at("chunk", _WAITING),
        _SIZE,
        {"venue.partial_method": 3, "venue.partial_lots": 1},
    ),
    Planted(
        "a chunk that restores pays no fee",
        chunks,
        "restores",
        "equity -= arithmetic.liquidation_fee(worth, state.venue.fee_rate, equity)",
        "pass",
        _at("chunk", _WAITING),
        _SIZE,
        {"venue.partial_method": 4, "a/A/cross.size": 10, "a/A/cross.cost": 29, "mark.A": 6},
    ),
    Planted(
        "a chunk may be worth too little",
        chunks,
        "sized",
        "worth, venue.min_order_notional, venue.min_rest_notional)",
        "worth, None, venue.min_rest_notional)",
        _at("chunk", _WAITING),
        _SIZE,
        {"venue.min_order_notional": 1, "venue.min_rest_notional": 1},
    ),
    Planted(
        "a rest may be worth too little",
        chunks,
        "sized",
        "worth, venue.min_order_notional, venue.min_rest_notional)",
        "worth, venue.min_order_notional, None)",
        _at("chunk", _WAITING),
        _SIZE,
        {"venue.min_order_notional": 1, "venue.min_rest_notional": 1},
    ),
    Planted(
        "a run without price inputs takes them",
        EVENTS["price_inputs"],
        "not_formed",
        "if state.venue.forms_marks:",
        "if True:",
        _at("price_inputs", _HEALTHY),
        "an_event_is_accepted_exactly_if_its_rule_says_so",
    ),
    Planted(
        "a formed mark may move as far as it likes",
        EVENTS["price_inputs"],
        "perform",
        "limited(middle, state.marks[self.market],",
        "limited(middle, middle,",
        _at("price_inputs", _HEALTHY),
        "a formed mark is that of its candidates",
        {"venue.max_move": 1},
    ),
    Planted(
        "inputs are not kept until they are stale",
        EVENTS["price_inputs"],
        "perform",
        "if state.venue.stale_ms is not None:",
        "if state.venue.stale_ms is None:",
        _at("price_inputs", _HEALTHY),
        "inputs are kept where they may go stale",
        {"venue.stale_ms": 1},
    ),
    Planted(
        "a deficit is nobody's",
        assessment,
        "cover_deficit",
        "state.vault.cash += pool.collateral",
        "pass",
        _at("assessment", _shape(True, A="closed"), ""),
        "nothing_is_created",
    ),
)

# For each event, and part of events, one of them that is refuted soon: the control of its proofs.
CONTROLS: dict[str, Planted] = {one.step.kind: one for one in PLANTED if not one.venue}
