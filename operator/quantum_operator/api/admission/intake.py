"""How an object is taken in: defaults filled in, nulls dropped, unknown fields found.

Follows pkg/apiserver/schema/{defaulting,pruning} of k8s.io/apiextensions-apiserver. The walk goes no deeper than the
schema, however deep the object is.
"""

import copy
import sys
from collections.abc import Iterator
from typing import Any

from quantum_operator.api.schema import Schema

_SHOWN_DEPTH = 32
"""A value of the wrong type is only ever shown in an error: what lies deeper is left out."""

_INT64 = range(-(2**63), 2**63)
_LARGEST = int(sys.float_info.max)


def take_in(value: Any, schema: Schema) -> tuple[Any, list[str]]:
    """A copy of `value` with defaults and without nulls, and the sorted paths of the fields that `schema` lacks.

    Integers beyond 64 bits become floats, as in the API server's decoder.
    """
    unknown: list[str] = []
    taken = _take(value, schema, "", unknown)
    return taken, sorted(unknown)


def _take(value: Any, schema: Schema, path: str, unknown: list[str]) -> Any:
    match value:
        case dict() if "properties" in schema:
            return _take_object(value, schema["properties"], path, unknown)
        case dict() if "additionalProperties" in schema:
            values = schema["additionalProperties"]
            return {
                key: _take(child, values, f"{path}.{key}", unknown) for key, child in value.items() if child is not None
            }
        case list() if "items" in schema:
            return [_take(child, schema["items"], f"{path}[{index}]", unknown) for index, child in enumerate(value)]
        case dict() | list():
            unknown.extend(_strays(value, path))
            return _cut(value, _SHOWN_DEPTH)
    return _decoded(value)


def _take_object(value: Schema, properties: Schema, path: str, unknown: list[str]) -> Schema:
    taken: Schema = {}
    for name, child in value.items():
        place = f"{path}.{name}".lstrip(".")
        if name not in properties:
            unknown.append(place)
        elif child is not None:
            taken[name] = _take(child, properties[name], place, unknown)
    for name, schema in properties.items():
        if name not in taken and "default" in schema:
            taken[name] = _take(copy.deepcopy(schema["default"]), schema, "", unknown)
    return taken


def _strays(value: Any, path: str) -> Iterator[str]:
    """The keys found where the schema has no object: in `value`, or in lists of lists inside it."""
    waiting = [(value, path)]
    while waiting:
        found, place = waiting.pop()
        if isinstance(found, dict):
            yield from (f"{place}.{key}" for key in found)
        elif isinstance(found, list):
            waiting.extend((child, f"{place}[{index}]") for index, child in enumerate(found))


def _cut(value: Any, depth: int) -> Any:
    match value:
        case list():
            return [_cut(child, depth - 1) for child in value] if depth else []
        case dict():
            return {}
    return _decoded(value)


def _decoded(value: Any) -> Any:
    if isinstance(value, int) and value not in _INT64:
        return float(max(-_LARGEST, min(value, _LARGEST)))
    return value
