"""What an attempt cost goes on the ledger before the status that ends it is written: nothing is lost in between.

Whoever does that again finds no reservation under the attempt's name, and nothing comes of it.
"""

from dataclasses import replace

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskCeiling, TaskJob
from quantum_operator.decide.held import LEFT, may_be_left, sought
from quantum_operator.decide.ledger import WAITS_FOR_MONEY, Settlement, spec_of
from quantum_operator.decide.names import run_name, token_for
from quantum_operator.decide.observed import Assignment, Charge, Decision, FenceTask, Observed, Settle
from quantum_operator.decide.status import attempts_of, find_condition, latest_attempt, live_attempt


def settling(observed: Observed, decision: Decision) -> Decision:
    """`decision`, and where it ends the live attempt, with its settlement before.

    That of a held task follows once somebody has said what became of it, if the job waits for that still.
    """
    attempt = live_attempt(observed.job.status) or _left_no_more(observed.job.status, decision.status)
    if attempt is None or attempt.ledger is None or _lives_on(decision.status, attempt) or may_be_left(observed.run):
        return decision
    action = _settle(observed, attempt, attempt.ledger, decision.status)
    return replace(decision, before=(*decision.before, action))


def next_run(job: QuantumJob) -> str:
    """The name of the job's next attempt."""
    last = latest_attempt(job.status)
    return run_name(job.metadata.name, job.metadata.uid, last.number + 1 if last is not None else 1)


def pays_for(assignment: Assignment | None, job: QuantumJob) -> bool:
    """Whether what was reserved is for the job's next attempt; nothing need be for one that is free."""
    booking = assignment.booking if assignment is not None else None
    return booking is None or booking.reservation.run == next_run(job)


def waits_on(assignment: Assignment, status: QuantumJobStatus) -> bool:
    """Whether the job is told what it knows: that it waits for money. New figures are not worth a write."""
    known = find_condition(status.conditions, ConditionType.SCHEDULED)
    waits = assignment.verdict == "Waiting" and assignment.reason in WAITS_FOR_MONEY
    return waits and known is not None and known.reason == assignment.reason


def settlement_of(ledger: str, run: str, job_uid: str, ceiling: int, charge: Charge | None) -> Settlement:
    """A settlement at this charge; at the ceiling where nobody says, or says it in another currency."""
    if charge is None or charge.currency != spec_of(ledger).currency:
        return Settlement(ledger, run, job_uid, ceiling, exact=False)
    return Settlement(ledger, run, job_uid, charge.micros, charge.exact)


def _left_no_more(before: QuantumJobStatus, after: QuantumJobStatus) -> Attempt | None:
    """The attempt that was left with its task held, where the status says now what became of it."""
    left = sought(before)
    stays = left is None or any(one.number == left.number and one.reason == LEFT for one in attempts_of(after))
    return None if stays else left


def _lives_on(status: QuantumJobStatus, attempt: Attempt) -> bool:
    live = live_attempt(status)
    return live is not None and live.number == attempt.number


def _settle(observed: Observed, attempt: Attempt, ledger: str, status: QuantumJobStatus) -> Settle:
    meta, run, ceiling = observed.job.metadata, observed.run, attempt.ceiling or 0
    if attempt.agent is None:
        charge = _of_run(observed, attempt, status)
    elif run is not None and run.charge is not None:
        charge = run.charge
    elif run is None and attempt.run_uid is None:
        job = TaskJob(namespace=meta.namespace, name=meta.name, uid=meta.uid)
        fence = fence_of(job, attempt.number, attempt.name, attempt.agent, attempt.backend, ledger, ceiling)
        return Settle(Settlement(ledger, attempt.name, meta.uid), fence)
    else:
        charge = None
    return Settle(settlement_of(ledger, attempt.name, meta.uid, ceiling, charge))


def fence_of(job: TaskJob, number: int, name: str, agent: str, backend: str, ledger: str, ceiling: int) -> FenceTask:
    """The fence of an attempt's task."""
    most = TaskCeiling(micros=ceiling, currency=spec_of(ledger).currency, seconds=1, ledger=ledger)
    return FenceTask(job, name, agent, backend, backend, token_for(job.uid, number), most)


def _of_run(observed: Observed, attempt: Attempt, status: QuantumJobStatus) -> Charge:
    """What a simulator's run cost: one that gave no result costs nothing."""
    ended = next((one for one in attempts_of(status) if one.number == attempt.number), None)
    currency = spec_of(attempt.ledger or "").currency
    if ended is None or ended.state != "Succeeded":
        return Charge(0, currency)
    price = observed.backend.spec.price if observed.backend is not None else None
    return Charge(ended.cost or 0, price.currency if price is not None else currency)
