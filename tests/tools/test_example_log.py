"""The example log, after the shapes that venues publish, is as the rules say; each kind of departure in it is found."""

import json
from collections.abc import Callable
from copy import deepcopy
from fractions import Fraction
from typing import Any

import pytest

from liqspec.audit.follow import Audit, Follower
from liqspec.audit.log import Entry, Head
from liqspec.edge import files, schemas
from liqspec.edge.amounts import decimal_text

LOG = files.ROOT / "logs" / "takeover-without-an-order.jsonl"
Lines = list[dict[str, Any]]


def lines() -> Lines:
    """The lines of the log."""
    return [json.loads(text) for text in LOG.read_text(encoding="utf-8").splitlines()]


def audited(log: Lines) -> Audit:
    """The audit of a log."""
    follower = Follower(Head.from_json(log[0], {}))
    for number, data in enumerate(log[1:], start=2):
        follower.see(number, Entry.from_json(data))
    return follower.audit


def place(note: str) -> int:
    """The index of the line whose note begins so."""
    (found,) = (index for index, line in enumerate(lines()) if line.get("note", "").startswith(note))
    return found


def pool(line: dict[str, Any], account: str = "trader") -> dict[str, Any]:
    """The observed cross pool of an account."""
    found: dict[str, Any] = next(
        one for one in line["observation"]["pools"] if (one["account"], one["mode"]) == (account, "cross")
    )
    return found


def position(line: dict[str, Any], account: str = "trader") -> dict[str, Any]:
    """The observed position of an account."""
    found: dict[str, Any] = next(one for one in line["observation"]["positions"] if one["account"] == account)
    return found


def test_the_log_is_as_the_rules_say() -> None:
    audit = audited(lines())
    assert audit.holds
    assert audit.compared == audit.events == len(lines()) - 1


def test_it_has_what_real_logs_have() -> None:
    """A reversal, fees, funding, and a takeover before which no order was sent."""
    transitions = audited(lines()).coverage.transitions
    assert {"T0", "T1", "T5", "T12"} <= {name for name, count in transitions.items() if count}
    kinds = {line["event"]["type"] for line in lines()[1:]}
    assert {"adjust", "funding", "trade", "transfer", "vault_trade"} <= kinds
    assert not {"fill", "order_done"} & kinds


def test_its_lines_have_the_form_of_a_log() -> None:
    assert all(schemas.accepts("log", line) for line in lines())


def reversed_cost(line: dict[str, Any]) -> None:
    """As if the price of the reversal were averaged with that of the ended life."""
    position(line)["cost"] = "-37684"


def same_life(line: dict[str, Any]) -> None:
    """As if the reversed position were the old one."""
    position(line)["life"] = 1


def no_fee(line: dict[str, Any]) -> None:
    """As if the fee had not been charged."""
    pool(line)["collateral"] = "3000"
    pool(line)["equity"] = "3000"


def funding_to_the_payer(line: dict[str, Any]) -> None:
    """As if the short had paid."""
    for measure in ("collateral", "equity"):
        pool(line)[measure] = decimal_text(Fraction(pool(line)[measure]) - 2 * 15 * Fraction("0.4011"))


def rounded_up(line: dict[str, Any]) -> None:
    """As if the margin were a unit more."""
    pool(line)["maintenance_margin"] = "795.720001"


def taken_at_the_margin(line: dict[str, Any]) -> None:
    """As if the vault had taken what was breached."""
    position(line).update(state="backstopped", size="0", cost="0")
    pool(line).update(collateral="0", equity="0", maintenance_margin="0", in_liquidation=False)


def left_waiting(line: dict[str, Any]) -> None:
    """As if the pool had waited for an order."""
    earlier = lines()[place("Breached")]
    line["observation"]["positions"][-1] = deepcopy(position(earlier))


def returned(line: dict[str, Any]) -> None:
    """As if the trader had kept what was left."""
    pool(line).update(collateral="10", equity="10")


def isolated(line: dict[str, Any]) -> dict[str, Any]:
    """The observed isolated pool of the trader."""
    found: dict[str, Any] = next(one for one in line["observation"]["pools"] if one["mode"] == "isolated")
    return found


def isolated_too(line: dict[str, Any]) -> None:
    """As if the vault had taken the other pool of the account with it."""
    isolated(line).update(collateral="0")


def paid_in_twice(line: dict[str, Any]) -> None:
    """As if the isolated pool had got what the cross pool paid once more."""
    isolated(line).update(collateral="1000", equity="1000")


def still_there(line: dict[str, Any]) -> None:
    """As if the block had not closed what the vault took."""
    for one in line["observation"]["positions"]:
        one["state"] = one["state"].replace("closed", "backstopped")


def sold_at_the_mark(line: dict[str, Any]) -> None:
    """As if the vault had got the mark, 0.6 less, for each of 15."""
    vault = line["observation"]["vault"]
    vault["cash"] = decimal_text(Fraction(vault["cash"]) - 9)


def accepted(line: dict[str, Any]) -> None:
    """As if more than the free margin had left."""
    del line["refused"]
    line["accepted"] = True


@pytest.mark.parametrize(
    ("note", "change", "rule"),
    [
        ("The trader turns", reversed_cost, "ACC-8"),
        ("The trader turns", same_life, "LIF-2"),
        ("0.045 % of 25,000.", no_fee, "ACC-12"),
        ("Longs pay, so", funding_to_the_payer, "EVT-6"),
        ("Breached, and not", rounded_up, "MRG-13"),
        ("Breached, and not", taken_at_the_margin, "BKS-1"),
        ("Below it", left_waiting, "BKS-3"),
        ("Below it", returned, "BKS-4"),
        ("Below it", isolated_too, "ACC-2"),
        ("Bitcoin in a pool", paid_in_twice, "ACC-6"),
        ("The next block", still_there, "EVT-9"),
        ("The vault sells", sold_at_the_mark, "EVT-7"),
        ("More than is free", accepted, "ACC-5"),
    ],
)
def test_a_departure_is_found_at_its_line_with_its_rule(
    note: str, change: Callable[[dict[str, Any]], None], rule: str
) -> None:
    log = lines()
    change(log[place(note)])
    audit = audited(log)
    first = min(audit.first.values(), key=lambda found: found.line)
    assert first.line == place(note) + 1
    assert rule in first.reason.rules[:2], first.reason.rules
