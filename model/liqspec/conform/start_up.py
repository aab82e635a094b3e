"""Why an engine could not be started, in one line, with the likely remedy."""

from liqspec.conform.finding import Fault
from liqspec.edge.protocol import PROTOCOL
from liqspec.edge.texts import one_line

# An example of each field that a reply to hello must have, or that is often wrong.
EXAMPLES = {
    "ok": "true",
    "protocol": str(PROTOCOL),
    "observes": '["positions.state","pools.equity"]',
    "states": '"full"',
    "events": '["deposit","trade","mark_price"]',
    "families": '["restore"]',
    "validates": "true",
}


def explained(fault: Fault) -> str:
    """What went wrong with the first request, `hello`, and what to do about it."""
    logged = next((line.strip() for line in reversed(fault.stderr.splitlines()) if line.strip()), "")
    said = f"; its standard error ends with: {one_line(logged, 300)}" if logged else ""
    text = f"cannot be compared: {fault}"
    if fault.kind in ("printed garbage", "answered without being asked"):  # by when it came
        first = one_line((fault.stdout.splitlines() or [""])[0], 120)
        return f"{text} (it printed: {first}); only replies may go to standard output: write logs to standard error"
    if fault.kind == "hung":
        return f"{text}{said}; flush standard output after each line, or give it longer with --timeout"
    if fault.kind == "sent an invalid reply":
        name = fault.message.partition("hello.")[2].partition(":")[0] or fault.message.partition(":")[0]
        example = EXAMPLES.get(name)
        return f'{text}; for example: "{name}":{example}' if example else text
    if fault.kind in ("died", "closed its output"):
        return f"{text} before it answered `hello`{said}"
    return text + said
