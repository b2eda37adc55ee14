"""How a job or an attempt ends: with a result, with a diagnosis, or lost and to be tried again."""

from quantum_operator.api.conditions import REASONS, ConditionType
from quantum_operator.api.failures import MOST_FAILED, Failure, ending, reported
from quantum_operator.api.jobstatus import Attempt, Cost, QuantumJobStatus
from quantum_operator.api.run import Outcome, RunError
from quantum_operator.decide.change import changed, input_of, next_change, told
from quantum_operator.decide.cost import cost_of, money, within
from quantum_operator.decide.demand import asked_shots
from quantum_operator.decide.expected import surprise
from quantum_operator.decide.observed import Decision, Observed, RunObserved, StoreArtifact, Tell
from quantum_operator.decide.outcome import mismatch, read_outcome
from quantum_operator.decide.reroute import failures, may_go_on, surely_free
from quantum_operator.decide.result import shortfall, summarize
from quantum_operator.decide.retry import backoff
from quantum_operator.decide.size import CAUSE_BYTES, COMPARISON_BYTES, NOTE_BYTES, STATUS_BYTES, clip, json_bytes
from quantum_operator.decide.status import is_terminal, lost_attempts, set_condition, with_attempt
from quantum_operator.decide.times import stamp

REFUSALS = (
    "InvalidProgram",
    "UnsupportedConstruct",
    "InvalidParameters",
    "InvalidObservable",
    "InvalidTemplate",
    "NoMeasurements",
    "MeasuredEstimate",
    "IncompatibleTarget",
    "NoiseHasNoEffect",
)
"""Errors of a run that are about what was asked: they withdraw the job's acceptance."""


def put(
    observed: Observed, status: QuantumJobStatus, kind: ConditionType, value: bool | None, reason: str, message: str
) -> QuantumJobStatus:
    """`status` with one condition set, at the observed generation and time."""
    generation = observed.job.metadata.generation
    conditions = set_condition(status.conditions, kind, value, reason, message, generation=generation, now=observed.now)
    return status.model_copy(update={"conditions": conditions})


def fail(observed: Observed, status: QuantumJobStatus, reason: str, message: str) -> Decision:
    """The job is over without a result, from `status` on."""
    status = put(observed, status, ConditionType.COMPLETE, False, reason, message)
    return Decision(status.model_copy(update={"completion_time": stamp(observed.now)}))


def timed(attempt: Attempt, run: RunObserved) -> Attempt:
    """The attempt with the times that its task has of the provider."""
    update = {
        "submitted_time": run.submitted_time or attempt.submitted_time,
        "start_time": run.start_time or attempt.start_time,
    }
    return attempt.model_copy(update=update)


def conclude(observed: Observed, attempt: Attempt, run: RunObserved) -> Decision:
    """The attempt's run has finished: with an outcome, or without one."""
    attempt = timed(attempt, run).model_copy(update={"run_uid": run.uid})
    if run.charge is not None:
        attempt = attempt.model_copy(update={"cost": run.charge.micros})
    if run.outcome is None:
        failure = ending(run.failure)
        cause = run.message or run.failure or "no cause is known"
        message = f"{kind_of(attempt)} {attempt.name} left no outcome: {cause}"
        if failure.reaction == "return" or (attempt.shares_run and failure.reaction in ("fail", "reroute")):
            return give_back(observed, attempt, "RunAlone" if failure.kind != "cancelled" else failure.reason, message)
        if failure.reaction not in ("retry", "elsewhere"):
            message = f"{message}. {REASONS[failure.reason]}"
        return _react(observed, attempt, failure, message)
    outcome = read_outcome(run.outcome)
    if isinstance(outcome, str):
        return _failed(observed, attempt, "InvalidOutcome", outcome)
    expected = input_of(observed.job.status, attempt)
    if outcome.run != attempt.name or expected is None or outcome.input_sha256 != expected.sha256:
        message = f"{kind_of(attempt)} {attempt.name} left the outcome of run {outcome.run!r} on another input"
        return _failed(observed, attempt, "InvalidOutcome", message)
    if outcome.error is not None:
        return _errored(observed, attempt, outcome.error)
    problem = mismatch(changed(observed.job, attempt.changes), outcome)
    if problem is not None:
        return _failed(observed, attempt, "InvalidOutcome", problem)
    other = surprise(observed.job, outcome)
    if other is not None:
        return _failed(observed, attempt, "UnexpectedOutput", other)
    return _succeeded(observed, attempt, outcome, run.outcome)


def _react(observed: Observed, attempt: Attempt, failure: Failure, message: str) -> Decision:
    """What follows a failure: what the user wants, else what its row says. Nothing where it may have been paid for."""
    changes = next_change(observed.job, attempt.changes, failure.reason) is not None
    if not changes and failure.reaction not in ("retry", "elsewhere", "reroute"):
        return _failed(observed, attempt, failure.reason, message)
    if not surely_free(attempt, observed.run):
        return _failed(observed, attempt, failure.reason, f"{message} It may have been paid for: it is not tried again")
    if changes or failure.reaction == "reroute":
        return _pass_on(observed, attempt, failure.reason, message)
    return lose(observed, attempt, failure.reason, message)


def _pass_on(observed: Observed, attempt: Attempt, reason: str, message: str) -> Decision:
    """The attempt failed, and surely cost nothing: another follows where there is a backend for it."""
    status = with_attempt(observed.job.status, ended(observed, attempt, "Failed", reason, message))
    status = charged(status, attempt, observed.run)
    status = put(observed, status, ConditionType.RUNNING, False, reason, message)
    if not may_go_on(observed.job.status):
        return exhausted(observed, status, f"{MOST_FAILED} attempts have failed, and no more are made")
    return Decision(status, after=(Tell("Warning", reason, message),), look_again=0.0)


def exhausted(observed: Observed, status: QuantumJobStatus, why: str) -> Decision:
    """The job is over, for what its first attempt failed for: there is no other backend. `why` may be empty."""
    first = failures(status)[0]
    message = f"{first.message} (on {first.backend}); {why}" if why else first.message
    decision = fail(observed, status, first.reason, message)
    if first.reason not in REFUSALS:
        return decision
    return Decision(put(observed, decision.status, ConditionType.ACCEPTED, False, first.reason, message))


def lose(observed: Observed, attempt: Attempt, reason: str, message: str) -> Decision:
    """The attempt is lost to the infrastructure: the next one follows, unless there were enough."""
    lost = ended(observed, attempt, "Lost", reason, message)
    status = charged(with_attempt(observed.job.status, lost), attempt, observed.run)
    status = put(observed, status, ConditionType.RUNNING, False, reason, message)
    if lost_attempts(status) > observed.job.spec.backoff_limit:
        return give_up(observed, status, lost)
    return Decision(status, after=(Tell("Warning", reason, message),), look_again=_wait(observed, lost, status))


def give_back(observed: Observed, attempt: Attempt, reason: str, message: str) -> Decision:
    """The attempt was not brought to an end, through nobody's fault or whoever's that was: another one follows."""
    back = ended(observed, attempt, "Returned", reason, message)
    status = charged(with_attempt(observed.job.status, back), attempt, observed.run)
    status = put(observed, status, ConditionType.RUNNING, False, reason, message)
    return Decision(status, after=(Tell("Normal", reason, message),))


def _wait(observed: Observed, lost: Attempt, status: QuantumJobStatus) -> float:
    return backoff(observed.job.metadata.uid, lost.number, lost_attempts(status))


def vanish(observed: Observed, attempt: Attempt) -> Decision:
    """The attempt's run or task is gone. A task may have been paid for, so that it is not tried again."""
    message = f"{kind_of(attempt)} {attempt.name} is gone and left no outcome"
    if attempt.agent is None:
        return lose(observed, attempt, "RunLost", message)
    return _failed(observed, attempt, "TaskLost", f"{message}; what it cost is in the provider's account")


def kind_of(attempt: Attempt) -> str:
    """What an attempt is: a run, or a task of a provider's agent."""
    return "run" if attempt.agent is None else "task"


def charged(status: QuantumJobStatus, attempt: Attempt, run: RunObserved | None) -> QuantumJobStatus:
    """`status` with what the attempt's task was charged, beside what those before it were."""
    if run is None or run.charge is None or status.plan is None:
        return status
    kept = next((one for one in status.plan.steps[-1].attempts if one.number == attempt.number), attempt)
    status = with_attempt(status, kept.model_copy(update={"cost": run.charge.micros}))
    micros = sum(one.cost or 0 for one in status.plan.steps[-1].attempts) if status.plan is not None else 0
    text = money(micros, run.charge.currency)
    cost = Cost(currency=run.charge.currency, micros=micros, text=text if run.charge.exact else f"at most {text}")
    return status.model_copy(update={"cost": cost})


def give_up(observed: Observed, status: QuantumJobStatus, last: Attempt) -> Decision:
    """The job is over: it has had all of its attempts, and `last` was the last."""
    limit = observed.job.spec.backoff_limit
    message = f"{lost_attempts(status)} attempts were lost, spec.backoffLimit is {limit}; the last one: {last.message}"
    return fail(observed, status, "BackoffLimitExceeded", message)


def run_out(observed: Observed, attempt: Attempt) -> Decision:
    """The job's earlier runs took all of its time."""
    limit = observed.job.spec.active_deadline_seconds
    message = f"spec.activeDeadlineSeconds is {limit}, which its runs before it was suspended took"
    return _failed(observed, attempt, "TimeLimitExceeded", message)


def _errored(observed: Observed, attempt: Attempt, error: RunError) -> Decision:
    message = f"{error.field}: {error.message}" if error.field else error.message
    decision = _react(observed, attempt, reported(error.reason), message)
    if error.reason not in REFUSALS or not is_terminal(decision.status):
        return decision
    return Decision(put(observed, decision.status, ConditionType.ACCEPTED, False, error.reason, message))


def _failed(observed: Observed, attempt: Attempt, reason: str, message: str) -> Decision:
    status = with_attempt(observed.job.status, ended(observed, attempt, "Failed", reason, message))
    status = charged(status, attempt, observed.run)
    over = f"{kind_of(attempt)} {attempt.name} is over"
    status = put(observed, status, ConditionType.RUNNING, False, "RunFinished", over)
    return fail(observed, status, reason, message)


def _succeeded(observed: Observed, attempt: Attempt, outcome: Outcome, data: bytes) -> Decision:
    job = observed.job
    price = observed.backend.spec.price if observed.backend is not None else None
    durations = outcome.durations_milliseconds
    status = with_attempt(job.status, ended(observed, attempt, "Succeeded", "Succeeded", ""))
    if attempt.agent is None:
        shots = asked_shots(changed(job, attempt.changes)) if attempt.changes else job.status.shots or 0
        cost = within(cost_of(price, runs=1, shots=shots, milliseconds=durations.execute), attempt.ceiling)
        if attempt.ledger is not None:
            attempt = attempt.model_copy(update={"cost": cost.micros})
            status = with_attempt(job.status, ended(observed, attempt, "Succeeded", "Succeeded", ""))
        # What was paid before, it follows for nothing.
        status = status if status.cost is not None and status.cost.micros else status.model_copy(update={"cost": cost})
    status = charged(status, attempt, observed.run)
    over = f"{kind_of(attempt)} {attempt.name} is over"
    status = put(observed, status, ConditionType.RUNNING, False, "RunFinished", over)
    took = f" in {durations.total} ms" if attempt.agent is None else ""
    message = f"ran on {attempt.backend}{took}{told(job, attempt.changes)}"
    if status.fallback is not None:
        message = f"{message}, a fallback from {status.fallback.from_ or 'nowhere'}: {status.fallback.reason}"
    if attempt.agent is not None and (short := shortfall(changed(job, attempt.changes), outcome)):
        message = f"{message}, which took fewer shots than asked: {short}"
    if attempt.agent is not None and observed.run is not None and observed.run.message:
        message = f"{message}; {observed.run.message}"
    status = put(observed, status, ConditionType.COMPLETE, True, "Succeeded", message)
    status = status.model_copy(update={"completion_time": stamp(observed.now)})
    fallback = status.fallback
    room = STATUS_BYTES - json_bytes(status.to_wire()) - (json_bytes(fallback.to_wire()) if fallback is not None else 0)
    room -= COMPARISON_BYTES if job.spec.shadow_of is not None else 0
    result, execution = summarize(job, outcome, data, room)
    result = result.model_copy(update={"fallback": fallback})
    status = status.model_copy(update={"result": result, "execution": execution})
    before = (StoreArtifact(result.outcome, data),) if result.outcome is not None else ()
    return Decision(status, before, after=(Tell("Normal", "Succeeded", message),))


def ended(observed: Observed, attempt: Attempt, state: str, reason: str, message: str) -> Attempt:
    """The attempt as it is on record once it is over."""
    update = {
        "state": state,
        "completion_time": stamp(observed.now),
        "reason": reason,
        "message": clip(message, CAUSE_BYTES if state == "Failed" else NOTE_BYTES),
    }
    return attempt.model_copy(update=update)
