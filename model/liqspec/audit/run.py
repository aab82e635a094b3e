"""An audit from the first line of a log to its last, or to the first malformed one, and what is printed of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import asdict
from rich.console import Console

from liqspec.audit import divided
from liqspec.audit.follow import Audit, Divergence, Follower
from liqspec.audit.log import Head, InvalidLog
from liqspec.audit.sources import Format, Line, format_of, name_of, opened
from liqspec.audit.workers import begun
from liqspec.core.parameters import InvalidConfig
from liqspec.edge import shapes
from liqspec.edge.texts import counted, one_line, placed, show
from liqspec.report.amounts import people
from liqspec.report.sentences import event_text
from liqspec.report.visible_console import foreign
from liqspec.spec import rulebook
from liqspec.step.question import reason_json
from liqspec.step.relation import Mode

Progress = Callable[[int, int, int], None]  # how much is read, of how much, and how many events were followed
EVERY = 500  # lines between two reports of progress
SHOWN = 20  # divergences that are printed


def audit(
    path: Path,
    *,
    head: Any = None,
    kind: Format | None = None,
    mode: Mode = "full",
    tolerance: dict[str, str] | None = None,
    progress: Progress = lambda _read, _size, _events: None,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Audit:
    """Follow a log; what is found before a malformed line is kept, and the line is reported as the audit's error.

    `head` is the plain data of the first line, where the log does not begin with it: a table cannot. The accounts are
    divided among `workers` processes, or the workers of a Dask scheduler at an address; what is found is the same.

    Raises:
        InvalidLog: the file cannot be read, or what it says of its run is malformed.
        LostWorkers, MissingExtra: workers ended or did not begin.
        shapes.WrongShape: the head that is given, or a tolerance, is malformed.
    """
    kind, named = kind or format_of(path), name_of(path)
    if head is None and kind != "jsonl":
        raise InvalidLog(f"{named}: a table has no first line about its run; give it with --head FILE")
    with opened(path, kind) as (size, lines):
        if head is not None:
            follower = Follower(Head.from_json(head, tolerance or {}), mode)
        else:
            follower = _begun(named, lines, mode, tolerance or {})
        if scheduler is None and min(workers or 1, len(follower.model.state.accounts)) == 1:
            for line in follower.follow(named, lines):
                if line.number % EVERY == 0:
                    progress(line.read, size, follower.audit.events)
        else:
            with begun(workers or 1, scheduler) as team:
                for line in divided.follow(follower, named, lines, team):
                    progress(line.read, size, follower.audit.events)
    return follower.audit


def _begun(path: Path, lines: Iterator[Line], mode: Mode, tolerance: dict[str, str]) -> Follower:
    first = next(lines, None)
    if first is None:
        raise InvalidLog(f"{path}: is empty")
    try:
        return Follower(Head.from_json(first.data, tolerance), mode)
    except (shapes.WrongShape, InvalidConfig) as error:
        if error.path.startswith("tolerance"):
            raise
        raise InvalidLog(f"{path}:{first.number}: {placed(error.path, error.message)}") from None


def print_audit(audit: Audit, console: Console) -> None:
    """Print the first divergence of each account, then the rules, then what was read."""
    for line in _lines(audit):
        console.print(line, soft_wrap=True)


def _lines(audit: Audit) -> Iterator[str]:
    for divergence in list(audit.first.values())[:SHOWN]:
        yield from _divergence(divergence)
    left = len(audit.first) - SHOWN + len(audit.unlisted)
    if left > 0:
        yield f"… and {counted(left, 'account')} more; --json has {len(audit.first)} of them\n"
    if audit.assumed:
        yield f"Not known at the beginning, and assumed: {foreign('; '.join(audit.assumed[:10]))}\n"
    if audit.broken:
        yield "[bold]Rules departed from[/bold]"
        for rule, times in sorted(audit.broken.items(), key=lambda entry: (-entry[1], entry[0])):
            yield f"{times:>9,}  [cyan]{rule}[/cyan] {foreign(rulebook.rules()[rule].title)}"
        yield ""
    yield f"Rules that acted: {_counts(audit.coverage.rules)}"
    yield f"Transitions: {_counts(audit.coverage.transitions)}"
    yield f"Refusals: {_counts(audit.coverage.codes)}\n"
    name = f" of {foreign(one_line(audit.engine))}" if audit.engine else ""
    yield f"{counted(audit.events, 'event')}{name}, after {audit.compared:,} of which something was observed"
    if audit.diverged:
        yield (
            f"[bold red]{counted(audit.diverged, 'departure')} from the rules[/bold red]; after {audit.adopted:,} of "
            f"them the model continued from what was observed, after {audit.kept:,} from its own state"
        )
    elif not audit.compared:
        yield "[bold red]nothing was compared[/bold red]: no line gives the outcome of its event"
    else:
        partly = ", as far as they were read" if audit.error else ""
        yield f"[bold green]all are as the rules say[/bold green]{partly}"


def _divergence(divergence: Divergence) -> Iterator[str]:
    event = divergence.event
    text = event_text(event) if isinstance(event, dict) else show(event)
    yield f"[bold]line {divergence.line:,}[/bold]  {foreign(divergence.account)}  [bold]{foreign(text)}[/bold]"
    yield from (f"    {foreign(people(line))}" for line in divergence.reason.lines())
    yield f"    [dim]{foreign(divergence.went_on)}[/dim]\n"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {times:,}" for name, times in sorted(counts.items())) or "none"


def to_json(audit: Audit) -> dict[str, Any]:
    """What was found as plain data."""
    data: dict[str, Any] = {
        "holds": audit.holds,
        "engine": audit.engine,
        "events": audit.events,
        "compared": audit.compared,
        "diverged": audit.diverged,
        "went_on_from_observed": audit.adopted,
        "went_on_from_own": audit.kept,
        "rules_departed_from": dict(sorted(audit.broken.items())),
        "rules": dict(sorted(audit.coverage.rules.items())),
        "transitions": dict(sorted(audit.coverage.transitions.items())),
        "refusals": dict(sorted(audit.coverage.codes.items())),
        "assumed": audit.assumed,
        "first_by_account": [
            {**asdict(one, recurse=False), "reason": reason_json(one.reason)} for one in audit.first.values()
        ],
    }
    if audit.error:
        data["error"] = audit.error
    return data
