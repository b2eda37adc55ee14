"""Which jobs share a run: small ones of one namespace, assigned to one backend in one round."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.batch import BatchSpec, bind, unbind
from quantum_operator.api.envelope import EnvelopeError
from quantum_operator.api.jobstatus import ArtifactRef, Demand
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.batching import batch_limit, batch_name, batch_of, is_small
from quantum_operator.decide.figures import Request
from quantum_operator.decide.names import NAME_LIMIT
from quantum_operator.testing.builders import backend, policy
from support import runs

SHARING = {"maxBatchJobs": 4, "maxConcurrentRuns": 2}


def head(uid: str, *, namespace: str = "team", small: bool = True, qubits: int = 2) -> Head:
    """A waiting job."""
    request = Request(Demand(qubits=qubits, shots=1000), namespace, {})
    return Head(uid, uid, 0, "default", policy("first", "second").spec, request, small)


def batches(heads: list[Head], *backends: QuantumBackend, **under_way: int) -> dict[str, str | None]:
    """What each job that was assigned shares, by its UID."""
    found = assign(Snapshot(tuple(heads), backends, under_way))
    return {one.job_uid: one.batch for one in found if one.verdict == "Assigned"}


@pytest.mark.parametrize(
    ("demand", "length", "small"),
    [
        ({"qubits": 2, "shots": 1000}, 300, True),
        ({"qubits": 16, "shots": 100_000}, 8192, True),
        ({"qubits": 17, "shots": 1000}, 300, False),
        ({"qubits": 2, "shots": 100_001}, 300, False),
        ({"qubits": 2, "shots": 0, "executedShots": 100_001}, 300, False),
        ({"qubits": 2, "shots": 0}, 300, True),
        ({"qubits": 2, "shots": 1000}, 8193, False),
    ],
)
def test_a_job_is_small(demand: dict[str, Any], length: int, small: bool) -> None:
    """By its width, its shots and the length of its input."""
    assert is_small(Demand.model_validate(demand), ArtifactRef(name="a", sha256="0" * 64, bytes=length)) is small


def test_backends_share_with_as_many_as_they_say() -> None:
    """Simulators' runs and providers' submissions alike; a backend that says nothing shares nothing."""
    provider = {"adapter": "ibm", "provider": {"agent": "ibm", "device": "d"}, "price": {"perSecondMicros": 1}}
    assert batch_limit(backend()) == 1
    assert batch_limit(backend(limits={"maxBatchJobs": 7})) == 7
    assert batch_limit(backend(limits={"maxBatchJobs": 7}, **provider)) == 7


def test_a_name_is_of_these_jobs_and_no_others() -> None:
    """Whatever their order; it is short enough for a pod's."""
    assert batch_name(["a", "b"]) == batch_name(["b", "a"])
    assert len({batch_name(["a", "b"]), batch_name(["a", "c"]), batch_name(["a"]), batch_name(["ab"])}) == 4
    assert len(batch_name(["a"] * 100)) < NAME_LIMIT


def test_who_comes_alone_runs_alone() -> None:
    """One job is no batch: nobody waits for company."""
    assert batches([head("a")], backend("first", limits=SHARING)) == {"a": None}


def test_those_of_one_round_share_a_run() -> None:
    """As many as the backend lets share one, the oldest first; the next run has the others."""
    found = batches([head(uid) for uid in "abcdef"], backend("first", limits=SHARING))
    assert found == dict.fromkeys("abcd", batch_name("abcd")) | dict.fromkeys("ef", batch_name("ef"))


def test_a_backend_without_room_gives_none() -> None:
    """A shared run counts as one, and a full backend starts no other."""
    heads = [head(uid) for uid in "abcdefghij"]
    one_left = batches(heads, backend("first", limits=SHARING), first=1)
    assert one_left == dict.fromkeys("abcd", batch_name("abcd"))
    assert batches(heads, backend("first", limits=SHARING), first=2) == {}


def test_what_is_not_small_or_of_another_namespace_does_not_share() -> None:
    """A large job has a run of its own, and namespaces keep to themselves."""
    limits = SHARING | {"maxConcurrentRuns": 9}
    heads = [head("a"), head("b", small=False), head("c", namespace="other"), head("d"), head("e", namespace="other")]
    found = batches(heads, backend("first", limits=limits))
    assert found == {
        "a": batch_name("ad"),
        "b": None,
        "c": batch_name("ce"),
        "d": batch_name("ad"),
        "e": batch_name("ce"),
    }


def test_who_has_no_room_goes_to_the_next_backend() -> None:
    """A full backend is passed over by the next batch too, and each backend has its own."""
    found = batches(
        [head(uid) for uid in "abcdef"],
        backend("first", limits=SHARING | {"maxConcurrentRuns": 1}),
        backend("second", limits=SHARING),
    )
    assert found == dict.fromkeys("abcd", batch_name("abcd")) | dict.fromkeys("ef", batch_name("ef"))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["team", "other"]), st.booleans(), st.integers(1, 9)), max_size=30),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 4),
)
def test_sharing_never_breaks_a_limit(asked: list[Any], share: int, room: int, under_way: int) -> None:
    """Every shared run has small jobs of one namespace and backend, no more than may share it, and fits its backend."""
    heads = [
        head(f"job-{index:02}", namespace=namespace, small=small, qubits=qubits)
        for index, (namespace, small, qubits) in enumerate(asked)
    ]
    limits = {"maxBatchJobs": share, "maxConcurrentRuns": room}
    backends = (backend("first", qubits=5, limits=limits), backend("second", qubits=9, limits=limits))
    snapshot = Snapshot(tuple(heads), backends, {"first": under_way})
    found = assign(snapshot)
    assert assign(Snapshot(tuple(reversed(heads)), backends, {"first": under_way})) == found
    by_uid = {one.job_uid: one for one in heads}
    assigned = [one for one in found if one.verdict == "Assigned"]
    for name, count in Counter(one.batch for one in assigned if one.batch is not None).items():
        members = [one for one in assigned if one.batch == name]
        assert 2 <= count <= share
        assert len({(by_uid[one.job_uid].request.namespace, one.backend) for one in members}) == 1
        assert all(by_uid[one.job_uid].small for one in members)
        assert name == batch_name(one.job_uid for one in members)
    started = Counter(backend for backend, _ in {(one.backend, one.batch or one.job_uid) for one in assigned})
    assert started["first"] <= max(0, room - under_way)
    assert started["second"] <= room
    unshared = assign(Snapshot(tuple(heads), tuple(_unshared(one) for one in backends), {"first": under_way}))
    assert len(assigned) >= sum(one.verdict == "Assigned" for one in unshared)


def _unshared(one: QuantumBackend) -> QuantumBackend:
    limits = one.spec.limits.model_copy(update={"max_batch_jobs": 1})
    return one.model_copy(update={"spec": one.spec.model_copy(update={"limits": limits})})


def test_a_batch_has_every_run_as_it_would_be_alone() -> None:
    """The RunSpec of each comes back from what all of them share, and the input is the same bytes."""
    inputs = [
        runs.job(runs.qasm3(runs.BELL3), runs.sample(shots=shots)).model_dump_json(by_alias=True).encode()
        for shots in (10, 20)
    ]
    specs = [
        runs.spec(data, seed=index, wall=30 + index).model_copy(update={"run": f"run-{index}"})
        for index, data in enumerate(inputs)
    ]
    batch = batch_of(list(zip(reversed(specs), reversed(inputs), strict=True)))
    again = BatchSpec.model_validate_json(batch.model_dump_json(by_alias=True, exclude_none=True))
    assert [again.spec_of(one) for one in again.runs] == specs
    assert [one.input.encode() for one in again.runs] == inputs


def test_outcomes_that_are_bound_come_back_as_they_were() -> None:
    """Byte for byte, for a digest is taken of them."""
    outcomes = {"run-1": b'{"a":1}', "run-2": '{"b": "\u00e9\\n"}'.encode()}
    assert unbind(bind(outcomes)) == outcomes
    assert unbind(bind({})) == {}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"batch": 1}', b'{"batch": {"a": 1}}', b'{"run": "a"}', b"\xff"])
def test_anything_else_is_no_batch(data: bytes) -> None:
    """What a pod left is not trusted to be well-formed."""
    with pytest.raises(EnvelopeError, match="not the outcomes"):
        unbind(data)


def test_a_name_twice_is_no_trap() -> None:
    """The last of two outcomes of one run counts, as JSON has it; neither is mistaken for another run's."""
    text = json.dumps({"batch": {"a": "1"}})[:-2] + ', "a": "2"}}'
    assert unbind(text.encode()) == {"a": b"2"}
