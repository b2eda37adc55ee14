"""Routing: one backend against one job's demand, by named rules in a fixed order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import Demand
from quantum_operator.api.policy import BackendPolicySpec, LabelSelector
from quantum_operator.decide.cost import ceiling_of
from quantum_operator.decide.status import find_condition


@dataclass(frozen=True)
class Verdict:
    """Why a backend is passed over; `passing` means that it may be otherwise later."""

    reason: str
    message: str
    passing: bool = False


@dataclass(frozen=True)
class Request:
    """What is asked of a backend, and by whom."""

    demand: Demand
    namespace: str
    namespace_labels: Mapping[str, str]
    tried: Mapping[str, str] = field(default_factory=dict)
    """The backends that the job is not to go to again, each with why."""


Rule = Callable[[QuantumBackend, Request], Verdict | None]


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether an object with these labels has all that the selector names."""
    return all(labels.get(key) == value for key, value in selector.match_labels.items())


def ordered_backends(policy: BackendPolicySpec, backends: Sequence[QuantumBackend]) -> tuple[QuantumBackend, ...]:
    """The policy's backends in its order of preference, each once; a selector's matches by name."""
    by_name = {one.metadata.name: one for one in sorted(backends, key=lambda one: one.metadata.name)}
    chosen: dict[str, QuantumBackend] = {}
    for choice in policy.backends:
        for name, backend in by_name.items():
            if choice.selector is not None:
                matched = matches(choice.selector, backend.metadata.labels)
            else:
                matched = name == choice.name
            if matched:
                chosen.setdefault(name, backend)
    return tuple(chosen.values())


def shared_with_namespace(backend: QuantumBackend, request: Request) -> Verdict | None:
    """The backend is shared with the job's namespace."""
    allowed = backend.spec.namespaces
    if allowed.from_ == "All":
        return None
    if allowed.selector is not None and matches(allowed.selector, request.namespace_labels):
        return None
    return Verdict("NotShared", f"not shared with namespace {request.namespace!r} (spec.namespaces)")


def not_tried_before(backend: QuantumBackend, request: Request) -> Verdict | None:
    """No attempt of the job failed on the backend."""
    why = request.tried.get(backend.metadata.name)
    return None if why is None else Verdict("TriedBefore", why)


def wide_enough(backend: QuantumBackend, request: Request) -> Verdict | None:
    """The backend has as many qubits as the widest program."""
    have, need = backend.spec.target.num_qubits, request.demand.qubits
    return None if need <= have else Verdict("TooFewQubits", f"has {have} qubits, the job needs {need}")


def shots_within_limit(backend: QuantumBackend, request: Request) -> Verdict | None:
    """The job's shots are within what the backend takes of one job."""
    limit, asked = backend.spec.limits.max_shots, request.demand.shots
    return None if asked <= limit else Verdict("TooManyShots", f"takes {limit} shots of a job, this one asks {asked}")


def gives_what_is_asked(backend: QuantumBackend, request: Request) -> Verdict | None:
    """A device gives counts, and nothing that takes a simulator."""
    if backend.spec.provider is None or not request.demand.simulated:
        return None
    return Verdict(
        "SimulatorOnly", "the job asks for exact values, noise or memory of shots: only simulators give them"
    )


def runs_in_mode(backend: QuantumBackend, request: Request) -> Verdict | None:
    """A provider's device is in the mode that is asked for; on a simulator it means nothing."""
    wanted, offered = request.demand.mode, backend.status.modes
    if not offered and is_ready(backend, request) is None:
        offered = ("job",)
    if backend.spec.provider is None or not offered or wanted in offered:
        return None
    return Verdict(
        "ModeNotOffered", f"its provider has no mode {wanted!r} (spec.execution.mode), but {', '.join(offered)}"
    )


def has_a_ceiling(backend: QuantumBackend, request: Request) -> Verdict | None:
    """What a task on a provider may cost at most can be said before it is submitted."""
    spec, demand = backend.spec, request.demand
    if spec.provider is None:
        return None
    if ceiling_of(spec.price, shots=demand.executed_shots, seconds=spec.limits.max_task_seconds) is not None:
        return None
    return Verdict("NoCeiling", "its shots are paid for, and the job asks for a precision: give it shots")


def is_ready(backend: QuantumBackend, request: Request) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """The backend reports itself ready."""
    condition = find_condition(backend.status.conditions, ConditionType.READY)
    if condition is not None and condition.status == "True":
        return None
    return Verdict("NotReady", condition.message if condition else "has not reported yet", passing=True)


RULES: tuple[Rule, ...] = (
    shared_with_namespace,
    wide_enough,
    gives_what_is_asked,
    runs_in_mode,
    shots_within_limit,
    has_a_ceiling,
    not_tried_before,
    is_ready,
)
"""In this order: what a backend is comes before how it is at the moment."""


def judge(backend: QuantumBackend, request: Request) -> Verdict | None:
    """The first rule's objection, or None: the backend is eligible."""
    for rule in RULES:
        verdict = rule(backend, request)
        if verdict is not None:
            return verdict
    return None
