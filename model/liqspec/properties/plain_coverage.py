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
        _is_by_tuples, lambda shape: lambda table: _pairs(converter, shape, table)
    )
    converter.register_structure_hook_factory(
        _is_by_tuples, lambda _: lambda pairs, shape: _table(converter, shape, pairs)
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
    """Whether a type is of tables whose keys are tuples, which JSON does not have."""
    keys = get_args(shape)[:1]
    return get_origin(shape) in (dict, Counter) and bool(keys) and get_origin(keys[0]) is tuple


def _pairs(converter: Converter, shape: Any, table: Any) -> list[Any]:
    values = get_args(shape)[1:] or (int,)
    return [[list(key), converter.unstructure(value, values[0])] for key, value in table.items()]


def _table(converter: Converter, shape: Any, pairs: Any) -> Any:
    values = get_args(shape)[1:] or (int,)
    return get_origin(shape)({tuple(key): converter.structure(value, values[0]) for key, value in pairs})
