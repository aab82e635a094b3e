"""What was exercised as plain data, for a file: without violations and failures, with which nothing is kept."""

from collections import Counter
from typing import Any, get_args, get_origin

from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from liqspec.properties.coverage import Coverage

_LEFT = override(omit=True)


def plain_converter() -> Converter:
    """Reads and writes coverages of every kind as plain data."""
    converter = Converter(detailed_validation=False, forbid_extra_keys=True)
    converter.register_unstructure_hook_factory(
        _is_by_tuples, lambda shape: lambda table: _joined(converter, shape, table)
    )
    converter.register_structure_hook_factory(
        _is_by_tuples, lambda _: lambda joined, shape: _table(converter, shape, joined)
    )
    converter.register_unstructure_hook_factory(
        _is_coverage,
        lambda kind: make_dict_unstructure_fn(
            kind, converter, _cattrs_omit_if_default=True, violations=_LEFT, failures=_LEFT
        ),
    )
    converter.register_structure_hook_factory(
        _is_coverage, lambda kind: make_dict_structure_fn(kind, converter, violations=_LEFT, failures=_LEFT)
    )
    return converter


def _is_coverage(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Coverage)


def _is_by_tuples(shape: Any) -> bool:
    """Whether a type is of tables whose keys are tuples of lines, which JSON does not have: they are joined."""
    keys = get_args(shape)[:1]
    return get_origin(shape) in (dict, Counter) and bool(keys) and get_origin(keys[0]) is tuple


def _joined(converter: Converter, shape: Any, table: Any) -> dict[str, Any]:
    values = get_args(shape)[1:] or (int,)
    return {"\n".join(key): converter.unstructure(value, values[0]) for key, value in table.items()}


def _table(converter: Converter, shape: Any, joined: Any) -> Any:
    values = get_args(shape)[1:] or (int,)
    return get_origin(shape)(
        {tuple(key.split("\n")): converter.structure(value, values[0]) for key, value in joined.items()}
    )
