"""The corpus as files: written by one command, and checked for being what that command would write."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

from liqspec.core.changes import reachable_transitions
from liqspec.core.refusals import MEANINGS
from liqspec.edge import files, writing
from liqspec.edge.files import rules_version
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import one_line, show
from liqspec.search import parallel
from liqspec.spec import rulebook
from liqspec.spec.vectors import FORMAT, Case, read, read_conversation, to_text
from liqspec.step.compare import check_whole
from liqspec.vectors import conversations, suites
from liqspec.vectors.play import path_of
from liqspec.vectors.search import reached
from liqspec.vectors.suites import SUITES
from liqspec.vectors.talk import check_requests

FOLDER = files.ROOT / "vectors"
INDEX = "index.json"


def cases(done: Callable[[list[Case]], None] = lambda _: None) -> list[Case]:
    """All cases, searched again; deterministic, on any number of processes.

    Those of known mistakes are kept: they were found in engines that make them, which are not part of this package.
    `done` gets the cases of each task as soon as they are there.
    """
    processes = parallel.available()
    searched = parallel.run_parallel(suites.searched, suites.all_tasks(), processes=processes, done=done)
    return in_order([*suites.worked(), *mistakes(), *chain.from_iterable(searched)])


def mistakes() -> list[Case]:
    """The shipped cases of known mistakes."""
    return [case_in(path) for path in sorted(FOLDER.glob(f"*/{suites.MISTAKES}/*.json"))]


def case_in(path: Path) -> Case:
    """The case of a vector's file.

    Raises:
        UnreadableFile: it cannot be read, or is not valid.
    """
    return Case.of_vector(read(path))


def in_order(found: list[Case]) -> list[Case]:
    """Cases by suite, in the order of the suites, then by path; for each path the first."""
    by_path: dict[str, Case] = {}
    for one in found:
        by_path.setdefault(one.path, one)
    places = list(SUITES)
    return sorted(by_path.values(), key=lambda one: (places.index(one.suite), one.path))


def texts_by_path(found: list[Case]) -> dict[str, str]:
    """The corpus of some cases: the text of each file by its path."""
    vectors = {one.path: one.vector() for one in found}
    spoken = {one.path: one.vector() for one in conversations.conversations()}
    texts = {path: to_text(vector) for path, vector in (vectors | spoken).items()}
    texts[INDEX] = to_text(index(list(vectors.values()), list(spoken.values())), "cases")
    return texts


def index(vectors: list[dict[str, Any]], spoken: list[dict[str, Any]]) -> dict[str, Any]:
    """What is in the corpus: each case in its order, and how often each rule, transition and refusal is shown.

    `conversations` lists the cases of the suite about the protocol, `rules` counts the steps in which a rule acts, and
    `mistakes` the cases of engines that break it.
    """
    rules = Counter(rule for vector in vectors for step in vector["steps"] for rule in step["rules"])
    refusals = Counter(
        step["expect"]["refused"] for vector in vectors for step in vector["steps"] if "refused" in step["expect"]
    )
    transitions: Counter[str] = Counter()
    for vector in vectors:
        for goals in reached(
            vector["config"], (step["event"] for step in vector["steps"]), suites.GOALS["transitions"]
        ):
            transitions.update({goal.partition("-")[0].upper() for goal in goals})
    cited = {rule for vector in vectors for rule in vector["rules"]}
    broken = Counter(rule for vector in vectors if vector["suite"] == suites.MISTAKES for rule in vector["rules"])
    return {
        "format": FORMAT,
        "rules_version": rules_version(),
        "suites": SUITES,
        "cases": [_entry(vector) for vector in vectors],
        "steps": sum(len(vector["steps"]) for vector in vectors),
        "rules": {rule: rules[rule] for rule in rulebook.rules() if rules[rule]},
        "mistakes": {rule: broken[rule] for rule in rulebook.rules() if broken[rule]},
        "rules_of_no_case": [rule for rule in rulebook.rules() if not rules[rule] and rule not in cited],
        "transitions": {name: transitions[name] for name in reachable_transitions()},
        "refusals": {code: refusals[code] for code in MEANINGS},
        "conversations": [_entry(vector) for vector in spoken],
    }


def _entry(vector: dict[str, Any]) -> dict[str, Any]:
    named = {name: vector[name] for name in ("title", "rules")}
    return {"path": f"{path_of(vector)}.json", **named, "steps": len(vector["steps"])}


def write(folder: Path, texts: dict[str, str]) -> None:
    """Write a corpus, and remove the cases of an earlier one that are not in it any more.

    Raises:
        OSError: the folder cannot be written.
    """
    for path in present(folder) - texts.keys():
        (folder / path).unlink()
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        writing.write(folder / path, text)


def present(folder: Path) -> set[str]:
    """The paths of the cases in a folder: two folders deep, and of known suites; nothing else is a case."""
    found = {path.relative_to(folder) for path in folder.glob("*/*/*.json")}
    return {path.as_posix() for path in found if path.parts[1] in (*SUITES, conversations.SUITE)}


def load(folder: Path) -> list[dict[str, Any]]:
    """The vectors of a corpus, in the order of its index.

    Raises:
        UnreadableFile: the index or a case cannot be read, or is not valid.
    """
    found = [(path, read(path)) for path in _listed(folder, "cases")]
    for path, vector in found:
        if vector["suite"] not in SUITES:
            raise files.UnreadableFile(path, f"suite: there is no suite {show(vector['suite'])}")
        _check_observations(path, vector)
    return [vector for _, vector in found]


def load_conversations(folder: Path) -> list[dict[str, Any]]:
    """The conversations of a corpus, in the order of its index.

    Raises:
        UnreadableFile: the index or a conversation cannot be read, or is not valid.
    """
    found = [(path, read_conversation(path)) for path in _listed(folder, "conversations")]
    for path, vector in found:
        _check_observations(path, vector)
        try:
            check_requests(vector)
        except ValueError as error:
            raise files.UnreadableFile(path, one_line(str(error))) from None
    return [vector for _, vector in found]


def _check_observations(path: Path, vector: dict[str, Any]) -> None:
    for number, step in enumerate(vector["steps"], start=1):
        try:
            if "observation" in step:
                check_whole(step["observation"])
        except WrongShape as error:
            raise files.UnreadableFile(path, f"step {number}: {error}") from None


def _listed(folder: Path, name: str) -> list[Path]:
    listed = files.read_json(folder / INDEX)
    entries = listed.get(name, None if name == "cases" else []) if isinstance(listed, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "path" in entry for entry in entries):
        raise files.UnreadableFile(folder / INDEX, "is not an index of vectors; write it with `vectors generate`")
    return [_inside(folder, str(entry["path"])) for entry in entries]


def _inside(folder: Path, path: str) -> Path:
    """A file of a corpus; an UnreadableFile is raised if it is elsewhere, also by a symbolic link."""
    found = folder / path
    try:
        inside = found.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError) as error:  # such as links in a circle, and a null in the name
        raise files.UnreadableFile(folder / INDEX, f"{show(path)}: {one_line(str(error), 200)}") from None
    if not inside:
        raise files.UnreadableFile(folder / INDEX, f"{show(path)}: is not in the folder of the corpus")
    return found


def stale(folder: Path) -> Iterator[str]:
    """What in a corpus is not as the specification makes it now; nothing is searched, so this is fast.

    Conversations and cases that need no search are made again; those that were found are run again, and must still show
    what they are about.

    Raises:
        UnreadableFile: the index or a case cannot be read.
    """
    vectors = load(folder)
    found = [Case.of_vector(vector) for vector in vectors]
    fresh = {one.path: one for one in suites.worked()}
    kept = [one for one in found if one.provenance.startswith("found by")]
    yield from _alike([vector for vector in vectors if vector["suite"] == "parameters"])
    for one in kept:
        if one.suite in ("parameters", suites.MISTAKES):
            continue  # whether such a case still shows something depends on two configurations, or engines
        *_, last = reached(one.config, one.events, suites.GOALS[one.suite])
        if suites.goal_of(one) not in last:
            yield f"{one.path}: does not show any more what it is about"
    missing = set(suites.expected()) - {one.path for one in kept}
    yield from (f"{path}: is missing" for path in sorted(missing))
    wanted = texts_by_path(in_order([*fresh.values(), *kept]))
    for path in sorted(present(folder) - wanted.keys()):
        yield f"{path}: is not a case any more"
    for path, text in wanted.items():
        file = _inside(folder, path)
        if not file.is_file():
            yield f"{path}: is missing"
        elif (kept_text := files.read_text(file)) != text:
            yield f"{path}: is not what the model does now, first in {_place(kept_text, text)}"


def _place(kept: str, made: str) -> str:
    """Where two texts that differ first do so, and how each continues there."""
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(kept, made, strict=False)))
    line = kept.count("\n", 0, common) + 1
    around = max(common - 10, 0)
    return f"line {line}: {show(kept[around : common + 40])} where {show(made[around : common + 40])} is made"


def _alike(vectors: list[dict[str, Any]]) -> Iterator[str]:
    """The cases of two values of a parameter that make no difference any more, as the model runs them now."""
    last: dict[str, dict[str, Any]] = {}
    for vector in vectors:
        pair = str(vector["case"]).rpartition(".")[0]
        step = Case.of_vector(vector).vector()["steps"][-1]
        shown = {"expect": step["expect"], "observation": step["observation"]}
        if last.setdefault(pair, shown) == shown and last[pair] is not shown:
            yield f"{Case.of_vector(vector).path}: does not show any more what it is about"
