"""Proves the lemmas about the arithmetic with Z3, and refutes their controls with numbers that a reader can check."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from attrs import field, frozen

from liqspec.proofs import symbolic
from liqspec.proofs.lemmas import Case, Lemma

# Numbers are looked for near 0 first: there they are found sooner, and are read more easily.
BOUNDS = (3, 20, 1000)

DOMAINS: tuple[symbolic.Domain, ...] = ("reals", "integers")


@frozen
class Claim:
    """One variant of a lemma, or its control, as a function of its numbers."""

    statement: Callable[[Case], bool]
    without: str | None = None

    def of_symbols(self, bound: int | None = None) -> bool:
        """The conclusion for any numbers, or for all within the bound of 0."""
        return self.statement(Case(without=self.without, bound=bound))

    def of_numbers(self, numbers: dict[str, int]) -> bool | None:
        """Whether the conclusion holds of these numbers, run without any symbol; None where what is given does not."""
        try:
            return bool(self.statement(Case(values=numbers, without=self.without)))
        except symbolic.Excluded:
            return None


@frozen
class Proof:
    """What became of a lemma or a control; if it is refuted, by which numbers; if it did not run, why."""

    status: Literal["proved", "refuted", "unknown"]
    counterexample: dict[str, int] = field(factory=dict)
    reason: str = ""


def claims(lemma: Lemma) -> list[Claim]:
    """The variants of a lemma."""
    return [Claim(partial(lemma.statement, **arguments)) for arguments in lemma.variants]


def control(lemma: Lemma) -> Claim:
    """The negative control of a lemma: its first variant, changed as the control says."""
    arguments = {**lemma.variants[0], **lemma.control.arguments}
    return Claim(partial(lemma.statement, **arguments), lemma.control.without)


def prove(lemma: Lemma) -> Proof:
    """Prove all variants of a lemma, or refute one."""
    return _judged(claims(lemma), _first_proved)


def refute_control(lemma: Lemma) -> Proof:
    """Refute the control of a lemma."""
    return _judged([control(lemma)], _first_refuted)


def _first_proved(claim: Claim) -> Proof:
    # Over the reals most is decided at once. What is proved there holds for the integers too; what is refuted there may
    # not be refuted of them.
    return Proof("proved") if _proved(claim) else _refuted(claim)


def _first_refuted(claim: Claim) -> Proof:
    proof = _refuted(claim)
    return Proof("proved") if proof.status == "unknown" and _proved(claim) else proof


def _refuted(claim: Claim) -> Proof:
    numbers = find_numbers(claim, holds=False)
    return Proof("unknown") if numbers is None else Proof("refuted", numbers)


def _judged(judged: list[Claim], judge: Callable[[Claim], Proof]) -> Proof:
    try:
        for claim in judged:
            proof = judge(claim)
            if proof.status != "proved":
                return proof
    except Exception as error:  # arithmetic that cannot be run on symbols, or not on these numbers, is not proved
        return Proof("unknown", reason=f"{type(error).__name__}: {error}")
    return Proof("proved")


def _proved(claim: Claim) -> bool:
    return any(_proved_over(domain, claim) for domain in DOMAINS)


def _proved_over(domain: symbolic.Domain, claim: Claim) -> bool:
    ways = symbolic.paths(claim.of_symbols, domain)
    return all(way.check(way.fails) == "unsat" for way in ways)


def find_numbers(claim: Claim, *, holds: bool) -> dict[str, int] | None:
    """Numbers for which all that is given holds, and the conclusion does or does not; None if none were found.

    A claim for which none are found that hold is proved of nothing.
    """
    for bound in BOUNDS:
        for way in symbolic.paths(partial(claim.of_symbols, bound)):
            numbers = way.solution(way.holds if holds else way.fails)
            if numbers is not None:
                # The last word has the function itself, run on plain numbers.
                assert claim.of_numbers(numbers) is holds, f"the symbols and the numbers disagree: {numbers}"
                return numbers
    return None
