"""The watched part of the cluster as last seen, and who is told when it changes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.execution import JobExecution
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.meta import GROUP, VERSION
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.task import Task
from quantum_operator.cluster.api import Api, Json
from quantum_operator.cluster.cache import Cache, key_of
from quantum_operator.cluster.endings import Endings
from quantum_operator.cluster.labels import JOB_UID, SHARED
from quantum_operator.cluster.seen import SeenPod, SeenRun, read_pod, read_run
from quantum_operator.decide.retention import stays
from quantum_operator.decide.status import is_terminal, live_attempt
from quantum_operator.ports.world import Key

T = TypeVar("T")

PAGE = "100"
"""How many objects are read at once: a page of them is in memory whole."""

FEW = 5
"""Where no more of a page have changed, only these are read, one by one."""


class Triggers(Protocol):
    """What is told that something changed: a Loop."""

    def request(self, key: Key) -> None:
        """A job, or something of its own, changed."""

    def backends_or_policies_changed(self) -> None:
        """A backend or a policy changed."""

    def tasks_changed(self) -> None:
        """A task of a job that is over or gone, or that job, changed."""


class Kind(Generic[T]):
    """One kind of objects that is watched: where it is served, and what was seen of it."""

    def __init__(
        self,
        group: str,
        version: str,
        plural: str,
        cache: Cache[T],
        changed: Callable[[Key, T | None], None],
        *,
        selector: str = "",
    ) -> None:
        """`changed` is told of news, with what the object was last; `selector` says of which objects."""
        self.group, self.version, self.plural = group, version, plural
        self.cache = cache
        self.selector = selector
        self._changed = changed

    def path(self, namespace: str = "") -> str:
        """The path of the kind's objects, of one namespace or of all."""
        base = f"/apis/{self.group}" if self.group else "/api"
        place = f"namespaces/{namespace}/" if namespace else ""
        return f"{base}/{self.version}/{place}{self.plural}"

    def saw(self, event: str | None, body: Json) -> None:
        """Take in an event of a watch; `DELETED` is the one that means something else."""
        key = key_of(body)
        before = self.cache.get(key)
        if self.cache.remove(body) if event == "DELETED" else self.cache.put(body):
            now = self.cache.get(key)
            self._changed(key, before if now is None else now)

    async def read(self, api: Api, namespace: str) -> None:
        """Read everything anew: what a watch missed while it was cut off is seen here.

        Of what was seen already only the metadata are read; where they tell that there is more, the rest as well.
        Raises StatusError or TransientError.
        """
        there: set[Key] = set()
        version, more = "", ""
        whole = self.cache.is_empty
        while not version or more:
            params = {"limit": PAGE, "labelSelector": self.selector} | ({"continue": more} if more else {})
            page = await (api.get if whole else api.get_metadata)(self.path(namespace), **params)
            found = page["items"] or ()  # of metadata that there are none of, an API server says null
            there.update(map(key_of, found))
            news = [body for body in found if self.cache.is_news(body)]
            if not whole and len(news) > FEW:
                news = (await api.get(self.path(namespace), **params))["items"] or []
            elif not whole:
                news = [body for one in news for body in await self._again(api, one)]
            for body in news:
                self.saw(None, body)
            version, more = page["metadata"]["resourceVersion"], page["metadata"].get("continue", "")
        for key, value in self.cache.missing(namespace, there, version):
            self._changed(key, value)

    async def _again(self, api: Api, body: Json) -> list[Json]:
        """The whole of an object of which there are the metadata, as it is now; nothing where it is gone."""
        key = key_of(body)
        params = {"fieldSelector": f"metadata.name={key.name}", "labelSelector": self.selector}
        found: list[Json] = (await api.get(self.path(key.namespace), **params))["items"] or []
        return found


class Mirror:
    """Everything that is watched. Jobs that are over, and what belongs to them, are not kept.

    But for those of them that are to be deleted, or their payload: a husk of each is.
    """

    def __init__(self) -> None:
        self._triggers: Triggers | None = None
        ours = (GROUP, VERSION)
        self.endings = Endings(self._has_breaker)
        self.jobs = Kind(*ours, QuantumJob.plural, Cache("QuantumJob", self._job, _uid, _live_on), self._job_changed)
        self.policies = Kind(
            *ours, BackendPolicy.plural, Cache("BackendPolicy", BackendPolicy.model_validate), self._ground_changed
        )
        self.backends = Kind(
            *ours,
            QuantumBackend.plural,
            Cache("QuantumBackend", QuantumBackend.model_validate),
            self._ground_changed,
        )
        self.tasks = Kind(*ours, QuantumTask.plural, Cache("QuantumTask", read_task, _task_job), self._task_changed)
        self.runs = Kind("batch", "v1", "jobs", Cache("Job", self._run, _own_uid), self._run_changed, selector=JOB_UID)
        self.pods = Kind("", "v1", "pods", Cache("Pod", self._pod, _run_uid), self._run_changed, selector=JOB_UID)

    @property
    def kinds(self) -> tuple[Kind[Any], ...]:
        """Every kind."""
        return self.jobs, self.policies, self.backends, self.tasks, self.runs, self.pods

    def connect(self, triggers: Triggers) -> None:
        """Tell of everything that is there, and of every change from here on."""
        self._triggers = triggers
        if self.backends.cache.values() or self.policies.cache.values():
            triggers.backends_or_policies_changed()
        for job in self.jobs.cache.values():
            triggers.request(Key(job.metadata.namespace, job.metadata.name))
        triggers.tasks_changed()

    async def read(self, api: Api, namespaces: Sequence[str]) -> None:
        """Read everything anew, in these namespaces or (when there are none) in all.

        Raises StatusError or TransientError.
        """
        await self.backends.read(api, "")
        for namespace in namespaces or ("",):
            await self.policies.read(api, namespace)
            await self.jobs.read(api, namespace)
            await self.tasks.read(api, namespace)
            await self.runs.read(api, namespace)
            await self.pods.read(api, namespace)

    def _job(self, body: Json) -> QuantumJob | None:
        job = QuantumJob.model_validate(body)
        self.endings.note(job)
        return _kept(job)

    def _has_breaker(self, policy: Key) -> bool:
        found = self.policies.cache.get(policy)
        return found is not None and found.spec.breaker is not None

    def _run(self, body: Json) -> SeenRun | None:
        run = read_run(body)
        return None if all(map(self._is_over, self._jobs_of(run))) else run

    def _pod(self, body: Json) -> SeenPod | None:
        pod = read_pod(body)
        return None if all(map(self._is_over, self._jobs_of(pod))) else pod

    def _jobs_of(self, value: SeenRun | SeenPod) -> Iterable[str]:
        """The UIDs of the jobs that a run, or the run of a pod, is for."""
        if value.job_uid != SHARED:
            return (value.job_uid,)
        runs = [value] if isinstance(value, SeenRun) else self.runs.cache.group(value.run_uid)
        return [uid for run in runs for uid in run.sharers] or (SHARED,)

    def _is_over(self, uid: str) -> bool:
        jobs = self.jobs.cache
        return jobs.is_hollow(uid) or any(is_terminal(job.status) for job in jobs.group(uid))

    def _job_changed(self, key: Key, job: QuantumJob | None) -> None:
        if self._triggers is None:
            return
        self._triggers.request(key)
        if self.jobs.cache.get(key) is None and (job is None or self.tasks.cache.group(job.metadata.uid)):
            self._triggers.tasks_changed()

    def _task_changed(self, _key: Key, task: QuantumTask | None) -> None:
        if self._triggers is None or task is None:
            return
        jobs = self.jobs.cache.group(task.spec.job.uid)
        for job in jobs:
            self._triggers.request(Key(job.metadata.namespace, job.metadata.name))
        if not jobs:
            self._triggers.tasks_changed()

    def _ground_changed(self, _key: Key, _value: BackendPolicy | QuantumBackend | None) -> None:
        if self._triggers is not None:
            self._triggers.backends_or_policies_changed()

    def _run_changed(self, _key: Key, value: SeenRun | SeenPod | None) -> None:
        if self._triggers is not None and value is not None:
            for job in (job for uid in self._jobs_of(value) for job in self.jobs.cache.group(uid)):
                self._triggers.request(Key(job.metadata.namespace, job.metadata.name))


def _kept(job: QuantumJob) -> QuantumJob | None:
    if not is_terminal(job.status):
        return job
    return None if stays(job) else _husk(job)


def _husk(job: QuantumJob) -> QuantumJob:
    """A job that is over, without what is large: when it is to be deleted, and which one it is."""
    status = QuantumJobStatus(
        conditions=job.status.conditions,
        completion_time=job.status.completion_time,
        payload_removed_time=job.status.payload_removed_time,
    )
    metadata = job.metadata.model_copy(update={"annotations": {}})
    spec = job.spec.model_copy(update={"programs": (), "task": Task(), "execution": JobExecution()})
    return job.model_copy(update={"metadata": metadata, "spec": spec, "status": status})


def read_task(body: Json) -> QuantumTask:
    """A task without its input, which only its agent needs."""
    return QuantumTask.model_validate({**body, "spec": {**body["spec"], "input": "{}"}})


def _task_job(task: QuantumTask) -> str:
    return task.spec.job.uid


def _uid(job: QuantumJob) -> str:
    return job.metadata.uid


def _live_on(job: QuantumJob) -> str:
    """The backend and the run that the job has under way, which others may share; empty where it has none."""
    attempt = live_attempt(job.status)
    return f"{attempt.backend}/{attempt.batch or attempt.name}" if attempt is not None else ""


def _run_uid(pod: SeenPod) -> str:
    return pod.run_uid


def _own_uid(run: SeenRun) -> str:
    return run.uid
