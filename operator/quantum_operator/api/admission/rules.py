"""The CEL rules of the CRDs, evaluated as k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel does it.

Rules about a transition (`oldSelf`) don't apply to a new object.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel

from quantum_operator.api.admission.fielderror import OMITTED, FieldError, field_error
from quantum_operator.api.schema import RULES, Schema

_TRANSITION = re.compile(r"\boldSelf\b")


def check_rules(value: Any, schema: Schema) -> Iterator[FieldError]:
    """Every rule that `value` breaks; `value` keeps its schema's types."""
    yield from _check(value, _cel_value(value, schema), schema, "")


def _check(value: Any, cel: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    for rule in schema.get(RULES, ()):
        if not _TRANSITION.search(rule["rule"]) and not _program(rule["rule"]).evaluate({"self": cel}):
            yield _broken(rule, value, cel, path)
    match value:
        case dict():
            properties = schema.get("properties", {})
            for name, child in value.items():
                if name in properties:
                    yield from _check(child, cel[name], properties[name], f"{path}.{name}".lstrip("."))
                elif "additionalProperties" in schema:
                    yield from _check(child, cel[name], schema["additionalProperties"], f"{path}[{name}]")
        case list():
            for index, child in enumerate(value):
                yield from _check(child, cel[index], schema["items"], f"{path}[{index}]")


def _broken(rule: Schema, value: Any, cel: Any, path: str) -> FieldError:
    expression = rule.get("messageExpression")
    detail = str(_program(expression).evaluate({"self": cel})) if expression else rule["message"]
    reason = rule.get("reason", "FieldValueInvalid")
    shown = OMITTED if isinstance(value, dict | list) or reason != "FieldValueInvalid" else value
    return field_error(reason, f"{path}{rule.get('fieldPath', '')}", detail, shown)


def _cel_value(value: Any, schema: Schema) -> Any:
    match value:
        case dict():
            properties, values = schema.get("properties", {}), schema.get("additionalProperties", {})
            return celtypes.MapType(
                {
                    celtypes.StringType(name): _cel_value(child, properties.get(name, values))
                    for name, child in value.items()
                }
            )
        case list():
            return celtypes.ListType([_cel_value(child, schema["items"]) for child in value])
        case int() | float() if schema.get("type") == "number":
            return celtypes.DoubleType(value)
        case float():
            return celtypes.IntType(int(value))
        case _:
            return json_to_cel(value)


@cache
def _program(expression: str) -> Any:
    # Making an environment sets the recursion limit of the whole process; our rules don't need it.
    limit = sys.getrecursionlimit()
    try:
        environment = celpy.Environment()
    finally:
        sys.setrecursionlimit(limit)
    return environment.program(environment.compile(expression))
