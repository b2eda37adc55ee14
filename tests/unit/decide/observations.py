"""Observations of jobs at each stage of their life, to decide on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.execution import settled
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.api.meta import Condition
from quantum_operator.api.run import JobInput
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Assignment, Decision, Nominate, Observed, RunObserved, StartRun, Tell
from quantum_operator.decide.status import find_condition, latest_attempt
from quantum_operator.testing.builders import backend, job, outcome, policy

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """The moment so many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def submitted(**spec: Any) -> Observed:
    """A new job, with its policy there."""
    return Observed(now=NOW, job=job(**spec), policy=policy(), backend=None)


def apply(observed: Observed, decision: Decision) -> Observed:
    """What is observed next: the decided status is on record, and the scheduler's word is used up."""
    placed = latest_attempt(decision.status) != latest_attempt(observed.job.status)
    return replace(
        observed,
        job=observed.job.model_copy(update={"status": decision.status}),
        assignment=None if placed else observed.assignment,
        backend=backend(decision.status.backend) if decision.status.backend is not None else None,
    )


def nominated(observed: Observed) -> Nominate:
    """What `decide` asks of the scheduler; fails when it asks nothing."""
    return next(action for action in decide(observed).after if isinstance(action, Nominate))


def told(observed: Observed, verdict: str = "Assigned", reason: str = "", name: str = "simulator") -> Observed:
    """The same with the scheduler's answer to what `decide` asks of it."""
    asked = nominated(observed)
    word = Assignment(
        job_uid=observed.job.metadata.uid,
        demand=asked.demand,
        tried=asked.tried,
        verdict=verdict,  # type: ignore[arg-type]
        reason=reason or verdict,
        message=f"the scheduler says {verdict}",
        backend=name if verdict == "Assigned" else "",
    )
    return replace(observed, assignment=word)


def placed(**spec: Any) -> Observed:
    """A job whose first attempt is on record, and whose run is not there yet."""
    observed = told(submitted(**spec))
    return apply(observed, decide(observed))


def running(**spec: Any) -> Observed:
    """A job whose first attempt's run executes."""
    observed = with_run(placed(**spec), "Running")
    return apply(observed, decide(observed))


def lost(**spec: Any) -> Observed:
    """A job whose first attempt is lost, with the second to come."""
    observed = replace(running(**spec), run=None)
    return apply(observed, decide(observed))


def with_run(observed: Observed, state: str, *, uid: str = "run-1", **seen: Any) -> Observed:
    """The same with the latest attempt's run in this state."""
    attempt = last(observed.job.status)
    return replace(observed, run=RunObserved(attempt.name, uid, state, **seen))  # type: ignore[arg-type]


def finished(observed: Observed, **changes: Any) -> Observed:
    """The same with the run over and its outcome there; keywords are fields of the outcome."""
    again = placed(**observed.job.spec.model_dump(by_alias=True, exclude_none=True))
    start = next(action for action in decide(again).after if isinstance(action, StartRun))
    spec = observed.job.spec
    programs = [{"name": one.name, "language": "qasm3", "source": one.qasm3 or "x"} for one in spec.programs]
    made = JobInput.model_validate({"programs": programs, "task": spec.task, "execution": settled(spec.execution)})
    data = outcome(start.spec, made, **changes).model_dump_json(by_alias=True, exclude_none=True).encode()
    return with_run(observed, "Finished", outcome=data)


def last(status: QuantumJobStatus) -> Attempt:
    """The latest attempt; fails when there is none."""
    attempt = latest_attempt(status)
    assert attempt is not None
    return attempt


def condition(status: QuantumJobStatus, kind: ConditionType) -> Condition:
    """The condition of this type; fails when it is not set."""
    found = find_condition(status.conditions, kind)
    assert found is not None
    return found


def verdicts(status: QuantumJobStatus) -> dict[str, str]:
    """Every condition as `status/reason`, by type."""
    return {one.type: f"{one.status}/{one.reason}" for one in status.conditions}


def kinds(decision: Decision) -> list[str]:
    """The names of the actions, events by their reason."""
    return [one.reason if isinstance(one, Tell) else type(one).__name__ for one in (*decision.before, *decision.after)]


def later(observed: Observed, seconds: float) -> Observed:
    """The same, so many seconds after NOW."""
    return replace(observed, now=after(seconds))


def deleting(observed: Observed) -> Observed:
    """The same with the job being deleted."""
    metadata = observed.job.metadata.model_copy(update={"deletion_timestamp": "2026-01-01T12:00:00Z"})
    return replace(observed, job=observed.job.model_copy(update={"metadata": metadata}))


def done() -> Observed:
    """A job that succeeded."""
    observed = finished(running())
    return apply(observed, decide(observed))
