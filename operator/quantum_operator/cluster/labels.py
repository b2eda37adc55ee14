"""What marks the objects that we make for a job."""

from collections.abc import Sequence

from quantum_operator.api.meta import API_VERSION, GROUP
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.cluster.api import Json

JOB_UID = f"{GROUP}/job-uid"
"""Label of everything that we make for a job, with its UID. The operator watches batch Jobs and pods by it."""

SHARED = "shared"
"""In place of the UID, on a run that several jobs share, and on its pod: they are its owners."""

BACKEND = f"{GROUP}/backend"
"""Annotation of a run: the name of its backend."""

INPUT = f"{GROUP}/input-sha256"
"""Annotation of a run: the digest of its input."""

DIGEST = f"{GROUP}/sha256"
"""Annotation of an artifact's ConfigMaps: the digest of the whole artifact."""

CORRELATION = f"{GROUP}/correlation-id"
"""Label of a run and its pod, and annotation of an event: the job's spec.correlationId."""

TAG = f"tags.{GROUP}/"
"""Before the key of one of the job's spec.tags: an annotation of a run and its pod."""

MANAGED_BY = {"app.kubernetes.io/managed-by": "quantum-operator"}


def correlated(job: QuantumJob) -> dict[str, str]:
    """What the job is a part of, as labels; none where it does not say."""
    return {CORRELATION: job.spec.correlation_id} if job.spec.correlation_id is not None else {}


def tagged(job: QuantumJob) -> dict[str, str]:
    """The job's tags as annotations."""
    return {f"{TAG}{key}": value for key, value in sorted(job.spec.tags.items())}


def shared_metadata(parents: Sequence[QuantumJob], name: str, annotations: dict[str, str]) -> Json:
    """Metadata of an object that belongs to several jobs of a namespace, and goes with the last of them."""
    owners = [
        {
            "apiVersion": API_VERSION,
            "kind": parent.kind,
            "name": parent.metadata.name,
            "uid": parent.metadata.uid,
            "blockOwnerDeletion": False,
        }
        for parent in parents
    ]
    return {
        "name": name,
        "namespace": parents[0].metadata.namespace,
        "labels": {**MANAGED_BY, JOB_UID: SHARED},
        "annotations": annotations,
        "ownerReferences": owners,
    }


def child_metadata(parent: QuantumJob | QuantumTask, name: str, annotations: dict[str, str]) -> Json:
    """Metadata of an object that belongs to a job, or to its task, and goes with it."""
    owner = {
        "apiVersion": API_VERSION,
        "kind": parent.kind,
        "name": parent.metadata.name,
        "uid": parent.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    job_uid = parent.spec.job.uid if isinstance(parent, QuantumTask) else parent.metadata.uid
    return {
        "name": name,
        "namespace": parent.metadata.namespace,
        "labels": {**MANAGED_BY, JOB_UID: job_uid, **(correlated(parent) if isinstance(parent, QuantumJob) else {})},
        "annotations": annotations,
        "ownerReferences": [owner],
    }
