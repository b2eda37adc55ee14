"""What follows for one job: `decide(Observed) -> Decision`.

The life of a job, in the order of the branches below: over; not accepted; waiting for a backend; its attempt's run to
be created, under way, finished, or lost and tried again.
"""

from dataclasses import replace
from datetime import timedelta

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.failures import STALLS, waiting
from quantum_operator.api.figures import Demand
from quantum_operator.api.jobstatus import AppliedChange, ArtifactRef, Attempt, Plan, QuantumJobStatus, Step
from quantum_operator.decide.accept import Acceptance, accept
from quantum_operator.decide.approving import ask, heard, permit_of
from quantum_operator.decide.batching import is_small
from quantum_operator.decide.cached import from_cache
from quantum_operator.decide.candidates import on_record
from quantum_operator.decide.change import (
    Changes,
    changed_input,
    changes_input,
    demand_with,
    in_effect,
    input_of,
    told,
)
from quantum_operator.decide.claim import gate, pledge, recorded
from quantum_operator.decide.compared import compared
from quantum_operator.decide.complaint import Complaint
from quantum_operator.decide.events import events_of, fitting
from quantum_operator.decide.execution import execution_of, on_plan
from quantum_operator.decide.fallback import fallback_of, instead_of_waiting, on_terms, rescued
from quantum_operator.decide.finish import (
    conclude,
    exhausted,
    fail,
    give_up,
    kind_of,
    lose,
    put,
    run_out,
    timed,
    vanish,
)
from quantum_operator.decide.halt import Halt, goes_on, halted, rest, resumed, seconds_used, stop
from quantum_operator.decide.held import resolved
from quantum_operator.decide.names import run_name, seed_for
from quantum_operator.decide.observed import (
    Assignment,
    Decision,
    Nominate,
    Observed,
    Permit,
    RunObserved,
    StoreArtifact,
    Tell,
)
from quantum_operator.decide.reroute import Tried, avoided, failures, tried
from quantum_operator.decide.retry import retry_delay
from quantum_operator.decide.runs import run_of, seconds_left
from quantum_operator.decide.schedule import opens_in
from quantum_operator.decide.settle import pays_for, settling, waits_on
from quantum_operator.decide.shadow import shadowed
from quantum_operator.decide.status import (
    find_condition,
    is_terminal,
    latest_attempt,
    live_attempt,
    lost_attempts,
    phase_of,
    stage_of,
    with_attempt,
    with_last_step,
    with_step,
)
from quantum_operator.decide.switch import withdrawn
from quantum_operator.decide.tasks import task_of
from quantum_operator.decide.timebudget import next_look
from quantum_operator.decide.times import parse, stamp
from quantum_operator.decide.traffic import bucket_of

WAIT_SECONDS = 5.0
"""How often something that sends no event (a ConfigMap that is missing) is looked for again."""

SOON_SECONDS = 0.5
"""How soon it is looked again for what comes in a moment."""

PENDING_SECONDS = 10.0
"""How long a run may wait to start before its job's status says what for."""

SCHEDULE_SECONDS = 3600.0
"""How often, at least, a job that may not start yet is looked at: clocks are set."""


def decide(observed: Observed) -> Decision:
    """The job's next status and the actions that lead on from it."""
    job = observed.job
    if is_terminal(job.status) or job.metadata.deletion_timestamp is not None:
        return Decision(job.status)
    plan, stored, attempt = job.status.plan, job.status.input, live_attempt(job.status)
    halt = halted(job, observed.now)
    if halt is not None and attempt is not None and not goes_on(observed, attempt, halt):
        return _finalize(observed, stop(observed, attempt, halt))
    if halt is not None and halt != "Suspended":
        return _finalize(observed, rest(observed, job.status, halt))
    if plan is None or stored is None:
        return _finalize(observed, _receive(observed))
    if attempt is None:
        return _finalize(observed, resolved(observed) or _place(observed, Decision(job.status), plan.demand))
    return _finalize(observed, withdrawn(observed, attempt) or _follow(observed, attempt, stored))


def _receive(observed: Observed) -> Decision:
    """Accept the job, or say why not."""
    found = accept(observed)
    if isinstance(found, Complaint):
        return _refuse(observed, found)
    accepted = _accepted(observed, found)
    waits = _halted(observed) is not None or gate(observed, accepted) is not None or _opens_in(observed) > 0
    if not waits and _assignment(observed, found.demand) is None:
        small = _may_share(observed, found.demand, found.ref)
        asked = Nominate(found.demand, small=small, bucket=_bucket(observed))
        return Decision(observed.job.status, after=(asked,))
    return _place(observed, accepted, found.demand)


def _refuse(observed: Observed, complaint: Complaint) -> Decision:
    if complaint.quiet:
        return Decision(observed.job.status, look_again=SOON_SECONDS)
    status = put(observed, observed.job.status, ConditionType.ACCEPTED, False, complaint.reason, complaint.message)
    if complaint.waits:
        return Decision(status, look_again=WAIT_SECONDS)
    return fail(observed, status, complaint.reason, complaint.message)


def _accepted(observed: Observed, acceptance: Acceptance) -> Decision:
    plan = Plan(
        policy=acceptance.policy.metadata.name,
        policy_uid=acceptance.policy.metadata.uid,
        policy_generation=acceptance.policy.metadata.generation,
        demand=acceptance.demand,
        execution=on_plan(observed.job, acceptance.execution, acceptance.features),
        features=acceptance.features,
        declared_sha256=acceptance.declared_sha256,
        steps=(Step(name="primary"),),
    )
    update = {
        "plan": plan,
        "input": acceptance.ref,
        "shots": acceptance.demand.shots or None,
        "start_time": stamp(observed.now),
    }
    status = observed.job.status.model_copy(update=update)
    status = put(observed, status, ConditionType.ACCEPTED, True, "Accepted", "the job is valid")
    return Decision(status, before=(StoreArtifact(acceptance.ref, acceptance.data),))


def _assignment(
    observed: Observed, demand: Demand, asked: tuple[Tried, ...] = ({},), permit: Permit | None = None
) -> Assignment | None:
    """The scheduler's word, if it was asked about this demand with this permit, without backends tried since."""
    assignment = observed.assignment
    if assignment is None or assignment.bucket != _bucket(observed) or assignment.permit != permit:
        return None
    answers = assignment.demand == demand and assignment.tried in asked
    return assignment if answers and pays_for(assignment, observed.job) else None


def _bucket(observed: Observed) -> int | None:
    return bucket_of(observed.job.metadata.uid, observed.policy.spec if observed.policy is not None else None)


def _place(observed: Observed, decision: Decision, demand: Demand) -> Decision:
    """Put the scheduler's word on record; a backend it gave becomes the next attempt."""
    halt = _halted(observed)
    if halt is not None:
        return replace(rest(observed, decision.status, halt), before=decision.before)
    decision = replace(decision, status=resumed(observed, decision.status))
    held_back = gate(observed, decision)
    if held_back is not None:
        return held_back
    cached = from_cache(observed, decision)
    if cached is not None:
        return cached
    status = decision.status
    last, losses = latest_attempt(status), lost_attempts(status)
    if last is not None and losses > observed.job.spec.backoff_limit:
        return give_up(observed, status, last)
    delay = retry_delay(observed.job.metadata.uid, last, losses, observed.now)
    if delay > 0:
        return replace(decision, look_again=delay)
    if _opens_in(observed) > 0:
        return _wait_for_schedule(observed, decision)
    return _assigned(observed, decision, demand)


def _assigned(observed: Observed, decision: Decision, demand: Demand) -> Decision:
    """Ask for a backend, and put on record what is said: also that none is left, or that the job waits."""
    decision = heard(observed, decision)
    status, last = decision.status, latest_attempt(decision.status)
    if is_terminal(status):
        return decision
    permit = permit_of(observed, status)
    changes = in_effect(observed.job, last)
    demand = on_terms(status, demand_with(observed.job, demand, changes))
    never, last_of_all = tried(observed.job, changes), avoided(observed.job, changes)
    assignment = _assignment(observed, demand, (never, last_of_all), permit)
    if assignment is None:
        # What was tried before is tried alone: a shared run did not bring it to an end, or may have been its victim.
        small = last is None and status.input is not None and _may_share(observed, demand, status.input)
        asks = Nominate(demand, last_of_all, small=small, bucket=_bucket(observed), permit=permit)
        return replace(decision, after=(*decision.after, asks))
    if assignment.verdict != "Assigned" and assignment.tried != never:
        asks = Nominate(demand, never, bucket=_bucket(observed), permit=permit)
        return replace(decision, after=(*decision.after, asks))
    if waits_on(assignment, status):
        return decision
    status = with_last_step(status, lambda step: on_record(step, assignment))
    status = ask(observed, status, assignment)
    assigned = assignment.verdict == "Assigned"
    message = assignment.message + (told(observed.job, changes) if assigned else "")
    status = put(observed, status, ConditionType.SCHEDULED, assigned, assignment.reason, message)
    if assignment.verdict == "Impossible" and failures(status):
        every = assignment.candidates_total <= len(never)
        return replace(exhausted(observed, status, "" if every else assignment.message), before=decision.before)
    if assignment.verdict == "Impossible":
        status = put(observed, status, ConditionType.ACCEPTED, False, assignment.reason, assignment.message)
        return replace(fail(observed, status, assignment.reason, assignment.message), before=decision.before)
    if not assigned:
        return instead_of_waiting(observed, replace(decision, status=status), assignment)
    begun = _begin(observed, replace(decision, status=status), assignment, changes)
    return begun if is_terminal(begun.status) else replace(begun, after=(Tell("Normal", "Assigned", message),))


def _may_share(observed: Observed, demand: Demand, stored: ArtifactRef) -> bool:
    """Whether the run may be one that others share: that of a job whose payload goes must go with it."""
    return observed.job.spec.retention is None and is_small(demand, stored)


def _begin(observed: Observed, decision: Decision, assignment: Assignment, changes: Changes) -> Decision:
    """The next attempt, and where it is the first with a change, that on record with the input that it makes."""
    status, last = decision.status, latest_attempt(decision.status)
    attempt = _new_attempt(observed, decision.status, assignment, changes)
    before = decision.before
    if last is not None and changes != last.changes and status.plan is not None:
        ref = None
        if changes_input(observed.job, last.changes, changes):
            if observed.accepted is None:
                return exhausted(observed, status, "its accepted input is gone, so that nothing of it can be changed")
            ref, data = changed_input(observed.job, changes, observed.accepted)
            before = (*before, StoreArtifact(ref, data))
        made = AppliedChange(position=changes[-1], attempt=attempt.number, reason=last.reason, input=ref)
        status = with_step(status, changes=(*status.plan.steps[-1].changes, made))
    update = {"backend": assignment.backend, "fallback": fallback_of(status, assignment)}
    status = with_attempt(status, attempt).model_copy(update=update)
    return replace(decision, status=status, before=before)


def _halted(observed: Observed) -> Halt | None:
    return halted(observed.job, observed.now)


def _opens_in(observed: Observed) -> float:
    return opens_in(observed.job.spec.schedule, observed.now)


def _wait_for_schedule(observed: Observed, decision: Decision) -> Decision:
    """Say when the job may start. What is said does not change until then."""
    seconds = _opens_in(observed)
    message = f"spec.schedule lets it start at {stamp(observed.now + timedelta(seconds=seconds + 0.999))}"
    known = find_condition(decision.status.conditions, ConditionType.SCHEDULED)
    look_again = min(seconds, SCHEDULE_SECONDS)
    if known is not None and known.reason == "OutsideSchedule":
        return replace(decision, look_again=look_again)
    status = put(observed, decision.status, ConditionType.SCHEDULED, False, "OutsideSchedule", message)
    return replace(decision, status=status, look_again=look_again)


def _new_attempt(observed: Observed, status: QuantumJobStatus, assignment: Assignment, changes: Changes) -> Attempt:
    job, last = observed.job, latest_attempt(status)
    number = last.number + 1 if last is not None else 1
    given = execution_of(job, status).seed
    return Attempt(
        name=run_name(job.metadata.name, job.metadata.uid, number),
        number=number,
        backend=assignment.backend,
        agent=assignment.agent,
        batch=assignment.batch if last is None else None,
        batch_jobs=assignment.batch_jobs if last is None and assignment.agent is not None else None,
        state="Pending",
        seed=given if given is not None else seed_for(job.metadata.uid),
        created_time=stamp(observed.now),
        changes=changes,
        stage=stage_of(status),
        used_seconds=seconds_used(last),
        ledger=assignment.booking.ledger if assignment.booking is not None else None,
        ceiling=assignment.booking.ceiling if assignment.booking is not None else None,
    )


def _follow(observed: Observed, attempt: Attempt, stored: ArtifactRef) -> Decision:
    """See the live attempt's run on: create it, or record how it does."""
    status, run = observed.job.status, observed.run
    if run is None and attempt.run_uid is None:
        return _start(observed, attempt, input_of(status, attempt) or stored)
    if run is None or attempt.run_uid not in (None, run.uid):
        return vanish(observed, attempt)
    if run.state == "Finished":
        return conclude(observed, attempt, run)
    stalled = run.state == "Pending" and run.failure in STALLS
    if attempt.state == "Running" and not stalled:
        return _goes_on(observed, attempt)
    if run.state == "Running":
        return _started(observed, attempt, run)
    return _pending(observed, attempt, run)


def _pending(observed: Observed, attempt: Attempt, run: RunObserved) -> Decision:
    """Say what the run waits for, if that lasts: a busy cluster makes each pod wait a moment, which is no news."""
    status = observed.job.status
    if not run.message:
        return Decision(status)
    patience = PENDING_SECONDS - (observed.now - parse(attempt.created_time)).total_seconds()
    if patience > 0:
        return Decision(status, look_again=patience)
    status = with_attempt(status, timed(attempt, run).model_copy(update={"run_uid": run.uid}))
    return Decision(put(observed, status, ConditionType.RUNNING, False, waiting(run.failure).reason, run.message))


def _goes_on(observed: Observed, attempt: Attempt) -> Decision:
    """What was under way still is, also where it was said to have stalled."""
    status = observed.job.status
    known = find_condition(status.conditions, ConditionType.RUNNING)
    if known is None or known.status == "True":
        return Decision(status)
    message = f"{kind_of(attempt)} {attempt.name} executes on {attempt.backend}"
    return Decision(put(observed, status, ConditionType.RUNNING, True, "RunStarted", message))


def _started(observed: Observed, attempt: Attempt, run: RunObserved) -> Decision:
    attempt = timed(attempt, run)
    update = {"state": "Running", "run_uid": run.uid, "start_time": attempt.start_time or stamp(observed.now)}
    status = with_attempt(observed.job.status, attempt.model_copy(update=update))
    message = f"{kind_of(attempt)} {attempt.name} executes on {attempt.backend}"
    status = put(observed, status, ConditionType.RUNNING, True, "RunStarted", message)
    return Decision(status, after=(Tell("Normal", "RunStarted", message),))


def _start(observed: Observed, attempt: Attempt, stored: ArtifactRef) -> Decision:
    """Create the run that is on record. The status says so when Kubernetes refuses."""
    status, backend = observed.job.status, observed.backend
    if backend is None:
        return lose(observed, attempt, "RunLost", f"backend {attempt.backend} was deleted before the run started")
    if observed.refusal:
        status = put(observed, status, ConditionType.RUNNING, False, "RunRefused", observed.refusal)
    if seconds_left(observed.job, attempt) < 1:
        return run_out(observed, attempt)
    if backend.spec.provider is not None:
        task = task_of(observed.job, attempt, stored, backend)
        return pledge(observed, task.ceiling) or Decision(status, after=(task,))
    return Decision(status, after=(run_of(observed.job, attempt, stored, backend),))


def _finalize(observed: Observed, decision: Decision) -> Decision:
    """What every status carries, and the events that its conditions make."""
    decision = shadowed(
        observed, compared(observed, settling(observed, recorded(observed, rescued(observed, decision))))
    )
    before, status = observed.job.status, decision.status
    if status != before:
        meta, spec = observed.job.metadata, observed.job.spec
        status = status.model_copy(
            update={"observed_generation": meta.generation, "correlation_id": spec.correlation_id}
        )
        status = status.model_copy(update={"phase": phase_of(status)})
    if status == before or decision.look_again is not None:
        decision = replace(decision, look_again=next_look(observed.job, decision.look_again, observed.now))
    return replace(decision, status=status, after=(*fitting(decision.after), *events_of(before, status)))
