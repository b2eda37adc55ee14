"""Duplicates in maps and sets, as k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype finds them."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from quantum_operator.api.admission.fielderror import FieldError, field_error
from quantum_operator.api.constraints import LIST_MAP_KEYS, LIST_TYPE
from quantum_operator.api.schema import Schema


def check_duplicates(value: Any, schema: Schema, path: str = "") -> Iterator[FieldError]:
    """The first repetition of each item (of a set) or key (of a list that is a map) that occurs more than once."""
    match value:
        case dict():
            properties = schema.get("properties", {})
            for name, child in value.items():
                if name in properties:
                    yield from check_duplicates(child, properties[name], f"{path}.{name}".lstrip("."))
        case list() if "items" in schema:
            yield from _check_list(value, schema, path)
            for index, child in enumerate(value):
                yield from check_duplicates(child, schema["items"], f"{path}[{index}]")


def _check_list(items: list[Any], schema: Schema, path: str) -> Iterator[FieldError]:
    if schema[LIST_TYPE] == "atomic":
        return
    keys = items
    if schema[LIST_TYPE] == "map":
        for index, item in enumerate(items):
            if not isinstance(item, dict | None):
                problem = "must be an object for an array of list-type map"
                yield field_error("FieldValueInvalid", f"{path}[{index}]", problem, item)
                return
        keys = [{name: item[name] for name in schema[LIST_MAP_KEYS] if name in (item or ())} for item in items]
    seen: Counter[str] = Counter()
    for index, key in enumerate(keys):
        identity = json.dumps(key, sort_keys=True)
        seen[identity] += 1
        if seen[identity] == 2:
            yield field_error("FieldValueDuplicate", f"{path}[{index}]", "", key)
