"""The port Runs: batch/v1 Jobs, their pods, and what these leave behind."""

from dataclasses import replace

from quantum_operator.api.batch import unbind
from quantum_operator.api.envelope import EnvelopeError, in_log, unseal
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import Api, Json, StatusError, refusals_as_transient
from quantum_operator.cluster.manifest import RunSettings, run_manifest
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.podless import Podless, Request
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
from quantum_operator.cluster.writes import create
from quantum_operator.decide.observed import RunObserved, StartRun, StopRun
from quantum_operator.ports.errors import NameTakenError, TransientError
from quantum_operator.ports.world import Key

LOG_BYTES = 12 * 1024 * 1024
SHARED_KEPT = 4
"""Of how many shared runs the outcomes are kept at hand."""


async def create_run(api: Api, mirror: Mirror, manifest: Json) -> bool:
    """Create a batch Job, and see it; False where one of its name is there already.

    Raises RefusedError, GoneError where the namespace is gone, TransientError.
    """
    created = await create(api, mirror.runs.path(manifest["metadata"]["namespace"]), manifest)
    if created is not None:
        mirror.runs.cache.put(created)
    return created is not None


class ClusterRuns:
    """Runs in a cluster; implements the port Runs."""

    def __init__(self, api: Api, mirror: Mirror, settings: RunSettings, request: Request) -> None:
        """Read from `mirror` and by `api`; `request` is for what no event tells."""
        self._api = api
        self._mirror = mirror
        self._settings = settings
        self._podless = Podless(api, request)
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
            self._podless.forget(run.uid)
            return await (self._outcome(run, pod) if batch is None else self._part(name, run, pod))
        if run.verdict or (pod is not None and pod.ended):
            self._podless.forget(run.uid)
            return failed(run, pod)
        if pod is not None or run.ready or run.suspended:
            self._podless.forget(run.uid)
            return progress(run, pod, "")
        mine = Key(job.metadata.namespace, job.metadata.name)
        return progress(run, pod, await self._podless.refusal(mine, run))

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
