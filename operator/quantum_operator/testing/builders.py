"""Builders of resources: valid as they are, and changed by what a test is about. Dicts are in the wire's form."""

from collections.abc import Mapping
from typing import Any

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import JobInput, Outcome, RunSpec
from quantum_operator.api.task import EstimatePub, SamplePub
from quantum_operator.decide.shapes import entries, shape_of

Wire = Mapping[str, Any]

BELL = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n'
"""A Bell pair in OpenQASM 3, measured into register c."""

BELL_STATE = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nh q[0];\ncx q[0], q[1];\n'
"""A Bell pair that is not measured."""

CREATED = "2026-01-01T00:00:00Z"
SAMPLE: Wire = {"sample": {"pubs": [{"program": "bell"}]}}
ESTIMATE: Wire = {
    "estimate": {
        "pubs": [{"program": "bell", "shots": 1000, "observables": [{"terms": [{"pauli": "ZZ", "qubits": [0, 1]}]}]}]
    }
}


def job(name: str = "bell", *, namespace: str = "team", uid: str = "", **spec: Any) -> QuantumJob:
    """A job that samples a Bell pair; keywords are fields of its spec. Its UID derives from its name."""
    given = {"programs": [{"name": "bell", "qasm3": BELL}], "task": SAMPLE, **spec}
    metadata = _metadata(name, uid or f"uid-of-{namespace}-{name}") | {"namespace": namespace}
    return QuantumJob.model_validate({"metadata": metadata, "spec": given})


def estimate_job(name: str = "bell", **spec: Any) -> QuantumJob:
    """A job that estimates ZZ of a Bell pair."""
    return job(name, **{"programs": [{"name": "bell", "qasm3": BELL_STATE}], "task": ESTIMATE, **spec})


def policy(*backends: str, name: str = "default", namespace: str = "team", **spec: Any) -> BackendPolicy:
    """A policy that prefers these backends in this order (`simulator` when none is given)."""
    given = {"backends": [{"name": one} for one in backends or ("simulator",)], **spec}
    metadata = _metadata(name, f"uid-of-policy-{name}") | {"namespace": namespace}
    return BackendPolicy.model_validate({"metadata": metadata, "spec": given})


def backend(
    name: str = "simulator", *, qubits: int = 20, ready: bool | None = True, labels: Wire | None = None, **spec: Any
) -> QuantumBackend:
    """A simulator of so many qubits; `ready` None: it has not reported yet. Keywords are fields of its spec."""
    given = {"target": {"numQubits": qubits}, **spec}
    status = {} if ready is None else {"conditions": [_ready(ready)], "observedGeneration": 1}
    metadata = _metadata(name, f"uid-of-backend-{name}") | {"labels": dict(labels or {})}
    return QuantumBackend.model_validate({"metadata": metadata, "spec": given, "status": status})


def outcome(spec: RunSpec, job_input: JobInput, **changes: Any) -> Outcome:
    """A successful outcome of the run: every pub is answered, as a Bell pair would. Keywords replace fields."""
    task = job_input.task
    pubs = [
        *(_sampled(pub) for pub in (task.sample.pubs if task.sample else ())),
        *(_estimated(pub) for pub in (task.estimate.pubs if task.estimate else ())),
    ]
    given = {
        "run": spec.run,
        "inputSha256": spec.input_sha256,
        "seed": spec.seed,
        "engine": "memory",
        "method": "statevector",
        "precision": "double",
        "versions": {"memory": "1.0"},
        "durationsMilliseconds": {"execute": 20, "total": 100},
        "pubs": pubs,
    }
    return Outcome.model_validate(given | changes)


def _sampled(pub: SamplePub) -> dict[str, Any]:
    shape = shape_of(pub)
    half = pub.shots // 2
    register = {"name": "c", "size": 2, "counts": {"00": half, "11": pub.shots - half}}
    samples = [{"index": index, "registers": [register]} for index in range(entries(shape))]
    return {"program": pub.program, "shape": shape, "shots": pub.shots, "samples": samples}


def _estimated(pub: EstimatePub) -> dict[str, Any]:
    shape = shape_of(pub)
    count = entries(shape)
    values = {"values": [1.0] * count, "standardErrors": [0.0] * count}
    return {"program": pub.program, "shape": shape, "shots": pub.shots or 0, **values}


def _metadata(name: str, uid: str) -> dict[str, Any]:
    return {"name": name, "uid": uid, "generation": 1, "resourceVersion": "1", "creationTimestamp": CREATED}


def _ready(ready: bool) -> dict[str, Any]:
    reason = "Ready" if ready else "NoMatchingBackend"
    return {
        "type": "Ready",
        "status": "True" if ready else "False",
        "reason": reason,
        "message": "simulates on the cluster itself" if ready else "under maintenance",
        "observedGeneration": 1,
        "lastTransitionTime": CREATED,
    }
