"""The schema of a snapshot, written from the list of the state's fields: `make state` writes it, a test compares it."""

import json
from typing import Any

from liqspec.core import snapshot
from liqspec.core.snapshot import AccountValue, BookValue, Field, PoolValue, PositionValue, Snapshot, WindowValue
from liqspec.edge import files, schemas

SCHEMA = files.ROOT / schemas.FOLDER / "snapshot.schema.json"

_NAMES = {
    WindowValue: "window",
    BookValue: "book",
    PositionValue: "position",
    PoolValue: "pool",
    AccountValue: "account",
}
# What a state that is known in part has of a record in another form: its key, and a position's window (STP-2).
_ELSEWHERE = ("market", "window", "positions")


def schema() -> str:
    """The JSON Schema of a snapshot, and of a state of which only a part is known."""
    data: dict[str, Any] = files.read_json(SCHEMA)
    data["properties"] = {"format": {"const": snapshot.FORMAT}, **_properties(Snapshot)}
    data["required"] = ["format", *_required(Snapshot)]
    for record, name in _NAMES.items():
        data["$defs"][name]["properties"] = _properties(record)
        if required := _required(record):
            data["$defs"][name]["required"] = required
    partial = data["$defs"]["partial"]["properties"]
    for part, record in (("positions", PositionValue), ("pools", PoolValue)):
        known = [field for field in snapshot.fields(record) if field.name not in _ELSEWHERE]
        partial[part]["items"]["properties"].update({field.name: _or_null(field) for field in known})
    partial["vault"]["properties"].update(_properties(BookValue))
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _properties(record: Any) -> dict[str, Any]:
    return {field.name: _of_field(field) for field in snapshot.fields(record)}


def _required(record: Any) -> list[str]:
    return [field.name for field in snapshot.fields(record) if field.required]


def _of_field(field: Field) -> dict[str, Any]:
    match field.kind:
        case "money" | "size":
            return _common("observed_amount")
        case "sizes":
            return _table("observed_amount")
        case "prices":
            return {**_table("positive_amount"), "minProperties": 1}
        case "integer" | "moment":
            return _common(field.kind)
        case "flag":
            return {"type": "boolean"}
        case "text":
            return _common("state" if field.name == "state" else "name")
        case "record":
            return {"$ref": f"#/$defs/{_NAMES[field.record]}"}
        case "records":
            listed = {"type": "array", "items": {"$ref": f"#/$defs/{_NAMES[field.record]}"}}
            return {**listed, "minItems": 1} if field.required else listed


def _or_null(field: Field) -> dict[str, Any]:
    return {"anyOf": [_of_field(field), {"type": "null"}]} if field.nullable else _of_field(field)


def _common(name: str) -> dict[str, Any]:
    return {"$ref": f"common.schema.json#/$defs/{name}"}


def _table(of: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": _common(of), "propertyNames": _common("name")}


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
