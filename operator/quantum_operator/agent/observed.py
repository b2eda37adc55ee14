"""What a decision about a task is made of, and the words that every part of it has in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from quantum_operator.agent.calls import Call, CompilerError
from quantum_operator.api.quantumtask import QuantumTask, QuantumTaskStatus, TaskClaim
from quantum_operator.api.sharedtask import TaskCharge
from quantum_operator.decide.retry import backoff
from quantum_operator.decide.size import NOTE_BYTES, clip
from quantum_operator.decide.times import parse, stamp
from quantum_operator.ports.adapter import (
    AdapterError,
    Capabilities,
    Charged,
    ForbiddenError,
)

CALL_SECONDS = 15.0
"""How long after its claim a submission may begin. That it ends as well is the adapter's to hold."""

FORBIDDEN_SECONDS = 30.0
"""How long refused credentials are not tried again: somebody has to renew them."""


@dataclass(frozen=True)
class Load:
    """How many circuits a task brings to a submission, and the shots of all of them."""

    circuits: int
    shots: int


@dataclass(frozen=True)
class TaskObserved:
    """All that one decision about a task may depend on.

    `former` are identities whose processes are surely over. `loads` are the circuits, by UID, of those tasks that are
    prepared: this one, since `ready_for` seconds, and its company. `submit_in` and `poll_in` are seconds until the
    account's rate, and the pace of polling, let the provider be asked. `sessions` are those of other tasks. `alone`:
    since it is over, the provider was seen to have nothing else under its token. `company` are the other tasks of its
    group that are not over, and `carrier` is the one that carries it (None: there is none, for sure).
    """

    now: datetime
    task: QuantumTask
    agent: str
    capabilities: Capabilities
    former: tuple[str, ...] = ()
    ready_for: float = 0.0
    submit_in: float = 0.0
    poll_in: float = 0.0
    sessions: frozenset[str] = frozenset()
    alone: bool = False
    company: tuple[QuantumTask, ...] = ()
    carrier: QuantumTask | None = None
    loads: Mapping[str, Load] = field(default_factory=dict)

    @property
    def prepared(self) -> bool:
        """Whether its circuits are ready to be sent."""
        return self.task.metadata.uid in self.loads


@dataclass(frozen=True)
class TaskDecision:
    """The status to write first, the call to make then, or after how many seconds to look again."""

    status: QuantumTaskStatus
    call: Call | None = None
    look_again: float | None = None


def unwanted(task: QuantumTask) -> bool:
    """Whether the task is to be cancelled: the operator says so, or somebody deletes it."""
    return task.spec.cancel or task.metadata.deletion_timestamp is not None


def just_passed(observed: TaskObserved) -> datetime:
    """A time that is over within a second: stamps are of whole seconds, and one cut short would be too early."""
    return observed.now + timedelta(seconds=0.999)


def claimed(observed: TaskObserved, begin: datetime) -> TaskClaim:
    """A claim for a call that begins before `begin`: it outlives the call."""
    over = begin + timedelta(seconds=observed.capabilities.submit_seconds + 1)
    return TaskClaim(agent=observed.agent, deadline=stamp(over))


def brought_forward(observed: TaskObserved, claim: TaskClaim) -> TaskClaim | None:
    """A claim of a process that is dead ends now: the claim as it is then, where it would last any longer."""
    if claim.agent not in observed.former or parse(claim.deadline) <= just_passed(observed):
        return None
    return claim.model_copy(update={"deadline": stamp(just_passed(observed))})


def charge_told(task: QuantumTask, told: Charged | None) -> TaskCharge:
    """What the provider says that it charged; nothing, unless in the currency of the task's ceiling."""
    currency = task.spec.ceiling.currency
    if told is None or told.currency != currency:
        return TaskCharge(currency=currency)
    return TaskCharge(micros=told.cost_micros, currency=currency, seconds=told.seconds)


def still_to_wait(observed: TaskObserved) -> float:
    """The seconds until the provider may be asked again."""
    until = observed.task.status.not_before
    return 0.0 if until is None else max(0.0, (parse(until) - observed.now).total_seconds())


def reason_of(error: AdapterError, otherwise: str) -> str:
    """Why something is asked again later."""
    if isinstance(error, CompilerError):
        return "CompilerUnavailable"
    return "CredentialsRefused" if isinstance(error, ForbiddenError) else otherwise


def hold(observed: TaskObserved, reason: str, message: str) -> QuantumTaskStatus:
    """The task as held."""
    status = observed.task.status.model_copy(update={"state": "Held", "not_before": None})
    return say(observed, status, reason, f"{message}; a person has to say what became of it")


def say(observed: TaskObserved, status: QuantumTaskStatus, reason: str, message: str) -> QuantumTaskStatus:
    """The status with why it is as it is."""
    update = {
        "reason": reason,
        "message": clip(message, NOTE_BYTES),
        "observed_generation": observed.task.metadata.generation,
    }
    return status.model_copy(update=update)


def pause(observed: TaskObserved, times: int) -> float:
    """The seconds before something is tried again that failed so many times."""
    return backoff(observed.task.metadata.uid, times, times)


def with_status(observed: TaskObserved, status: QuantumTaskStatus) -> TaskObserved:
    """What was observed, with this status of the task."""
    return replace(observed, task=observed.task.model_copy(update={"status": status}))
