"""Attempts with other parameters: what `spec.retry` changes of a job, when, and the input that comes of it.

Which changes are in effect is on record in every attempt, as positions in `spec.retry.onFailure`; everything else
follows from that. Nothing is changed that the user did not ask for, and each change is made once.
"""

import hashlib
import json

from quantum_operator.api.execution import Execution
from quantum_operator.api.figures import Demand
from quantum_operator.api.jobstatus import ArtifactRef, Attempt, QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.retry import Change
from quantum_operator.api.run import JobInput
from quantum_operator.api.task import EstimateTask, SampleTask, Task
from quantum_operator.decide.demand import asked_shots, executed_shots
from quantum_operator.decide.execution import execution_of
from quantum_operator.decide.names import artifact_name
from quantum_operator.decide.status import latest_attempt, live_attempt

Changes = tuple[int, ...]
"""Positions in `spec.retry.onFailure`, in the order in which they came into effect."""


def next_change(job: QuantumJob, made: Changes, reason: str) -> int | None:
    """The change that comes after an attempt with those of `made` that failed for this reason; None: nothing does."""
    for position, one in enumerate(_wanted(job)):
        if position not in made and reason in one.reasons and _matters(job, made, position):
            return position
    return None


def in_effect(job: QuantumJob, last: Attempt | None) -> Changes:
    """The changes that the next attempt has."""
    if last is None:
        return ()
    position = next_change(job, last.changes, last.reason) if last.state == "Failed" else None
    return last.changes if position is None else (*last.changes, position)


def elsewhere(job: QuantumJob, changes: Changes) -> bool:
    """Whether the last of these changes is that of the backend: none that has failed is tried again."""
    return bool(changes) and _wanted(job)[changes[-1]].backend is not None


def changed(job: QuantumJob, changes: Changes) -> QuantumJob:
    """The job as if it had been submitted with these changes of its task."""
    task = job.spec.task
    for one in (_wanted(job)[position] for position in changes):
        if one.shots is not None:
            task = _with_fewer_shots(task, one.shots)
    return job.model_copy(update={"spec": job.spec.model_copy(update={"task": task})})


def changed_execution(job: QuantumJob, changes: Changes, execution: Execution) -> Execution:
    """These settings of the job with the changes."""
    for one in (_wanted(job)[position] for position in changes):
        if one.optimization_level is not None and execution.compilation == "full":
            execution = execution.model_copy(update={"optimization_level": one.optimization_level})
    return execution


def demand_with(job: QuantumJob, demand: Demand, changes: Changes) -> Demand:
    """What a job of this demand asks of a backend with these changes."""
    if not changes:
        return demand
    other = changed(job, changes)
    return demand.model_copy(update={"shots": asked_shots(other), "executed_shots": executed_shots(other)})


def needs_input(job: QuantumJob) -> bool:
    """Whether the job's accepted input must be read: before the attempt of which it is the first that is changed."""
    last = latest_attempt(job.status)
    if last is None or live_attempt(job.status) is not None:
        return False
    return changes_input(job, last.changes, in_effect(job, last))


def changes_input(job: QuantumJob, before: Changes, after: Changes) -> bool:
    """Whether the input with the one set of changes is another than with the other."""
    execution = execution_of(job)
    one, other = (
        (changed(job, changes).spec.task, changed_execution(job, changes, execution)) for changes in (before, after)
    )
    return one != other


def changed_input(job: QuantumJob, changes: Changes, accepted: bytes) -> tuple[ArtifactRef, bytes]:
    """The accepted input with these changes, in canonical bytes, and their reference by digest."""
    before = JobInput.model_validate_json(accepted)
    update = {
        "task": changed(job, changes).spec.task,
        "execution": changed_execution(job, changes, before.execution),
    }
    made = before.model_copy(update=update)
    data = json.dumps(made.to_wire(), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    digest = hashlib.sha256(data).hexdigest()
    name = artifact_name(job.metadata.name, job.metadata.uid, digest)
    return ArtifactRef(name=name, sha256=digest, bytes=len(data)), data


def input_of(status: QuantumJobStatus, attempt: Attempt) -> ArtifactRef | None:
    """The input of an attempt: the accepted one, or that of the last of its changes that made another."""
    made = {one.position: one.input for one in status.plan.steps[-1].changes} if status.plan is not None else {}
    return next((ref for one in reversed(attempt.changes) if (ref := made.get(one)) is not None), status.input)


def told(job: QuantumJob, changes: Changes) -> str:
    """What is otherwise, for people, to be put behind what it is said of; empty where nothing is."""
    words = [_word(_wanted(job)[position]) for position in changes]
    return f" with {' and '.join(words)} (spec.retry.onFailure)" if words else ""


def _word(change: Change) -> str:
    if change.shots is not None:
        return f"at most {change.shots} shots"
    if change.optimization_level is not None:
        return f"optimization level {change.optimization_level}"
    return "another backend"


def _wanted(job: QuantumJob) -> tuple[Change, ...]:
    return job.spec.retry.on_failure if job.spec.retry is not None else ()


def _matters(job: QuantumJob, made: Changes, position: int) -> bool:
    """Whether the change would change anything: else it is passed over."""
    return _wanted(job)[position].backend is not None or changes_input(job, made, (*made, position))


def _with_fewer_shots(task: Task, most: int) -> Task:
    sample, estimate = task.sample, task.estimate
    if sample is not None:
        sampled = tuple(pub.model_copy(update={"shots": min(pub.shots, most)}) for pub in sample.pubs)
        return task.model_copy(update={"sample": SampleTask(pubs=sampled)})
    if estimate is not None:
        pubs = tuple(
            pub if pub.shots is None else pub.model_copy(update={"shots": min(pub.shots, most)})
            for pub in estimate.pubs
        )
        return task.model_copy(update={"estimate": EstimateTask(pubs=pubs, mode=estimate.mode)})
    return task
