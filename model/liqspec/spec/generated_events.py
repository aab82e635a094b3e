"""What `spec/` states of the events, written from their records: `make events` writes it, a test compares it.

These are the tables for readers who do not read Python; none of them is read by the model.
"""

import json
import re
from typing import Any, get_args

import attrs

from liqspec.core.admission import Listed
from liqspec.core.config import Mode
from liqspec.core.events import EVENTS, Event, Trade
from liqspec.core.refusals import CODES
from liqspec.edge import files
from liqspec.edge.shapes import is_integer
from liqspec.spec.checks import checks

_HEAD = """\
# The checks of every event in their order (EVT-2): the first that fails is the answer.
# `make events` writes this file, and the table in spec/protocol.md, from the checks that the model runs.
#
# also   the rules that measure what the check looks at
# of     the trades that a check applies to, if not to all: opening or increasing ones, or reducing ones
# when   what is wrong if the check fails; if left out, the meaning in `codes` applies

format = 1
"""
_TABLE = re.compile(r"\| event \| checks.*?\n(?=\n|\Z)", re.DOTALL)
_EVENTS = re.compile(r"\| event \| fields \| rule.*?\n(?=\n|\Z)", re.DOTALL)
_COMMON = "common.schema.json#/$defs/"


def texts() -> dict[str, str]:
    """The files that are written, by their path in `spec/`."""
    protocol = files.read_text(files.ROOT / "protocol.md")
    page = files.read_text(files.ROOT / "rules/08-events.md")
    return {
        "refusals.toml": refusals_toml(),
        "protocol.md": _TABLE.sub(lambda _: table(), protocol),
        "rules/08-events.md": _EVENTS.sub(lambda _: fields_table(), page),
        "schemas/event.schema.json": _json(event_schema()),
        "schemas/common.schema.json": _json(_common_schema()),
    }


def refusals_toml() -> str:
    """The checks as TOML."""
    codes = [f"{code} = {json.dumps(meaning)}" for code, meaning in checks().codes.items()]
    events = ["\n".join(_row(kind, check) for check in listed) for kind, listed in checks().events.items()]
    return "\n".join([_HEAD, "[codes]", *codes]) + "\n\n" + "\n\n".join(events) + "\n"


def _row(kind: str, check: Listed) -> str:
    lines = [f"[[events.{kind}]]", f'code = "{check.code}"', f'rule = "{check.rule}"']
    lines += [f"also = {json.dumps(check.also)}"] if check.also else []
    lines += [f'of = "{check.of}"'] if check.of else []
    lines += [f"when = {json.dumps(check.when)}"] if check.when else []
    return "\n".join(lines)


def table() -> str:
    """The checks as the Markdown table of the protocol's page."""
    rows = ["| event | checks, the first that fails is the answer |", "|---|---|"]
    for kind, listed in checks().events.items():
        shown = [f"`{check.code}` ({check.rule}{f', {check.of}' if check.of else ''})" for check in listed]
        rows.append(f"| `{kind}` | {' · '.join(shown)} |")
    return "\n".join(rows) + "\n"


def fields_table() -> str:
    """The events with their fields as the Markdown table of EVT-1."""
    rows = ["| event | fields | rule |", "|---|---|---|"]
    for kind, event in EVENTS.items():
        shown = [_field_text(field, event) for field in attrs.fields(event)]
        rows.append(f"| `{kind}` | {', '.join(shown)} | {event.rule} |")
    return "\n".join(rows) + "\n"


def _field_text(field: "attrs.Attribute[Any]", event: type[Event]) -> str:
    if field.name == "prices":
        return "prices: an object from market to price > 0, with at least one"
    sign = {"positive": " > 0", "nonzero": " ≠ 0"}.get(field.metadata.get("sign", ""), "")
    modes = ' (`"cross"` or `"isolated"`)' if field.name == "mode" and event is Trade else ""
    optional = " (optional, an integer)" if field.default is None else ""
    if "mode" in field.metadata:
        optional = f" (in mode `{field.metadata['mode']}`)"
    return f"{field.name}{sign}{modes}{optional}"


def event_schema() -> dict[str, Any]:
    """The JSON Schema of an event (EVT-1)."""
    head = files.read_json(files.ROOT / "schemas/event.schema.json")
    return {
        **{key: head[key] for key in ("$schema", "$id", "title", "description")},
        "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in EVENTS],
        "$defs": {kind: _schema_of(event) for kind, event in EVENTS.items()},
    }


def _schema_of(event: type[Event]) -> dict[str, Any]:
    fields = attrs.fields(event)
    return {
        "type": "object",
        "properties": {"type": {"const": event.type}, **{field.name: _schema_of_field(field) for field in fields}},
        "required": ["type", *(field.name for field in fields if field.default is attrs.NOTHING)],
        "additionalProperties": False,
        **_in_mode(event),
    }


def _in_mode(event: type[Event]) -> dict[str, Any]:
    """A field that an event has in one mode only (its metadata name the mode)."""
    limited = [(field.name, field.metadata["mode"]) for field in attrs.fields(event) if "mode" in field.metadata]
    if not limited:
        return {}
    ((name, mode),) = limited
    return {
        "if": {"properties": {"mode": {"const": mode}}},
        "then": {"required": [name]},
        "else": {"properties": {name: False}},
    }


def _schema_of_field(field: "attrs.Attribute[Any]") -> dict[str, Any]:
    amount = {"$ref": f"{_COMMON}amount"}
    if field.name == "prices":
        return {"type": "object", "additionalProperties": amount, "minProperties": 1}
    if "grid" in field.metadata:
        return amount
    if field.validator is is_integer:
        return {"$ref": f"{_COMMON}integer"}
    return {"$ref": f"{_COMMON}mode"} if get_args(field.type) == get_args(Mode) else {"type": "string"}


def _common_schema() -> dict[str, Any]:
    schema: dict[str, Any] = files.read_json(files.ROOT / "schemas/common.schema.json")
    schema["$defs"]["event_type"]["enum"] = list(EVENTS)
    schema["$defs"]["code"]["enum"] = list(CODES)
    return schema


def _json(data: Any) -> str:
    return json.dumps(data, indent=2) + "\n"


def write() -> None:
    """Write the files into `spec/`."""
    for name, text in texts().items():
        (files.ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
