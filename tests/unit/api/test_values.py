"""Values against their schemas, in the API server's words, and duplicates in lists."""

from typing import Any

import pytest

from quantum_operator.api.admission.duplicates import check_duplicates
from quantum_operator.api.admission.values import check_values, type_name

SAMPLES: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": 1,
    "number": 1.5,
    "string": "a",
    "array": [],
    "object": {},
}


def errors_of(value: Any, **schema: Any) -> list[str]:
    """What is wrong with a value of the field `a`."""
    return [str(error) for error in check_values(value, schema, "a")]


@pytest.mark.parametrize(("name", "value"), SAMPLES.items())
def test_names_of_types(name: str, value: object) -> None:
    """Every value of JSON has one type."""
    assert type_name(value) == name


@pytest.mark.parametrize("expected", ["boolean", "integer", "number", "string", "array", "object"])
@pytest.mark.parametrize(("found", "value"), SAMPLES.items())
def test_types(expected: str, found: str, value: object) -> None:
    """A value of another type is refused, but for an integer in place of a number."""
    schema = {"type": expected, "items": {"type": "string"}} if expected == "array" else {"type": expected}
    error = f'a: Invalid value: "{found}": a in body must be of type {expected}: "{found}"'
    fine = found == expected or (found, expected) == ("integer", "number")
    assert (error in errors_of(value, **schema)) is not fine


@pytest.mark.parametrize(
    ("value", "schema", "problem"),
    [
        (5, {"type": "integer", "minimum": 5, "maximum": 5}, None),
        (4, {"type": "integer", "minimum": 5}, "4: a in body should be greater than or equal to 5"),
        (6, {"type": "integer", "maximum": 5}, "6: a in body should be less than or equal to 5"),
        (4.0, {"type": "integer", "minimum": 5}, "4: a in body should be greater than or equal to 5"),
        (1e15, {"type": "number", "maximum": 1e6}, "1e+15: a in body should be less than or equal to 1e+06"),
        (0, {"type": "number", "minimum": 0.5}, None),
        (0.0, {"type": "number", "minimum": 0.5}, "0: a in body should be greater than or equal to 0.5"),
        ("ab", {"type": "string", "minLength": 2, "maxLength": 2}, None),
        ("é" * 5, {"type": "string", "maxLength": 5}, None),
        ("a", {"type": "string", "minLength": 2}, '"a": a in body should be at least 2 chars long'),
        ("ab", {"type": "string", "pattern": "^a+$"}, "\"ab\": a in body should match '^a+$'"),
        ("a\n", {"type": "string", "pattern": "^a+$"}, "\"a\\n\": a in body should match '^a+$'"),
        ("ba", {"type": "string", "pattern": "a"}, None),
        ([], {"type": "array", "minItems": 1}, "0: a in body should have at least 1 items"),
        ({}, {"type": "object", "minProperties": 1}, "0: a in body should have at least 1 properties"),
    ],
)
def test_invalid_values(value: object, schema: dict[str, Any], problem: str | None) -> None:
    """A value out of its bounds is refused with the bound, and one at its bounds is not."""
    assert errors_of(value, **schema) == ([] if problem is None else [f"a: Invalid value: {problem}"])


@pytest.mark.parametrize(
    ("value", "schema", "error"),
    [
        ("abc", {"type": "string", "maxLength": 2}, "a: Too long: may not be more than 2 bytes"),
        ([1, 2], {"type": "array", "maxItems": 1}, "a: Too many: 2: must have at most 1 item"),
        ([1, 2, 3], {"type": "array", "maxItems": 2}, "a: Too many: 3: must have at most 2 items"),
        ({"b": 1, "c": 2}, {"type": "object", "maxProperties": 1}, "a: Too many: 2: must have at most 1 item"),
        ("c", {"type": "string", "enum": ["a", "b"]}, 'a: Unsupported value: "c": supported values: "a", "b"'),
        ({}, {"type": "object", "required": ["b"]}, "a.b: Required value"),
    ],
)
def test_other_errors(value: object, schema: dict[str, Any], error: str) -> None:
    """What is too long, too many, unsupported or missing has an error of its own kind."""
    assert errors_of(value, **schema) == [error]


def test_the_first_error_of_a_text_is_enough() -> None:
    """A text that is too long is not also matched against its pattern."""
    assert errors_of("abc", type="string", maxLength=2, pattern="^b") == ["a: Too long: may not be more than 2 bytes"]


def test_errors_name_the_place() -> None:
    """An error inside lists and maps names the whole way to it."""
    number = {"type": "integer", "maximum": 1}
    values = {"type": "object", "additionalProperties": {"type": "array", "items": number}}
    found = list(check_values({"b": {"c": [0, 2]}}, {"type": "object", "properties": {"b": values}}))
    assert [error.field for error in found] == ["b.c[1]"]
    assert found[0].message.startswith("Invalid value: 2: b.c[1] in body should be")


def test_the_root_has_no_name() -> None:
    """A field that is missing at the root has no dot before its name."""
    assert [str(error) for error in check_values({}, {"type": "object", "required": ["b"]})] == ["b: Required value"]


def test_a_wrong_type_is_not_the_only_error() -> None:
    """A value of the wrong type is an unsupported one as well, as the API server has it."""
    reasons = [error.reason for error in check_values(5, {"type": "string", "enum": ["a"]}, "a")]
    assert reasons == ["FieldValueTypeInvalid", "FieldValueNotSupported"]


SET = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
ATOMIC = {**SET, "x-kubernetes-list-type": "atomic"}
MAP = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    "items": {"type": "object", "properties": {"name": {"type": "string"}, "tags": SET}},
}
TWO_KEYS = {**MAP, "x-kubernetes-list-map-keys": ["name", "port"]}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (SET, ["a", "b"], []),
        (SET, ["a", "b", "a"], ['a[2]: Duplicate value: "a"']),
        (SET, ["a", "a", "a", "b", "b"], ['a[1]: Duplicate value: "a"', 'a[4]: Duplicate value: "b"']),
        (SET, ["1", 1, True], []),
        (ATOMIC, ["a", "a"], []),
        (MAP, [{"name": "a"}, {"name": "b"}], []),
        (MAP, [{"name": "a", "x": 1}, {"name": "a", "x": 2}], ['a[1]: Duplicate value: {"name":"a"}']),
        (MAP, [{}, None], ["a[1]: Duplicate value: {}"]),
        (MAP, ["a", "a"], ['a[0]: Invalid value: "a": must be an object for an array of list-type map']),
        (MAP, [{"name": "a", "tags": ["b", "b"]}], ['a[0].tags[1]: Duplicate value: "b"']),
        (TWO_KEYS, [{"name": "a", "port": 1}, {"name": "a", "port": 2}], []),
        (TWO_KEYS, [{"name": "a"}, {"name": "a"}], ['a[1]: Duplicate value: {"name":"a"}']),
        (SET, "aa", []),
    ],
)
def test_duplicates(schema: dict[str, Any], value: object, expected: list[str]) -> None:
    """A set's items and a map's keys may occur once; the second of each is an error, and no third."""
    found = check_duplicates({"a": value}, {"type": "object", "properties": {"a": schema}})
    assert [str(error) for error in found] == expected
