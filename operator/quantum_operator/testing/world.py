"""A world in memory: what an API server, its nodes and the runs on them would hold and do."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.ledger import QuantumLedgerStatus
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.run import JobInput, RunSpec
from quantum_operator.decide.ledger import SeenLedger
from quantum_operator.decide.observed import RunObserved, SeenClaim, Tell
from quantum_operator.decide.times import stamp
from quantum_operator.ports.errors import ConflictError, GoneError, NameTakenError, RefusedError, TransientError
from quantum_operator.ports.world import Key
from quantum_operator.testing.builders import outcome
from quantum_operator.testing.clock import ManualClock
from quantum_operator.testing.faults import Fault, Faults

STATUS_LIMIT = 32 * 1024

Script = Callable[[RunSpec, JobInput], bytes | str]
"""How a run ends: with the bytes of an outcome, or with the infrastructure's word for why there is none."""

Resource = TypeVar("Resource", QuantumJob, BackendPolicy, QuantumBackend, QuantumTask)


class Triggers(Protocol):
    """What is told that something changed: a Loop."""

    def request(self, key: Key) -> None:
        """A job, or something of its own, changed."""

    def backends_or_policies_changed(self) -> None:
        """A backend or a policy changed."""

    def tasks_changed(self) -> None:
        """A task, or the job of one, changed."""


@dataclass
class MemoryRun:
    """A run, of the job of one UID."""

    job: Key
    job_uid: str
    uid: str
    spec: RunSpec
    seen: RunObserved
    ending: bytes | str
    batch: str | None = None


@dataclass
class Artifact:
    """Bytes that belong to the job of one UID."""

    job_uid: str
    data: bytes


def succeed(spec: RunSpec, job_input: JobInput) -> bytes:
    """The script of a run that succeeds."""
    return outcome(spec, job_input).model_dump_json(by_alias=True, exclude_none=True).encode()


@dataclass
class MemoryWorld:
    """Everything that is, and what happens to it. `memory_ports` makes the ports of it.

    Runs move on only by `advance_runs`, time only by the clock.
    """

    clock: ManualClock = field(default_factory=ManualClock)
    faults: Faults = field(default_factory=Faults)
    script: Script = succeed
    jobs: dict[Key, QuantumJob] = field(default_factory=dict)
    policies: dict[tuple[str, str], BackendPolicy] = field(default_factory=dict)
    backends: dict[str, QuantumBackend] = field(default_factory=dict)
    config_maps: dict[tuple[str, str, str], str] = field(default_factory=dict)
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    runs: dict[tuple[str, str], MemoryRun] = field(default_factory=dict)
    batches: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many jobs each run has that jobs share, by namespace and name."""
    tasks: dict[Key, QuantumTask] = field(default_factory=dict)
    artifacts: dict[tuple[str, str], Artifact] = field(default_factory=dict)
    claims: dict[tuple[str, str], SeenClaim] = field(default_factory=dict)
    damaged_claims: dict[tuple[str, str], str] = field(default_factory=dict)
    """The text that somebody put in a claim's place."""
    ledgers: dict[str, SeenLedger] = field(default_factory=dict)
    ledger_history: list[tuple[str, QuantumLedgerStatus]] = field(default_factory=list)
    """Every status that was written to a ledger, in order."""
    damaged_ledgers: set[str] = field(default_factory=set)
    """Those in whose place somebody put something else."""
    events: list[tuple[Key, Tell]] = field(default_factory=list)
    history: list[tuple[Key, QuantumJobStatus]] = field(default_factory=list)
    """Every status that was written to a job, in order."""
    started: list[str] = field(default_factory=list)
    """The name of every run that was created, in order."""
    created: list[str] = field(default_factory=list)
    """The name of every job that the operator created, in order."""
    refuses_jobs: str = ""
    """Why no job can be created; empty: they can."""
    unanswered: Literal["", "before", "after"] = ""
    """Whoever creates a job gets no answer: before it is there, or afterwards."""
    most_live: dict[str, int] = field(default_factory=dict)
    """The most runs that a backend, or the job of a UID, had unfinished at once."""
    _triggers: Triggers | None = None
    _version: int = 1
    _cache: dict[Key, QuantumJob] | None = None

    def fail_at(self, n: int, fault: Fault) -> None:
        """Let the `n`-th port call from the beginning (from 1) fail so."""
        self.faults.fail_at(n, fault)

    def connect(self, triggers: Triggers) -> None:
        """Tell of every change from here on, and of everything that is there, as a watch does."""
        self._triggers = triggers
        for key in self.jobs:
            triggers.request(key)
        triggers.backends_or_policies_changed()
        triggers.tasks_changed()

    def restart(self) -> None:
        """The process is gone with its timers and watches; a new one may follow."""
        self._triggers = None
        self.clock.drop_timers()
        self.faults.revive()

    def lag(self) -> None:
        """Let reads of jobs stand still, as a cache does that its watch does not keep up with."""
        self._cache = dict(self.jobs)

    def catch_up(self) -> None:
        """Let reads see the present again, and tell of everything."""
        self._cache = None
        if self._triggers is not None:
            self.connect(self._triggers)

    @property
    def seen_jobs(self) -> dict[Key, QuantumJob]:
        """The jobs as reads see them."""
        return self.jobs if self._cache is None else self._cache

    def add(self, *resources: QuantumJob | BackendPolicy | QuantumBackend) -> None:
        """Create these, or put them in place of those of the same name."""
        for resource in resources:
            match resource:
                case QuantumJob():
                    key = Key(resource.metadata.namespace, resource.metadata.name)
                    self.jobs[key] = self._stamped(resource)
                    self._tell(key)
                case BackendPolicy():
                    self.policies[resource.metadata.namespace, resource.metadata.name] = self._stamped(resource)
                    self._tell(None)
                case QuantumBackend():
                    self.backends[resource.metadata.name] = self._stamped(resource)
                    self._tell(None)

    def create(self, job: QuantumJob) -> None:
        """Create a job, unless it is there already, as the API server would: with a UID and the time."""
        key, meta = Key(job.metadata.namespace, job.metadata.name), job.metadata
        if self.refuses_jobs:
            raise RefusedError(self.refuses_jobs)
        if self.unanswered == "before":
            raise TransientError("failed calling webhook")
        there = self.jobs.get(key)
        if there is not None and there.spec.shadow_of != job.spec.shadow_of:
            raise NameTakenError(f"{key} is another job")
        if there is None:
            self.created.append(meta.name)
            uid = f"uid-of-{meta.namespace}-{meta.name}-{len(self.created)}"
            update = {"uid": uid, "generation": 1, "creation_timestamp": stamp(self.clock.now())}
            self.add(job.model_copy(update={"metadata": meta.model_copy(update=update)}))
        if self.unanswered == "after":
            raise TransientError("the connection broke")

    def delete(self, key: Key) -> None:
        """Delete a job; what belongs to it goes with it, by UID."""
        uid = self.jobs.pop(key).metadata.uid
        for owned in [
            name for name, one in self.jobs.items() if uid in {by.uid for by in one.metadata.owner_references}
        ]:
            self.delete(owned)
        self.runs = {name: run for name, run in self.runs.items() if run.job_uid != uid}
        agents = {task.namespace for task in self.tasks}
        self.artifacts = {name: one for name, one in self.artifacts.items() if one.job_uid != uid or name[0] in agents}
        self._tell(key)
        if self._triggers is not None:
            self._triggers.tasks_changed()

    def put_task(self, task: QuantumTask) -> None:
        """Create a task, or put it in place of the one of its name."""
        key = Key(task.metadata.namespace, task.metadata.name)
        if key not in self.tasks:
            self.started.append(task.metadata.name)
        self.tasks[key] = self._stamped(task)
        self._tell(Key(task.spec.job.namespace, task.spec.job.name))
        if self._triggers is not None:
            self._triggers.tasks_changed()

    def remove_task(self, key: Key) -> None:
        """Remove a task, with its outcome."""
        task = self.tasks.pop(key, None)
        if task is not None and task.status.outcome is not None:
            self.artifacts.pop((key.namespace, task.status.outcome.name), None)

    def namesake(self, job: QuantumJob) -> QuantumJob | None:
        """The job of this name, if it is the same one."""
        there = self.jobs.get(Key(job.metadata.namespace, job.metadata.name))
        return there if there is not None and there.metadata.uid == job.metadata.uid else None

    def expire(self, job: QuantumJob) -> None:
        """Delete a job as the API server would on a version's condition."""
        key = Key(job.metadata.namespace, job.metadata.name)
        current = self.jobs.get(key)
        if current is None or current.metadata.uid != job.metadata.uid:
            return
        if current.metadata.resource_version != job.metadata.resource_version:
            raise ConflictError(f"{key} has changed")
        self.delete(key)

    def delete_run(self, namespace: str, name: str) -> None:
        """Delete a run, as somebody with kubectl might."""
        self._tell(self.runs.pop((namespace, name)).job)

    def put_status(self, job: QuantumJob, status: QuantumJobStatus) -> None:
        """Write a job's status as the API server would: compare the version, check the type and the size."""
        key = Key(job.metadata.namespace, job.metadata.name)
        current = self.jobs.get(key)
        if current is None:
            raise GoneError(f"no job {key}")
        if current.metadata.resource_version != job.metadata.resource_version:
            raise ConflictError(f"{key} has changed")
        wire = json.dumps(status.to_wire(), allow_nan=False)
        if len(wire) >= STATUS_LIMIT:
            raise ValueError(f"the status of {key} has {len(wire)} bytes")
        written = QuantumJobStatus.model_validate_json(wire)
        self.history.append((key, written))
        self.jobs[key] = self._stamped(current.model_copy(update={"status": written}))
        self._tell(key)

    def start(self, job: QuantumJob, run: MemoryRun) -> None:
        """Create a run."""
        self.runs[job.metadata.namespace, run.spec.run] = run
        self.started.append(run.spec.run)
        unfinished = [one for one in self.runs.values() if one.seen.state != "Finished"]
        shared = {(one.spec.backend, one.batch or one.uid) for one in unfinished}
        live = Counter([backend for backend, _ in shared] + [one.job_uid for one in unfinished])
        self.most_live = {name: max(live[name], self.most_live.get(name, 0)) for name in {*live, *self.most_live}}
        self._tell(run.job)

    def advance_runs(self) -> bool:
        """Take every unfinished run one state on; whether there was one."""
        moving = [run for run in self.runs.values() if run.seen.state != "Finished"]
        for run in moving:
            run.seen = _next(run)
            self._tell(run.job)
        return bool(moving)

    def _stamped(self, resource: Resource) -> Resource:
        self._version += 1
        metadata = resource.metadata.model_copy(update={"resource_version": str(self._version)})
        return resource.model_copy(update={"metadata": metadata})

    def _tell(self, key: Key | None) -> None:
        if self._triggers is None:
            return
        if key is None:
            self._triggers.backends_or_policies_changed()
        else:
            self._triggers.request(key)


def _next(run: MemoryRun) -> RunObserved:
    name, uid = run.seen.name, run.seen.uid
    if run.seen.state == "Pending":
        return RunObserved(name, uid, "Running")
    if isinstance(run.ending, bytes):
        return RunObserved(name, uid, "Finished", outcome=run.ending)
    return RunObserved(name, uid, "Finished", failure=run.ending)
