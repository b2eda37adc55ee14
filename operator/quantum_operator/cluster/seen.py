"""What is read of a batch Job and of its pods: a run, without the hundreds of fields that do not matter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from quantum_operator.api.failures import ending
from quantum_operator.cluster.api import Json, controller_uid, metadata
from quantum_operator.cluster.labels import INPUT, JOB_UID, SHARED
from quantum_operator.decide.observed import RunObserved

CONTAINER = "runner"

STARTING = frozenset({"ContainerCreating", "PodInitializing"})
"""Reasons why a container waits that need no word."""

NEVER_RAN = frozenset({"ContainerStatusUnknown", "StartError", "ContainerCannotRun"})
"""Ends of a container that never ran: the message is the kubelet's, and not what a run left."""

PULL_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
"""They take turns, so that one message stands for all."""


@dataclass(frozen=True)
class SeenRun:
    """A batch Job. `verdict` is its final condition, `owner` its controller's UID.

    `sharers` are the UIDs of the jobs that share it; empty: it has a controller.
    """

    name: str
    namespace: str
    uid: str
    owner: str
    job_uid: str
    input_sha256: str
    suspended: bool
    ready: bool
    verdict: Literal["", "Complete", "Failed"]
    reason: str
    sharers: frozenset[str] = frozenset()

    def belongs_to(self, uid: str) -> bool:
        """Whether it is the run of the job of this UID, or one that the job shares."""
        return uid in self.sharers if self.sharers else uid == self.owner


@dataclass(frozen=True)
class SeenPod:
    """A pod of a batch Job. `ended`: its container has, with this exit code, reason and termination message.

    `waits` is the word for why it has not started and `waiting` says it; `disrupted` is who removes it.
    """

    name: str
    namespace: str
    run_uid: str
    job_uid: str
    created: str
    leaving: bool
    reason: str
    message: str
    waits: str
    waiting: str
    started: bool
    ended: bool
    exit_code: int = 0
    exit_reason: str = ""
    termination: str = ""
    disrupted: str = ""


def read_run(body: Json) -> SeenRun:
    """A batch Job as it was seen."""
    meta, status = metadata(body), body.get("status") or {}
    final = _true_condition(status, ("Complete", "Failed"))
    verdict: Literal["", "Complete", "Failed"] = ""
    if final is not None:
        verdict = "Complete" if final["type"] == "Complete" else "Failed"
    return SeenRun(
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        owner=controller_uid(body),
        job_uid=(meta.get("labels") or {}).get(JOB_UID, ""),
        input_sha256=(meta.get("annotations") or {}).get(INPUT, ""),
        suspended=bool((body.get("spec") or {}).get("suspend")),
        ready=int(status.get("ready") or 0) > 0,
        verdict=verdict,
        reason=str(final.get("reason", "")) if final is not None else "",
        sharers=_sharers(meta),
    )


def _sharers(meta: Json) -> frozenset[str]:
    if (meta.get("labels") or {}).get(JOB_UID) != SHARED:
        return frozenset()
    return frozenset(str(one.get("uid")) for one in meta.get("ownerReferences") or ())


def read_pod(body: Json) -> SeenPod:
    """A pod as it was seen."""
    meta, status = metadata(body), body.get("status") or {}
    containers = status.get("containerStatuses") or ()
    state = next((one.get("state") or {} for one in containers if one.get("name") == CONTAINER), {})
    ended = state.get("terminated")
    waits, waiting = _waiting(body, status, state.get("waiting") or {})
    said = str((ended or {}).get("message") or "")
    foreign = (ended or {}).get("reason") in NEVER_RAN
    disruption = _true_condition(status, ("DisruptionTarget",)) or {}
    return SeenPod(
        name=meta["name"],
        namespace=meta["namespace"],
        run_uid=controller_uid(body),
        job_uid=(meta.get("labels") or {}).get(JOB_UID, ""),
        created=str(meta.get("creationTimestamp", "")),
        leaving="deletionTimestamp" in meta,
        reason=str(status.get("reason") or ""),
        message=str(status.get("message") or "") or (said if foreign else ""),
        waits=waits,
        waiting=waiting,
        started="running" in state or bool((ended or {}).get("startedAt")),
        ended=ended is not None,
        exit_code=int((ended or {}).get("exitCode") or 0),
        exit_reason=str((ended or {}).get("reason") or ""),
        termination="" if foreign else said,
        disrupted=str(disruption.get("reason") or ""),
    )


def newest(pods: Sequence[SeenPod]) -> SeenPod | None:
    """The pod that counts, of those of one run: one that stays before one that leaves, then the latest."""
    return max(pods, key=lambda pod: (not pod.leaving, pod.created, pod.name), default=None)


def progress(run: SeenRun, pod: SeenPod | None, refused: str) -> RunObserved:
    """A run that is not over yet. `refused`: why Kubernetes makes no pod for it."""
    if run.ready or (pod is not None and pod.started):
        return RunObserved(run.name, run.uid, "Running")
    if run.suspended:
        return RunObserved(run.name, run.uid, "Pending", "the run is suspended: a queue has not admitted it yet")
    if pod is None:
        word = "QuotaExceeded" if "exceeded quota" in refused else "PodRefused" if refused else ""
        return RunObserved(run.name, run.uid, "Pending", refused, failure=word)
    return RunObserved(run.name, run.uid, "Pending", pod.waiting, failure=pod.waits)


def failed(run: SeenRun, pod: SeenPod | None) -> RunObserved:
    """A run that is over and left no outcome."""
    if pod is None:
        deadline = run.reason == "DeadlineExceeded"
        failure = run.reason if deadline else "PodGone"
        message = "" if deadline else "its pod was deleted before its outcome was read"
        return RunObserved(run.name, run.uid, "Finished", message, failure=failure)
    if pod.reason == "DeadlineExceeded" and not pod.started:
        message = "its container did not start in time" + (f": {pod.waiting}" if pod.waiting else "")
        return RunObserved(run.name, run.uid, "Finished", message, failure="StartDeadlineExceeded")
    removed = pod.disrupted or ("PodDeleted" if pod.leaving else "")
    failure = pod.reason or _fatal(pod.exit_reason) or removed or pod.exit_reason or run.reason or "NoOutcome"
    code = f" (exit code {pod.exit_code})" if pod.ended else ""
    message = f"{failure}{code}" + (f": {pod.message}" if pod.message else "")
    return RunObserved(run.name, run.uid, "Finished", message, failure=failure)


def not_reached(name: str, run: SeenRun) -> RunObserved:
    """A run that was to be a part of another one, which is without it or left nothing of it."""
    return RunObserved(name, run.uid, "Finished", f"run {run.name} did not bring it to an end", failure="NotReached")


def _fatal(exit_reason: str) -> str:
    """The container's own end, where it says more than that the pod was removed."""
    return exit_reason if ending(exit_reason).reaction in ("fail", "reroute") else ""


def _waiting(body: Json, status: Json, waiting: Json) -> tuple[str, str]:
    """Why the pod has not started: a word, and words that do not change while it waits; empty when it simply starts."""
    reason = str(waiting.get("reason") or "")
    if reason in PULL_REASONS:
        containers = (body.get("spec") or {}).get("containers") or ()
        image = next((one.get("image") for one in containers if one.get("name") == CONTAINER), "")
        name = metadata(body).get("name")
        return "ImageUnavailable", f"the image {image} can't be pulled; `kubectl describe pod {name}` says why"
    if reason and reason not in STARTING:
        return reason, ": ".join(part for part in (reason, str(waiting.get("message") or "")) if part)
    conditions = status.get("conditions") or ()
    scheduled = next((one for one in conditions if one.get("type") == "PodScheduled"), None)
    if scheduled is not None and scheduled.get("status") == "False":
        said = ": ".join(str(scheduled.get(part)) for part in ("reason", "message") if scheduled.get(part))
        return str(scheduled.get("reason") or ""), said
    return "", ""


def _true_condition(status: Json, types: Sequence[str]) -> Json | None:
    conditions: Sequence[Json] = status.get("conditions") or ()
    return next((one for one in conditions if one.get("type") in types and one.get("status") == "True"), None)
