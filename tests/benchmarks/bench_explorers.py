"""States a second of the joined explorer, the plain one and Spin, on one scope with equal counts, in one run.

The scope is four, of which Spin has its own text (tests/peers/accounts.pml). The plain explorer goes to a smaller
depth, as it would take hours. Prints ratios first; ends with 1 if a count differs from Spin's. Each is
measured in wall time: Spin says its own, without compiling, and the explorers judge every step by every property.
"""

import sys
import tempfile
from pathlib import Path

import attrs

from liqspec.search.explore import explore
from liqspec.spec import scopes
from support import spin

SCOPE, DEPTH, PLAIN_DEPTH = "four", 12, 4


def main() -> int:
    """Measure, compare the counts, and print."""
    if spin.MISSING:
        print(f"SPIN IS NOT COMPARED: {spin.MISSING} missing; apt-get install spin gcc")
        return 0
    scope, found, equal = scopes.load(SCOPE), {}, True
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        peers = {"Spin": spin.peer(Path(one), *spin.SCOPES[SCOPE], optimised=True)}
        peers["Spin, parallel"] = spin.peer(Path(two), *spin.SCOPES[SCOPE], search=spin.PARALLEL, optimised=True)
        for name, depth, joined in (("joined", DEPTH, True), ("plain", PLAIN_DEPTH, False)):
            ours = explore(attrs.evolve(scope, max_depth=depth), joined=joined, whole_steps=1)
            found[name] = ours.states, ours.seconds
            for other, peer in peers.items():
                theirs = peer.count(depth)
                equal &= (theirs.states, theirs.steps) == (ours.states, ours.steps)
                found.setdefault(other, (theirs.states, theirs.seconds))
    rates = {name: states / seconds for name, (states, seconds) in found.items()}
    for name in ("Spin", "Spin, parallel", "plain"):
        print(f"{name:<15} to the joined explorer {rates[name] / rates['joined']:10.4f} x")
    for name, (states, seconds) in found.items():
        print(f"{name:<15} {rates[name]:10,.0f} states a second ({states:,} in {seconds:.2f} s)")
    print(f"counts of states and steps {'equal' if equal else 'DIFFER'}; {spin.version()}, {spin.compiler()}")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
