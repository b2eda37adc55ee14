"""The switch that turns all QPUs of a policy off: `spec.quantumEnabled`.

From the moment on at which the policy's condition QuantumEnabled is False, nothing of its jobs is submitted to a QPU,
until the switch is on again. Until then, every task that its provider does not surely have is cancelled: its agent
claims a task by compare and set before it submits it, so that of a cancellation and a claim one comes first, and what
is claimed at that moment is waited for. A task that is not there yet is created cancelled, so that nobody else creates
it. What a provider has is left to end (`onDisabled: Drain`) or cancelled as well (Cancel). A task that is held is
cancelled, and left where its job can go on for nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from quantum_operator.api.figures import Figures, Question
from quantum_operator.api.jobstatus import Attempt
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import OVER, QuantumTask
from quantum_operator.decide.figures import is_qpu
from quantum_operator.decide.halt import STOPPING_SECONDS, fence
from quantum_operator.decide.held import leave, may_be_left
from quantum_operator.decide.observed import Decision, Observed, StopTask
from quantum_operator.decide.status import live_attempt
from quantum_operator.decide.tasks import is_unknown
from quantum_operator.decide.times import parse
from quantum_operator.decide.verdict import Verdict

LOOK_SECONDS = 1.0
"""How often it is looked whether the last task is cancelled."""


@dataclass(frozen=True)
class Flight:
    """A job's live attempt; of one on a provider's backend, with its task as far as that is there."""

    namespace: str
    job: str
    backend: str
    created: datetime
    provided: bool
    task: QuantumTask | None


def quantum_is_enabled(figures: Figures, question: Question) -> Verdict | None:
    """The policy's QPUs are on, or the backend is none."""
    if question.quantum_enabled or figures.kind != "Hardware":
        return None
    return Verdict("QuantumDisabled", "it is a QPU, and the policy's spec.quantumEnabled is false", passing=True)


def flights_among(
    jobs: Iterable[QuantumJob], namespace: str, policy: str, task: Callable[[str, str], QuantumTask | None]
) -> tuple[Flight, ...]:
    """The flights of those jobs that are under this policy; `task` finds a task by its namespace and name."""
    found = []
    for job in jobs:
        attempt = live_attempt(job.status)
        if attempt is None or job.metadata.namespace != namespace or job.spec.policy_ref.name != policy:
            continue
        theirs = task(attempt.agent, attempt.name) if attempt.agent is not None else None
        if theirs is not None and theirs.spec.job.uid != job.metadata.uid:
            theirs = None
        created, provided = parse(attempt.created_time), attempt.agent is not None
        found.append(Flight(namespace, job.metadata.name, attempt.backend, created, provided, theirs))
    return tuple(found)


def may_be_submitted(flight: Flight) -> bool:
    """Whether the flight's task may still reach its provider, as far as that can be known."""
    task = flight.task
    if task is None:
        return True
    status = task.status
    if status.state in OVER or status.provider_id is not None:
        return False
    return not (task.spec.cancel and status.state in ("Pending", "Held"))


def is_to_go(policy: BackendPolicySpec, flight: Flight) -> bool:
    """Whether the flight is to be cancelled, and is not yet."""
    task = flight.task
    if policy.quantum_enabled or (task is not None and (task.spec.cancel or task.status.state in OVER)):
        return False
    return task is None or not _is_drained(policy, task.status.provider_id is not None, is_unknown(task.status))


def withdrawn(observed: Observed, attempt: Attempt) -> Decision | None:
    """Have the live attempt's task cancelled, where the policy's QPUs are off and it is to go; else None."""
    policy, backend, run, status = observed.policy, observed.backend, observed.run, observed.job.status
    if policy is None or policy.spec.quantum_enabled or attempt.agent is None or backend is None or not is_qpu(backend):
        return None
    if run is None:
        never = fence(observed, attempt)
        return None if never is None else Decision(status, after=(never,), look_again=STOPPING_SECONDS)
    if run.state == "Finished":
        return None
    if run.cancelling:
        return leave(observed, attempt, run) if observed.free_places and may_be_left(run) else None
    if _is_drained(policy.spec, run.submitted, run.failure == "Held"):
        return None
    return Decision(status, after=(StopTask(run.name, attempt.agent, run.uid),), look_again=STOPPING_SECONDS)


def _is_drained(policy: BackendPolicySpec, submitted: bool, unknown: bool) -> bool:
    """Whether a task is left to end: its provider surely has it, or had it."""
    return policy.on_disabled == "Drain" and submitted and not unknown
