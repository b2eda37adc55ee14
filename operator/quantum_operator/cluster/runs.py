"""The port Runs: batch/v1 Jobs, their pods, and what these leave behind."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from quantum_operator.api.batch import unbind
from quantum_operator.api.envelope import EnvelopeError, in_log, unseal
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import CORE, Api, Json, StatusError, refusals_as_transient
from quantum_operator.cluster.manifest import RunSettings, run_manifest
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.seen import (
    CONTAINER,
    SeenPod,
    SeenRun,
    failed,
    newest,
    not_reached,
    progress,
    read_pod,
    read_run,
)
from quantum_operator.decide.observed import RunObserved, StartRun, StopRun
from quantum_operator.ports.errors import GoneError, NameTakenError, RefusedError, TransientError
from quantum_operator.ports.world import Key

LOG_BYTES = 12 * 1024 * 1024
REFUSALS = frozenset({400, 403, 413, 422})
"""How quota, LimitRange, Pod Security and admission refuse."""

PODLESS_SECONDS = 10.0
"""How long a run may be without a pod before it is asked why."""

ASK_AGAIN_SECONDS = 30.0

SHARED_KEPT = 4
"""Of how many shared runs the outcomes are kept at hand."""

WakeLater = Callable[[Key, float], None]
"""Has a job looked at after so many seconds."""


async def create_run(api: Api, mirror: Mirror, manifest: Json) -> bool:
    """Create a batch Job, and see it; False where one of its name is there already.

    Raises RefusedError, GoneError where the namespace is gone, TransientError.
    """
    try:
        created = await api.post(mirror.runs.path(manifest["metadata"]["namespace"]), manifest)
    except StatusError as error:
        if error.code in REFUSALS:
            raise RefusedError(error.message) from error
        if error.code == 404:
            raise GoneError(error.message) from error
        if error.code != 409:
            raise TransientError(str(error)) from error
        return False
    mirror.runs.cache.put(created)
    return True


@dataclass
class _Podless:
    """A run without a pod: when it is asked why, and the last answer."""

    due: float
    message: str = ""


class ClusterRuns:
    """Runs in a cluster; implements the port Runs."""

    def __init__(self, api: Api, mirror: Mirror, settings: RunSettings, wake_later: WakeLater) -> None:
        """Read from `mirror` and by `api`; `wake_later` is for what no event tells."""
        self._api = api
        self._mirror = mirror
        self._settings = settings
        self._wake_later = wake_later
        self._podless: dict[str, _Podless] = {}
        self._parts: dict[str, dict[str, bytes]] = {}

    async def observe(
        self, job: QuantumJob, name: str, *, expected: bool, batch: str | None = None
    ) -> RunObserved | None:
        """The job's run of this name, or its part of the `batch`; a namesake that is not the job's is none.

        Only pods that the run controls count. A container is started once, so that its end is the run's, with an
        outcome or without; why there is none is best seen before the pod goes. That a run is over of which no pod has
        ended is said only when Kubernetes says so, after a live look at its pods. Raises TransientError.
        """
        key = Key(job.metadata.namespace, batch or name)
        run = self._mirror.runs.cache.get(key)
        if run is None and expected:
            run = await self._read_run(key)
        if run is None or not run.belongs_to(job.metadata.uid):
            return None if run is None or batch is None else not_reached(name, run)
        pod = newest(self._mirror.pods.cache.group(run.uid))
        if run.verdict and (pod is None or not pod.ended):
            pod = newest(await self._read_pods(run))
        if pod is not None and pod.termination:
            self._podless.pop(run.uid, None)
            return await (self._outcome(run, pod) if batch is None else self._part(name, run, pod))
        if run.verdict or (pod is not None and pod.ended):
            self._podless.pop(run.uid, None)
            return failed(run, pod)
        return progress(run, pod, await self._refusal(job, run, pod))

    async def start(self, job: QuantumJob, action: StartRun) -> None:
        """Create the run, or see that it is there.

        Raises RefusedError, NameTakenError, GoneError where the namespace is gone, TransientError.
        """
        if not await create_run(self._api, self._mirror, run_manifest(job, action, self._settings)):
            await self._adopt(job, action)

    async def stop(self, job: QuantumJob, action: StopRun) -> None:
        """Delete the run, which goes once its pod has ended. Raises TransientError."""
        namespace, runs = job.metadata.namespace, self._mirror.runs
        with refusals_as_transient():
            there = await self._api.delete(f"{runs.path(namespace)}/{action.name}", uid=action.uid)
        if not there:  # it went while nobody watched: no event will tell
            runs.cache.discard(Key(namespace, action.name), action.uid)

    async def _adopt(self, job: QuantumJob, action: StartRun) -> None:
        run = await self._read_run(Key(job.metadata.namespace, action.spec.run))
        if run is None:
            raise TransientError(f"Job {action.spec.run} came and went")
        if run.owner != job.metadata.uid or run.input_sha256 != action.spec.input_sha256:
            raise NameTakenError(
                f"Job {run.name} in namespace {run.namespace} is not the operator's; delete it, and the run starts"
            )

    async def _part(self, name: str, run: SeenRun, pod: SeenPod) -> RunObserved:
        """What a shared run left of the run of this name. It is read once for all that share it, if they ask soon."""
        parts = self._parts.get(run.uid)
        if parts is None:
            whole = await self._outcome(run, pod)
            if whole.outcome is None:
                return replace(whole, name=name)
            try:
                parts = unbind(whole.outcome)
            except EnvelopeError as error:
                return RunObserved(name, run.uid, "Finished", str(error), failure="OutcomeLost")
            while len(self._parts) >= SHARED_KEPT:
                del self._parts[next(iter(self._parts))]
            self._parts[run.uid] = parts
        outcome = parts.get(name)
        return not_reached(name, run) if outcome is None else RunObserved(name, run.uid, "Finished", outcome=outcome)

    async def _read_run(self, key: Key) -> SeenRun | None:
        with refusals_as_transient():
            body = await self._api.find(f"{self._mirror.runs.path(key.namespace)}/{key.name}")
        if body is None:
            return None
        self._mirror.runs.cache.put(body)
        return read_run(body)

    async def _read_pods(self, run: SeenRun) -> list[SeenPod]:
        with refusals_as_transient():
            selector = f"batch.kubernetes.io/controller-uid={run.uid}"
            found = await self._api.get(self._mirror.pods.path(run.namespace), labelSelector=selector)
        return [pod for pod in map(read_pod, found["items"]) if pod.run_uid == run.uid]

    async def _outcome(self, run: SeenRun, pod: SeenPod) -> RunObserved:
        try:
            text = await self._log(pod) if in_log(pod.termination) else ""
            outcome = unseal(pod.termination, text)
        except EnvelopeError as error:
            return RunObserved(run.name, run.uid, "Finished", str(error), failure="OutcomeLost")
        return RunObserved(run.name, run.uid, "Finished", outcome=outcome)

    async def _log(self, pod: SeenPod) -> str:
        path = f"{self._mirror.pods.path(pod.namespace)}/{pod.name}/log"
        try:
            return await self._api.text(path, LOG_BYTES, container=CONTAINER, limitBytes=str(LOG_BYTES))
        except StatusError as error:
            if error.code in (400, 404):  # the container or the pod is gone, and the log with it
                return ""
            raise TransientError(str(error)) from error

    async def _refusal(self, job: QuantumJob, run: SeenRun, pod: SeenPod | None) -> str:
        """Why the run has no pod, once it has been without for a while. No event tells of that."""
        if pod is not None or run.ready or run.suspended:
            self._podless.pop(run.uid, None)
            return ""
        now = time.monotonic()
        known = self._podless.get(run.uid)
        if known is not None and now < known.due:
            return known.message
        message, wait = "", PODLESS_SECONDS
        if known is not None:
            message, wait = await self._last_refusal(run), ASK_AGAIN_SECONDS
        self._podless[run.uid] = _Podless(now + wait, message)
        self._wake_later(Key(job.metadata.namespace, job.metadata.name), wait)
        return message

    async def _last_refusal(self, run: SeenRun) -> str:
        selector = f"involvedObject.uid={run.uid},reason=FailedCreate"
        with refusals_as_transient():
            found = await self._api.get(f"{CORE}/namespaces/{run.namespace}/events", fieldSelector=selector)
        items: list[Json] = found["items"]
        last = max(items, key=lambda one: str(one.get("lastTimestamp") or ""), default={})
        # Every try has another pod name, which would make every message another.
        return re.sub(r'pods "[^"]*"', "its pod", str(last.get("message") or ""))
