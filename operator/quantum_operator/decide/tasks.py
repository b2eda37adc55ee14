"""Attempts on a provider: the task of one, what it may cost, and how it looks to its job."""

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.jobstatus import ArtifactRef, Attempt
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import OVER, QuantumTask, TaskCeiling
from quantum_operator.decide.change import demand_with
from quantum_operator.decide.cost import MOST_MICROS, ceiling_of
from quantum_operator.decide.names import token_for
from quantum_operator.decide.observed import Charge, RunObserved, StartTask


def task_of(
    job: QuantumJob, attempt: Attempt, stored: ArtifactRef, backend: QuantumBackend, *, cancel: bool = False
) -> StartTask:
    """The task of an attempt on a provider's backend; with `cancel`, one that never reaches the provider."""
    spec = backend.spec
    if spec.provider is None or attempt.agent is None:
        raise ValueError(f"backend {backend.metadata.name} is no provider's")
    plan, seconds = job.status.plan, spec.limits.max_task_seconds
    demand = demand_with(job, plan.demand, attempt.changes) if plan is not None else None
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
            currency=spec.price.currency if spec.price is not None else "USD",
            seconds=seconds,
        ),
        queue_seconds=min(spec.provider.queue_seconds, job.spec.queue_deadline_seconds or spec.provider.queue_seconds),
        cancel=cancel,
        mode=job.spec.execution.mode,
        correlation_id=job.spec.correlation_id,
        tags=job.spec.tags,
    )


def seen(task: QuantumTask, outcome: bytes | None, problem: str) -> RunObserved:
    """A task as the operator sees it."""
    status, uid, name = task.status, task.metadata.uid, task.metadata.name
    claimed = status.state not in ("Pending", "Opening")
    if status.state in ("Running", "Closing"):
        return RunObserved(name, uid, "Running", claimed=True)
    if status.state not in OVER:
        word = "Held" if status.state == "Held" else status.reason or "NotSubmitted"
        message = status.message or _WAITING.get(status.state, "")
        return RunObserved(name, uid, "Pending", message, failure=word, claimed=claimed)
    charge = _charge(task)
    if problem:
        return RunObserved(name, uid, "Finished", problem, failure="ResultUnreadable", claimed=True, charge=charge)
    failure = "" if outcome is not None else status.reason
    return RunObserved(name, uid, "Finished", status.message, outcome, failure, claimed=claimed, charge=charge)


_WAITING = {"Pending": "its agent has not submitted it yet", "Queued": "it is in the provider's queue"}
"""What a state says where nothing else was said. That a task is being submitted is over too soon to be news."""


def _charge(task: QuantumTask) -> Charge:
    charge, ceiling = task.status.charge, task.spec.ceiling
    if charge is None or charge.micros is None:
        return Charge(ceiling.micros, ceiling.currency, exact=False)
    return Charge(charge.micros, charge.currency)
