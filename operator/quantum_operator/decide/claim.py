"""The claim of an idempotency key: of the jobs under one key, one runs, and the others have its result.

Who holds a claim is decided by creating or replacing it, at the version that was read: of two that try, one fails and
looks again. What follows for a job that has no attempt yet, in this order:

| the claim | what follows |
|---|---|
| there is none | take it, then go on |
| is this job's | go on |
| is of another spec | refused: KeyOfAnotherSpec |
| has a result | complete at once: AlreadyDone |
| its job is under way | wait: KeyInUse |
| its job has a result | put that into the claim |
| something was paid, or may have been, without a result | refused: PaidWithoutResult |
| its job is gone, or over without a result | take it over, then go on |
"""

import hashlib
import json
from dataclasses import replace

from quantum_operator.api.claim import Claim, Done
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import Cost, QuantumJobStatus, ResultOf
from quantum_operator.api.meta import ApiModel
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskCeiling
from quantum_operator.decide.cost import money
from quantum_operator.decide.finish import fail, put
from quantum_operator.decide.observed import Decision, Observed, PutClaim, RunObserved, SeenClaim, Tell
from quantum_operator.decide.status import find_condition, is_terminal, latest_attempt
from quantum_operator.decide.times import stamp

CLAIM_SECONDS = 2.0
"""How often a job that waits for another's result looks for it: no event of another job comes to it."""


GOVERNED = ("tier", "data", "providers")
"""The fields by which a job is governed: who may see a result depends on them."""


def claim_name(namespace: str, key: str) -> str:
    """The name of the claim of this key: no namespace has a `/`, so that no two keys share one."""
    return f"quantum-claim-{hashlib.sha256(f'{namespace}/{key}'.encode(errors='replace')).hexdigest()}"


def spec_digest(job: QuantumJob, input_sha256: str) -> str:
    """The digest of all of a job's spec that its result may depend on: its input, and its policy."""
    matters: dict[str, object] = {"input": input_sha256, "policyRef": job.spec.policy_ref.name}
    if job.spec.retry is not None:
        matters["retry"] = job.spec.retry.to_wire()
    for name in GOVERNED:
        if (value := getattr(job.spec, name)) is not None:
            matters[name] = value.to_wire() if isinstance(value, ApiModel) else value
    if job.spec.expected_output is not None:
        matters["expectedOutput"] = job.spec.expected_output.to_wire()
    return hashlib.sha256(json.dumps(matters, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def declared_digest(job: QuantumJob, status: QuantumJobStatus) -> str:
    """The digest of what the job itself declares, of which its policy's features are no part. It is accepted by now."""
    declared = status.plan.declared_sha256 if status.plan is not None else None
    return spec_digest(job, declared or (status.input.sha256 if status.input is not None else ""))


def needs_claim(job: QuantumJob, run: RunObserved | None) -> bool:
    """Whether the job's claim must be read: before its first attempt, before a task, and when there is an outcome."""
    if job.spec.idempotency_key is None or is_terminal(job.status):
        return False
    attempt = latest_attempt(job.status)
    if attempt is None or (run is not None and run.outcome is not None):
        return True
    return attempt.agent is not None and run is None


def gate(observed: Observed, decision: Decision) -> Decision | None:
    """What comes of the job instead of its first attempt; None lets it go on. `decision` has accepted the job."""
    job, status = observed.job, decision.status
    if job.spec.idempotency_key is None or status.input is None or latest_attempt(status) is not None:
        return None
    mine, seen = _claim(job, status), observed.claim
    if seen is None:
        return _write(observed, mine, None)
    theirs = seen.claim
    if theirs.uid == mine.uid:
        return None if theirs.digest == mine.digest else _write(observed, mine, seen)
    if theirs.digest != mine.digest:
        return _refused(observed, decision, "KeyOfAnotherSpec", _another_spec(theirs))
    if theirs.done is not None:
        return _already_done(observed, decision, theirs.done)
    return _after(observed, decision, seen, mine)


def _after(observed: Observed, decision: Decision, seen: SeenClaim, mine: Claim) -> Decision:
    """What comes of a job whose key is another's, of the same spec, and without a result as yet."""
    theirs, holder = seen.claim, observed.holder
    if holder is not None and not is_terminal(holder.status):
        return _wait(observed, decision, theirs)
    done = done_of(holder, holder.status) if holder is not None else None
    if done is not None:
        return _write(observed, theirs.model_copy(update={"done": done}), seen)
    known = holder.status.cost if holder is not None else None
    paid = theirs.paid if known is None else known
    if paid is not None and paid.micros > 0:
        return _refused(observed, decision, "PaidWithoutResult", _paid(theirs, paid))
    return _write(observed, mine, seen)


def pledge(observed: Observed, most: TaskCeiling) -> Decision | None:
    """The claim says what may be paid, before there is a task that could be; None once it does."""
    seen = observed.claim
    if seen is None or seen.claim.uid != observed.job.metadata.uid:
        return None
    said = seen.claim.paid
    if said is not None and said.currency == most.currency and said.micros >= most.micros:
        return None
    paid = Cost(currency=most.currency, micros=most.micros, text=f"at most {money(most.micros, most.currency)}")
    return _write(observed, seen.claim.model_copy(update={"paid": paid}), seen)


def recorded(observed: Observed, decision: Decision) -> Decision:
    """`decision`, and where it gives the job a result, with that put into the job's claim before."""
    job, seen, status = observed.job, observed.claim, decision.status
    if job.spec.idempotency_key is None or is_terminal(job.status) or status.input is None:
        return decision
    done = done_of(job, status)
    if done is None or status.result_of is not None or (seen is not None and seen.claim.uid != job.metadata.uid):
        return decision
    known = seen.claim.done if seen is not None else None
    if known is not None and known.result.outcome_sha256 == done.result.outcome_sha256:
        return decision
    claim = _claim(job, status).model_copy(update={"done": done})
    write = PutClaim(claim, seen.version if seen is not None else None)
    return replace(decision, before=(*decision.before, write))


def done_of(job: QuantumJob, status: QuantumJobStatus) -> Done | None:
    """What a claim says of the job's result by this status; None where it has none of its own run."""
    complete, attempt = find_condition(status.conditions, ConditionType.COMPLETE), latest_attempt(status)
    if complete is None or complete.status != "True" or status.result is None or attempt is None:
        return None
    of = ResultOf(
        name=job.metadata.name,
        uid=job.metadata.uid,
        run=attempt.name,
        backend=attempt.backend,
        completion_time=status.completion_time or attempt.created_time,
        cost=status.cost or Cost(),
    )
    return Done(of=of, result=status.result, execution=status.execution)


def _claim(job: QuantumJob, status: QuantumJobStatus) -> Claim:
    return Claim(
        namespace=job.metadata.namespace,
        key=job.spec.idempotency_key or "",
        digest=declared_digest(job, status),
        job=job.metadata.name,
        uid=job.metadata.uid,
    )


def _write(observed: Observed, claim: Claim, seen: SeenClaim | None) -> Decision:
    """Write the claim, and look again: what follows is decided on what is there then."""
    version = seen.version if seen is not None else None
    return Decision(observed.job.status, before=(PutClaim(claim, version),), look_again=0.0)


def _wait(observed: Observed, decision: Decision, theirs: Claim) -> Decision:
    message = (
        f"spec.idempotencyKey: {theirs.key!r}: job {theirs.job} is under way with it; its result will be this job's"
    )
    status = put(observed, decision.status, ConditionType.SCHEDULED, False, "KeyInUse", message)
    return replace(decision, status=status, look_again=CLAIM_SECONDS)


def _refused(observed: Observed, decision: Decision, reason: str, message: str) -> Decision:
    status = put(observed, decision.status, ConditionType.ACCEPTED, False, reason, message)
    return replace(fail(observed, status, reason, message), before=decision.before)


def _another_spec(theirs: Claim) -> str:
    return (
        f"spec.idempotencyKey: {theirs.key!r}: job {theirs.job} of this namespace used it for another spec; give this "
        "job another key, or submit the very programs, task, execution, retry, expectedOutput and policyRef of that job"
    )


def _paid(theirs: Claim, paid: Cost) -> str:
    return (
        f"spec.idempotencyKey: {theirs.key!r}: job {theirs.job} of this namespace paid {paid.text} with it and left no "
        "result; give this job another key, and it is paid again"
    )


def _already_done(observed: Observed, decision: Decision, done: Done) -> Decision:
    """The job is complete with the first one's result. What the status has no room for stays with that job."""
    of = done.of
    message = f"job {of.name} gave this result under the same spec.idempotencyKey at {of.completion_time}; nothing ran"
    if done.result.truncated:
        message += f"; what is not in the status is with job {of.name}, as long as that is there"
    status = put(observed, decision.status, ConditionType.COMPLETE, True, "AlreadyDone", message)
    update = {
        # It never asked for a backend: that it waited for the key is over.
        "conditions": tuple(one for one in status.conditions if one.type != ConditionType.SCHEDULED),
        "completion_time": stamp(observed.now),
        "cost": Cost(currency=of.cost.currency, text=money(0, of.cost.currency)),
        "result": done.result.model_copy(update={"outcome": None}),
        "execution": done.execution,
        "fallback": done.result.fallback,
        "result_of": of,
    }
    status = status.model_copy(update=update)
    return replace(decision, status=status, after=(Tell("Normal", "AlreadyDone", message),))
