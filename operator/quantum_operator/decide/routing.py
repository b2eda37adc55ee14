"""Routing: one backend's figures against one job's question, by named rules in a fixed order.

A rule reads its figures and the question, and nothing else: both go on record, so that every verdict can be repeated
from the job's status alone. To add one:

1. Give what it reads of a backend a field in `api.figures.Figures`, of the job one in `JobFigures`, and of the policy
   one in `Question`: with a default that means "not known, no objection", for older records have none.
2. Fill it in `figures.figures_of`, `job_figures` or `question_of`. What a round of `assign` gives out (room, budget,
   probes) is filled in `assign.py` for each job in turn, by `Rooms.figures`.
3. Write the rule in its subject's module, which imports `decide.verdict` and not this one:
   `def my_rule(figures: Figures, question: Question) -> Verdict | None`. Its message has no number that changes by
   itself (an age, a queue): the figures have that, and a message that changes is told again to everyone who waits.
   `passing` says that time may change the verdict.
4. Put it in `RULES` or, where it reads what a round gives out, in `ROUND_RULES`; its reason in
   `api.conditions.CANDIDATE_REASONS`; both sides of it in the truth table of test_routing_rules.py.
"""

from collections.abc import Sequence

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.figures import Figures, Question
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.decide.afford import MONEY_RULES
from quantum_operator.decide.approval import is_approved
from quantum_operator.decide.breaker import breaker_has_probes, breaker_lets_it
from quantum_operator.decide.fallback import as_fallback_wants
from quantum_operator.decide.figures import Request, figures_of, matches, question_of
from quantum_operator.decide.governance import GOVERNANCE
from quantum_operator.decide.switch import quantum_is_enabled
from quantum_operator.decide.thresholds import (
    calibrated_lately,
    cheap_enough,
    faithful_enough,
    has_a_share,
    has_the_memory,
    large_enough,
    pays_off,
    soon_enough,
)
from quantum_operator.decide.verdict import Rule, Verdict


def choices(policy: BackendPolicySpec, backends: Sequence[QuantumBackend]) -> tuple[tuple[int, QuantumBackend], ...]:
    """The policy's backends in its order, each once, with the choice that reaches it; a selector's by name."""
    by_name = {one.metadata.name: one for one in sorted(backends, key=lambda one: one.metadata.name)}
    chosen: dict[str, tuple[int, QuantumBackend]] = {}
    for index, choice in enumerate(policy.backends):
        if choice.selector is not None:
            for name, backend in by_name.items():
                if matches(choice.selector, backend.metadata.labels):
                    chosen.setdefault(name, (index, backend))
        elif choice.name in by_name:
            chosen.setdefault(choice.name, (index, by_name[choice.name]))
    return tuple(chosen.values())


def ordered_backends(policy: BackendPolicySpec, backends: Sequence[QuantumBackend]) -> tuple[QuantumBackend, ...]:
    """The policy's backends in its order of preference, each once; a selector's matches by name."""
    return tuple(backend for _, backend in choices(policy, backends))


def shared_with_namespace(figures: Figures, question: Question) -> Verdict | None:
    """The backend is shared with the job's namespace."""
    if figures.shared:
        return None
    return Verdict("NotShared", f"not shared with namespace {question.namespace!r} (spec.namespaces)")


def not_tried_before(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """No attempt of the job failed on the backend."""
    return None if figures.tried is None else Verdict("TriedBefore", figures.tried)


def wide_enough(figures: Figures, question: Question) -> Verdict | None:
    """The backend has as many qubits as the widest program."""
    have, need = figures.qubits, question.demand.qubits
    if have is None or need <= have:
        return None
    return Verdict("TooFewQubits", f"has {have} qubits, the job needs {need}")


def shots_within_limit(figures: Figures, question: Question) -> Verdict | None:
    """The job's shots are within what the backend takes of one job."""
    limit, asked = figures.max_shots, question.demand.shots
    if limit is None or asked <= limit:
        return None
    return Verdict("TooManyShots", f"takes {limit} shots of a job, this one asks {asked}")


def gives_what_is_asked(figures: Figures, question: Question) -> Verdict | None:
    """A device gives counts, and nothing that takes a simulator."""
    if not figures.provider or not question.demand.simulated:
        return None
    return Verdict(
        "SimulatorOnly", "the job asks for exact values, noise or memory of shots: only simulators give them"
    )


def runs_in_mode(figures: Figures, question: Question) -> Verdict | None:
    """A provider's device is in the mode that is asked for; on a simulator it means nothing."""
    wanted, offered = question.demand.mode, figures.modes
    if offered is None or wanted in offered:
        return None
    return Verdict(
        "ModeNotOffered", f"its provider has no mode {wanted!r} (spec.execution.mode), but {', '.join(offered)}"
    )


def has_a_ceiling(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """What is paid for has a price, and what it may cost at most can be said before it begins."""
    if figures.ceiling_micros is not None or (not figures.provider and figures.currency is None):
        return None
    if figures.currency is None:
        return Verdict("NoPrice", "it has no price (spec.price): nobody knows what it may cost", passing=True)
    return Verdict("NoCeiling", "its shots are paid for, and the job asks for a precision: give it shots")


def is_ready(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """The backend reports itself ready."""
    return None if figures.ready is not False else Verdict("NotReady", figures.state or "", passing=True)


def has_room(figures: Figures, question: Question) -> Verdict | None:  # noqa: ARG001 - a rule's signature
    """The backend takes another run, or one that others share has a place."""
    if figures.place or figures.runs is None or figures.max_runs is None or figures.runs < figures.max_runs:
        return None
    return Verdict("Busy", f"at its limit of {figures.max_runs} concurrent runs", passing=True)


RULES: tuple[Rule, ...] = (
    shared_with_namespace,
    *GOVERNANCE,
    wide_enough,
    gives_what_is_asked,
    runs_in_mode,
    shots_within_limit,
    has_the_memory,
    has_a_ceiling,
    quantum_is_enabled,
    as_fallback_wants,
    large_enough,
    pays_off,
    faithful_enough,
    cheap_enough,
    has_a_share,
    not_tried_before,
    soon_enough,
    calibrated_lately,
    breaker_lets_it,
    is_ready,
)
"""What a backend is comes before how it is at the moment, and sharing first of all: a secret one says nothing."""

ROUND_RULES: tuple[Rule, ...] = (is_approved, breaker_has_probes, has_room, *MONEY_RULES)
"""After those: rules about what a round gives out, which read figures that are new for each job."""


def objection(figures: Figures, question: Question, rules: Sequence[Rule] = (*RULES, *ROUND_RULES)) -> Verdict | None:
    """The first rule's objection, or None: the backend is eligible."""
    for rule in rules:
        verdict = rule(figures, question)
        if verdict is not None:
            return verdict
    return None


def judge(backend: QuantumBackend, request: Request) -> Verdict | None:
    """What stands against a backend for this request, whatever else goes on."""
    return objection(figures_of(backend, request), question_of(request), RULES)
