"""The life of a QuantumJob as a picture, drawn from `decide` itself: `python -m quantum_operator.decide.lifecycle`.

Jobs of a few kinds are shown, at every place in their life, all that can be observed of them there; what is decided
leads to the next place, and the conditions that it sets are what is on the arrow.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.claim import Claim, Done
from quantum_operator.api.conditions import ConditionType, table
from quantum_operator.api.failures import ENDINGS, REPORTED, WAITS
from quantum_operator.api.jobstatus import Cost, QuantumJobStatus, Result, ResultOf
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.accept import Acceptance, accept
from quantum_operator.decide.claim import spec_digest
from quantum_operator.decide.halt import halted
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Assignment, Charge, Nominate, Observed, RunObserved, SeenClaim
from quantum_operator.decide.status import find_condition, is_accepted, is_terminal, live_attempt
from quantum_operator.decide.times import stamp

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BELL = "OPENQASM 3.0;\nqubit[2] q;\nbit[2] c;\nU(1, 2, 3) q[0];\nc = measure q;\n"
SAMPLE = {"sample": {"pubs": [{"program": "bell"}]}}
RESULT = Result(outcome_sha256="0" * 64)

Way = tuple[str, str]
Told = tuple[str, str, str]
"""A condition that was set: its type, status and reason."""

JOBS: tuple[dict[str, Any], ...] = (
    {},
    {"backoffLimit": 0},
    {"timeBudgetSeconds": 60},
    {"schedule": {"notBefore": stamp(NOW + timedelta(days=1))}},
    {"idempotencyKey": "key"},
    {"programs": [{"name": "bell", "qasm3": "nonsense"}]},
    {"programs": [{"name": "bell", "configMapKeyRef": {"name": "programs", "key": "bell"}}]},
    {"programs": [{"name": "bell", "qasm3": BELL.replace("c = measure q;\n", "")}]},
    {"task": {"sample": {"pubs": [{"program": "bell", "shots": 10_000}]}}},
    {"task": {"sample": {"pubs": [{"program": "other"}]}}},
)
"""What is different in the spec of each job that is followed."""

RUN = JOBS[:3]
"""Those that are followed through their runs as well, in which the others do not differ."""


def place_of(status: QuantumJobStatus) -> str:
    """Where in its life a job is: its phase, and of one that is queued, whether it has a backend."""
    if is_terminal(status):
        complete = find_condition(status.conditions, ConditionType.COMPLETE)
        return "Succeeded" if complete is not None and complete.status == "True" else "Failed"
    attempt = live_attempt(status)
    if attempt is not None:
        return "Running" if attempt.state == "Running" else "Assigned"
    suspended = find_condition(status.conditions, ConditionType.SUSPENDED)
    if suspended is not None and suspended.status == "True":
        return "Suspended"
    return "Queued" if is_accepted(status) else "Pending"


@cache
def transitions() -> dict[Way, set[Told]]:
    """From which place to which a job can go, or stay, and the conditions that are set when it does."""
    found: dict[Way, set[Told]] = defaultdict(set)
    for backend in (_backend({}), _backend(_PROVIDER)):
        for spec in JOBS:
            _follow(spec, backend, found)
    return {way: told for way, told in found.items() if told}


def _follow(spec: dict[str, Any], backend: QuantumBackend, found: dict[Way, set[Told]]) -> None:
    ahead = [Observed(NOW, _job(spec), policy=_policy(), backend=backend)]
    known = set()
    while ahead:
        before = ahead.pop()
        for seen in _happenings(before):
            status = decide(seen).status
            found[place_of(before.job.status), place_of(status)] |= _news(before.job.status, status)
            key = _key(seen.job, status)
            if key not in known and not is_terminal(status):
                known.add(key)
                if live_attempt(status) is not None and spec not in RUN:
                    continue
                job = seen.job.model_copy(update={"status": status})
                ahead.append(replace(before, now=NOW, job=job))


def _news(before: QuantumJobStatus, after: QuantumJobStatus) -> set[Told]:
    known = {(one.type, str(one.status), one.reason) for one in before.conditions}
    told = {(one.type, str(one.status), one.reason) for one in after.conditions} - known
    ends = {one for one in told if one[0] == ConditionType.COMPLETE}
    return ends or told


def _key(job: QuantumJob, status: QuantumJobStatus) -> tuple[object, ...]:
    attempts = status.plan.steps[-1].attempts if status.plan is not None else ()
    last = attempts[-1] if attempts else None
    ended = (last.state, last.reason if last.state == "Failed" else "", last.run_uid is None) if last else None
    return place_of(status), job.spec.suspend, job.spec.cancel, ended, {one.state for one in attempts} > {"Lost"}


def _happenings(before: Observed) -> Iterator[Observed]:
    """All that can be observed of a job at one place of its life."""
    for now in (NOW, NOW + timedelta(days=1)):
        for suspend, cancel in ((False, False), (True, False), (False, True)):
            asked = before.job.spec.model_copy(update={"suspend": suspend, "cancel": cancel})
            seen = replace(before, now=now, job=before.job.model_copy(update={"spec": asked}))
            if live_attempt(before.job.status) is None:
                yield from _unplaced(seen)
            else:
                yield from _placed(seen)


def _unplaced(seen: Observed) -> Iterator[Observed]:
    """Without a policy; with every claim of its key; with every word of the scheduler."""
    yield replace(seen, policy=None)
    for keyed in _claims(seen):
        yield keyed
        for asked in (one for one in decide(keyed).after if isinstance(one, Nominate)):
            for verdict, reason in _WORDS:
                backend = "b" if verdict == "Assigned" else ""
                agent = seen.backend.spec.provider.agent if seen.backend and seen.backend.spec.provider else None
                word = Assignment("u", asked.demand, verdict, reason, "", backend, agent, tried=asked.tried)
                yield replace(keyed, assignment=word)


_WORDS: tuple[tuple[Literal["Assigned", "Waiting", "Impossible"], str], ...] = (
    ("Assigned", "Assigned"),
    ("Waiting", "NoBackends"),
    ("Waiting", "NoReadyBackend"),
    ("Waiting", "AllBackendsBusy"),
    ("Impossible", "NoEligibleBackend"),
)


def _claims(seen: Observed) -> Iterator[Observed]:
    job = seen.job
    if job.spec.idempotency_key is None:
        yield seen
        return
    accepted = accept(seen)
    digest = spec_digest(job, accepted.ref.sha256 if isinstance(accepted, Acceptance) else "")
    mine = Claim(namespace="n", key="key", digest=digest, job="j", uid="u")
    of = ResultOf(name="first", uid="f", run="run", backend="b", completion_time=stamp(NOW), cost=Cost())
    theirs = mine.model_copy(update={"job": "first", "uid": "f"})
    holder = _job({}).model_copy(update={"metadata": job.metadata.model_copy(update={"name": "first", "uid": "f"})})
    for claim in (
        mine,
        theirs.model_copy(update={"digest": "0" * 64}),
        theirs.model_copy(update={"done": Done(of=of, result=RESULT)}),
        theirs.model_copy(update={"paid": Cost(micros=1)}),
    ):
        yield replace(seen, claim=SeenClaim(claim, "1"))
    yield replace(seen, claim=SeenClaim(theirs, "1"), holder=holder)


def _placed(seen: Observed) -> Iterator[Observed]:
    """With everything that can become of its run or task."""
    attempt = live_attempt(seen.job.status)
    if attempt is None:
        return
    yield seen
    yield replace(seen, backend=None)
    yield replace(seen, refusal="quota")
    provider = attempt.agent is not None
    charges = (Charge(0, "USD"), Charge(1, "USD")) if provider else (None,)
    run = RunObserved(attempt.name, "run", "Pending", message="it waits")
    yield from (replace(seen, run=replace(run, failure=word)) for word in _words(WAITS, provider))
    yield replace(seen, run=replace(run, state="Running", claimed=provider))
    over = replace(run, state="Finished", claimed=provider)
    if halted(seen.job, seen.now) is not None:
        yield from (replace(seen, run=replace(over, charge=charge)) for charge in charges[:1])
        return
    for charge in charges:
        for word in _words(ENDINGS, provider):
            yield replace(seen, run=replace(over, failure=word, charge=charge))
        for body in _outcomes(seen, attempt.name):
            yield replace(seen, run=replace(over, outcome=body.encode(), charge=charge))


def _outcomes(seen: Observed, run: str) -> Iterator[str]:
    """A result, every error, and what can't be read."""
    head = f'{{"run":"{run}","inputSha256":"{seen.job.status.input.sha256 if seen.job.status.input else ""}"'
    register = '{"name":"c","size":2,"counts":{"00":1024}}'
    sample = f'{{"index":0,"registers":[{register}]}}'
    yield f'{head},"pubs":[{{"program":"bell","shape":[],"shots":1024,"samples":[{sample}]}}]}}'
    yield from (f'{head},"error":{{"reason":"{word}","message":""}}}}' for word in REPORTED)
    yield "{}"


def _words(rows: dict[str, Any], provider: bool) -> Iterator[str]:
    """The platform's words: those of tasks are of tasks alone."""
    first = "Rejected" if rows is ENDINGS else "Submitted"
    words = list(rows)
    index = words.index(first)
    yield from words[index:] if provider else (*words[:index], "any other")


_PROVIDER = {
    "adapter": "a",
    "provider": {"agent": "agents", "device": "d"},
    "price": {"perRunMicros": 1},
}


def _backend(spec: dict[str, Any]) -> QuantumBackend:
    return QuantumBackend.model_validate({"metadata": {"name": "b"}, "spec": {"target": {"numQubits": 5}, **spec}})


def _policy() -> BackendPolicy:
    spec = {"backends": [{"name": "b"}], "maxShots": 5_000}
    return BackendPolicy.model_validate({"metadata": {"name": "default", "namespace": "n", "uid": "p"}, "spec": spec})


def _job(spec: dict[str, Any]) -> QuantumJob:
    body = {"programs": [{"name": "bell", "qasm3": BELL}], "task": SAMPLE, **spec}
    metadata = {"name": "j", "namespace": "n", "uid": "u", "creationTimestamp": stamp(NOW)}
    return QuantumJob.model_validate({"metadata": metadata, "spec": body})


def lifecycle_markdown() -> str:
    """The reference of a job's life, docs/reference/joblife.md."""
    ways = sorted(transitions().items(), key=lambda way: way[0])
    arrows = "".join(f"  {before} --> {after}: {_label(told)}\n" for (before, after), told in ways if before != after)
    rows = [(before, "" if before == after else after, _listed(told)) for (before, after), told in ways]
    return f"""# The life of a QuantumJob

Drawn from `operator/quantum_operator/decide/` by `make generate`; not to be edited. Of a job that is `Queued`, the
picture tells those that have a backend (`Assigned`) from those that wait for one. On each arrow are the conditions that
are set; their reasons are in the table, and [what each means](reasons.md) beside it.

```mermaid
stateDiagram-v2
  [*] --> Pending
{arrows}  Succeeded --> [*]
  Failed --> [*]
```

{table(("From", "To", "Conditions and their reasons"), rows)}
A line without a second place is of a job that stays where it is, and says why. A job is refused for more reasons than
those here: a few wrong jobs stand for all. One with `spec.retry` goes back to `Queued` for the reasons named there too.
"""


def _kinds(told: set[Told]) -> list[tuple[str, str]]:
    return sorted({(kind, value) for kind, value, _ in told})


def _listed(told: set[Told]) -> str:
    reasons: dict[Way, list[str]] = defaultdict(list)
    for kind, value, reason in sorted(told):
        reasons[kind, value].append(reason)
    return "; ".join(f"`{kind}={value}`: {', '.join(why)}" for (kind, value), why in reasons.items())


def _label(told: set[Told]) -> str:
    return ", ".join(f"{kind}={value}" for kind, value in _kinds(told))


if __name__ == "__main__":
    sys.stdout.write(lifecycle_markdown())
