"""The fallback to a cached result: what an earlier job of the namespace computed from the very same input.

Same means: the same accepted bytes (programs, task and execution), under the same policy. A result that was a fallback
itself is passed over, and so is one of which not everything is known.
"""

from collections.abc import Iterable
from dataclasses import replace

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import Cost, QuantumJobStatus, ResultOf
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.resilience import Fallback
from quantum_operator.decide.claim import done_of
from quantum_operator.decide.cost import money
from quantum_operator.decide.fallback import link, nothing_cached
from quantum_operator.decide.finish import put
from quantum_operator.decide.observed import Decision, Observed, Tell
from quantum_operator.decide.status import is_terminal, live_attempt
from quantum_operator.decide.times import stamp


def needs_earlier(job: QuantumJob) -> bool:
    """Whether earlier jobs with the same input must be read: the job has fallen back to a cached result."""
    now = link(job.status)
    return now is not None and now.to == "CachedResult" and not is_terminal(job.status)


def same_input(jobs: Iterable[QuantumJob], job: QuantumJob) -> tuple[QuantumJob, ...]:
    """Those of these jobs that are of the same namespace and have the same accepted input."""
    if job.status.input is None:
        return ()
    digest, namespace = job.status.input.sha256, job.metadata.namespace
    mine = (one for one in jobs if one.metadata.namespace == namespace and one.metadata.uid != job.metadata.uid)
    return tuple(one for one in mine if one.status.input is not None and one.status.input.sha256 == digest)


def from_cache(observed: Observed, decision: Decision) -> Decision | None:
    """The job with the latest result that there is, or further down its chain; None: it is not for a cached result."""
    job, now = observed.job, link(decision.status)
    if now is None or now.to != "CachedResult" or live_attempt(decision.status) is not None:
        return None
    found = [(of.completion_time, of.uid, one) for one in observed.earlier if (of := _usable(job, one)) is not None]
    if not found:
        return nothing_cached(observed, decision)
    earlier = max(found, key=lambda one: one[:2])[2]
    of = _usable(job, earlier)
    if of is None or earlier.status.result is None:
        return nothing_cached(observed, decision)
    fallback = Fallback(
        kind="CachedResult", from_=now.from_, to=of.backend, class_=now.cause, reason=now.reason, message=now.message
    )
    message = f"job {of.name} gave this result to the same input at {of.completion_time}: a fallback for {now.reason}"
    if earlier.status.result.truncated:
        message += f"; what is not in the status is with job {of.name}, as long as that is there"
    status = put(observed, decision.status, ConditionType.COMPLETE, True, "CachedResult", message)
    result = earlier.status.result.model_copy(update={"outcome": None, "fallback": fallback})
    update = {
        "completion_time": stamp(observed.now),
        "cost": _cost(status, of),
        "result": result,
        "execution": earlier.status.execution,
        "result_of": of,
        "fallback": fallback,
    }
    return replace(decision, status=status.model_copy(update=update), after=(Tell("Normal", "CachedResult", message),))


def _cost(status: QuantumJobStatus, of: ResultOf) -> Cost:
    """What the job itself cost: its attempts, and nothing for the result."""
    return status.cost or Cost(currency=of.cost.currency, text=money(0, of.cost.currency))


def _usable(job: QuantumJob, earlier: QuantumJob) -> ResultOf | None:
    """Where the earlier job's result is from; None where it is not one for this job."""
    mine, theirs = job.status, earlier.status
    if earlier.metadata.uid == job.metadata.uid or mine.input is None or theirs.input is None or mine.plan is None:
        return None
    same = theirs.input.sha256 == mine.input.sha256 and earlier.spec.policy_ref == job.spec.policy_ref
    if not same or theirs.result is None or theirs.result.fallback is not None:
        return None
    if earlier.spec.shadow_of is not None or theirs.plan is None or any(step.changes for step in theirs.plan.steps):
        return None
    done = done_of(earlier, theirs)
    return theirs.result_of or (done.of if done is not None else None)
