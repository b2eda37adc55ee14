"""Objects as the API server sends them, for tests without one."""

from typing import Any

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.labels import INPUT, JOB_UID
from quantum_operator.testing import builders

Json = dict[str, Any]


def job_body(name: str = "bell", *, uid: str = "", version: int = 1, **changes: Any) -> Json:
    """A QuantumJob; keywords replace parts of the body."""
    job: QuantumJob = builders.job(name, uid=uid)
    body: Json = job.model_dump(mode="json", by_alias=True, exclude_none=True)
    body["metadata"]["resourceVersion"] = str(version)
    return body | changes


def over(body: Json, version: int) -> Json:
    """The same job, later, when it is over."""
    condition = {
        "type": "Complete",
        "status": "True",
        "reason": "Succeeded",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    metadata = {**body["metadata"], "resourceVersion": str(version)}
    return {**body, "metadata": metadata, "status": {"conditions": [condition]}}


def run_body(job: Json, name: str = "bell-1", *, version: int = 1, spec: Json | None = None, **status: Any) -> Json:
    """A batch Job of that QuantumJob."""
    owner = {"kind": "QuantumJob", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"], "controller": True}
    metadata = {
        "name": name,
        "namespace": job["metadata"]["namespace"],
        "uid": f"uid-of-{name}",
        "resourceVersion": str(version),
        "labels": {JOB_UID: job["metadata"]["uid"]},
        "annotations": {INPUT: "0" * 64},
        "ownerReferences": [owner],
    }
    return {"metadata": metadata, "spec": spec or {}, "status": status}


def pod_body(
    run: Json, name: str = "bell-1-abcde", *, version: int = 1, state: Json | None = None, **status: Any
) -> Json:
    """A pod of that batch Job; `state` is its container's."""
    meta = run["metadata"]
    metadata = {
        "name": name,
        "namespace": meta["namespace"],
        "uid": f"uid-of-{name}",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": meta["labels"],
        "ownerReferences": [{"kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}],
    }
    containers = [{"name": "runner", "image": "example.com/runner:1"}]
    shown = {"containerStatuses": [{"name": "runner", "state": state}]} if state is not None else {}
    return {"metadata": metadata, "spec": {"containers": containers}, "status": {**shown, **status}}


def terminated(message: str = "", code: int = 0, reason: str = "Completed") -> Json:
    """The state of a container that ran and ended."""
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, "startedAt": "2026-01-01T00:00:01Z"}}
