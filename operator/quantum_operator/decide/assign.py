"""Assigning backends across jobs: run serially, and the only place that gives out what jobs share.

It reads as a story: heads in order, candidates of each, the first that is eligible and has room.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.jobstatus import Candidate
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.decide.batching import batch_limit, batch_name
from quantum_operator.decide.observed import Assignment
from quantum_operator.decide.routing import Request, Verdict, judge, ordered_backends
from quantum_operator.decide.size import NOTE_BYTES, clip, json_bytes

CANDIDATES_KEPT = 20
CANDIDATES_BYTES = 5_000
"""What the candidates on record may take of a status."""


@dataclass(frozen=True)
class Head:
    """A job that waits for a backend. `policy` is None while no policy of that name is there.

    `small`: it may share a run with others, see `batching`.
    """

    job_uid: str
    created: str
    priority: int
    policy_name: str
    policy: BackendPolicySpec | None
    request: Request
    small: bool = False


@dataclass(frozen=True)
class Snapshot:
    """The world at one moment: the waiting jobs, the backends, and how many runs each has under way."""

    heads: tuple[Head, ...]
    backends: tuple[QuantumBackend, ...]
    runs: Mapping[str, int] = field(default_factory=dict)


def assign(snapshot: Snapshot) -> tuple[Assignment, ...]:
    """One assignment for every head, the highest priority first, then the oldest job."""
    rooms = _Rooms(dict(snapshot.runs))
    assignments = []
    for head in sorted(snapshot.heads, key=lambda one: (-one.priority, one.created, one.job_uid)):
        assignment = _nominate(head, snapshot.backends, rooms)
        if assignment.verdict == "Assigned":
            rooms.take(head, next(one for one in snapshot.backends if one.metadata.name == assignment.backend))
        assignments.append(assignment)
    batches = rooms.batches()
    return tuple(replace(one, batch=batches.get(one.job_uid)) for one in assignments)


@dataclass
class _Rooms:
    """What this round gives out: runs of each backend, and places in those that small jobs share."""

    runs: dict[str, int]
    _open: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _full: list[list[str]] = field(default_factory=list)

    def has(self, head: Head, backend: QuantumBackend) -> bool:
        """Whether the backend has room for another run, or one of this round a place for the job."""
        shared = self._open.get((head.request.namespace, backend.metadata.name), ())
        if head.small and 0 < len(shared) < batch_limit(backend):
            return True
        return self.runs.get(backend.metadata.name, 0) < backend.spec.limits.max_concurrent_runs

    def take(self, head: Head, backend: QuantumBackend) -> None:
        """Give the job its place."""
        name = backend.metadata.name
        if not head.small or batch_limit(backend) == 1:
            self.runs[name] = self.runs.get(name, 0) + 1
            return
        shared = self._open.setdefault((head.request.namespace, name), [])
        if not shared:
            self.runs[name] = self.runs.get(name, 0) + 1
        shared.append(head.job_uid)
        if len(shared) == batch_limit(backend):
            self._full.append(self._open.pop((head.request.namespace, name)))

    def batches(self) -> dict[str, str]:
        """The name of the run that it shares, by the UID of each job that does."""
        groups = [uids for uids in (*self._full, *self._open.values()) if len(uids) > 1]
        return {uid: batch_name(uids) for uids in groups for uid in uids}


def _nominate(head: Head, backends: tuple[QuantumBackend, ...], rooms: _Rooms) -> Assignment:
    if head.policy is None:
        message = f"no BackendPolicy {head.policy_name!r} in namespace {head.request.namespace!r}; create it"
        return Assignment(
            head.job_uid, head.request.demand, "Waiting", "PolicyNotFound", message, tried=head.request.tried
        )
    reached = ordered_backends(head.policy, backends)
    judged = [(backend.metadata.name, _judge(backend, head, rooms)) for backend in reached]
    chosen = next((name for name, verdict in judged if verdict is None), "")
    candidates = tuple(_candidate(name, verdict, chosen) for name, verdict in judged)
    verdict, reason, message = _word(head.policy_name, chosen, judged)
    return Assignment(
        head.job_uid,
        head.request.demand,
        verdict,
        reason,
        message,
        backend=chosen,
        agent=next(
            (one.spec.provider.agent for one in reached if one.metadata.name == chosen and one.spec.provider), None
        ),
        candidates=_kept(candidates),
        candidates_total=len(candidates),
        tried=head.request.tried,
    )


def _word(
    policy: str, chosen: str, judged: list[tuple[str, Verdict | None]]
) -> tuple[Literal["Assigned", "Waiting", "Impossible"], str, str]:
    """The verdict on the job as a whole, its reason and its message."""
    if chosen:
        return "Assigned", "Assigned", f"assigned to {chosen} by policy {policy}"
    if not judged:
        message = f"policy {policy} matches no QuantumBackend; create one, or change spec.backends"
        return "Waiting", "NoBackends", message
    objections = [(name, verdict) for name, verdict in judged if verdict is not None]
    told = "; ".join(f"{name}: {verdict.message}" for name, verdict in objections[:CANDIDATES_KEPT])
    if not any(verdict.passing for _, verdict in objections):
        return "Impossible", "NoEligibleBackend", f"no backend of policy {policy} can run this: {told}"
    busy = any(verdict.reason == "Busy" for _, verdict in objections)
    return "Waiting", "AllBackendsBusy" if busy else "NoReadyBackend", told


def _judge(backend: QuantumBackend, head: Head, rooms: _Rooms) -> Verdict | None:
    verdict = judge(backend, head.request)
    limit = backend.spec.limits.max_concurrent_runs
    if verdict is None and not rooms.has(head, backend):
        return Verdict("Busy", f"at its limit of {limit} concurrent runs", passing=True)
    return verdict


def _candidate(name: str, verdict: Verdict | None, chosen: str) -> Candidate:
    if verdict is not None:
        message = clip(verdict.message, NOTE_BYTES)
        return Candidate(backend=name, verdict="Rejected", reason=verdict.reason, message=message)
    if name == chosen:
        return Candidate(backend=name, verdict="Chosen", reason="Chosen", message="first that can take it")
    return Candidate(backend=name, verdict="Eligible", reason="Eligible", message="later in the policy's order")


def _kept(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The first candidates, as many as a status has room for."""
    kept = candidates[:CANDIDATES_KEPT]
    while json_bytes([one.to_wire() for one in kept]) > CANDIDATES_BYTES:
        kept = kept[:-1]
    return kept
