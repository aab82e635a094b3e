"""The list of the mutants that survive because they change nothing: each with its reason, none out of date."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from adversaries.mutation.mutants import Mutant, Name
from adversaries.mutation.workshop import Verdict

LIST = Path(__file__).parent / "survivors.toml"


@frozen
class Survivor:
    """An entry of the list: which mutant, and why nothing can distinguish it from the original."""

    name: Name
    why: str


def load(path: Path = LIST) -> list[Survivor]:
    """The list.

    Raises:
        ValueError: an entry has no reason, or is repeated.
    """
    survivors: list[Survivor] = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", []):
        name = (entry["module"], entry["inside"], entry["was"], entry["becomes"], entry.get("which", 1))
        if not entry["why"].strip():
            raise ValueError(f"{name}: no reason is given")
        if any(other.name == name for other in survivors):
            raise ValueError(f"{name}: is repeated")
        survivors.append(Survivor(name, entry["why"]))
    return survivors


def out_of_date(survivors: Iterable[Survivor], mutants: Iterable[Mutant], verdicts: Iterable[Verdict]) -> list[str]:
    """Entries about a mutant that does not exist any more, or that was killed after all."""
    known = {mutant.name for mutant in mutants}
    killed = {verdict.mutant.name: verdict for verdict in verdicts if not verdict.survived}
    wrong = []
    for survivor in survivors:
        text = f"{survivor.name[0]} {survivor.name[1]}: {survivor.name[2]}  =>  {survivor.name[3]}"
        if survivor.name not in known:
            wrong.append(f"{text}: there is no such mutant any more")
        elif survivor.name in killed:
            verdict = killed[survivor.name]
            wrong.append(f"{text}: it is seen after all, by {verdict.detector}: {verdict.seen}")
    return wrong
