"""Approval, of one job: what is asked is put on record with a digest, and a decision counts for that digest alone.

So another backend, a higher ceiling or a changed policy is asked anew; a lower ceiling is not. An approval expires, and
who submitted the job can't give one. What has to be approved at all is in `approval`.
"""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.governance import SUBMITTER, Approval, ApprovalRules, ApprovalStatus
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.cost import money
from quantum_operator.decide.finish import fail, put
from quantum_operator.decide.observed import Assignment, Decision, Observed, Permit, Tell
from quantum_operator.decide.status import find_condition
from quantum_operator.decide.times import parse, stamp

MUTABLE = ("approval", "suspend", "cancel", "priority", "ttlSecondsAfterFinished", "retention")
"""What of a spec may change: an approval is of all the rest."""


def permit_of(observed: Observed, status: QuantumJobStatus) -> Permit | None:
    """What is approved, as long as that counts: under the policy as it is, and not for ever."""
    record, policy = status.approval, observed.policy
    if record is None or record.by is None or record.decided_time is None or policy is None:
        return None
    if (record.policy_uid, record.policy_generation) != (policy.metadata.uid, policy.metadata.generation):
        return None
    rules = policy.spec.approval or ApprovalRules()
    if observed.now >= parse(record.decided_time) + timedelta(seconds=rules.expires_seconds):
        return None
    return Permit(
        backend=record.backend,
        policy_generation=record.policy_generation,
        ceiling_micros=record.ceiling_micros,
        currency=record.currency,
    )


def heard(observed: Observed, decision: Decision) -> Decision:
    """`decision` with what was decided on what the job asks for: a rejection ends it."""
    status, given = decision.status, observed.job.spec.approval
    record = status.approval
    if record is None or given is None or _flaw(observed.job, given, record):
        return decision
    if given.decision == "Rejected":
        message = f"rejected by {given.by}: {given.reason}"
        status = put(observed, status, ConditionType.APPROVED, False, "Rejected", message)
        return replace(fail(observed, status, "Rejected", message), before=decision.before)
    if record.by is not None:
        return decision
    record = record.model_copy(update={"by": given.by, "decided_time": stamp(observed.now)})
    message = f"{_plan(record)} is approved by {given.by}" + (f": {given.reason}" if given.reason else "")
    status = put(observed, status, ConditionType.APPROVED, True, "Approved", message)
    told = Tell("Normal", "Approved", message)
    return replace(decision, status=status.model_copy(update={"approval": record}), after=(*decision.after, told))


def ask(observed: Observed, status: QuantumJobStatus, assignment: Assignment) -> QuantumJobStatus:
    """`status` with what is to be approved on record, and the condition that says so."""
    asked, before = assignment.asks, status.approval
    policy = observed.policy
    if asked is None or policy is None or status.input is None:
        return _settled(observed, status)
    record = ApprovalStatus(
        digest="0" * 64,
        policy=policy.metadata.name,
        policy_uid=policy.metadata.uid,
        policy_generation=policy.metadata.generation,
        backend=asked.backend,
        ceiling_micros=asked.ceiling_micros,
        currency=asked.currency,
        shots=assignment.demand.shots,
        terms=assignment.demand.terms,
        because=asked.because,
        asked_time=stamp(observed.now),
    )
    if before is not None and before.by is None and _same(before, record):
        record = before
    else:
        record = record.model_copy(update={"digest": digest_of(observed.job, status.input.sha256, record)})
    message = f"{_plan(record)}: {'; '.join(record.because)}; {_how(observed.job, record)}"
    status = put(observed, status, ConditionType.APPROVED, False, "AwaitingApproval", message)
    return status.model_copy(update={"approval": record})


def digest_of(job: QuantumJob, input_sha256: str, record: ApprovalStatus) -> str:
    """The digest of what is to be approved: of all that decides what the job does, where, and for how much."""
    spec = {name: value for name, value in job.spec.to_wire().items() if name not in MUTABLE}
    plan = record.model_copy(update={"by": None, "decided_time": None}).to_wire()
    del plan["digest"]
    whole = {"job": job.metadata.uid, "input": input_sha256, "spec": spec, "plan": plan}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _settled(observed: Observed, status: QuantumJobStatus) -> QuantumJobStatus:
    """Where approval was waited for and is no longer asked for, the condition says so."""
    known = find_condition(status.conditions, ConditionType.APPROVED)
    if known is None or known.reason != "AwaitingApproval":
        return status
    message = "the plan that the job has now needs no approval"
    return put(observed, status, ConditionType.APPROVED, True, "ApprovalNotNeeded", message)


def _same(one: ApprovalStatus, other: ApprovalStatus) -> bool:
    """Whether who approved the one has approved the other: it is the same plan, and no dearer."""
    kept = ("policy_uid", "policy_generation", "backend", "currency")
    if any(getattr(one, name) != getattr(other, name) for name in kept):
        return False
    if one.ceiling_micros is None or other.ceiling_micros is None:
        return one.ceiling_micros == other.ceiling_micros
    return other.ceiling_micros <= one.ceiling_micros


def _plan(record: ApprovalStatus) -> str:
    if record.ceiling_micros is None:
        return f"running on {record.backend} at a cost that has no bound"
    return f"running on {record.backend} for at most {money(record.ceiling_micros, record.currency)}"


def _how(job: QuantumJob, record: ApprovalStatus) -> str:
    given = job.spec.approval
    flaw = _flaw(job, given, record) if given is not None else ""
    remedy = f"who has the verb approve decides (qjob approve {job.metadata.name})"
    return f"{flaw}; {remedy}" if flaw else remedy


def _flaw(job: QuantumJob, given: Approval, record: ApprovalStatus) -> str:
    """Why a decision does not count; empty where it does."""
    if given.digest != record.digest:
        return f"what {given.by} decided was of another plan, and is void"
    if given.by == job.metadata.annotations.get(SUBMITTER):
        return f"{given.by} submitted it and can't approve it"
    return ""
