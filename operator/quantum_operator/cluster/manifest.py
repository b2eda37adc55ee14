"""The batch/v1 Job of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quantum_operator.api.backend import RunTemplate
from quantum_operator.api.batch import BATCH_SECONDS, TURN_SECONDS
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.runenvironment import to_environment
from quantum_operator.cluster.api import Json
from quantum_operator.cluster.labels import (
    BACKEND,
    INPUT,
    JOB_UID,
    MANAGED_BY,
    SHARED,
    child_metadata,
    correlated,
    shared_metadata,
    tagged,
)
from quantum_operator.cluster.seen import CONTAINER
from quantum_operator.decide.observed import StartRun
from quantum_operator.ports.batches import BatchPart
from quantum_operator.ports.chunks import CHUNK_KEY

START_GRACE_SECONDS = 900
"""What a pod on its node may take beyond the run's own limit: pulling an image and starting."""

USER = 65532
TERMINATION = "/dev/termination-log"
INPUT_FILE = "/input/input.json"

_ONCE: Json = {"backoffLimit": 0, "completions": 1, "parallelism": 1, "podReplacementPolicy": "Failed"}


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
    limit = action.spec.limits.wall_seconds + START_GRACE_SECONDS
    work = _Work(action.template, limit, action.input.name, ["--input", INPUT_FILE], to_environment(action.spec))
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": child_metadata(
            job, action.spec.run, {BACKEND: action.spec.backend, INPUT: action.spec.input_sha256, **tags}
        ),
        "spec": {
            **_ONCE,
            "template": {"metadata": {"labels": labels, "annotations": tags}, "spec": _pod_spec(work, settings)},
        },
    }


def batch_manifest(name: str, parts: Sequence[BatchPart], input_name: str, sha256: str, settings: RunSettings) -> Json:
    """The Job that these jobs share. Its input is in the ConfigMap of `input_name`, with this digest."""
    first = parts[0].action
    work = _Work(
        first.template,
        BATCH_SECONDS + TURN_SECONDS + START_GRACE_SECONDS,
        input_name,
        ["--batch", INPUT_FILE, "--sha256", sha256],
        {},
    )
    labels = {**MANAGED_BY, JOB_UID: SHARED}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": shared_metadata([one.job for one in parts], name, {BACKEND: first.spec.backend, INPUT: sha256}),
        "spec": {**_ONCE, "template": {"metadata": {"labels": labels}, "spec": _pod_spec(work, settings)}},
    }


@dataclass(frozen=True)
class _Work:
    """What a pod does: for how long at most, with which ConfigMap, arguments and environment."""

    template: RunTemplate
    seconds: int
    input_name: str
    arguments: list[str]
    environment: Mapping[str, str]


def _pod_spec(work: _Work, settings: RunSettings) -> Json:
    template = work.template
    spec: Json = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": work.seconds,
        "terminationGracePeriodSeconds": 10,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(work, settings)],
        "volumes": [
            {
                "name": "input",
                "configMap": {"name": work.input_name, "items": [{"key": CHUNK_KEY, "path": "input.json"}]},
            },
            {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
        ],
    }
    if template.runtime_class_name is not None:
        spec["runtimeClassName"] = template.runtime_class_name
    if template.node_selector:
        spec["nodeSelector"] = dict(template.node_selector)
    if template.tolerations:
        spec["tolerations"] = [one.to_wire() for one in template.tolerations]
    if settings.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in settings.pull_secrets]
    if settings.priority_class:
        spec["priorityClassName"] = settings.priority_class
    return spec


def _container(work: _Work, settings: RunSettings) -> Json:
    extended = {name: str(count) for name, count in sorted(work.template.resources.items())}
    resources = {"cpu": work.template.cpu, "memory": work.template.memory, **extended}
    return {
        "name": CONTAINER,
        "image": work.template.image or settings.image,
        "imagePullPolicy": settings.pull_policy,
        "args": [*work.arguments, "--termination", TERMINATION],
        "env": [{"name": name, "value": value} for name, value in work.environment.items()],
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
