"""How often one job may be replayed: so often an hour, by the times at which its replays were created.

Every replay is judged by those that were created before it, and by nothing that depends on when it is looked at. One
that is refused does not count.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.times import parse, stamp

PERIOD = timedelta(hours=1)


@dataclass(frozen=True, order=True)
class Replay:
    """A job that repeats another: when it was created, and its UID. In this order they are judged."""

    created: str
    uid: str


def replays_among(jobs: Iterable[QuantumJob], namespace: str, uid: str) -> tuple[Replay, ...]:
    """Those of these jobs that repeat the job of this UID in its namespace."""
    return tuple(
        Replay(job.metadata.creation_timestamp, job.metadata.uid)
        for job in jobs
        if job.metadata.namespace == namespace and job.spec.replay_of is not None and job.spec.replay_of.uid == uid
    )


def needs_replays(job: QuantumJob) -> bool:
    """Whether the other replays of the job that it repeats must be read: until it is accepted."""
    return job.spec.replay_of is not None and job.status.plan is None


def refused_until(job: QuantumJob, others: Iterable[Replay], limit: int) -> str | None:
    """When the job that this one repeats may be replayed next; None where this one is within the limit.

    `others` are the replays of that job. With a limit of 0 it is never: "".
    """
    mine = Replay(job.metadata.creation_timestamp, job.metadata.uid)
    if limit == 0:
        return ""
    allowed: list[datetime] = []
    for one in sorted({*others, mine}):
        created = parse(one.created)
        full = len(allowed) >= limit and created - allowed[-limit] < PERIOD
        if one == mine:
            return stamp(allowed[-limit] + PERIOD) if full else None
        if not full:
            allowed.append(created)
    return None
