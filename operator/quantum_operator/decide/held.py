"""Held tasks that jobs do not wait for: nobody can tell what the provider made of them until a person says it.

A job whose task is cancelled and held goes on without it, for nothing, where its policy's QPUs are off and it has
somewhere to go; and it ends where it is cancelled itself or out of time. What the task may have cost at most is on
record as the attempt's cost, and stays reserved in the ledger: the sweep of ledgers settles it once the task is over.
A result that the person finds while the job still waits is the job's after all.
"""

from collections.abc import Sequence
from dataclasses import replace

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.decide.cost import money
from quantum_operator.decide.figures import matches
from quantum_operator.decide.finish import conclude, give_back
from quantum_operator.decide.observed import Decision, Observed, RunObserved
from quantum_operator.decide.status import attempts_of, find_condition, is_terminal, latest_attempt, live_attempt

LEFT = "TaskLeft"
"""The reason of an attempt whose task is held, and whose job does not wait for that."""


def may_be_left(run: RunObserved | None) -> bool:
    """Whether the task is held, and cancelled: whatever a person says, it is not submitted any more."""
    return run is not None and run.at_most is not None and run.cancelling


def leads_to_nothing_paid(policy: BackendPolicySpec, backends: Sequence[QuantumBackend]) -> bool:
    """Whether jobs can go on for nothing while the policy's QPUs are off, by its own order or its chain."""
    links = [one for one in policy.fallback if "QuantumDisabled" in one.covers]
    if any(one.to == "CachedResult" for one in links):
        return True
    choices = (*policy.backends, *(choice for one in links for choice in one.backends or ()))
    names = {choice.name for choice in choices}
    selectors = [choice.selector for choice in choices if choice.selector is not None]
    free = [one for one in backends if one.spec.provider is None and one.spec.price is None]
    return any(one.metadata.name in names or any(matches(it, one.metadata.labels) for it in selectors) for one in free)


def charged_at_most(observed: Observed) -> Observed:
    """What was observed, with the most that the held task may have cost as its charge."""
    run = observed.run
    return observed if run is None else replace(observed, run=replace(run, charge=run.at_most))


def told(attempt: Attempt, run: RunObserved) -> str:
    """What is said of an attempt that is left."""
    most = f": at most {money(run.at_most.micros, run.at_most.currency)}" if run.at_most is not None else ""
    return f"task {attempt.name} is held, and may have been paid for{most} (`qjob resolve {attempt.name}`)"


def leave(observed: Observed, attempt: Attempt, run: RunObserved) -> Decision:
    """The job goes on without its held task."""
    return give_back(charged_at_most(observed), attempt, LEFT, told(attempt, run))


def was_left(status: QuantumJobStatus) -> bool:
    """Whether an attempt on record was left: its task may be held still, and what it cost be reserved."""
    return any(one.reason == LEFT for one in attempts_of(status))


def sought(status: QuantumJobStatus) -> Attempt | None:
    """The attempt that was left last, while none has followed: its result would still be the job's."""
    last = latest_attempt(status)
    return last if last is not None and last.reason == LEFT and not is_terminal(status) else None


def resolved(observed: Observed) -> Decision | None:
    """What follows where a person has said what became of the task that the job left, before another attempt."""
    attempt, run = sought(observed.job.status), observed.run
    if attempt is None or live_attempt(observed.job.status) is not None or run is None or run.state != "Finished":
        return None
    if run.outcome is not None:
        concluded = conclude(observed, attempt, run)
        complete = find_condition(concluded.status.conditions, ConditionType.COMPLETE)
        if complete is not None and complete.status == "True":
            return concluded
    return give_back(
        observed, attempt, "TaskWithdrawn", f"task {attempt.name} is over, without a result: {run.message}"
    )
