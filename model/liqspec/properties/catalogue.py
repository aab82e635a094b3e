"""The properties of what can be observed: each is judged on one step of any engine."""

from collections.abc import Set

from liqspec.edge import keys
from liqspec.edge.amounts import ratio_text as _n
from liqspec.edge.texts import counted
from liqspec.properties.checker import measures
from liqspec.properties.checker.events import EVENTS
from liqspec.properties.checker.exact import ZERO, Fraction, number, total
from liqspec.properties.checker.families import orders
from liqspec.properties.checker.measures import NaivePool, NaivePosition
from liqspec.properties.checker.memory import scope_key
from liqspec.properties.checker.witness import Step
from liqspec.properties.property import HOLDS, NOT_EXERCISED, Properties, Verdict, holds_if, violated

OBSERVED = Properties[Step]("observation")


# --------------------------------------------------------------------------------------------------------------- states


@OBSERVED.add("history", "MRK-2 MRK-3 MRK-4 MRK-5 MRK-6 MRK-7 MRK-9 EVT-5", family="mark")
def a_mark_is_what_its_event_says(step: Step) -> Verdict:
    """An observed mark is the one that was set, or within a tick of the one that the inputs so far form."""
    for market, mark in step.after.marks.items():
        if mark != step.later.marks[market]:
            return violated(f"the mark of {market} is {_n(mark)}, must be {_n(step.later.marks[market])}")
    return holds_if(step.after.marks)


@OBSERVED.add("step", "MRK-8")
def marks_are_observed_where_they_are_formed(step: Step) -> Verdict:
    """An observation has a mark of every market where marks are formed, and none elsewhere."""
    seen, due = sorted(step.after.marks), sorted(step.rules.markets) if step.rules.forms_marks else []
    return HOLDS if seen == due else violated(f"marks of {seen} are observed, must be of {due}")


@OBSERVED.add("state", "MRG-1 MRG-2 MRG-3 MRG-4 MRG-5 MRG-6 MRG-13 MRG-14 MRG-15")
def equity_and_maintenance_margin_are_what_the_rules_say(step: Step) -> Verdict:
    """Equity and maintenance margin of every pool are exactly those of its collateral, positions and marks."""
    for pool in step.after.pools.values():
        equity, margin = step.later.equity(pool.contents), step.later.maintenance_margin(pool.contents)
        if pool.equity != equity:
            return violated(f"{pool.key}: equity is {_n(pool.equity)}, must be {_n(equity)}")
        if pool.maintenance_margin != margin:
            return violated(f"{pool.key}: maintenance margin is {_n(pool.maintenance_margin)}, must be {_n(margin)}")
    return HOLDS


@OBSERVED.add("history", "MRG-7 MRG-14 MRG-15 ACC-11 ACC-13")
def initial_margin_is_what_the_rules_say(step: Step) -> Verdict:
    """The initial margin of every pool is that of its positions at the leverages that the trader chose."""
    for pool in step.after.pools.values():
        margin = step.later.initial_margin(pool.contents)
        if pool.initial_margin != margin:
            return violated(f"{pool.key}: initial margin is {_n(pool.initial_margin)}, must be {_n(margin)}")
    return holds_if(any(pool.positions for pool in step.after.pools.values()))


@OBSERVED.add("history", "EVT-10 MRG-9 FIL-2 BKS-3 BKS-7 EVT-6")
def nothing_is_created(step: Step) -> Verdict:
    """Pools, vault and outside together are worth the net deposits, and all sizes of a market add up to 0."""
    marks, sizes = step.later.marks, dict(step.later.outside_sizes)
    held = [(position.market, position.size) for position in step.after.positions.values() if position.size]
    for market, size in (*held, *step.after.vault_positions.items()):
        sizes[market] = sizes.get(market, ZERO) + size
    if left := sorted(market for market, size in sizes.items() if size):
        return violated(f"the sizes of {left[0]} add up to {_n(sizes[left[0]])}, must be 0")
    outside = step.later.outside_cash + total(size * marks[name] for name, size in step.later.outside_sizes.items())
    vault = step.after.vault_cash + total(size * marks[name] for name, size in step.after.vault_positions.items())
    worth = outside + vault + total(step.later.equity(pool.contents) for pool in step.after.pools.values())
    if worth != step.later.net_deposits:
        net = _n(step.later.net_deposits)
        return violated(f"pools, vault and outside are worth {_n(worth)}, but net deposits are {net}")
    return HOLDS


@OBSERVED.add("state", "BKS-8")
def the_vaults_equity_is_its_own(step: Step) -> Verdict:
    """The vault's equity is its cash and its positions at the marks, and nothing else."""
    marks, held = step.later.marks, step.after.vault_positions
    equity = step.after.vault_cash + total(size * marks[market] for market, size in held.items())
    if step.after.vault_equity != equity:
        return violated(f"the vault's equity is {_n(step.after.vault_equity)}, must be {_n(equity)}")
    return holds_if(held)


@OBSERVED.add("state", "LIF-3")
def closed_is_empty(step: Step) -> Verdict:
    """A closed or backstopped position has no size, cost, order or window; an open one has a size."""
    ended = False
    for position in step.after.positions.values():
        empty = not position.size and not position.cost and position.order is None and position.cooldown_until is None
        if position.state in ("closed", "backstopped"):
            ended = True
            if not empty:
                return violated(
                    f"{position.key} is {position.state}, but has size {_n(position.size)}, cost {_n(position.cost)}"
                )
        elif not position.size:
            return violated(f"{position.key} is {position.state} with size 0")
    return holds_if(ended)


@OBSERVED.add("state", "BKS-7 LIQ-8")
def no_negative_collateral_without_position(step: Step) -> Verdict:
    """A pool without an open position has no negative collateral and is not in liquidation."""
    empty = [pool for pool in step.after.pools.values() if not pool.positions]
    for pool in empty:
        if pool.collateral < 0:
            return violated(f"{pool.key} has no position and collateral {_n(pool.collateral)}")
        if pool.in_liquidation:
            return violated(f"{pool.key} has no position and is in liquidation")
    return holds_if(empty)


@OBSERVED.add("state", "LIQ-3 LIQ-6 LIQ-11")
def a_breach_is_seen_at_once(step: Step) -> Verdict:
    """Unless breaches wait for a block, a breached pool is in liquidation, and its positions are liquidatable or
    partially liquidated.
    """
    if step.rules.at_block:
        return NOT_EXERCISED
    breached = [pool for pool in step.after.pools.values() if pool.positions and step.later.breached(pool.contents)]
    for pool in breached:
        if wrong := _overlooked(pool):
            return violated(wrong)
    return holds_if(breached)


@OBSERVED.add("step", "LIQ-18 LIQ-3 LIQ-6 LIQ-11", family="assess_at")
def a_liquidation_begins_at_a_block(step: Step) -> Verdict:
    """Where breaches wait for a block, it finds every breached pool, and no other event liquidates a pool that is not
    in liquidation; one that is stays so as long as it is breached.
    """
    if not step.rules.at_block or not step.accepted:
        return NOT_EXERCISED
    exercised = False
    for key, pool in step.after.pools.items():
        before, breached = step.before.pools.get(key), bool(pool.positions) and step.later.breached(pool.contents)
        exercised = exercised or breached
        if step.accepted_a("block") or (before is not None and before.in_liquidation):
            if breached and (wrong := _overlooked(pool)):
                return violated(wrong)
        elif pool.in_liquidation or key in step.backstopped:
            return violated(f"{key} was liquidated by a {step.event['type']}, before a block came")
        elif held := next((one for one in pool.positions if one.state == "liquidatable" or one.order), None):
            return violated(f"{held.key} is {held.state} by a {step.event['type']}, before a block came")
    return holds_if(exercised)


@OBSERVED.add("state", "LIQ-3 LIQ-4 LIQ-9 LIQ-10")
def a_covered_pool_is_left_alone(step: Step) -> Verdict:
    """A restored pool, equality included, is in liquidation only while an order runs on."""
    covered = [pool for pool in step.after.pools.values() if pool.positions and step.later.restored(pool.contents)]
    for pool in covered:
        runs_on = pool.order_working() and not step.rules.stop_when_restored
        if pool.in_liquidation != runs_on:
            return violated(f"{pool.key} in liquidation is {str(pool.in_liquidation).lower()}: {_measures(pool)}")
        for position in pool.positions:
            waits = position.state in ("liquidatable", "partially_liquidated")
            if waits != runs_on and position.state != "partially_liquidated":
                why = "an order of its pool runs on" if runs_on else _measures(pool)
                return violated(f"{position.key} is {position.state}: {why}")
            if position.order is not None and not runs_on:
                return violated(f"the order of {position.key} was not stopped: {_measures(pool)}")
    return holds_if(covered)


@OBSERVED.add("history", "LIQ-4 LIQ-5")
def a_liquidation_begins_with_a_breach_and_ends_when_restored(step: Step) -> Verdict:
    """A pool that is not restored is in liquidation if it was so before the event, or if it is found breached."""
    open_pools = [
        pool for pool in step.after.pools.values() if pool.positions and not step.later.restored(pool.contents)
    ]
    for pool in open_pools:
        before = step.before.pools.get(pool.key)
        looked_at = not step.rules.at_block or step.accepted_a("block")
        breached = looked_at and step.later.breached(pool.contents)
        wanted = (before is not None and before.in_liquidation) or breached
        if pool.in_liquidation != wanted:
            return violated(f"{pool.key} in liquidation is {str(pool.in_liquidation).lower()}: {_measures(pool)}")
    return holds_if(open_pools)


@OBSERVED.add("history", "LIQ-11 LIQ-12 LIQ-13 LIQ-16 BKS-1 BKS-2 CLD-6")
def liquidation_makes_progress(step: Step) -> Verdict:
    """A pool that needs liquidation has a working order, or no position up for one, and the vault may not take it."""
    exercised = False
    for pool in step.after.pools.values():
        if not pool.positions or not pool.in_liquidation or step.later.restored(pool.contents) or pool.order_working():
            continue
        exercised = True
        untried = [
            position.key
            for position in pool.positions
            if position.state == "liquidatable" and (position.key, position.life) not in step.later.attempted
            if step.rules.market_attempt
        ]
        if untried:
            return violated(f"{untried[0]} is liquidatable, was not attempted in this block, and has no order")
        failed = all((position.key, position.life) in step.later.failed for position in pool.positions)
        if (failed or not step.rules.market_attempt) and _below_backstop(
            step, pool.equity, step.later.backstop_margin(pool.contents)
        ):
            return violated(
                f"{pool.key} is below the backstop line and its book failed, but it still holds its positions"
            )
    return holds_if(exercised)


@OBSERVED.add("state", "LIQ-12 LIQ-14 FIL-3")
def an_order_fits_its_position(step: Step) -> Verdict:
    """A working order is above 0, at most the size, and of a position that is being liquidated."""
    working = [position for position in step.after.positions.values() if position.order is not None]
    for position in working:
        order = position.order or ZERO
        if not 0 < order <= abs(position.size):
            return violated(f"{position.key} has an order for {_n(order)} of {_n(abs(position.size))}")
        if position.state not in ("liquidatable", "partially_liquidated"):
            return violated(f"{position.key} is {position.state} and has an order")
    return holds_if(working)


# ---------------------------------------------------------------------------------------------------------------- steps


@OBSERVED.add(
    "history",
    "EVT-2 AMT-3 AMT-4 EVT-4 ACC-5 ACC-6 ACC-7 ACC-8 ACC-9 ACC-13 ACC-14 ACC-15 ACC-16 ACC-17 ACC-18 "
    "FIL-1 FIL-5 LIQ-17 EVT-9 EVT-11",
)
def an_event_is_accepted_exactly_if_its_rule_says_so(step: Step) -> Verdict:
    """An event is refused with the code of the first check that fails, and accepted if none does."""
    expected = step.expected_refusal
    if step.refusal != expected:
        return violated(f"{step.event.get('type')} was {step.refusal or 'accepted'}, must be {expected or 'accepted'}")
    return HOLDS


@OBSERVED.add("step", "EVT-3")
def a_refused_event_changes_nothing(step: Step) -> Verdict:
    """After a refused event everything is as it was."""
    if step.accepted:
        return NOT_EXERCISED
    return HOLDS if step.before.raw == step.after.raw else violated(f"{step.refusal}, but the observation changed")


@OBSERVED.add("step", "FIL-1 FIL-2 FIL-4 MRG-9 ACC-4 ACC-5 ACC-6 ACC-8 ACC-9 ACC-16 EVT-6 EVT-11 BKS-7")
def an_event_changes_exactly_what_it_must(step: Step) -> Verdict:
    """Collateral, sizes and costs are what the event's rule makes of them, a deficit covered; no pool else changes."""
    if not step.accepted:
        return NOT_EXERCISED
    backstopped = step.backstopped
    for key, pool in step.after.pools.items():
        if key in backstopped:
            continue
        expected = step.expected(key)
        collateral = expected.collateral if expected.holdings else max(expected.collateral, ZERO)
        if pool.collateral != collateral:
            return violated(f"{key}: collateral is {_n(pool.collateral)}, must be {_n(collateral)}")
        holdings = pool.contents.holdings
        if holdings != expected.holdings:
            either = sorted(set(holdings) | set(expected.holdings))
            name = next(name for name in either if holdings.get(name) != expected.holdings.get(name))
            found, wanted = holdings.get(name), expected.holdings.get(name)
            return violated(f"{name}: is {_holding(found)}, must be {_holding(wanted)}")
    return HOLDS


@OBSERVED.add("step", "ACC-2 ACC-10 ACC-13 LIQ-1 LIQ-2 CLD-5 EVT-7")
def other_pools_are_untouched(step: Step) -> Verdict:
    """A trade, a leverage, a fill or the end of an order changes nothing but its own pool; a vault trade, no pool."""
    kind = step.event["type"]
    if not step.accepted_a("trade", "leverage", "fill", "order_done", "vault_trade", "vault_cash"):
        return NOT_EXERCISED
    own = measures.event_pool(step.event) if kind in ("trade", "leverage", "fill", "order_done") else None
    for key, pool in step.after.pools.items():
        if key != own and pool != step.before.pools.get(key):
            return violated(f"{key} changed by a {kind} of {own or 'the vault'}")
    return HOLDS


@OBSERVED.add("step", "LIQ-14 ACC-8 ACC-9")
def only_the_trader_increases_a_position(step: Step) -> Verdict:
    """No event but the position's own trade makes a position larger or turns it round."""
    held = False
    own = measures.event_position(step.event) if step.accepted_a("trade") else None
    for key, position in step.after.positions.items():
        if key == own:
            continue
        before = step.before.positions.get(key)
        held = held or position.size != 0
        if position is before:
            continue
        earlier = ZERO if before is None else before.size
        if abs(position.size) > abs(earlier) or position.size * earlier < 0:
            return violated(f"{key} went from {_n(earlier)} to {_n(position.size)} by a {step.event['type']}")
    return holds_if(held)


@OBSERVED.add("history", "PRT-1 PRT-2 PRT-3 PRT-4 PRT-5 CLD-3 CLD-4 BKS-1")
def an_order_has_exactly_the_size_of_its_rule(step: Step) -> Verdict:
    """A new order is for the whole position, or for the exact chunk where all conditions for a chunk hold."""
    emitted = step.emitted
    for position in emitted:
        wanted = _wanted_order(step, position)
        if position.order != wanted:
            return violated(f"{position.key} got an order for {_n(position.order or ZERO)}, must be {_n(wanted)}")
    return holds_if(emitted)


@OBSERVED.add("step", "LIQ-17", family="order_price")
def an_order_keeps_the_limit_of_its_rule(step: Step) -> Verdict:
    """A new order has the exact limit of its rule, which stays as long as it works; without an order there is none."""
    if step.rules.limited_by == "market":
        shown = [key for key, held in step.after.positions.items() if "limit" in held.raw]
        return violated(f"{shown[0]} shows a limit, but orders have none") if shown else NOT_EXERCISED
    new, worked = {held.key for held in step.emitted}, False
    for key, held in step.after.positions.items():
        wanted = None
        if key in new:
            wanted = orders.limit(step.rules, step.memory, step.expected(held.pool), key)
        elif held.order is not None:
            wanted = step.before.positions[key].limit
        worked = worked or wanted is not None
        if held.limit != wanted or "limit" not in held.raw:
            found, due = (None if one is None else _n(one) for one in (held.limit, wanted))
            return violated(f"the limit of {key} is {found}, must be {due}")
    return holds_if(worked)


@OBSERVED.add("history", "LIQ-5 LIQ-11 LIQ-12 LIQ-16")
def an_order_is_emitted_only_if_needed_and_once(step: Step) -> Verdict:
    """Orders are for liquidatable positions of unrestored pools, one a block unless cancelled, ranked one by one."""
    emitted = step.emitted
    for position in emitted:
        if not step.rules.market_attempt:
            return violated(f"{position.key} got an order, though the venue sends none")
        equity, margin = step.measures(position.pool)
        if step.restored(position.pool):
            return violated(f"{position.key} got an order, but equity {_n(equity)} restores margin {_n(margin)}")
        if (position.key, position.life) in step.memory.attempted:
            return violated(f"{position.key} got a second order in this block")
        if position.state != "liquidatable":
            return violated(f"{position.key} got an order, but is {position.state}")
    if step.rules.ranked:
        for position in emitted:
            if wrong := _wrongly_ranked(step, position):
                return violated(wrong)
    return holds_if(emitted)


@OBSERVED.add("history", "BKS-1 BKS-9 BKS-2 LIQ-11 LIQ-13 LIQ-16")
def the_vault_comes_last(step: Step) -> Verdict:
    """A pool is taken only if every open position's order left quantity over, and only below the backstop line."""
    backstopped = step.backstopped
    for key in backstopped:
        for name in step.expected(key).holdings:
            life = step.after.positions[name].life
            if step.rules.market_attempt and (name, life) not in step.memory.failed:
                return violated(f"{key} was taken, but {name} had no failed attempt in this block")
        equity, margin = step.measures(key)[0], step.memory.backstop_margin(step.expected(key))
        if not _below_backstop(step, equity, margin):
            line = f"{step.rules.threshold} of {_n(margin)}"
            return violated(f"{key} was taken, but equity {_n(equity)} is not below {line}")
    return holds_if(backstopped)


@OBSERVED.add("step", "BKS-3 BKS-4 BKS-6")
def the_vault_takes_the_whole_pool_and_nothing_else(step: Step) -> Verdict:
    """A backstop moves every size at its cost and all collateral but the return; the pool keeps only the return."""
    backstopped = step.backstopped
    if not backstopped:
        return NOT_EXERCISED
    sizes = dict(step.before.vault_positions)
    cash = step.before.vault_cash + total(contents.fee for contents in step.changed.values())
    if step.event["type"] == "funding":
        size = sizes.get(step.event["market"], ZERO)
        cash -= measures.up(size * number(step.event["payment"]), step.rules.quote)
    if step.event["type"] == "settle":
        cash += sizes.pop(step.event["market"], ZERO) * number(step.event["price"])
    for key in step.after.pools:
        expected = step.expected(key)
        if key not in backstopped:
            if not expected.holdings and expected.collateral < 0:
                cash += expected.collateral
            continue
        equity, _ = step.measures(key)
        returned = measures.down(step.rules.return_fraction * max(equity, ZERO), step.rules.quote)
        pool = step.after.pools[key]
        if pool.positions or pool.collateral != returned:
            kept = counted(len(pool.positions), "position")
            return violated(f"{key} keeps {kept} and {_n(pool.collateral)}, must be {_n(returned)}")
        cash += expected.collateral - returned
        for held in expected.holdings.values():
            cash -= held.cost
            sizes[held.market] = sizes.get(held.market, ZERO) + held.size
    if step.after.vault_cash != cash:
        return violated(f"the vault's cash is {_n(step.after.vault_cash)}, must be {_n(cash)}")
    if step.after.vault_positions != {market: size for market, size in sizes.items() if size}:
        return violated("the vault's positions are not those that it took")
    return HOLDS


@OBSERVED.add("step", "LIF-1 LIF-2 ACC-16 BKS-5 EVT-9")
def a_life_ends_once(step: Step) -> Verdict:
    """Closed is final for a life, backstopped lasts until the next block, and only an opening trade begins a life."""
    ended = False
    block, own = step.accepted_a("block"), measures.event_position(step.event) if step.accepted_a("trade") else None
    for key, position in step.after.positions.items():
        before = step.before.positions.get(key)
        lives = 0 if before is None else before.life
        fresh = before is None or not before.size or before.size * position.size < 0  # turned round (ACC-16)
        opens = key == own and fresh
        if position.life != lives + (1 if opens else 0):
            return violated(f"{key} has life {position.life} after {lives}")
        if before is None or opens:
            continue
        ended = ended or before.state in ("closed", "backstopped")
        if before.state == "closed" and position.state != "closed":
            return violated(f"{key} was closed and is {position.state} in the same life")
        if before.state == "backstopped" and position.state != ("closed" if block else "backstopped"):
            return violated(f"{key} was backstopped and is {position.state} after a {step.event['type']}")
    return holds_if(ended)


@OBSERVED.add("step", "LIF-1 BKS-5 FIL-1 ACC-9 EVT-11")
def an_ended_position_shows_how_it_ended(step: Step) -> Verdict:
    """A position that a fill, its trader or a settlement closed is closed; one that the vault took is backstopped."""
    ended = False
    for key, (before, position) in step.moved.items():
        if not step.accepted or position.size or before is None or not before.size:
            continue
        ended, to_vault = True, key in step.expected(position.pool).holdings
        wanted, why = ("backstopped", "the vault took it") if to_vault else ("closed", "nothing of it was left")
        if position.state != wanted:
            return violated(f"{key} is {position.state}, but {why}")
    return holds_if(ended)


@OBSERVED.add("step", "ACC-1 ACC-3 LIF-2 OBS-1")
def only_a_first_use_makes_a_pool_or_a_position(step: Step) -> Verdict:
    """A trade makes the position and the isolated pool that it names, a transfer that pool; whatever is made stays."""
    pools: Set[str] = step.before.pools.keys()
    positions: Set[str] = step.before.positions.keys()
    if step.accepted_a("trade"):
        positions |= {measures.event_position(step.event)}
        pools |= {measures.event_pool(step.event)}
    elif step.accepted_a("transfer"):
        pools |= {keys.pool(step.event["account"], step.event["market"])}
    for what, wanted, found in (("pool", pools, step.after.pools), ("position", positions, step.after.positions)):
        if wanted != found.keys():
            key = min(wanted ^ found.keys())
            there = "there" if key in found else "missing"
            return violated(f"the {what} {key} is {there} after a {step.event.get('type')}")
    if market := next((market for market, size in step.after.vault_positions.items() if not size), None):
        return violated(f"the vault shows a position of 0 in {market}")
    return HOLDS


@OBSERVED.add("history", "CLD-1 CLD-2 OBS-2")
def windows_open_and_end_on_time(step: Step) -> Verdict:
    """A position shows its own window from the fill that opened it until exactly its end."""
    exercised = False
    for position in step.after.positions.values():
        until = step.later.own_windows.get((position.key, position.life), 0)
        wanted = until if position.size and step.after.time < until else None
        exercised = exercised or wanted is not None
        if position.cooldown_until != wanted:
            return violated(f"{position.key} shows a window until {position.cooldown_until}, must be {wanted}")
        if position.state == "cooldown" and wanted is None:
            return violated(f"{position.key} is in cooldown without an open window")
        if position.state == "healthy" and wanted is not None:
            return violated(f"{position.key} is healthy inside its own window")
    return holds_if(exercised)


@OBSERVED.add("step", "EVT-9")
def only_a_block_moves_time(step: Step) -> Verdict:
    """A block sets the time to its own and adds one to the block number; nothing else moves either."""
    block = step.accepted_a("block")
    wanted = (step.event["time"], step.before.block + 1) if block else (step.before.time, step.before.block)
    found = (step.after.time, step.after.block)
    return HOLDS if found == wanted else violated(f"time and block are {found}, must be {wanted}")


@OBSERVED.add("step", "FIL-3 FIL-6 LIQ-9 LIQ-12")
def an_order_changes_only_as_it_may(step: Step) -> Verdict:
    """A working order becomes smaller by its fills, and ends only filled, done, cancelled or closed."""
    worked = [held for held in step.before.positions.values() if held.order is not None]
    for before in worked:
        after, left = step.after.positions[before.key], before.order or ZERO
        if step.accepted_a("fill", of=before.key):
            left -= number(step.event["size"])
        ended = left == 0 or not after.size or step.accepted_a("order_done", of=before.key)
        if after.order is not None and (ended or after.order != left):
            return violated(f"{before.key} has an order for {_n(after.order)}, must be {'none' if ended else _n(left)}")
        if after.order is None and not ended:
            equity, margin = step.measures(before.pool)
            if not step.rules.stop_when_restored or not step.restored(before.pool):
                seen = f"equity {_n(equity)} and margin {_n(margin)}"
                return violated(f"the order of {before.key} was cancelled with {seen}")
    return holds_if(worked)


@OBSERVED.add("step", "LIF-1 FIL-1 EVT-9 LIQ-10")
def a_partial_liquidation_shows_until_the_next_block(step: Step) -> Verdict:
    """A fill that leaves size makes its position partially liquidated; it stays so in its block, and no longer."""
    if not step.accepted:
        return NOT_EXERCISED
    exercised = False
    own = measures.event_position(step.event) if step.accepted_a("fill") else None
    for key, after in step.after.positions.items():
        before = step.before.positions.get(key)
        if not after.size:
            continue
        filled = key == own
        was = before is not None and before.state == "partially_liquidated" and before.life == after.life
        wanted = filled or (was and step.event["type"] != "block")
        exercised = exercised or wanted or was
        if (after.state == "partially_liquidated") != wanted:
            return violated(f"{key} is {after.state} after a {step.event['type']}")
    return holds_if(exercised)


@OBSERVED.add("history", "LIQ-11")
def where_all_are_sent_nobody_waits(step: Step) -> Verdict:
    """With the policy "all", a pool that got an order has one, or had one, for each liquidatable position."""
    emitted = step.emitted
    if step.rules.ranked or not emitted:
        return NOT_EXERCISED
    for key in {position.pool for position in emitted}:
        for held in step.after.pools[key].positions:
            if held.state == "liquidatable" and (held.key, held.life) not in step.later.attempted:
                return violated(f"{held.key} got no order although {key} sends all")
    return HOLDS


@OBSERVED.add("step", "MRG-11 FIL-1 FIL-2")
def a_fill_no_worse_than_bankruptcy_makes_no_deficit(step: Step) -> Verdict:
    """Equity at or above 0 stays so by a fill no worse than the stand-alone bankruptcy price, whatever the fee."""
    if not step.accepted_a("fill"):
        return NOT_EXERCISED
    key, pool = measures.event_position(step.event), measures.event_pool(step.event)
    held, equity = step.before.positions[key], step.memory.equity(step.before.contents(pool))
    bankruptcy = step.memory.marks[held.market] - equity / held.size
    price = number(step.event["price"])
    worse = price < bankruptcy if held.size > 0 else price > bankruptcy
    if equity < 0 or worse:
        return NOT_EXERCISED
    after, vault = step.after.pools[pool], step.after.vault_cash - step.before.vault_cash
    if after.equity < 0 or (not after.positions and not step.backstopped and vault < 0):
        left = min(after.equity, vault)
        return violated(f"{pool}: equity fell from {_n(equity)} to {_n(left)} by a fill at {_n(price)}")
    return HOLDS


@OBSERVED.add("step", "ACC-8 ACC-9 LIQ-3 MRG-8")
def only_prices_and_funding_start_a_liquidation(step: Step) -> Verdict:
    """The last trade never liquidates: a pool enters liquidation by a mark or a funding, by nothing else, unless
    breaches wait for a block.
    """
    if not step.accepted or EVENTS[step.event["type"]].starts_liquidations or step.rules.at_block:
        return NOT_EXERCISED
    for key, pool in step.after.pools.items():
        before = step.before.pools.get(key)
        if pool.in_liquidation and not (before is not None and before.in_liquidation):
            return violated(f"{key} entered liquidation by a {step.event['type']}")
    return HOLDS


@OBSERVED.add("step", "ACC-5 ACC-6 ACC-8 ACC-9 BKS-7")
def a_trader_cannot_extract_at_constant_marks(step: Step) -> Verdict:
    """Own trades at the mark, deposits, withdrawals and transfers never gain: what the pools are worth only moves."""
    kind = step.event["type"]
    if not step.accepted_a("deposit", "withdraw", "transfer", "trade"):
        return NOT_EXERCISED
    if kind == "trade" and number(step.event["price"]) != step.later.marks[step.event["market"]]:
        return NOT_EXERCISED
    account = step.event["account"]
    moved = {"deposit": 1, "withdraw": -1}.get(kind, 0) * number(step.event.get("amount", "0"))
    before, after = _worth(step, step.before, account), _worth(step, step.after, account)
    gained = after - before - moved
    return HOLDS if gained <= 0 else violated(f"{account} gained {_n(gained)} by a {kind}")


def _worth(step: Step, view: measures.View, account: str) -> Fraction:
    """What the pools of an account are worth to it: a deficit is not its own to pay (BKS-7)."""
    pools = [pool for pool in view.pools.values() if pool.account == account]
    return total(max(ZERO, step.later.equity(pool.contents)) for pool in pools)


def _below_backstop(step: Step, equity: Fraction, margin: Fraction) -> bool:
    return equity < step.rules.threshold * margin


def _wanted_order(step: Step, position: NaivePosition) -> Fraction:
    """PRT-1 to PRT-5, CLD-3: the size that a new order must have."""
    rules, size = step.rules, abs(position.size)
    equity, margin = step.measures(position.pool)[0], step.memory.backstop_margin(step.expected(position.pool))
    window = step.memory.windows.get(scope_key(rules, position))
    forced = window is not None and step.after.time < window.forcing_until
    large = rules.partial_threshold is not None and step.memory.notional(position) > rules.partial_threshold
    if not large or forced or _below_backstop(step, equity, margin):
        return size
    return orders.chunk(rules, step.memory, step.expected(position.pool), position.key)


def _wrongly_ranked(step: Step, position: NaivePosition) -> str | None:
    """LIQ-11: a ranked venue has one order a pool, for the largest margin of those not attempted."""
    pool = step.after.pools[position.pool]
    margins = {}
    for other in pool.positions:
        if other.key != position.key and other.order is not None:
            return f"{position.pool} has two orders at once"
        if other.state == "liquidatable" and (other.key, other.life) not in step.memory.attempted:
            margin = step.rules.maintenance_margin(other.market, step.memory.margin_notional(other))
            margins[other.key] = (-margin, other.market)
    first = min(margins, key=lambda key: margins[key])
    return None if first == position.key else f"{position.key} got the order, but {first} comes first"


def _overlooked(pool: NaivePool) -> str | None:
    """What of a breached pool is not as in a liquidation (LIQ-11)."""
    if not pool.in_liquidation:
        return f"{pool.key} is not in liquidation: {_measures(pool)}"
    spared = (held for held in pool.positions if held.state not in ("liquidatable", "partially_liquidated"))
    return next((f"{held.key} is {held.state}: {_measures(pool)}" for held in spared), None)


def _measures(pool: NaivePool) -> str:
    return f"equity {_n(pool.equity)}, maintenance margin {_n(pool.maintenance_margin)}"


def _holding(held: measures.Holding | None) -> str:
    return "nothing" if held is None else f"size {_n(held.size)} at cost {_n(held.cost)}"
