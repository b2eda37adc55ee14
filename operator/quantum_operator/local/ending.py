"""When there is nothing more to wait for: on a laptop, the manifests are all there is."""

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.meta import Condition
from quantum_operator.decide.status import find_condition, is_terminal

WAITS_FOR_PEOPLE = ("PolicyNotFound", "ConfigMapNotFound", "NoBackends", "NoReadyBackend")
"""Reasons to wait for something to be created, or for an agent. In a cluster it may come; here nobody brings it."""


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
