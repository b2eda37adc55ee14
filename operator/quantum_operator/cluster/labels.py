"""What marks the objects that we make for a job."""

from quantum_operator.api.meta import API_VERSION, GROUP
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.cluster.api import Json

JOB_UID = f"{GROUP}/job-uid"
"""Label of everything that we make for a job, with its UID. The operator watches batch Jobs and pods by it."""

BACKEND = f"{GROUP}/backend"
"""Annotation of a run: the name of its backend."""

INPUT = f"{GROUP}/input-sha256"
"""Annotation of a run: the digest of its input."""

DIGEST = f"{GROUP}/sha256"
"""Annotation of an artifact's ConfigMaps: the digest of the whole artifact."""

MANAGED_BY = {"app.kubernetes.io/managed-by": "quantum-operator"}


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
        "labels": {**MANAGED_BY, JOB_UID: job_uid},
        "annotations": annotations,
        "ownerReferences": [owner],
    }
