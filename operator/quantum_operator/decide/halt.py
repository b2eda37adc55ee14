"""What a user may ask of a job after submitting it: to pause (`spec.suspend`), or to end (`spec.cancel`).

A run under way is stopped first, and on record as stopped only when it is seen to be gone; one that other jobs share
is left to them. A run that left its
outcome before it could be stopped counts: what was computed is not thrown away.
"""

from typing import Literal

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJobSpec
from quantum_operator.decide.change import input_of
from quantum_operator.decide.cost import money
from quantum_operator.decide.finish import charged, conclude, ended, fail, kind_of, put
from quantum_operator.decide.observed import Decision, Observed, RunObserved, StartTask, StopRun, StopTask, Tell
from quantum_operator.decide.status import find_condition, with_attempt
from quantum_operator.decide.tasks import task_of
from quantum_operator.decide.times import parse

STOPPING_SECONDS = 2.0
"""How often a run that is being stopped is looked for."""

Halt = Literal["Cancelled", "Suspended"]


def halted(spec: QuantumJobSpec) -> Halt | None:
    """What the user asks of the job, if it is not to go on."""
    if spec.cancel:
        return "Cancelled"
    return "Suspended" if spec.suspend else None


def goes_on(observed: Observed, attempt: Attempt, halt: Halt) -> bool:
    """Whether the live attempt is left alone: what a provider was asked to do is paid once, not once more later."""
    return halt == "Suspended" and attempt.agent is not None and observed.run is not None and observed.run.claimed


def stop(observed: Observed, attempt: Attempt, halt: Halt) -> Decision:
    """Have the live attempt's run or task stopped, and once it is over, the attempt ended."""
    status, run = observed.job.status, observed.run
    if run is not None and run.outcome is not None:
        return conclude(observed, attempt, run)
    if run is not None and run.state != "Finished" and attempt.batch is None:
        action = StopRun(run.name, run.uid) if attempt.agent is None else StopTask(run.name, attempt.agent, run.uid)
        return Decision(status, after=(action,), look_again=STOPPING_SECONDS)
    if run is None and attempt.agent is not None:
        fence = _fence(observed, attempt)
        if fence is not None:
            return Decision(status, after=(fence,), look_again=STOPPING_SECONDS)
    message = "its run had not begun"
    if attempt.batch is not None:
        message = f"its part of run {attempt.batch}, which goes on for the jobs that share it, no longer counts"
    elif run is not None or attempt.run_uid:
        message = f"{kind_of(attempt)} {attempt.name} was stopped{_charged(run)}"
    status = charged(with_attempt(status, ended(observed, attempt, halt, halt, message)), attempt, run)
    status = put(observed, status, ConditionType.RUNNING, False, halt, message)
    return rest(observed, status, halt, message)


def _fence(observed: Observed, attempt: Attempt) -> StartTask | None:
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
