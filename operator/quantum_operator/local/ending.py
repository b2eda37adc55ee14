"""When there is nothing more to wait for: on a laptop, the manifests are all there is."""

from collections.abc import Iterable

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.meta import Condition
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.status import find_condition, is_terminal

_CREATE = "add it to the files: in a cluster the job would wait for it, here nothing can bring it"
_SPENT = "`qjob costs` with this folder shows what was spent"

REMEDIES = {
    "PolicyNotFound": _CREATE,
    "ConfigMapNotFound": _CREATE,
    "ProfileNotFound": "add the profile to the policy's spec.profiles, or name another in spec.execution.profile",
    "NoBackends": "add the QuantumBackend to the files, or name one in the policy's spec.backends that is here: "
    "aer-ideal and aer-noisy are built in",
    "NoReadyBackend": "name a simulator in the policy's spec.backends: providers' devices need a cluster, with an "
    "agent of the account (docs/providers.md)",
    "NoPrice": "name a simulator in the policy's spec.backends: providers' devices need a cluster, and a spec.price",
    "QuantumDisabled": "name a simulator in the policy's spec.backends, or set its spec.quantumEnabled to true",
    "BudgetExhausted": "raise the limit that the message names, in the files, or run it again when its period is over; "
    + _SPENT,
    "LedgerFull": "give another folder with --folder, or run it again next month; " + _SPENT,
    "NoLedger": "restore the month's ledger in .ledgers of this folder, or delete it: what was spent is forgotten then",
    "Suspended": "set spec.suspend to false in the file, and run it again: the job goes on where it stood",
    "KeyInUse": "the job that has its spec.idempotencyKey can't run either: see there",
    "AwaitingPrimary": "the job that it is the shadow of is not here, or can't run either: remove spec.shadowOf, and "
    "the operator makes the shadows that there are to be",
}
"""What to do about a job that waits for something to be created, for an agent, or for another day.

Here nobody stays for it.
"""

_OTHERWISE = ("Suspended", "KeyInUse", "AwaitingPrimary")
WAITS_FOR_PEOPLE = tuple(reason for reason in REMEDIES if reason not in _OTHERWISE)


def blocked_by(status: QuantumJobStatus) -> Condition | None:
    """The condition for which a job that is not over waits in vain."""
    if is_terminal(status):
        return None
    suspended = find_condition(status.conditions, ConditionType.SUSPENDED)
    if suspended is not None and suspended.status == "True":
        return suspended
    found = (find_condition(status.conditions, kind) for kind in (ConditionType.ACCEPTED, ConditionType.SCHEDULED))
    return next((one for one in found if one and one.status == "False" and one.reason in WAITS_FOR_PEOPLE), None)


def has_ended(status: QuantumJobStatus) -> bool:
    """Whether nothing more can come of the job here."""
    return is_terminal(status) or blocked_by(status) is not None


def stuck(job: QuantumJob, others: Iterable[QuantumJob]) -> Condition | None:
    """The condition for which a job waits in vain, or for another one that does, or that is not here."""
    if is_terminal(job.status):
        return None
    scheduled = _waiting(job, ConditionType.SCHEDULED, "KeyInUse")
    if scheduled is not None:
        key = job.metadata.namespace, job.spec.idempotency_key
        same = (one for one in others if (one.metadata.namespace, one.spec.idempotency_key) == key)
        return scheduled if any(blocked_by(one.status) for one in same) else None
    accepted, of = _waiting(job, ConditionType.ACCEPTED, "AwaitingPrimary"), job.spec.shadow_of
    if accepted is not None and of is not None:
        primaries = [one for one in others if one.metadata.uid == of.uid]
        return None if any(blocked_by(one.status) is None for one in primaries) else accepted
    return blocked_by(job.status)


def _waiting(job: QuantumJob, kind: ConditionType, reason: str) -> Condition | None:
    found = find_condition(job.status.conditions, kind)
    return found if found is not None and found.reason == reason else None
