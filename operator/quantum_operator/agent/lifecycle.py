"""The life of a QuantumTask as a picture, drawn from `decide` and `heard` themselves: `python -m …agent.lifecycle`.

Every state is shown every answer that a call from it can have; what follows is an arrow with its reason.
"""

import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from quantum_operator.agent.calls import (
    Answer,
    Call,
    Cancel,
    CloseSession,
    CompilerError,
    FindSession,
    LookUp,
    NotFetched,
    OpenSession,
    Poll,
    Prepare,
    Refused,
    Results,
    Spoiled,
    Submit,
)
from quantum_operator.agent.decide import decide, heard
from quantum_operator.agent.fetching import HELD
from quantum_operator.agent.observed import Load, TaskObserved
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.patience import MAX_LOOKUPS, MAX_LOST, MAX_REFUSALS, MAX_UNREADABLE
from quantum_operator.api.quantumtask import OVER, QuantumTask
from quantum_operator.api.sharedtask import TaskCharge
from quantum_operator.decide.times import stamp
from quantum_operator.ports.adapter import (
    Absent,
    AmbiguousError,
    Cancelled,
    Capabilities,
    Closing,
    ForbiddenError,
    Found,
    LostError,
    MalformedError,
    Progress,
    RejectedError,
    SaturatedError,
    UnavailableError,
    Unknown,
    UnsupportedError,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_OUTCOME = ArtifactRef(name="outcome", sha256="0" * 64, bytes=1)
_CHARGE = TaskCharge(micros=0, currency="USD", seconds=0)
_SPOILED = Spoiled(_OUTCOME, "", _CHARGE)

_SENT: tuple[Answer, ...] = (
    "id",
    AmbiguousError(""),
    RejectedError(""),
    UnsupportedError(""),
    ForbiddenError(""),
    SaturatedError(""),
    UnavailableError(""),
)

ANSWERS: dict[type[Call], tuple[Answer, ...]] = {
    Prepare: (None, _SPOILED, Refused(""), CompilerError("")),
    OpenSession: _SENT,
    FindSession: (Found(("id",)), Absent(), Unknown("")),
    CloseSession: (Closing(closed=True), Closing(closed=False)),
    Submit: _SENT,
    LookUp: (Found(("id",)), Absent(), Unknown("")),
    Poll: (
        Progress("Queued"),
        Progress("Running"),
        Progress("Failed"),
        Progress("Cancelled"),
        Results(_OUTCOME, _CHARGE),
        _SPOILED,
        NotFetched(UnavailableError("")),
        LostError(""),
        MalformedError(""),
        UnavailableError(""),
        ForbiddenError(""),
    ),
    Cancel: (Cancelled(confirmed=True), UnavailableError(""), Progress("Failed"), Results(_OUTCOME, _CHARGE)),
}


def _statuses() -> list[dict[str, Any]]:
    """Every state that is not over, as it can be met: also at the end of its patience."""
    past = stamp(NOW - timedelta(days=1))
    claim = {"claim": {"agent": "a", "deadline": past}, "submissions": 1}
    known = {**claim, "providerId": "id", "submittedTime": past}
    lost = {"lookups": MAX_LOST - 1, "reason": "LookupFailed"}
    unreadable = {"lookups": MAX_UNREADABLE - 1, "reason": "AnswerUnreadable"}
    return [
        {},
        {"refusals": MAX_REFUSALS},
        {"state": "Submitting", **claim},
        {"state": "Submitting", **claim, "lookups": MAX_LOOKUPS},
        {"state": "Submitting", **claim, "refusals": MAX_REFUSALS},
        {"state": "Queued", **known},
        {"state": "Queued", **known, **lost},
        {"state": "Queued", **known, **unreadable},
        {"state": "Queued", **known, "cancellation": {"confirmed": True}},
        {"state": "Running", **known},
        {"state": "Running", **known, **lost},
        {"state": "Running", **known, **unreadable},
        {"state": "Running", **known, "fetches": 9, "fetchSince": past, "reason": "FetchFailed"},
        {"state": "Held", **claim},
        {"state": "Held", **known, "reason": HELD},
        *_statuses_with_a_session(claim, known),
    ]


def _statuses_with_a_session(claim: dict[str, Any], known: dict[str, Any]) -> list[dict[str, Any]]:
    past = stamp(NOW - timedelta(days=1))
    opening = {"state": "Opening", "since": past, "claim": {"agent": "a", "deadline": stamp(NOW - timedelta(hours=1))}}
    opened = {"state": "Open", "since": past, "id": "s"}
    ends = (("Succeeded", "Succeeded"), ("Failed", "TaskFailed"), ("Cancelled", "Cancelled"))
    closing = [({**opened, "state": "Closing", "then": then}, reason) for then, reason in ends]
    return [
        {"state": "Opening", "session": opening},
        {"state": "Opening", "session": opening, "refusals": MAX_REFUSALS},
        {"session": opened},
        {"session": opened, "refusals": MAX_REFUSALS},
        {"state": "Submitting", **claim, "session": opened},
        {"state": "Running", **known, "session": {**opened, "state": "Closing"}},
        {"state": "Held", **claim, "session": opened},
        *({"state": "Closing", **known, "session": one, "reason": reason} for one, reason in closing),
    ]


def _tasks(status: dict[str, Any]) -> list[QuantumTask]:
    """The task in this state: as it is, cancelled, and resolved in either way."""
    spec: dict[str, Any] = {
        "job": {"namespace": "n", "name": "j", "uid": "u"},
        "backend": "b",
        "device": "d",
        "input": "{}",
        "inputSha256": "0" * 64,
        "seed": 0,
        "token": "token-of-a-task",
        "ceiling": {"micros": 1, "currency": "USD", "seconds": 604_800},
    }
    told = {"by": "p", "why": "w", "time": stamp(NOW)}
    more: list[dict[str, Any]] = [{}, {"cancel": True}]
    more += [{"resolution": {**told, "providerId": "id"}}, {"resolution": {**told, "neverSubmitted": True}}]
    modes = ("session",) if "session" in status else ("job", "session")
    bodies = [
        {"metadata": {"name": "t", "namespace": "a"}, "spec": {**spec, **one, "mode": mode}, "status": status}
        for one in more
        for mode in modes
    ]
    return [QuantumTask.model_validate(body) for body in bodies]


def _capable(token: Literal["tag", "none"]) -> Capabilities:
    return Capabilities("P", token, 1, False, 1, 60, modes=("job", "session"))


def transitions() -> dict[tuple[str, str], set[str]]:
    """From which state to which a task can go, and the reasons for which it does."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for capable in (_capable("tag"), _capable("none")):
        for task in (one for status in _statuses() for one in _tasks(status)):
            before = task.status.state
            for loads in ({}, {task.metadata.uid: Load(1, 1)}):
                observed = TaskObserved(NOW, task, "a", capable, loads=loads)
                decision = decide(observed)
                found[before, decision.status.state].add(decision.status.reason)
                if decision.call is None:
                    continue
                claimed = task.model_copy(update={"status": decision.status})
                for answer in ANSWERS[type(decision.call)]:
                    after = heard(TaskObserved(NOW, claimed, "a", capable), decision.call, answer)
                    found[decision.status.state, after.state].add(after.reason)
    return {way: reasons - {""} for way, reasons in found.items() if way[0] != way[1]}


def lifecycle_markdown() -> str:
    """The reference of a task's life, docs/reference/lifecycle.md."""
    arrows = [
        f"  {before} --> {after}: {', '.join(sorted(reasons))}\n"
        for (before, after), reasons in sorted(transitions().items())
    ]
    ends = "".join(f"  {state} --> [*]\n" for state in sorted(OVER))
    return f"""# The life of a QuantumTask

Drawn from `operator/quantum_operator/agent/decide.py` by `make generate`; not to be edited. On each arrow are the
reasons for which a task goes that way.

```mermaid
stateDiagram-v2
  [*] --> Pending
{"".join(arrows)}{ends}```

A task whose submission was not answered is not submitted again before the provider has been asked for it, and one that
has the provider's id never is, unless a person says that it never was. One with a session is over only once that is
closed.
"""


if __name__ == "__main__":
    sys.stdout.write(lifecycle_markdown())
