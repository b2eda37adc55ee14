"""Jobs that the operator itself creates: shadows."""

from quantum_operator.api.meta import API_VERSION
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import Api, Json, refusals_as_transient
from quantum_operator.cluster.mirror import Kind
from quantum_operator.cluster.writes import create
from quantum_operator.ports.errors import NameTakenError, TransientError


async def create_job(api: Api, kind: Kind[QuantumJob], job: QuantumJob) -> None:
    """Create a job, or see that it is there. Raises RefusedError, NameTakenError, GoneError, TransientError."""
    path = kind.path(job.metadata.namespace)
    if await create(api, path, _manifest(job)) is None:
        await _adopt(api, f"{path}/{job.metadata.name}", job)


async def _adopt(api: Api, path: str, job: QuantumJob) -> None:
    with refusals_as_transient():
        there = await api.find(path)
    if there is None:
        raise TransientError(f"job {job.metadata.name} came and went")
    of = job.spec.shadow_of
    if (there.get("spec") or {}).get("shadowOf") != (of.to_wire() if of is not None else None):
        raise NameTakenError(f"job {job.metadata.name} in namespace {job.metadata.namespace} is another one")


def _manifest(job: QuantumJob) -> Json:
    meta = job.metadata
    owners = [
        {"apiVersion": API_VERSION, "kind": one.kind, "name": one.name, "uid": one.uid} for one in meta.owner_references
    ]
    metadata = {
        "name": meta.name,
        "namespace": meta.namespace,
        "labels": meta.labels,
        "annotations": meta.annotations,
        "ownerReferences": owners,
    }
    return {"apiVersion": job.api_version, "kind": job.kind, "metadata": metadata, "spec": job.spec.to_wire()}
