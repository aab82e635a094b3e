"""The JSON Schemas of what goes over the wire and into files: `spec/schemas/`."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from liqspec.edge import files

_FOLDER = files.ROOT / "schemas"
_SUFFIX = ".schema.json"


@cache
def names() -> tuple[str, ...]:
    """The names of the schemas, such as `event`."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in _FOLDER.glob(f"*{_SUFFIX}")))


@cache
def schema(name: str) -> dict[str, Any]:
    """A schema as plain data; an UnreadableFile is raised if there is none of this name."""
    read: dict[str, Any] = files.read_json(_FOLDER / f"{name}{_SUFFIX}")
    return read


@cache
def validator(name: str, part: str = "") -> Draft202012Validator:
    """What validates by a schema, or by one of its definitions; the schemas refer to each other by file name."""
    reference = f"{name}{_SUFFIX}" + (f"#/$defs/{part}" if part else "")
    return Draft202012Validator({"$ref": reference}, registry=_registry())


def accepts(name: str, data: object, part: str = "") -> bool:
    """Whether plain data is of a schema's shape."""
    valid: bool = validator(name, part).is_valid(data)
    return valid


def mismatch(name: str, data: object, part: str = "") -> str:
    """Where plain data is not of a schema's shape, in one line; "" if it is."""
    error = next(validator(name, part).iter_errors(data), None)
    if error is None:
        return ""
    path = error.json_path.removeprefix("$").removeprefix(".")
    return f"{path or 'it'}: {error.message if len(error.message) < 200 else json.dumps(error.schema)[:200]}"


@cache
def _registry() -> Registry[Any]:
    resources = [(f"{name}{_SUFFIX}", DRAFT202012.create_resource(schema(name))) for name in names()]
    empty: Registry[Any] = Registry()
    return empty.with_resources(resources)
