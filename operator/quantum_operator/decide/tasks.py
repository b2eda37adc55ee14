"""Attempts on a provider: the task of one, what it may cost, and how it looks to its job."""

from dataclasses import replace

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.jobstatus import ArtifactRef, Attempt
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import OVER, QuantumTask, QuantumTaskStatus, TaskCeiling
from quantum_operator.api.sharedtask import TaskGroup
from quantum_operator.decide.change import demand_with
from quantum_operator.decide.cost import MOST_MICROS, ceiling_of
from quantum_operator.decide.execution import execution_of
from quantum_operator.decide.ledger import spec_of
from quantum_operator.decide.names import token_for
from quantum_operator.decide.observed import Charge, RunObserved, StartTask

FETCHES_TOLD = 3
"""After so many times that results could not be had, the job says so: once or twice is no news."""


def task_of(
    job: QuantumJob, attempt: Attempt, stored: ArtifactRef, backend: QuantumBackend, *, cancel: bool = False
) -> StartTask:
    """The task of an attempt on a provider's backend; with `cancel`, one that never reaches the provider."""
    spec = backend.spec
    if spec.provider is None or attempt.agent is None:
        raise ValueError(f"backend {backend.metadata.name} is no provider's")
    plan, seconds = job.status.plan, spec.limits.max_task_seconds
    demand = demand_with(job, plan.demand, attempt.changes) if plan is not None else None
    most = attempt.ceiling
    if most is None:
        most = ceiling_of(spec.price, shots=demand.executed_shots if demand is not None else 0, seconds=seconds)
    return StartTask(
        name=attempt.name,
        agent=attempt.agent,
        backend=attempt.backend,
        device=spec.provider.device,
        input=stored,
        seed=attempt.seed,
        token=token_for(job.metadata.uid, attempt.number),
        ceiling=TaskCeiling(
            micros=MOST_MICROS if most is None else most,
            currency=currency_of(attempt, backend),
            seconds=seconds,
            ledger=attempt.ledger,
        ),
        queue_seconds=min(spec.provider.queue_seconds, job.spec.queue_deadline_seconds or spec.provider.queue_seconds),
        cancel=cancel,
        mode=execution_of(job).mode,
        correlation_id=job.spec.correlation_id,
        tags=job.spec.tags,
        fetch_seconds=spec.provider.fetch_seconds,
        group=group_of(attempt),
    )


def group_of(attempt: Attempt) -> TaskGroup | None:
    """The tasks that the attempt's may be submitted with."""
    if attempt.batch is None or attempt.batch_jobs is None:
        return None
    return TaskGroup(name=attempt.batch, size=attempt.batch_jobs)


def currency_of(attempt: Attempt, backend: QuantumBackend) -> str:
    """The currency of the attempt's ceiling: that of its ledger, else of the backend's price."""
    if attempt.ledger is not None:
        return spec_of(attempt.ledger).currency
    return backend.spec.price.currency if backend.spec.price is not None else "USD"


def seen(task: QuantumTask, outcome: bytes | None, problem: str) -> RunObserved:
    """A task as the operator sees it."""
    status = task.status
    run = RunObserved(
        task.metadata.name,
        task.metadata.uid,
        "Pending",
        claimed=status.state not in ("Pending", "Opening"),
        submitted=status.provider_id is not None,
        cancelling=task.spec.cancel,
        submitted_time=status.submitted_time,
        start_time=status.start_time,
    )
    if status.state in ("Queued", "Running") and status.fetches >= FETCHES_TOLD:
        return replace(run, message=status.message, failure="FetchFailed")
    if status.state in ("Running", "Closing"):
        return replace(run, state="Running")
    if status.state not in OVER:
        unknown = is_unknown(status)
        word = "Held" if unknown else status.reason or "NotSubmitted"
        most = charge_of(task) if unknown else None
        return replace(run, message=status.message or _WAITING.get(status.state, ""), failure=word, at_most=most)
    run = replace(run, state="Finished", charge=charge_of(task))
    if problem:
        return replace(run, message=problem, failure="ResultUnreadable", claimed=True)
    failure = "" if outcome is not None else status.reason
    if failure == "Cancelled" and task.spec.cancel:
        failure = "Withdrawn"
    return replace(run, message=status.message, outcome=outcome, failure=failure)


def is_unknown(status: QuantumTaskStatus) -> bool:
    """Whether nobody can tell what the provider made of the task; of one whose results are held, that is known."""
    return status.state == "Held" and status.reason != "ResultHeld"


_WAITING = {"Pending": "its agent has not submitted it yet", "Queued": "it is in the provider's queue"}
"""What a state says where nothing else was said. That a task is being submitted is over too soon to be news."""


def charge_of(task: QuantumTask) -> Charge:
    """What a task cost that is over: its ceiling, where nobody says."""
    charge, ceiling = task.status.charge, task.spec.ceiling
    if charge is None or charge.micros is None:
        return Charge(ceiling.micros, ceiling.currency, exact=False)
    return Charge(charge.micros, charge.currency)
