"""What `spec/` states of the events, the parameters and the state, written from their declarations in the model.

`make events`, `make parameters` and `make state` write it; a test compares it. The model reads none of it.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, get_args

import attrs

from liqspec.core import parameters, snapshot
from liqspec.core.admission import Listed
from liqspec.core.config import Mode
from liqspec.core.events import CHECKS, EVENTS, Event, Trade
from liqspec.core.parameters import FAMILIES, MARKET_PARAMETERS, PARAMETERS, Parameter
from liqspec.core.refusals import CODES, MEANINGS
from liqspec.core.snapshot import (
    AccountValue,
    AverageValue,
    BookValue,
    FeedValue,
    Field,
    InputValue,
    PerpsValue,
    PerpValue,
    PoolValue,
    PositionValue,
    SettledValue,
    Snapshot,
    WindowValue,
)
from liqspec.edge import files, writing
from liqspec.edge.shapes import is_integer

_COMMON = "common.schema.json#/$defs/"


def texts() -> dict[str, str]:
    """The files that are written, by their path in `spec/`."""
    protocol = files.read_text(files.ROOT / "protocol.md")
    page = files.read_text(files.ROOT / "rules/08-events.md")
    return {
        "refusals.toml": refusals_toml(),
        "protocol.md": _CHECKS_TABLE.sub(
            lambda _: checks_table(), _EXAMPLES_TABLE.sub(lambda _: examples_table(), protocol)
        ),
        "rules/08-events.md": _FIELDS_TABLE.sub(lambda _: fields_table(), page),
        "parameters.md": parameters_page(),
        "schemas/event.schema.json": _schema("event", _events),
        "schemas/common.schema.json": _schema("common", _common_words),
        "schemas/config.schema.json": _schema("config", _parameters),
        "schemas/snapshot.schema.json": _schema("snapshot", _states),
    }


def _schema(name: str, declare: Callable[[dict[str, Any]], None]) -> str:
    """A schema in which `declare` has written what the model declares; the rest stays as it is in the file."""
    data = files.read_json(files.ROOT / f"schemas/{name}.schema.json")
    declare(data)
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


# ----------------------------------------------------------------------------------------------------------- the events

_CHECKS_HEAD = """\
# The checks of every event in their order (EVT-2): the first that fails is the answer.
# `make events` writes this file, and the table in spec/protocol.md, from the checks that the model runs.
#
# also   the rules that measure what the check looks at
# of     the trades that a check applies to, if not to all: opening or increasing ones, or reducing ones
# when   what is wrong if the check fails; if left out, the meaning in `codes` applies

format = 1
"""
_CHECKS_TABLE = re.compile(r"\| event \| checks.*?\n(?=\n|\Z)", re.DOTALL)
_EXAMPLES_TABLE = re.compile(r"\| event \| fields \| example.*?\n(?=\n|\Z)", re.DOTALL)
_FIELDS_TABLE = re.compile(r"\| event \| fields \| rule.*?\n(?=\n|\Z)", re.DOTALL)


def refusals_toml() -> str:
    """The checks as TOML."""
    codes = [f"{code} = {json.dumps(meaning)}" for code, meaning in MEANINGS.items()]
    events = ["\n".join(_row(kind, check) for check in listed) for kind, listed in CHECKS.items()]
    return "\n".join([_CHECKS_HEAD, "[codes]", *codes]) + "\n\n" + "\n\n".join(events) + "\n"


def _row(kind: str, check: Listed) -> str:
    lines = [f"[[events.{kind}]]", f'code = "{check.code}"', f'rule = "{check.rule}"']
    lines += [f"also = {json.dumps(check.also)}"] if check.also else []
    lines += [f'of = "{check.of}"'] if check.of else []
    lines += [f"when = {json.dumps(check.when)}"] if check.meaning != check.refusal.meaning else []
    return "\n".join(lines)


def checks_table() -> str:
    """The checks as the Markdown table of the protocol's page."""
    rows = ["| event | checks, the first that fails is the answer |", "|---|---|"]
    for kind, listed in CHECKS.items():
        shown = [f"`{check.code}` ({check.rule}{f', {check.of}' if check.of else ''})" for check in listed]
        rows.append(f"| `{kind}` | {' · '.join(shown)} |")
    return "\n".join(rows) + "\n"


def examples_table() -> str:
    """The events with the kinds of their fields, and an example, as the Markdown table of the protocol's page."""
    rows = ["| event | fields | example |", "|---|---|---|"]
    for kind, event in EVENTS.items():
        shown = [f"`{field.name}`: {_kind_text(field)}" for field in attrs.fields(event)]
        example = json.dumps({"type": kind, **event.example}, separators=(",", ":"))
        rows.append(f"| `{kind}` | {' · '.join(shown)} | `{example}` |")
    return "\n".join(rows) + "\n"


def _kind_text(field: "attrs.Attribute[Any]") -> str:
    if field.name == "prices":
        return "an object from market to price > 0, at least one"
    if field.name == "perps":
        return "a list of objects with `price` > 0 and `weight`, an integer ≥ 1; optional"
    kind = field.metadata.get("grid") or ("integer" if field.validator is is_integer else "name")
    if get_args(field.type) == get_args(Mode):
        kind = "mode"
    optional = "; optional" if field.default is None and "mode" not in field.metadata else ""
    return f"{kind}{_sign_text(field)}{_mode_text(field)}{optional}"


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
    if field.name == "perps":
        return "perps (optional): a list of price > 0 and weight ≥ 1, with at least one entry"
    modes = ' (`"cross"` or `"isolated"`)' if field.name == "mode" and event is Trade else ""
    whole = ", an integer" if field.validator is is_integer else ""
    optional = f" (optional{whole})" if field.default is None else ""
    return f"{field.name}{_sign_text(field)}{modes}{_mode_text(field) or optional}"


def _sign_text(field: "attrs.Attribute[Any]") -> str:
    return {"positive": " > 0", "nonzero": " ≠ 0"}.get(field.metadata.get("sign", ""), "")


def _mode_text(field: "attrs.Attribute[Any]") -> str:
    return f" (in mode `{field.metadata['mode']}`)" if "mode" in field.metadata else ""


def _events(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"$ref": f"#/$defs/{kind}"} for kind in EVENTS]
    schema["$defs"] = {kind: _of_event(event) for kind, event in EVENTS.items()}


def _of_event(event: type[Event]) -> dict[str, Any]:
    fields = attrs.fields(event)
    return {
        "type": "object",
        "properties": {"type": {"const": event.type}, **{field.name: _of_event_field(field) for field in fields}},
        "required": ["type", *(field.name for field in fields if field.default is attrs.NOTHING)],
        "additionalProperties": False,
        **_in_mode(event),
    }


def _in_mode(event: type[Event]) -> dict[str, Any]:
    """A field that an event has in one mode only (its metadata name the mode)."""
    for field in attrs.fields(event):
        if "mode" in field.metadata:
            return {
                "if": {"properties": {"mode": {"const": field.metadata["mode"]}}},
                "then": {"required": [field.name]},
                "else": {"properties": {field.name: False}},
            }
    return {}


def _of_event_field(field: "attrs.Attribute[Any]") -> dict[str, Any]:
    amount = _common("amount")
    if field.name == "prices":
        return {"type": "object", "additionalProperties": amount, "minProperties": 1}
    if field.name == "perps":
        perp = {"price": amount, "weight": {"allOf": [_common("integer")], "minimum": 1}}
        entry = {"type": "object", "properties": perp, "required": list(perp), "additionalProperties": False}
        return {"type": "array", "items": entry, "minItems": 1}
    if "grid" in field.metadata:
        return amount
    if field.validator is is_integer:
        return _common("integer")
    return _common("mode") if get_args(field.type) == get_args(Mode) else {"type": "string"}


def _common_words(schema: dict[str, Any]) -> None:
    schema["$defs"]["event_type"]["enum"] = list(EVENTS)
    schema["$defs"]["family"]["enum"] = sorted(FAMILIES)
    schema["$defs"]["code"]["enum"] = list(CODES)


# -------------------------------------------------------------------------------------------- the parameters of a venue

_PARAMETERS_HEAD = """# The parameters of a venue

What venues differ in, besides the grids and tiers of their markets: the fields of the tables `liquidation`, `backstop`,
`margin`, `account`, `trading` and `mark` of a configuration, and those that a market may have, `markets.*` (CFG-1); and
what each may be (CFG-2). This page is written from the declarations that the model reads (`make parameters`), and a
test keeps it so.

A parameter of a *family* is off by default, and only sent to an engine whose `hello` lists the family
([protocol](protocol.md)). The family `mark` is on in a run whose configuration has the table `mark`, even an empty one
(MRK-1).

| parameter | is | default | rule | family | meaning |
|---|---|---|---|---|---|
"""


def parameters_page() -> str:
    """The table of all parameters in Markdown."""
    return _PARAMETERS_HEAD + "".join(
        f"| {' | '.join(_cells(entry))} |\n" for entry in (*PARAMETERS, *MARKET_PARAMETERS)
    )


def _cells(entry: Parameter) -> tuple[str, ...]:
    default = "required" if entry.required else "absent" if entry.default is None else f"`{json.dumps(entry.default)}`"
    family = entry.family and f"`{entry.family}`"
    return (f"`{entry.path}`", entry.kind.values, default, entry.rule, family, entry.meaning)


def _parameters(schema: dict[str, Any]) -> None:
    for table in parameters.TABLES:
        schema["$defs"][table] = _of_table(table)
    schema["$defs"]["market"]["properties"].update(_described(MARKET_PARAMETERS))


def _described(entries: Iterable[Parameter]) -> dict[str, Any]:
    return {entry.name: {"description": f"{entry.meaning} ({entry.rule})", **entry.kind.schema} for entry in entries}


def _of_table(table: str) -> dict[str, Any]:
    entries = list(parameters.of_table(table))
    required = {"required": [entry.name for entry in entries if entry.required]}
    return {
        "type": "object",
        "properties": _described(entries),
        **(required if required["required"] else {}),
        "additionalProperties": False,
    }


# ------------------------------------------------------------------------------------------------------------ the state

_RECORDS = (
    *(WindowValue, BookValue, PositionValue, PoolValue, AccountValue),
    *(InputValue, PerpValue, PerpsValue, AverageValue, FeedValue, SettledValue),
)
# What a state that is known in part has of a record in another form: its key, and a position's window (STP-2).
_ELSEWHERE = ("market", "window", "positions")


def _states(data: dict[str, Any]) -> None:
    """The JSON Schema of a snapshot, and of a state of which only a part is known."""
    data["properties"] = {"format": {"const": snapshot.FORMAT}, **_properties(Snapshot)}
    data["required"] = ["format", *_required_of(Snapshot)]
    for record in _RECORDS:
        empty = {"type": "object", "properties": {}, "additionalProperties": False}
        shape = data["$defs"].setdefault(_name(record), empty)
        shape["properties"] = _properties(record)
        if required := _required_of(record):
            shape["required"] = required
    partial = data["$defs"]["partial"]["properties"]
    for part, record in (("positions", PositionValue), ("pools", PoolValue)):
        known = [field for field in snapshot.fields(record) if field.name not in _ELSEWHERE]
        partial[part]["items"]["properties"].update({field.name: _or_null(field) for field in known})
    partial["vault"]["properties"].update(_properties(BookValue))


def _name(record: Any) -> str:
    name: str = record.__name__
    return name.removesuffix("Value").lower()


def _properties(record: Any) -> dict[str, Any]:
    return {field.name: _of_field(field) for field in snapshot.fields(record)}


def _required_of(record: Any) -> list[str]:
    return [field.name for field in snapshot.fields(record) if field.required]


def _of_field(field: Field) -> dict[str, Any]:
    match field.kind:
        case "money" | "size" | "decimal":
            return _common("observed_amount")
        case "price":
            return _common("positive_amount")
        case "sizes":
            return _table_of("observed_amount")
        case "prices":
            return {**_table_of("positive_amount"), "minProperties": 1}
        case "integer" | "moment":
            return _common(field.kind)
        case "flag":
            return {"type": "boolean"}
        case "text":
            return _common("state" if field.name == "state" else "name")
        case "record":
            return {"$ref": f"#/$defs/{_name(field.record)}"}
        case "records":
            listed = {"type": "array", "items": {"$ref": f"#/$defs/{_name(field.record)}"}}
            return {**listed, "minItems": 1} if field.required else listed


def _or_null(field: Field) -> dict[str, Any]:
    return {"anyOf": [_of_field(field), {"type": "null"}]} if field.default is None else _of_field(field)


def _common(name: str) -> dict[str, Any]:
    return {"$ref": f"{_COMMON}{name}"}


def _table_of(of: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": _common(of), "propertyNames": _common("name")}


if __name__ == "__main__":
    for path, text in texts().items():
        writing.write(files.ROOT / path, text)
