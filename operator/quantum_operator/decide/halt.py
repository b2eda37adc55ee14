"""What stops a job: its user asks it to pause (`spec.suspend`) or to end (`spec.cancel`), or its time is used up.

A run under way is stopped first, and on record as stopped only when it is seen to be gone; one that other jobs share
is left to them. A run that left its
outcome before it could be stopped counts: what was computed is not thrown away.
"""

from datetime import datetime
from typing import Literal

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.change import input_of
from quantum_operator.decide.cost import money
from quantum_operator.decide.finish import charged, conclude, ended, fail, kind_of, put, timed
from quantum_operator.decide.held import LEFT, charged_at_most, may_be_left, told
from quantum_operator.decide.observed import Decision, Observed, RunObserved, StartTask, StopRun, StopTask, Tell
from quantum_operator.decide.status import find_condition, with_attempt
from quantum_operator.decide.tasks import task_of
from quantum_operator.decide.timebudget import over_budget, suspended_seconds, used_up
from quantum_operator.decide.times import parse

STOPPING_SECONDS = 2.0
"""How often a run that is being stopped is looked for."""

Halt = Literal["Cancelled", "TimeBudgetExceeded", "Suspended"]


def halted(job: QuantumJob, now: datetime) -> Halt | None:
    """Why the job is not to go on, if it is not."""
    if job.spec.cancel:
        return "Cancelled"
    if over_budget(job, now):
        return "TimeBudgetExceeded"
    return "Suspended" if job.spec.suspend else None


def goes_on(observed: Observed, attempt: Attempt, halt: Halt) -> bool:
    """Whether the live attempt is left alone: what a provider was asked to do is paid once, not once more later."""
    return halt == "Suspended" and attempt.agent is not None and observed.run is not None and observed.run.claimed


def stop(observed: Observed, attempt: Attempt, halt: Halt) -> Decision:
    """Have the live attempt's run or task stopped, and once it is over, the attempt ended."""
    status, run = observed.job.status, observed.run
    if run is not None and run.outcome is not None:
        return conclude(observed, attempt, run)
    if run is not None and may_be_left(run):
        return _stop_without(observed, attempt, run, halt)
    if run is not None and run.state != "Finished" and not attempt.shares_run:
        action = StopRun(run.name, run.uid) if attempt.agent is None else StopTask(run.name, attempt.agent, run.uid)
        return Decision(status, after=(action,), look_again=STOPPING_SECONDS)
    if run is None and attempt.agent is not None:
        never = fence(observed, attempt)
        if never is not None:
            return Decision(status, after=(never,), look_again=STOPPING_SECONDS)
    message = "its run had not begun"
    if attempt.shares_run:
        message = f"its part of run {attempt.batch}, which goes on for the jobs that share it, no longer counts"
    elif run is not None or attempt.run_uid:
        message = f"{kind_of(attempt)} {attempt.name} was stopped{_charged(run)}"
    state = "Suspended" if halt == "Suspended" else "Cancelled"
    attempt = attempt if run is None else timed(attempt, run)
    status = charged(with_attempt(status, ended(observed, attempt, state, halt, message)), attempt, run)
    status = put(observed, status, ConditionType.RUNNING, False, halt, message)
    return rest(observed, status, halt, message)


def _stop_without(observed: Observed, attempt: Attempt, run: RunObserved, halt: Halt) -> Decision:
    """End the job though its task is held: whoever finds out what became of that tells the task."""
    message = told(attempt, run)
    status = with_attempt(observed.job.status, ended(observed, timed(attempt, run), "Cancelled", LEFT, message))
    status = charged(status, attempt, charged_at_most(observed).run)
    status = put(observed, status, ConditionType.RUNNING, False, halt, message)
    return rest(observed, status, halt, message)


def fence(observed: Observed, attempt: Attempt) -> StartTask | None:
    """A task that is cancelled from the beginning, so that no former leader creates it after all."""
    stored, backend = input_of(observed.job.status, attempt), observed.backend
    if attempt.run_uid is not None or stored is None or backend is None or backend.spec.provider is None:
        return None
    return task_of(observed.job, attempt, stored, backend, cancel=True)


def _charged(run: RunObserved | None) -> str:
    charge = run.charge if run is not None else None
    if charge is None or (charge.micros == 0 and charge.exact):
        return ""
    return f"; {'' if charge.exact else 'at most '}{money(charge.micros, charge.currency)} was charged"


def rest(observed: Observed, status: QuantumJobStatus, halt: Halt, message: str = "no run is under way") -> Decision:
    """What becomes of a job without a live attempt, from `status` on."""
    if halt == "Cancelled":
        return fail(observed, status, "Cancelled", f"spec.cancel is true; {message}")
    if halt == "TimeBudgetExceeded":
        return fail(observed, status, halt, f"{used_up(observed.job)}; {message}")
    before = find_condition(status.conditions, ConditionType.SUSPENDED)
    if before is not None and before.status == "True":
        return Decision(status)
    status = put(observed, status, ConditionType.SUSPENDED, True, "Suspended", f"spec.suspend is true; {message}")
    return Decision(status, after=(Tell("Normal", "Suspended", f"spec.suspend is true; {message}"),))


def resumed(observed: Observed, status: QuantumJobStatus) -> QuantumJobStatus:
    """`status` without a suspension that is over."""
    before = find_condition(status.conditions, ConditionType.SUSPENDED)
    if before is None or before.status == "False":
        return status
    seconds = int(suspended_seconds(status, observed.now))
    status = status.model_copy(update={"suspended_seconds": seconds})
    return put(observed, status, ConditionType.SUSPENDED, False, "Resumed", "spec.suspend is false")


def seconds_used(last: Attempt | None) -> int:
    """What the job's suspended runs took of its time limit, in whole seconds: while it is suspended its clock stops.

    Each attempt has on record what those before it took, for old attempts are forgotten.
    """
    if last is None:
        return 0
    if last.state != "Suspended" or last.start_time is None or last.completion_time is None:
        return last.used_seconds
    return last.used_seconds + max(0, int((parse(last.completion_time) - parse(last.start_time)).total_seconds()))
