"""Values against a structural schema, as k8s.io/kube-openapi/pkg/validation/validate does it."""

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import re2  # type: ignore[import-untyped]

from quantum_operator.api.admission.fielderror import FieldError, field_error, go_value
from quantum_operator.api.schema import Schema

_MAX_SAFE = 2**53 - 1
_TOO_LARGE = 2**63
_CLOSE = 1e-9


def check_values(value: Any, schema: Schema, path: str = "") -> Iterator[FieldError]:
    """Every value that breaks its schema: type, bounds, lengths, pattern, enum, required fields; parents last."""
    kind = type_name(value)
    expected = schema["type"]
    if not (kind == expected or (expected == "number" and kind == "integer") or _integral(value, expected)):
        yield field_error("FieldValueTypeInvalid", path, f'{path} in body must be of type {expected}: "{kind}"', kind)
    match value:
        case str():
            yield from _check_text(value, schema, path)
        case bool():
            pass
        case int() | float():
            yield from _check_number(value, schema, path)
        case list():
            yield from _check_list(value, schema, path)
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(f'"{allowed}"' for allowed in schema["enum"])
        yield field_error("FieldValueNotSupported", path, f"supported values: {supported}", value)
    if isinstance(value, dict):
        yield from _check_object(value, schema, path)


def type_name(value: Any) -> str:
    """JSON's name for the type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _integral(value: Any, expected: str) -> bool:
    """Whether a float counts as an integer: it is one, or closer to one than a part in 10^9."""
    if expected != "integer" or not isinstance(value, float) or abs(value) > _MAX_SAFE:
        return False
    whole = math.trunc(value)
    return value == whole or (whole != 0 and abs(value - whole) / abs(value + whole) < _CLOSE)


def _check_text(text: str, schema: Schema, path: str) -> Iterator[FieldError]:
    longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if longest is not None and len(text) > longest:
        yield field_error("FieldValueTooLong", path, f"may not be more than {longest} bytes")
    elif shortest is not None and len(text) < shortest:
        yield _invalid(path, f"should be at least {shortest} chars long", text)
    elif pattern is not None and not _compiled(pattern).search(text):
        yield _invalid(path, f"should match '{pattern}'", text)


def _check_number(number: float, schema: Schema, path: str) -> Iterator[FieldError]:
    if schema["type"] == "integer" and not (number == math.trunc(number) and abs(number) < _TOO_LARGE):
        # This one the API server reports without a field.
        yield field_error(
            "FieldValueInvalid", "", f"Checked value must be of type integer (default format) in {path}", ""
        )
    least, most = (_bound(schema.get(keyword), number) for keyword in ("minimum", "maximum"))
    if least is not None and number < least:
        yield _invalid(path, f"should be greater than or equal to {go_value(least)}", number)
    if most is not None and number > most:
        yield _invalid(path, f"should be less than or equal to {go_value(most)}", number)


def _bound(bound: float | None, number: float) -> float | None:
    """The bound that `number` is held to: for an integer, the bound without its fraction."""
    if bound is None:
        return None
    return int(bound) if isinstance(number, int) else float(bound)


def _check_list(items: list[Any], schema: Schema, path: str) -> Iterator[FieldError]:
    if "items" in schema:
        for index, item in enumerate(items):
            yield from check_values(item, schema["items"], f"{path}[{index}]")
    fewest, most = schema.get("minItems"), schema.get("maxItems")
    if fewest is not None and len(items) < fewest:
        yield _invalid(path, f"should have at least {fewest} items", len(items))
    if most is not None and len(items) > most:
        yield _too_many(path, len(items), most)


def _check_object(value: Schema, schema: Schema, path: str) -> Iterator[FieldError]:
    fewest, most = schema.get("minProperties"), schema.get("maxProperties")
    if fewest is not None and len(value) < fewest:
        yield _invalid(path, f"should have at least {fewest} properties", len(value))
    if most is not None and len(value) > most:
        yield _too_many(path, len(value), most)
    properties = schema.get("properties", {})
    for name, child in value.items():
        inner = properties.get(name, schema.get("additionalProperties"))
        if inner is not None:
            yield from check_values(child, inner, f"{path}.{name}".lstrip("."))
    for name in schema.get("required", ()):
        if name not in value:
            yield field_error("FieldValueRequired", f"{path}.{name}".lstrip("."), "")


def _too_many(path: str, count: int, most: int) -> FieldError:
    return field_error("FieldValueTooMany", path, f"must have at most {most} item{'' if most == 1 else 's'}", count)


def _invalid(path: str, problem: str, value: Any) -> FieldError:
    return field_error("FieldValueInvalid", path, f"{path} in body {problem}", value)


@cache
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)
