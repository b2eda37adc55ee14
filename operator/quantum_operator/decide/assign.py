"""Assigning backends across jobs: run serially, and the only place that gives out what jobs share.

It reads as a story: heads in order, candidates of each, the first that is eligible and has room.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.jobstatus import Candidate
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.decide.observed import Assignment
from quantum_operator.decide.routing import Request, Verdict, judge, ordered_backends
from quantum_operator.decide.size import NOTE_BYTES, clip, json_bytes

CANDIDATES_KEPT = 20
CANDIDATES_BYTES = 5_000
"""What the candidates on record may take of a status."""


@dataclass(frozen=True)
class Head:
    """A job that waits for a backend. `policy` is None while no policy of that name is there."""

    job_uid: str
    created: str
    priority: int
    policy_name: str
    policy: BackendPolicySpec | None
    request: Request


@dataclass(frozen=True)
class Snapshot:
    """The world at one moment: the waiting jobs, the backends, and how many runs each has under way."""

    heads: tuple[Head, ...]
    backends: tuple[QuantumBackend, ...]
    runs: Mapping[str, int] = field(default_factory=dict)


def assign(snapshot: Snapshot) -> tuple[Assignment, ...]:
    """One assignment for every head, the highest priority first, then the oldest job."""
    runs = dict(snapshot.runs)
    assignments = []
    for head in sorted(snapshot.heads, key=lambda one: (-one.priority, one.created, one.job_uid)):
        assignment = _nominate(head, snapshot.backends, runs)
        if assignment.verdict == "Assigned":
            runs[assignment.backend] = runs.get(assignment.backend, 0) + 1
        assignments.append(assignment)
    return tuple(assignments)


def _nominate(head: Head, backends: tuple[QuantumBackend, ...], runs: Mapping[str, int]) -> Assignment:
    if head.policy is None:
        message = f"no BackendPolicy {head.policy_name!r} in namespace {head.request.namespace!r}; create it"
        return Assignment(
            head.job_uid, head.request.demand, "Waiting", "PolicyNotFound", message, tried=head.request.tried
        )
    reached = ordered_backends(head.policy, backends)
    judged = [(backend.metadata.name, _judge(backend, head.request, runs)) for backend in reached]
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


def _judge(backend: QuantumBackend, request: Request, runs: Mapping[str, int]) -> Verdict | None:
    verdict = judge(backend, request)
    limit = backend.spec.limits.max_concurrent_runs
    if verdict is None and runs.get(backend.metadata.name, 0) >= limit:
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
