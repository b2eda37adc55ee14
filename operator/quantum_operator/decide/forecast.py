"""What would become of a job that is not submitted yet: the operator's own decisions, and nothing written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.figures import Candidate, Question
from quantum_operator.api.jobstatus import Step
from quantum_operator.api.ledger import QuantumLedgerStatus
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.routing import Feature
from quantum_operator.api.shadow import ShadowShare
from quantum_operator.decide.accept import Acceptance, accept
from quantum_operator.decide.account import account_of
from quantum_operator.decide.assign import Head, Probed, Snapshot, assign
from quantum_operator.decide.breaker import not_closed
from quantum_operator.decide.budget import team_of
from quantum_operator.decide.candidates import on_record
from quantum_operator.decide.complaint import Complaint
from quantum_operator.decide.features import undecided
from quantum_operator.decide.figures import Request, job_figures
from quantum_operator.decide.observed import Observed, Permit

NO_UID = "planned"


@dataclass(frozen=True)
class Forecast:
    """The word on one job, as it would be given now.

    Of the backend: what the job costs there at most, how long its queue is forecast to take, and how long the job may
    run. None: not known, or no backend. `approval`: why somebody has to approve it first. `shared_out`: the policy
    splits its traffic by UIDs, which nobody has yet. `features` are those that it has, and `perhaps` those that only
    its UID will tell; the word is given without them.
    """

    verdict: Literal["Assigned", "Waiting", "Impossible", "Refused"]
    reason: str
    message: str
    backend: str = ""
    ceiling_micros: int | None = None
    currency: str | None = None
    wait_seconds: int | None = None
    run_seconds: int | None = None
    question: Question | None = None
    candidates: tuple[Candidate, ...] = ()
    candidates_total: int = 0
    shared_out: bool = False
    approval: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    perhaps: tuple[Feature, ...] = ()
    shadow: ShadowShare | None = None


@dataclass(frozen=True)
class Present:
    """What is under way: runs of each backend, ledgers by currency (None: no money counts), probes that are left."""

    runs: Mapping[str, int] = field(default_factory=dict)
    ledgers: Mapping[str, QuantumLedgerStatus] | None = None
    probes: Mapping[Probed, int] = field(default_factory=dict)
    permit: Permit | None = None
    """What somebody has approved of the job already."""


NOTHING = Present()


def forecast(
    observed: Observed, backends: Sequence[QuantumBackend], labels: Mapping[str, str], present: Present = NOTHING
) -> Forecast:
    """What would become of the job, in a namespace with these labels, where this is under way."""
    job = observed.job.model_copy(update={"metadata": observed.job.metadata.model_copy(update={"uid": ""})})
    observed = replace(observed, job=job)
    found = accept(observed)
    if isinstance(found, Complaint):
        return Forecast("Waiting" if found.waits else "Refused", found.reason, found.message)
    head = _head(job, found, labels, present)
    ledgers = present.ledgers or {}
    (word,) = assign(Snapshot((head,), tuple(backends), present.runs, observed.now, ledgers, present.probes))
    step = on_record(Step(name="primary"), word)
    name = word.asks.backend if word.asks is not None else word.backend
    chosen = next((one.figures for one in step.candidates if one.backend == name), None)
    spec = next((one.spec for one in backends if one.metadata.name == name), None)
    device = spec is not None and spec.provider is not None
    longest = spec.limits.max_task_seconds if spec is not None and device else job.spec.active_deadline_seconds
    return Forecast(
        word.verdict,
        word.reason,
        word.message,
        backend=name,
        ceiling_micros=chosen.ceiling_micros if chosen is not None else None,
        currency=(chosen.currency or "USD") if chosen is not None else None,
        wait_seconds=chosen.wait_seconds if chosen is not None else None,
        run_seconds=longest if chosen is not None else None,
        question=step.question,
        candidates=step.candidates,
        candidates_total=step.candidates_total,
        shared_out=bool(found.policy.spec.traffic),
        approval=word.asks.because if word.asks is not None else (),
        features=found.features,
        perhaps=undecided(job, found.policy.spec),
        shadow=_shadow(found.policy, name),
    )


def _shadow(policy: BackendPolicy, backend: str) -> ShadowShare | None:
    """The share of such jobs that are run once more; None where there are none, or the job itself goes there."""
    share = policy.spec.shadow
    return share if share is not None and share.percent > 0 and share.backend != backend else None


def _head(job: QuantumJob, found: Acceptance, labels: Mapping[str, str], present: Present) -> Head:
    """The job as it would stand in line. Who has no UID yet pays under the name of one."""
    policy, meta = found.policy, job.metadata
    figures = job_figures(job).model_copy(update={"team": team_of(labels, meta.labels)})
    breakers = not_closed(policy.status.breakers)
    request = Request(found.demand, meta.namespace, labels, job=figures, policy=policy.spec, breakers=breakers)
    named = job.model_copy(update={"metadata": meta.model_copy(update={"uid": NO_UID})})
    return Head(
        meta.uid,
        meta.creation_timestamp,
        job.spec.priority,
        policy.metadata.name,
        policy.spec,
        request,
        generation=policy.metadata.generation,
        account=account_of(named) if present.ledgers is not None else None,
        permit=present.permit,
    )
