"""Checking manifests without a cluster. That the API server agrees is for tests/contract."""

import contextlib
import copy
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from contract.admission_table import ACCEPTED, REFUSED, Row, backend, estimate, job, nested, policy
from quantum_operator.api.admission.fielderror import OMITTED, field_error, go_float, go_quote, go_value
from quantum_operator.api.admission.rules import _program, check_rules
from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.render import Resource
from quantum_operator.api.validate import InvalidResourceError, validate
from support.work import calls_made
from unit.api.strategies import damaged, resources


def ids(row: Row) -> str:
    return row.name.replace(" ", "-")


def errors_of(manifest: dict[str, Any]) -> list[str]:
    """What `validate` says about a manifest that it refuses."""
    with pytest.raises(InvalidResourceError) as refusal:
        validate(manifest)
    return [str(error) for error in refusal.value.errors]


@pytest.mark.parametrize("row", ACCEPTED, ids=ids)
def test_accepts(row: Row) -> None:
    """A good manifest becomes its resource, and is itself left as it was."""
    before = copy.deepcopy(row.manifest)
    assert validate(row.manifest).kind == row.manifest["kind"]
    assert row.manifest == before


@pytest.mark.parametrize("row", REFUSED, ids=ids)
def test_refuses(row: Row) -> None:
    """A bad manifest is refused for what is wrong with it."""
    assert row.refused
    assert row.refused in "\n".join(errors_of(row.manifest))


@pytest.mark.parametrize(
    ("manifest", "kind"), [(job(), QuantumJob), (policy(), BackendPolicy), (backend(), QuantumBackend)]
)
def test_returns_the_type(manifest: dict[str, Any], kind: type[Resource]) -> None:
    """Each kind comes out as its own type."""
    assert type(validate(manifest)) is kind


def test_fills_in_defaults() -> None:
    """What a manifest leaves out has its default, also inside what it leaves out."""
    resource = validate(job())
    assert isinstance(resource, QuantumJob)
    assert resource.spec.policy_ref.name == "default"
    assert resource.spec.active_deadline_seconds == 600
    assert resource.spec.backoff_limit == 3


def test_drops_a_forged_status() -> None:
    """A status in a manifest is dropped: only the operator writes one."""
    resource = validate(job(lambda manifest: manifest.update(status={"phase": "Succeeded"})))
    assert isinstance(resource, QuantumJob)
    assert resource.status.phase is None


def test_keeps_the_metadata_that_people_write() -> None:
    """Name, namespace, labels and annotations are kept; what only a cluster sets is not."""
    metadata = {
        "name": "a",
        "namespace": "b",
        "labels": {"c": "d", "e": None},
        "annotations": {"f": "g"},
        "uid": "h",
        "generation": 5,
        "ownerReferences": [{"uid": "i"}],
        "deletionTimestamp": None,
    }
    kept = validate(job(lambda manifest: manifest.update(metadata=metadata))).metadata
    assert (kept.name, kept.namespace) == ("a", "b")
    assert (kept.labels, kept.annotations) == ({"c": "d", "e": ""}, {"f": "g"})
    assert (kept.uid, kept.generation, kept.owner_references) == ("", 0, ())


def test_a_backend_has_no_namespace() -> None:
    """A namespace given for what has none is dropped."""
    manifest = backend(lambda manifest: manifest["metadata"].update(namespace="a"))
    assert validate(manifest).metadata.namespace == ""


def test_a_generated_name_will_do() -> None:
    """A manifest may leave its name to be generated."""
    assert validate(job(lambda manifest: manifest.update(metadata={"generateName": "bell-"}))).metadata.name == ""


@pytest.mark.parametrize("prefix", ["Bell-", "-"])
def test_a_bad_prefix_is_refused(prefix: str) -> None:
    """The beginning of a name that is to be generated must be one that names can have."""
    (error,) = errors_of(job(lambda manifest: manifest.update(metadata={"generateName": prefix})))
    assert error.startswith(f'metadata.generateName: Invalid value: "{prefix}": a lowercase RFC 1123 subdomain')


@pytest.mark.parametrize(
    ("namespace", "problem"),
    [("a.b", "must not contain dots"), ("A", "a lowercase RFC 1123 label"), ("a" * 64, "no more than 63 characters")],
)
def test_a_bad_namespace_is_refused(namespace: str, problem: str) -> None:
    """A namespace must be a DNS label."""
    (error,) = errors_of(job(lambda manifest: manifest["metadata"].update(namespace=namespace)))
    assert error.startswith("metadata.namespace: ")
    assert problem in error


def test_text_of_an_error() -> None:
    """An error names the field twice as the API server does, with the value between."""
    assert errors_of(job(task={"sample": {"pubs": [{"program": "bell", "shots": 0}]}})) == [
        "spec.task.sample.pubs[0].shots: Invalid value: 0: "
        "spec.task.sample.pubs[0].shots in body should be greater than or equal to 1"
    ]


def test_rules_are_not_checked_on_wrong_types() -> None:
    """Where a type is wrong the rules are left for later, and that is said."""
    errors = errors_of(job(backoffLimit="3", task={}))
    assert errors[0].startswith("spec.backoffLimit: ")
    assert errors[1].startswith("<nil>: Invalid value: null: some validation rules were not checked")
    assert len(errors) == 2


def test_all_errors_come_at_once() -> None:
    """Several things wrong are several errors."""
    assert len(errors_of(job(backoffLimit=-1, activeDeadlineSeconds=0))) == 2


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"kind": "Job"}, "'Job'"),
        ({"kind": None}, "None"),
        ({"kind": ["QuantumJob"]}, "['QuantumJob']"),
        ({"apiVersion": "quantum-operator.dev/v1"}, "'quantum-operator.dev/v1'"),
    ],
)
def test_unknown_kinds_are_refused(change: dict[str, Any], shown: str) -> None:
    """A kind or version that is not ours is refused, and the error lists ours."""
    (error,) = errors_of({**job(), **change})
    assert shown in error
    assert "BackendPolicy, QuantumBackend, QuantumJob" in error


@pytest.mark.parametrize(
    ("key", "depth"),
    [*((key, 33) for key in ("backoffLimit", "programs", "task", "policyRef", "bomb")), ("task", 100_000)],
)
@pytest.mark.parametrize("make", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["lists", "maps"])
def test_depth_does_no_harm(make: Any, key: str, depth: int) -> None:
    """However deep a manifest is, it is refused with an error that can be printed."""
    assert all(len(error) < 1000 for error in errors_of(job(**{key: nested(depth, make)})))


def test_a_huge_number_is_refused() -> None:
    """A number that no float holds is an error like any other."""
    assert "spec.backoffLimit: Invalid value: 1.797" in "".join(errors_of(job(backoffLimit=10**1000)))


@pytest.mark.parametrize(
    ("limit", "problems"),
    [
        (3.0000000001, ["Checked value must be of type integer"]),
        (2.0**53 - 1, ["should be less than or equal to 10"]),
        (2.0**53, ["must be of type integer", "should be less than or equal to 10", "rules were not checked"]),
        (0.5, ["must be of type integer", "Checked value must be of type integer", "rules were not checked"]),
    ],
)
def test_floats_for_integers(limit: float, problems: list[str]) -> None:
    """A float for an integer is refused as the API server refuses it: as far as it looks like one, for its size."""
    for error, problem in zip(errors_of(job(backoffLimit=limit)), problems, strict=True):
        assert problem in error


def test_the_recursion_limit_stays() -> None:
    """Checking a manifest leaves the limits of the process as they are."""
    before = sys.getrecursionlimit()
    _program.cache_clear()
    validate(job())
    assert sys.getrecursionlimit() == before


def test_twice_as_many_terms_are_twice_the_work() -> None:
    """An observable of as many terms as may be is checked, each of them once."""

    def work(count: int) -> int:
        terms = [{"pauli": "ZZ", "qubits": [0, 1]}] * count
        return calls_made(lambda: validate(estimate(shots=1, observables=[{"terms": terms}])))

    assert work(1024) <= 2.2 * work(512)


@given(resources)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_every_valid_resource_is_accepted(resource: Resource) -> None:
    """Whatever the types can hold and the rules allow goes through the rendered schema and comes back equal."""
    manifest = resource.to_wire()
    metadata = resource.metadata.to_wire()
    manifest["metadata"] = {name: metadata[name] for name in ("name", "namespace", "labels", "annotations")}
    assert validate(manifest) == resource


@given(damaged())
@settings(deadline=None, max_examples=150)
def test_damage_is_refused_or_harmless(manifest: dict[str, Any]) -> None:
    """Any JSON in any place is refused with errors, or accepted by the schema and by the pydantic type alike."""
    with contextlib.suppress(InvalidResourceError):
        assert validate(manifest).kind == manifest["kind"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.5, "1.5"),
        (100_000.0, "100000"),
        (1e6, "1e+06"),
        (123_456_789.0, "1.23456789e+08"),
        (1e15, "1e+15"),
        (1e21, "1e+21"),
        (1e-4, "0.0001"),
        (1e-5, "1e-05"),
        (-2.5e-7, "-2.5e-07"),
        (1e100, "1e+100"),
        (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
    ],
)
def test_floats_look_as_in_go(number: float, text: str) -> None:
    """A float is written as Go's %v writes it."""
    assert go_float(number) == text


def test_text_looks_as_in_go() -> None:
    """Text is quoted as Go's %q quotes it."""
    quoted = go_quote('a\u00a0b\u200b\U0001f600\x00\x7f<é\n"\\\U000e0001')
    assert quoted == r'"a\u00a0b\u200b😀\x00\x7f<é\n\"\\\U000e0001"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (5, "5"),
        (None, "null"),
        ([0.0, 1.5, 2.0**63, 1e21, 2.5e-7], "[0,1.5,9223372036854776000,1e+21,2.5e-7]"),
        ({"b": [1, "<&>"], "a": "é"}, r'{"a":"é","b":[1,"\u003c\u0026\u003e"]}'),
    ],
)
def test_values_look_as_in_go(value: object, text: str) -> None:
    """Any other value is written as Go's JSON, with sorted keys."""
    assert go_value(value) == text


def test_an_error_can_do_without_value_and_detail() -> None:
    """An error shows neither a value nor a detail that it doesn't have."""
    assert str(field_error("FieldValueRequired", "spec", "")) == "spec: Required value"
    assert str(field_error("FieldValueInvalid", "", "why", OMITTED)) == "<nil>: Invalid value: why"


def rules_of(value: Any, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a value by the rules of a schema."""
    return [str(error) for error in check_rules({"a": value}, {"type": "object", "properties": {"a": schema}})]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"rule": "self > 5", "message": "is small"}, ["a: Invalid value: 3: is small"]),
        ({"rule": "self > 5", "message": "no", "reason": "FieldValueForbidden"}, ["a: Forbidden: no"]),
        (
            {"rule": "self > 5", "message": "no", "messageExpression": "string(self) + ' is small'"},
            ["a: Invalid value: 3: 3 is small"],
        ),
        ({"rule": "self == oldSelf", "message": "is new"}, []),
        ({"rule": "self < 5", "message": "is large"}, []),
    ],
)
def test_rules(rule: dict[str, str], expected: list[str]) -> None:
    """A broken rule gives its message, computed or fixed, and its reason; a rule about a change is left out."""
    assert rules_of(3, {"type": "integer", "x-kubernetes-validations": [rule]}) == expected


def test_rules_find_every_place() -> None:
    """Rules inside lists and maps name the item or key that breaks them."""
    item = {"type": "number", "x-kubernetes-validations": [{"rule": "self < 1.5", "message": "is large"}]}
    values = {"type": "object", "additionalProperties": {"type": "array", "items": item}}
    assert rules_of({"b": [1, 2.5]}, values) == ["a[b][1]: Invalid value: 2.5: is large"]


def test_rules_see_whole_floats_as_integers() -> None:
    """An integer that was written with a fraction is an integer to a rule."""
    rule = {"rule": "self % 2 == 0", "message": "is odd"}
    assert rules_of(3.0, {"type": "integer", "x-kubernetes-validations": [rule]}) == ["a: Invalid value: 3: is odd"]
