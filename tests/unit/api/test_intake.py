"""How an object is taken in: defaults, nulls and unknown fields."""

import copy
from typing import Any

import pytest
from hypothesis import given

from quantum_operator.api.admission.intake import take_in
from unit.api.strategies import JSON

NUMBER = {"type": "integer"}
PAIR = {
    "type": "object",
    "properties": {"a": NUMBER, "b": {**NUMBER, "default": 5}},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "one": PAIR,
        "filled": {**PAIR, "default": {}},
        "many": {"type": "array", "items": PAIR},
        "map": {"type": "object", "additionalProperties": PAIR},
        "number": NUMBER,
        "list": {"type": "array", "items": NUMBER, "default": [1]},
    },
}
DEFAULTS = {"filled": {"b": 5}, "list": [1]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, DEFAULTS),
        ({"one": {}}, {**DEFAULTS, "one": {"b": 5}}),
        ({"one": {"b": 7}}, {**DEFAULTS, "one": {"b": 7}}),
        ({"filled": {"a": 1}}, {**DEFAULTS, "filled": {"a": 1, "b": 5}}),
        ({"many": [{}, {"b": 1}]}, {**DEFAULTS, "many": [{"b": 5}, {"b": 1}]}),
        ({"map": {"x": {}}}, {**DEFAULTS, "map": {"x": {"b": 5}}}),
        ({"list": []}, {**DEFAULTS, "list": []}),
    ],
)
def test_defaults_are_filled_in_at_every_depth(value: dict[str, Any], expected: dict[str, Any]) -> None:
    """A default stands where nothing was given, also inside what was given and inside other defaults."""
    assert take_in(value, SCHEMA) == (expected, [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"one": None, "number": None}, DEFAULTS),
        ({"filled": None, "list": None}, DEFAULTS),
        ({"one": {"a": None, "b": None}}, {**DEFAULTS, "one": {"b": 5}}),
        ({"map": {"x": None, "y": {}}}, {**DEFAULTS, "map": {"y": {"b": 5}}}),
        ({"many": [None]}, {**DEFAULTS, "many": [None]}),
    ],
)
def test_nulls_stand_for_nothing(value: dict[str, Any], expected: dict[str, Any]) -> None:
    """A null gives way to the default or goes; in a list, where it has a place, it stays."""
    assert take_in(value, SCHEMA) == (expected, [])


@pytest.mark.parametrize(
    ("value", "unknown"),
    [
        ({"z": 1, "y": 2}, ["y", "z"]),
        ({"z": None}, ["z"]),
        ({"one": {"z": 1}}, ["one.z"]),
        ({"many": [{}, {"z": {"y": 1}}]}, ["many[1].z"]),
        ({"map": {"x": {"z": 1}}}, ["map.x.z"]),
        ({"number": {"z": 1, "y": 2}}, ["number.y", "number.z"]),
        ({"number": [1, {"z": 1}, [{"y": 1}]]}, ["number[1].z", "number[2][0].y"]),
        ({"list": {"z": 1}}, ["list.z"]),
        ({"one": [1, {"z": 1}]}, ["one[1].z"]),
        ({"map": []}, []),
        ({"one": 5}, []),
    ],
)
def test_unknown_fields_are_named(value: dict[str, Any], unknown: list[str]) -> None:
    """Every field that the schema lacks is named by its path, in order, and what is inside it is not."""
    assert take_in(value, SCHEMA)[1] == unknown


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, float(2**63)),
        (-(2**63) - 1, float(-(2**63))),
        (10**400, 1.7976931348623157e308),
        (-(10**400), -1.7976931348623157e308),
        (True, True),
    ],
)
@pytest.mark.parametrize("wrap", [lambda inner: inner, lambda inner: [[inner]]], ids=["scalar", "nested"])
def test_integers_have_64_bits(number: int, expected: float, wrap: Any) -> None:
    """An integer that 64 bits don't hold becomes the nearest float, wherever it is."""
    found = take_in({"number": wrap(number)}, SCHEMA)[0]["number"]
    assert found == wrap(expected)
    assert type(found) is type(wrap(expected))


def test_deep_values_are_cut() -> None:
    """What lies too deep inside a value of the wrong type to be shown is left out."""
    value: Any = 1
    for _ in range(100):
        value = [value]
    found, depth = take_in({"number": value}, SCHEMA)[0]["number"], 0
    while found:
        found, depth = found[0], depth + 1
    assert depth == 32


@given(JSON)
def test_the_input_stays_as_it_is(value: object) -> None:
    """Whatever is taken in is copied where it changes, and never changed itself."""
    before = copy.deepcopy(value)
    taken, _ = take_in({"one": value, "many": value, "map": value, "number": value}, SCHEMA)
    taken["filled"]["b"] = 9
    assert value == before
    assert take_in({}, SCHEMA)[0] == DEFAULTS


@given(JSON)
def test_taking_in_twice_changes_nothing_more(value: object) -> None:
    """What was taken in is taken in again as it is."""
    taken, _ = take_in({"one": value, "many": value, "map": value}, SCHEMA)
    assert take_in(taken, SCHEMA)[0] == taken
