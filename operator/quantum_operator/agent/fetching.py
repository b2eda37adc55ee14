"""Results that a provider has and that could not be had: asked for again, for as long as the task's backend allows.

It was paid for: whatever becomes of it, it is not submitted again. Nobody's patience for submissions is used up.
"""

from datetime import timedelta

from quantum_operator.agent.endings import ended
from quantum_operator.agent.observed import TaskObserved, say
from quantum_operator.agent.together import nobody_wants
from quantum_operator.api.patience import FETCH_PAUSE_SECONDS, MAX_UNWANTED_FETCHES
from quantum_operator.api.quantumtask import QuantumTaskStatus
from quantum_operator.api.sharedtask import TaskCharge
from quantum_operator.decide.retry import doubled
from quantum_operator.decide.size import NOTE_BYTES, clip
from quantum_operator.decide.times import parse, stamp
from quantum_operator.ports.adapter import AdapterError

HELD = "ResultHeld"


def unfetched(observed: TaskObserved, error: AdapterError) -> QuantumTaskStatus:
    """The status once the results could not be had: later again, or held once that took too long."""
    task, status = observed.task, observed.task.status
    since = status.fetch_since or stamp(observed.now)
    fetches = status.fetches + 1
    if nobody_wants(observed) and fetches >= MAX_UNWANTED_FETCHES:
        return given_up(observed, f"its results could not be fetched: {error}")
    update: dict[str, object] = {"fetches": fetches, "fetch_since": since, "lookups": 0, "queue_position": None}
    if (observed.now - parse(since)).total_seconds() >= task.spec.fetch_seconds and fetches > 1:
        update |= {"state": "Held", "not_before": None}
        cause = clip(str(error), NOTE_BYTES // 4)
        message = (
            f"{fetches} times its results could not be fetched ({cause}); once they can: "
            f"`qjob resolve {task.metadata.name} --adopt {status.provider_id} --why …`"
        )
        return say(observed, status.model_copy(update=update), HELD, message)
    delay = max(error.retry_after or 0.0, doubled(task.metadata.uid, fetches, fetches, FETCH_PAUSE_SECONDS))
    update["not_before"] = stamp(observed.now + timedelta(seconds=delay + 0.999))
    return say(observed, status.model_copy(update=update), "FetchFailed", str(error))


def given_up(observed: TaskObserved, why: str) -> QuantumTaskStatus:
    """The task as over without its results: what it cost is not known."""
    unknown = TaskCharge(currency=observed.task.spec.ceiling.currency)
    return ended(observed, "Cancelled", "Cancelled", f"it was done, and {why}", unknown)
