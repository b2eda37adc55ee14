"""The batch/v1 Job of a run."""

from dataclasses import dataclass

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.runenvironment import to_environment
from quantum_operator.cluster.api import Json
from quantum_operator.cluster.labels import BACKEND, INPUT, JOB_UID, MANAGED_BY, child_metadata, correlated, tagged
from quantum_operator.cluster.seen import CONTAINER
from quantum_operator.decide.observed import StartRun
from quantum_operator.ports.chunks import CHUNK_KEY

START_GRACE_SECONDS = 900
"""What a pod on its node may take beyond the run's own limit: pulling an image and starting."""

USER = 65532
TERMINATION = "/dev/termination-log"


@dataclass(frozen=True)
class RunSettings:
    """What all runs of this installation share. `pull_secrets` must be there in the jobs' namespaces."""

    image: str
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    priority_class: str = ""


def run_manifest(job: QuantumJob, action: StartRun, settings: RunSettings) -> Json:
    """The Job that is one attempt: one pod, once. That it is tried again is the operator's business.

    It has no deadline of its own, for a pod may wait for a node for long: the pod has one from the moment it is on
    a node, the run keeps its own before, and a suspended Job (Kueue) loses nothing.
    """
    labels = {**MANAGED_BY, JOB_UID: job.metadata.uid, **correlated(job)}
    tags = tagged(job)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": child_metadata(
            job, action.spec.run, {BACKEND: action.spec.backend, INPUT: action.spec.input_sha256, **tags}
        ),
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "podReplacementPolicy": "Failed",
            "template": {"metadata": {"labels": labels, "annotations": tags}, "spec": _pod_spec(action, settings)},
        },
    }


def _pod_spec(action: StartRun, settings: RunSettings) -> Json:
    template = action.template
    spec: Json = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": action.spec.limits.wall_seconds + START_GRACE_SECONDS,
        "terminationGracePeriodSeconds": 10,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(action, settings)],
        "volumes": [
            {
                "name": "input",
                "configMap": {"name": action.input.name, "items": [{"key": CHUNK_KEY, "path": "input.json"}]},
            },
            {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
        ],
    }
    if template.node_selector:
        spec["nodeSelector"] = dict(template.node_selector)
    if template.tolerations:
        spec["tolerations"] = [one.to_wire() for one in template.tolerations]
    if settings.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in settings.pull_secrets]
    if settings.priority_class:
        spec["priorityClassName"] = settings.priority_class
    return spec


def _container(action: StartRun, settings: RunSettings) -> Json:
    resources = {"cpu": action.template.cpu, "memory": action.template.memory}
    return {
        "name": CONTAINER,
        "image": action.template.image or settings.image,
        "imagePullPolicy": settings.pull_policy,
        "args": ["--input", "/input/input.json", "--termination", TERMINATION],
        "env": [{"name": name, "value": value} for name, value in to_environment(action.spec).items()],
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": TERMINATION,
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            {"name": "input", "mountPath": "/input", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own, in memory of the pod's life
        ],
    }
