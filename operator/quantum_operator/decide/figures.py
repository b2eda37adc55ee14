"""The figures that backends are judged by, gathered from what was observed. Whatever a rule reads is put here first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.choice import LabelSelector
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.figures import Demand, Figures, JobFigures, Question
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.budget import TEAM_LABEL
from quantum_operator.decide.cost import ceiling_of
from quantum_operator.decide.governance import consent, governed
from quantum_operator.decide.memory import needed_bytes, state_bytes
from quantum_operator.decide.size import NOTE_BYTES, clip
from quantum_operator.decide.status import find_condition
from quantum_operator.decide.times import parse, stamp
from quantum_operator.decide.traffic import drawn

MOST = 2**53 - 1
EXACT_PPM = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    """What is asked of a backend, and by whom."""

    demand: Demand
    namespace: str
    namespace_labels: Mapping[str, str]
    tried: Mapping[str, str] = field(default_factory=dict)
    """The backends that the job is not to go to again, each with why."""
    job: JobFigures = field(default_factory=JobFigures)
    breakers: Mapping[str, Literal["Open", "HalfOpen"]] = field(default_factory=dict)
    """The backends whose breakers are not closed."""
    policy: BackendPolicySpec | None = None
    """The policy that the job is under; None: there is nothing to ask of it."""


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether an object with these labels has all that the selector names."""
    return all(labels.get(key) == value for key, value in selector.match_labels.items())


@dataclass(frozen=True)
class Ruling:
    """The policy that a request is judged by, and when."""

    name: str = ""
    generation: int = 0
    spec: BackendPolicySpec | None = None
    now: datetime = EPOCH


NOBODY = Ruling()


def job_figures(job: QuantumJob, bucket: int | None = None) -> JobFigures:
    """What the choice of a backend depends on of the job itself."""
    return JobFigures(
        seconds=job.spec.active_deadline_seconds,
        queue_seconds=job.spec.queue_deadline_seconds,
        budget_seconds=job.spec.time_budget_seconds,
        payoff_micros=job.spec.expected_payoff_micros,
        bucket=bucket,
        team=job.metadata.labels.get(TEAM_LABEL, ""),
        budget=job.spec.budget,
        spent_micros=job.status.cost.micros if job.status.cost is not None else 0,
    )


def question_of(request: Request, ruling: Ruling = NOBODY) -> Question:
    """What every candidate of the request is asked."""
    spec, now = ruling.spec, ruling.now
    return Question(
        policy=ruling.name,
        policy_generation=ruling.generation,
        routing=spec.routing if spec is not None else None,
        drawn=drawn(spec, request.job.bucket) if spec is not None else None,
        namespace=request.namespace,
        now=stamp(now),
        demand=request.demand,
        job=request.job,
        quantum_enabled=request.policy is None or request.policy.quantum_enabled,
        governed=governed(request.demand.terms, request.policy, request.namespace_labels),
    )


def figures_of(backend: QuantumBackend, request: Request, ruling: Ruling = NOBODY, *, choice: int = 0) -> Figures:
    """What a backend is, and how it stands, for this request. Nothing of one that is not shared with its namespace."""
    if not _is_shared(backend, request):
        return Figures(choice=choice, shared=False)
    spec, status, traffic = backend.spec, backend.status, ruling.spec.traffic if ruling.spec is not None else ()
    condition = find_condition(status.conditions, ConditionType.READY)
    ready = condition is not None and condition.status == "True"
    tried = request.tried.get(backend.metadata.name)
    needed = needed_bytes(spec.simulator, request.demand.qubits) if spec.provider is None else None
    return Figures(
        choice=choice,
        kind="Hardware" if is_qpu(backend) else "Simulator",
        provider=spec.provider is not None,
        adapter=spec.adapter,
        tier=spec.tier,
        region=spec.region,
        sdk_version=backend.status.sdk_version,
        approved=consent(backend, request.policy),
        qubits=spec.target.num_qubits,
        max_shots=spec.limits.max_shots,
        modes=_modes(backend, ready),
        ceiling_micros=_ceiling(backend, request),
        currency=spec.price.currency if spec.price is not None else None,
        memory_bytes=state_bytes(spec.run.memory) if needed is not None else None,
        needed_bytes=needed,
        queue_length=status.queue_length,
        wait_seconds=_wait(backend),
        calibration_age_seconds=_age(status.calibration_time, ruling.now),
        fidelity_ppm=_fidelity(backend),
        share=next((one.percent for one in traffic if one.backend == backend.metadata.name), None),
        tried=None if tried is None else clip(tried, NOTE_BYTES),
        ready=ready,
        breaker=request.breakers.get(backend.metadata.name),
        state=None if ready else clip(condition.message if condition else "has not reported yet", NOTE_BYTES),
    )


def is_qpu(backend: QuantumBackend) -> bool:
    """Whether it is a provider's device that is not a simulator itself: what the policy's switch is about."""
    return backend.spec.provider is not None and backend.spec.provider.kind == "Hardware"


def _is_shared(backend: QuantumBackend, request: Request) -> bool:
    allowed = backend.spec.namespaces
    if allowed.from_ == "All":
        return True
    return allowed.selector is not None and matches(allowed.selector, request.namespace_labels)


def _modes(backend: QuantumBackend, ready: bool) -> tuple[str, ...] | None:
    """The modes of a provider's device, once its agent has said which: of a simulator all mean the same."""
    if backend.spec.provider is None:
        return None
    return backend.status.modes or (("job",) if ready else None)


def _ceiling(backend: QuantumBackend, request: Request) -> int | None:
    spec, demand = backend.spec, request.demand
    if spec.provider is None and spec.price is None:
        return 0
    seconds = request.job.seconds if spec.provider is None else spec.limits.max_task_seconds
    return ceiling_of(spec.price, shots=demand.executed_shots, seconds=seconds)


def _wait(backend: QuantumBackend) -> int | None:
    """How long the queue is forecast to take; there is none before a simulator of the cluster."""
    provider, length = backend.spec.provider, backend.status.queue_length
    if provider is None:
        return 0
    return None if length is None else min(MOST, length * provider.expected_task_seconds)


def _age(calibrated: str | None, now: datetime) -> int | None:
    """How long ago that was, in whole seconds; None where nobody can say."""
    try:
        return None if calibrated is None else max(0, int((now - parse(calibrated)).total_seconds()))
    except (TypeError, ValueError):
        return None


def _fidelity(backend: QuantumBackend) -> int | None:
    spec = backend.spec
    exact = not is_qpu(backend) and spec.simulator.noise is None
    return EXACT_PPM if spec.fidelity_ppm is None and exact else spec.fidelity_ppm
