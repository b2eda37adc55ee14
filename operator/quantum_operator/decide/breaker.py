"""Circuit breakers: whether a backend gets the jobs of a policy, by how those before them ended there.

A state and the moment since which it holds are on record in the policy's status. Everything else is counted anew each
time, over the attempts that are on record in jobs: whoever counts again, after a restart say, comes to the same. What
was made before the state began does not count for it.

| state | it goes on to | when |
|---|---|---|
| Closed | Open | of at least minimumAttempts that ended within windowSeconds, failurePercent failed |
| Open | HalfOpen | openSeconds are over |
| HalfOpen | Open | one of the attempts made since then failed |
| HalfOpen | Closed | so many as `probes` says succeeded |
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from quantum_operator.api.failures import AGAINST_BACKEND
from quantum_operator.api.figures import Figures, Question
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.resilience import MOST_BREAKERS, Breaker, BreakerState, BreakerStatus
from quantum_operator.decide.observed import Decision, Observed
from quantum_operator.decide.status import attempts_of, live_attempt
from quantum_operator.decide.times import parse, stamp
from quantum_operator.decide.verdict import Verdict

EVER = "1970-01-01T00:00:00Z"
"""Since when a breaker is closed that was never open."""


@dataclass(frozen=True)
class Ending:
    """An attempt that ended in a way that says something about its backend."""

    backend: str
    attempt: str
    created: datetime
    ended: datetime
    failed: bool


def endings_of(uid: str, status: QuantumJobStatus) -> tuple[Ending, ...]:
    """Those of a job, by what is on record in its status."""
    found = []
    for one in attempts_of(status):
        failed = blames(one)
        if failed is not None and one.completion_time is not None:
            name = f"{uid}/{one.number}"
            found.append(Ending(one.backend, name, parse(one.created_time), parse(one.completion_time), failed))
    return tuple(found)


def endings_among(jobs: Iterable[QuantumJob], namespace: str, policy: str) -> tuple[Ending, ...]:
    """Those of all of these jobs that are under this policy of this namespace."""
    mine = (one for one in jobs if one.metadata.namespace == namespace and one.spec.policy_ref.name == policy)
    return tuple(ending for job in mine for ending in endings_of(job.metadata.uid, job.status))


def blames(attempt: Attempt) -> bool | None:
    """Whether the attempt's end counts against its backend; None where it says nothing about that."""
    if attempt.state == "Succeeded":
        return False
    return True if attempt.state in ("Failed", "Lost") and attempt.reason in AGAINST_BACKEND else None


def ends_an_attempt(observed: Observed, decision: Decision) -> bool:
    """Whether an attempt is over by this decision that the breaker of the job's policy may count."""
    if observed.policy is None or observed.policy.spec.breaker is None:
        return False
    return live_attempt(observed.job.status) is not None and live_attempt(decision.status) is None


def next_breaker(rule: Breaker, known: BreakerStatus, endings: Iterable[Ending], now: datetime) -> BreakerStatus:
    """The breaker as it is now, by all endings at its backend."""
    since = parse(known.since)
    counted = [one.failed for one in endings if one.backend == known.backend and one.created >= since]
    if known.state == "Open":
        return _turned(known, "HalfOpen", now) if _open_left(rule, known, now) <= 0 else known
    if known.state == "HalfOpen":
        if any(counted):
            return _turned(known, "Open", now, counted)
        return _turned(known, "Closed", now, counted) if len(counted) >= rule.probes else known
    recent = [
        one.failed for one in _within(endings, known.backend, since, now - timedelta(seconds=rule.window_seconds))
    ]
    if len(recent) < rule.minimum_attempts or 100 * sum(recent) < rule.failure_percent * len(recent):
        return known
    return _turned(known, "Open", now, recent)


def next_breakers(
    rule: Breaker | None,
    known: Sequence[BreakerStatus],
    backends: Collection[str],
    endings: Sequence[Ending],
    now: datetime,
) -> tuple[BreakerStatus, ...]:
    """The breakers of a policy that reaches these backends: on record are those that were ever open."""
    if rule is None:
        return ()
    before = {one.backend: one for one in known if one.backend in backends}
    failing = {one.backend for one in endings if one.failed and one.backend in backends}
    after = []
    for name in sorted({*before, *failing}):
        first = BreakerStatus(backend=name, state="Closed", since=EVER)
        found = next_breaker(rule, before.get(name, first), endings, now)
        if name in before or found.state != "Closed":
            after.append(found)
    return tuple(after[:MOST_BREAKERS])


def look_again(rule: Breaker | None, breakers: Sequence[BreakerStatus], now: datetime) -> float | None:
    """The seconds until one of these goes on by itself; None: only an attempt that ends takes one on."""
    if rule is None:
        return None
    return min((max(0.0, _open_left(rule, one, now)) for one in breakers if one.state == "Open"), default=None)


def probes_left(
    rule: Breaker | None, breakers: Sequence[BreakerStatus], live: Iterable[tuple[str, datetime]]
) -> Mapping[str, int]:
    """How many attempts each backend that is probed may be given, beside those that are under way since it is.

    `live` has the backend of each attempt of the policy's jobs that is under way, and when it was made.
    """
    half = {one.backend: parse(one.since) for one in breakers if one.state == "HalfOpen"}
    if rule is None or not half:
        return {}
    left = dict.fromkeys(half, rule.probes)
    for backend, created in live:
        if backend in half and created >= half[backend]:
            left[backend] -= 1
    return {backend: max(0, count) for backend, count in left.items()}


def breaker_lets_it(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """The backend's breaker is not open."""
    if figures.breaker != "Open":
        return None
    return Verdict("BreakerOpen", "its breaker is open: too many attempts failed there", passing=True)


def breaker_has_probes(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """The backend's breaker is not half-open, or lets another probe."""
    if figures.breaker != "HalfOpen" or figures.probes is None or figures.probes > 0:
        return None
    return Verdict("BreakerProbing", "its breaker is half-open, and its probes are under way", passing=True)


def not_closed(breakers: Sequence[BreakerStatus]) -> Mapping[str, Literal["Open", "HalfOpen"]]:
    """The state of each that is not closed, by its backend."""
    return {one.backend: one.state for one in breakers if one.state != "Closed"}


def told(before: Sequence[BreakerStatus], after: Sequence[BreakerStatus]) -> tuple[tuple[str, str], ...]:
    """What is new between the two, for people: a reason and a message for each breaker that turned."""
    known = {one.backend: one.state for one in before}
    words = []
    for one in after:
        if one.state == known.get(one.backend, "Closed"):
            continue
        if one.state == "Open":
            text = f"{one.failures} of {one.attempts} attempts failed there: it gets no jobs for a while"
            words.append(("BreakerOpened", f"{one.backend}: {text}"))
        elif one.state == "HalfOpen":
            words.append(("BreakerProbing", f"{one.backend}: a few jobs go there, to see whether it works again"))
        else:
            words.append(("BreakerClosed", f"{one.backend}: {one.attempts} probes succeeded, it gets jobs again"))
    return tuple(words)


def described(breakers: Sequence[BreakerStatus]) -> str:
    """Those that are not closed, for people; the same text as long as nothing turns."""
    words = {"Open": "is open", "HalfOpen": "is probed"}
    return "; ".join(
        f"{one.backend} {words[one.state]}, {one.failures} of {one.attempts} attempts failed"
        for one in breakers
        if one.state in words
    )


def _open_left(rule: Breaker, known: BreakerStatus, now: datetime) -> float:
    """Seconds that it stays open: never more than openSeconds, for clocks are set."""
    passed = (now - parse(known.since)).total_seconds()
    return 0.0 if passed < -rule.open_seconds else rule.open_seconds - passed


def _within(endings: Iterable[Ending], backend: str, since: datetime, after: datetime) -> list[Ending]:
    return [one for one in endings if one.backend == backend and one.created >= since and one.ended > after]


def _turned(
    known: BreakerStatus, state: BreakerState, now: datetime, counted: Sequence[bool] | None = None
) -> BreakerStatus:
    """The breaker in another state; without a count it keeps that on which it was opened."""
    update: dict[str, object] = {"state": state, "since": stamp(now)}
    if counted is not None:
        update |= {"attempts": len(counted), "failures": sum(counted)}
    return known.model_copy(update=update)
