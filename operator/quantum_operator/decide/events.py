"""The events on a job: what its conditions make, and how much one may carry."""

from dataclasses import replace

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.decide.observed import Action, Tell
from quantum_operator.decide.size import clip

EVENT_BYTES = 900
"""What the message of an event may take: Kubernetes cuts it at 1,024 characters."""

TOLD_OF_RUNS = ("ImageUnavailable", "QuotaExceeded", "RunRefused", "TaskHeld", "ResultHeld")
"""Of all reasons for which no run is under way, those that somebody should do something about."""

ASKED_FOR = ("Cancelled", "KeyInUse", "OutsideSchedule", "Resumed")
"""Reasons for which a condition is false because the user wants it so."""


def fitting(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """The same actions, with the messages of events cut to what an event may carry."""
    return tuple(
        replace(one, message=clip(one.message, EVENT_BYTES)) if isinstance(one, Tell) else one for one in actions
    )


def events_of(before: QuantumJobStatus, after: QuantumJobStatus) -> tuple[Tell, ...]:
    """One event for each reason for which a condition turned false; a warning unless the user asked for it."""
    known = {(one.type, one.status, one.reason) for one in before.conditions}
    news = {
        one.reason: Tell("Normal" if one.reason in ASKED_FOR else "Warning", one.reason, clip(one.message, EVENT_BYTES))
        for one in after.conditions
        if one.status == "False"
        and (one.type, one.status, one.reason) not in known
        and (one.type != ConditionType.RUNNING or one.reason in TOLD_OF_RUNS)
    }
    return tuple(news.values())
