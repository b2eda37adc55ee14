"""The metadata that people write, against Kubernetes' rules."""

from typing import Any

import pytest
from hypothesis import given

from quantum_operator.api.admission.metadata import check_metadata, decode_metadata
from unit.api.strategies import JSON, labels, names, object_names


def problems(**metadata: Any) -> list[str]:
    """What is wrong with metadata that can be read."""
    decoded, errors = decode_metadata({"name": "a", **metadata})
    assert errors == []
    return [str(error) for error in check_metadata(decoded)]


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "a"},
        {"name": "a.b-c.1"},
        {"name": "a" * 253},
        {"name": "a", "namespace": "a" * 63},
        {"name": None, "generateName": "a-"},
        {"labels": {"a": "", "A_b.c": "X", "example.com/a": "1", "a" * 63: "b" * 63}},
        {"annotations": {"A": "anything at all\n", "Example.com/a": "{}"}},
        {"finalizers": ["example.com/a"]},
        {"creationTimestamp": None, "labels": None, "uid": "x", "ownerReferences": [{}], "generation": 5},
    ],
)
def test_accepts(metadata: dict[str, Any]) -> None:
    """Metadata within Kubernetes' rules has no errors."""
    assert problems(**metadata) == []


@given(object_names, names, labels)
def test_accepts_what_the_rules_make(name: str, namespace: str, found: dict[str, str]) -> None:
    """Names and labels made by the rules are accepted."""
    assert problems(name=name, namespace=namespace, labels=found, annotations=found) == []


@pytest.mark.parametrize(
    ("metadata", "field", "detail"),
    [
        ({"name": ""}, "metadata.name", "name or generateName is required"),
        ({"name": "A"}, "metadata.name", "a lowercase RFC 1123 subdomain must consist of"),
        ({"name": "a_b"}, "metadata.name", "a lowercase RFC 1123 subdomain must consist of"),
        ({"name": "a..b"}, "metadata.name", "a lowercase RFC 1123 subdomain must consist of"),
        ({"name": "-a"}, "metadata.name", "a lowercase RFC 1123 subdomain must consist of"),
        ({"name": "a\n"}, "metadata.name", "a lowercase RFC 1123 subdomain must consist of"),
        ({"name": "a" * 254}, "metadata.name", "must be no more than 253 characters"),
        ({"generateName": "A"}, "metadata.generateName", "a lowercase RFC 1123 subdomain must consist of"),
        ({"namespace": "a.b"}, "metadata.namespace", "must not contain dots"),
        ({"namespace": "A"}, "metadata.namespace", "a lowercase RFC 1123 label must consist of"),
        ({"namespace": "a" * 64}, "metadata.namespace", "must be no more than 63 characters"),
        ({"labels": {"a": "b c"}}, "metadata.labels", "a valid label must be an empty string or consist of"),
        ({"labels": {"a": "b" * 64}}, "metadata.labels", "must be no more than 63 bytes"),
        ({"labels": {"a b": ""}}, "metadata.labels", "name part must consist of"),
        ({"labels": {"a" * 64: ""}}, "metadata.labels", "name part must be no more than 63 bytes"),
        ({"labels": {"/a": ""}}, "metadata.labels", "prefix part must be non-empty"),
        ({"labels": {"A/a": ""}}, "metadata.labels", "prefix part a lowercase RFC 1123 subdomain must"),
        ({"labels": {f"{'a' * 254}/a": ""}}, "metadata.labels", "prefix part must be no more than 253 bytes"),
        ({"labels": {"a/b/c": ""}}, "metadata.labels", "a valid label key must consist of"),
        ({"annotations": {"a b": ""}}, "metadata.annotations", "name part must consist of"),
        ({"annotations": {"a": "é" * 131_072}}, "metadata.annotations", "may not be more than 262144 bytes"),
        ({"finalizers": ["a b"]}, "metadata.finalizers", "name part must consist of"),
    ],
)
def test_refuses(metadata: dict[str, Any], field: str, detail: str) -> None:
    """Metadata outside Kubernetes' rules has one error for each thing, with field and rule."""
    (problem,) = problems(**metadata)
    assert problem.startswith(f"{field}: ")
    assert f": {detail}" in problem


def test_an_empty_key_breaks_two_rules() -> None:
    """A label without a name is empty, and not made of the right characters."""
    first, second = problems(labels={"a/": ""})
    assert first.endswith("name part must be non-empty")
    assert "name part must consist of" in second


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ([], "metadata must be an object, and is of type array"),
        ("a", "metadata must be an object, and is of type string"),
        ({"name": 5}, "metadata.name must be of type string, and is of type integer"),
        ({"labels": []}, "metadata.labels must be of type object, and is of type array"),
        ({"labels": {"a": 5}}, "metadata.labels[a] must be text (in YAML, write it in quotes), and is of type integer"),
        ({"annotations": {"a": True}}, "metadata.annotations[a] must be text"),
        ({"finalizers": [{}]}, "metadata.finalizers[0] must be text"),
        ({"generation": "1"}, "metadata.generation must be of type integer"),
        ({"nmae": None}, 'unknown field "metadata.nmae"'),
    ],
)
def test_what_can_not_be_read(metadata: object, problem: str) -> None:
    """Metadata of a wrong type, or with an unknown field, is refused before any rule is checked."""
    (error,) = decode_metadata(metadata)[1]
    assert str(error).startswith(problem)


def test_nulls_stand_for_nothing() -> None:
    """A null field goes, and a null text is empty."""
    assert decode_metadata(None) == ({}, [])
    decoded, errors = decode_metadata({"name": None, "labels": {"a": None}, "finalizers": [None]})
    assert (decoded, errors) == ({"labels": {"a": ""}, "finalizers": [""]}, [])


@given(JSON)
def test_anything_is_read_or_refused(value: object) -> None:
    """Any JSON as metadata, or as a field of it, can be read and checked, or is refused with errors."""
    fields = ("name", "labels", "annotations", "finalizers", "ownerReferences", "generation")
    for metadata in (value, *({name: value} for name in fields)):
        decoded, errors = decode_metadata(metadata)
        assert errors or all(str(error) for error in check_metadata(decoded))
