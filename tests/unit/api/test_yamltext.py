"""YAML text without a YAML library."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.yamltext import dumps

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_reads_back(value: dict[str, Any]) -> None:
    """What is written reads back as it was, whatever is in it."""
    assert yaml.safe_load(dumps(value)) == value


@pytest.mark.parametrize("word", ["true", "No", "on", "y", "null", "~", "5", "1e3", "", " a", "a b", "-", "a: b", "é"])
def test_what_looks_like_something_else_is_quoted(word: str) -> None:
    """Text that some reader of YAML takes for something else, or that YAML gives a meaning, stands in quotes."""
    assert dumps({"a": word}) == f'a: "{word}"\n'


@pytest.mark.parametrize("word", ["aer", "quantum-operator.dev/v1alpha1", "QuantumJob", "numQubits"])
def test_plain_words_stay_plain(word: str) -> None:
    """Ordinary words stand without quotes."""
    assert dumps({word: word}) == f"{word}: {word}\n"


def test_numbers_are_written_out() -> None:
    """No number is written with an exponent, which some readers take for text."""
    assert dumps({"a": 1e-6, "b": 10**15, "c": 1.0}) == "a: 0.000001\nb: 1000000000000000\nc: 1.0\n"


def test_layout() -> None:
    """Maps and lists nest in block style, and empty ones in flow style."""
    value = {"a": {"b": [1, {"c": [], "d": {}}], "e": [[2]]}}
    assert dumps(value) == "a:\n  b:\n    - 1\n    - c: []\n      d: {}\n  e:\n    - - 2\n"
