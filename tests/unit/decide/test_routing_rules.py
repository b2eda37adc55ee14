"""Every rule of routing by itself, all of them together, and what holds of any backend and request."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.choice import LabelSelector
from quantum_operator.api.conditions import CANDIDATE_REASONS
from quantum_operator.api.figures import Demand, Figures
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.decide.afford import MONEY_RULES
from quantum_operator.decide.approval import is_approved
from quantum_operator.decide.figures import Request, figures_of, question_of
from quantum_operator.decide.governance import GOVERNANCE
from quantum_operator.decide.routing import (
    ROUND_RULES,
    RULES,
    gives_what_is_asked,
    has_a_ceiling,
    has_room,
    is_ready,
    judge,
    matches,
    not_tried_before,
    ordered_backends,
    runs_in_mode,
    shared_with_namespace,
    shots_within_limit,
    wide_enough,
)
from quantum_operator.decide.verdict import Rule
from quantum_operator.testing.builders import backend
from unit.decide.resiliencerules import PROBES, RESILIENCE, RESILIENCE_REASONS
from unit.decide.test_thresholds import TRUTH as TRUTH_OF_THRESHOLDS

QPU: dict[str, Any] = {"adapter": "ibm", "provider": {"agent": "ibm", "device": "qpu"}}
BY_SHOT: dict[str, Any] = {**QPU, "price": {"perShotMicros": 1}}
BY_SECOND: dict[str, Any] = {**QPU, "price": {"perSecondMicros": 1}}


def request(qubits: int = 2, shots: int = 1000, namespace: str = "team", **labels: str) -> Request:
    """A request from this namespace, which has these labels."""
    return Request(Demand(qubits=qubits, shots=shots, executed_shots=shots), namespace, labels)


def tried(**backends: str) -> Request:
    """A request that these backends are not to be tried for again, each with why."""
    return replace(request(), tried=backends)


def exact() -> Request:
    """A request for what only a simulator gives."""
    return Request(Demand(qubits=2, shots=0, simulated=True), "team", {})


def in_mode(mode: str) -> Request:
    """A request for this mode of execution."""
    return Request(Demand.model_validate({"qubits": 2, "shots": 1000, "mode": mode}), "team", {})


def offering(*modes: str, ready: bool | None = True) -> QuantumBackend:
    """A provider's device with these modes."""
    one = backend(ready=ready, **BY_SECOND)
    return one.model_copy(update={"status": one.status.model_copy(update={"modes": modes})})


def selecting(**labels: str) -> dict[str, Any]:
    """`spec.namespaces` of a backend for the namespaces with these labels."""
    return {"from": "Selector", "selector": {"matchLabels": labels}}


def conditions(*given: tuple[str, str]) -> QuantumBackend:
    """A backend with these conditions: type and status."""
    written = [
        {
            "type": kind,
            "status": status,
            "reason": "Ready",
            "message": f"{kind} is {status}",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for kind, status in given
    ]
    one = backend()
    return one.model_copy(update={"status": one.status.model_validate({"conditions": written})})


# --- one rule -------------------------------------------------------------------------------------------------------

TRUTH: list[tuple[str, Rule, QuantumBackend, Request, str]] = [
    ("shared with all", shared_with_namespace, backend(), request(), ""),
    ("shared with all, labels or not", shared_with_namespace, backend(), request(tier="gold"), ""),
    ("the label", shared_with_namespace, backend(namespaces=selecting(tier="gold")), request(tier="gold"), ""),
    (
        "one label more",
        shared_with_namespace,
        backend(namespaces=selecting(tier="gold")),
        request(tier="gold", zone="b"),
        "",
    ),
    (
        "one label short",
        shared_with_namespace,
        backend(namespaces=selecting(tier="gold", zone="a")),
        request(tier="gold"),
        "not shared with namespace 'team' (spec.namespaces)",
    ),
    (
        "another value",
        shared_with_namespace,
        backend(namespaces=selecting(tier="gold")),
        request(tier="Gold", namespace="lab"),
        "not shared with namespace 'lab' (spec.namespaces)",
    ),
    (
        "an empty value is not a missing label",
        shared_with_namespace,
        backend(namespaces=selecting(tier="")),
        request(),
        "not shared with namespace 'team' (spec.namespaces)",
    ),
    ("an empty value", shared_with_namespace, backend(namespaces=selecting(tier="")), request(tier=""), ""),
    (
        "a selector left out selects nothing",
        shared_with_namespace,
        backend(namespaces={"from": "Selector"}),
        request(),
        "not shared with namespace 'team' (spec.namespaces)",
    ),
    *RESILIENCE,
    ("tried nowhere", not_tried_before, backend(), request(), ""),
    ("tried elsewhere", not_tried_before, backend(), tried(second="why"), ""),
    ("tried there", not_tried_before, backend(), tried(simulator="attempt 1 failed there"), "attempt 1 failed there"),
    ("no qubits asked", wide_enough, backend(qubits=1), request(qubits=0), ""),
    ("one to spare", wide_enough, backend(qubits=3), request(qubits=2), ""),
    ("just enough", wide_enough, backend(qubits=2), request(qubits=2), ""),
    ("one short", wide_enough, backend(qubits=2), request(qubits=3), "has 2 qubits, the job needs 3"),
    ("exact values of a simulator", gives_what_is_asked, backend(), exact(), ""),
    ("counts of a device", gives_what_is_asked, backend(**BY_SHOT), request(), ""),
    (
        "exact values of a device",
        gives_what_is_asked,
        backend(**BY_SHOT),
        exact(),
        "the job asks for exact values, noise or memory of shots: only simulators give them",
    ),
    ("a simulator has every mode", runs_in_mode, backend(), in_mode("session"), ""),
    ("a mode that is there", runs_in_mode, offering("job", "batch"), in_mode("batch"), ""),
    ("no mode in particular", runs_in_mode, offering("job"), in_mode("job"), ""),
    (
        "a mode that is not there",
        runs_in_mode,
        offering("job", "batch"),
        in_mode("session"),
        "its provider has no mode 'session' (spec.execution.mode), but job, batch",
    ),
    ("before its agent said which", runs_in_mode, offering(ready=None), in_mode("session"), ""),
    (
        "its agent knows of no modes",
        runs_in_mode,
        offering(),
        in_mode("session"),
        "its provider has no mode 'session' (spec.execution.mode), but job",
    ),
    ("a simulator needs no ceiling", has_a_ceiling, backend(), request(shots=0), ""),
    ("shots that are priced", has_a_ceiling, backend(**BY_SHOT), request(shots=1), ""),
    ("seconds that are priced, whatever the shots", has_a_ceiling, backend(**BY_SECOND), request(shots=0), ""),
    (
        "shots that are priced, and their number is not known",
        has_a_ceiling,
        backend(**BY_SHOT),
        request(shots=0),
        "its shots are paid for, and the job asks for a precision: give it shots",
    ),
    ("no shots asked", shots_within_limit, backend(limits={"maxShots": 1}), request(shots=0), ""),
    ("just as many shots", shots_within_limit, backend(limits={"maxShots": 1000}), request(shots=1000), ""),
    (
        "one shot more",
        shots_within_limit,
        backend(limits={"maxShots": 1000}),
        request(shots=1001),
        "takes 1000 shots of a job, this one asks 1001",
    ),
    ("ready", is_ready, backend(ready=True), request(), ""),
    ("ready and more", is_ready, conditions(("Foreign", "False"), ("Ready", "True")), request(), ""),
    ("not ready", is_ready, backend(ready=False), request(), "under maintenance"),
    ("silent", is_ready, backend(ready=None), request(), "has not reported yet"),
    ("unknown", is_ready, conditions(("Ready", "Unknown")), request(), "Ready is Unknown"),
    ("only another condition", is_ready, conditions(("Foreign", "True")), request(), "has not reported yet"),
]
REASON: dict[Rule, str] = {
    shared_with_namespace: "NotShared",
    wide_enough: "TooFewQubits",
    gives_what_is_asked: "SimulatorOnly",
    runs_in_mode: "ModeNotOffered",
    shots_within_limit: "TooManyShots",
    has_a_ceiling: "NoCeiling",
    not_tried_before: "TriedBefore",
    **RESILIENCE_REASONS,
    is_ready: "NotReady",
    is_approved: "AwaitingApproval",
    has_room: "Busy",
}


@pytest.mark.parametrize(
    ("rule", "have", "asked", "message"), [row[1:] for row in TRUTH], ids=[row[0] for row in TRUTH]
)
def test_a_rule_objects_or_does_not(rule: Rule, have: QuantumBackend, asked: Request, message: str) -> None:
    """Each rule on both sides of its bound: it passes, or says what the backend has and what the job asks."""
    verdict = rule(figures_of(have, asked), question_of(asked))
    assert (verdict.message if verdict else "") == message
    assert verdict is None or verdict.reason == ("NotSimulator" if "falls back" in message else REASON[rule])


def test_every_rule_is_tried_on_both_sides() -> None:
    """No rule is in force that neither the tables here have, nor those of `test_governance` and `test_afford`."""
    tried = {(rule, bool(message)) for _, rule, _, _, message in TRUTH}
    tried |= {(rule, bool(message)) for _, rule, _, message in TRUTH_OF_ROUNDS}
    tried |= {(rule, bool(message)) for _, rule, _, _, message in TRUTH_OF_THRESHOLDS}
    others = [rule for rule in (*RULES, *ROUND_RULES) if rule not in (*GOVERNANCE, *MONEY_RULES)]
    assert tried == {(rule, objects) for rule in others for objects in (True, False)}
    assert set(REASON.values()) <= set(CANDIDATE_REASONS)


TRUTH_OF_ROUNDS: list[tuple[str, Rule, dict[str, Any], str]] = [
    ("nobody has to approve it", is_approved, {}, ""),
    ("somebody has approved it", is_approved, {"approval": "Given"}, ""),
    ("somebody has to approve it", is_approved, {"approval": "Needed"}, "has to be approved first"),
    *PROBES,
    ("nothing is known of its room", has_room, {}, ""),
    ("none under way", has_room, {"runs": 0, "maxRuns": 1}, ""),
    ("one below its limit", has_room, {"runs": 4, "maxRuns": 5}, ""),
    ("at its limit", has_room, {"runs": 5, "maxRuns": 5}, "at its limit of 5 concurrent runs"),
    ("beyond its limit", has_room, {"runs": 6, "maxRuns": 5}, "at its limit of 5 concurrent runs"),
    ("at its limit, and a shared run has a place", has_room, {"runs": 5, "maxRuns": 5, "place": True}, ""),
]


@pytest.mark.parametrize(
    ("rule", "figures", "message"), [row[1:] for row in TRUTH_OF_ROUNDS], ids=[row[0] for row in TRUTH_OF_ROUNDS]
)
def test_a_rule_of_rounds_objects_or_does_not(rule: Rule, figures: dict[str, Any], message: str) -> None:
    """The same of the rules about what a round gives out, by the figures alone."""
    verdict = rule(Figures.model_validate(figures), question_of(request()))
    assert (verdict.message if verdict else "") == message
    assert verdict is None or (verdict.reason == REASON[rule] and verdict.passing)


def test_no_figure_is_no_objection() -> None:
    """Of a record without a figure, as older ones are, no rule makes anything: nothing raises, and all pass."""
    assert all(rule(Figures(), question_of(request())) is None for rule in (*RULES, *ROUND_RULES))


# --- all rules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shared", "wide", "shots", "ready"), list(product([True, False], repeat=4)))
def test_the_first_objection_is_the_one_made(shared: bool, wide: bool, shots: bool, ready: bool) -> None:
    """All sixteen combinations: sharing is looked at before width, width before shots, and readiness last."""
    have = backend(
        qubits=5 if wide else 1,
        ready=ready,
        namespaces={"from": "All"} if shared else selecting(tier="gold"),
        limits={"maxShots": 1000 if shots else 999},
    )
    verdict = judge(have, request())
    held = (shared, wide, shots, ready)
    reasons = ("NotShared", "TooFewQubits", "TooManyShots", "NotReady")
    expected = next((reason for reason, holds in zip(reasons, held, strict=True) if not holds), None)
    assert (verdict.reason if verdict else None) == expected
    assert bool(verdict and verdict.passing) == (expected == "NotReady")


def test_a_secret_backend_tells_nothing_of_itself() -> None:
    """What a namespace may not use it learns nothing of: neither its width nor its state nor its labels."""
    verdict = judge(backend(namespaces=selecting(tier="gold"), qubits=1, ready=False), request(qubits=9))
    assert verdict is not None
    assert not any(word in verdict.message for word in ("gold", "tier", "qubits", "maintenance"))


REQUESTS = st.builds(
    lambda qubits, shots, tier: request(qubits, shots, **({"tier": tier} if tier else {})),
    st.integers(0, 30),
    st.integers(0, 2000),
    st.sampled_from(["", "gold", "silver"]),
)
BACKENDS = st.builds(
    lambda name, qubits, shots, ready, shared, zone: backend(
        name,
        qubits=qubits,
        ready=ready,
        labels={"zone": zone},
        limits={"maxShots": shots},
        namespaces={"from": "All"} if shared else selecting(tier="gold"),
    ),
    st.sampled_from("abcdef"),
    st.integers(1, 30),
    st.integers(1, 2000),
    st.sampled_from([True, False, None]),
    st.booleans(),
    st.sampled_from("xyz"),
)


@given(BACKENDS, REQUESTS)
def test_a_backend_is_eligible_when_every_rule_passes(have: QuantumBackend, asked: Request) -> None:
    """`judge` says what the rules say, and its reasons are those of the reference."""
    verdict = judge(have, asked)
    figures, question = figures_of(have, asked), question_of(asked)
    objections = [found for rule in RULES if (found := rule(figures, question)) is not None]
    assert verdict == (objections[0] if objections else None)
    assert {one.reason for one in objections} <= set(CANDIDATE_REASONS)
    assert all(one.message for one in objections)


@given(BACKENDS, REQUESTS, st.integers(0, 5), st.integers(0, 500))
def test_asking_for_less_never_hurts(have: QuantumBackend, asked: Request, qubits: int, shots: int) -> None:
    """A backend that takes a job takes every narrower one with fewer shots."""
    if judge(have, asked) is None:
        less = request(
            max(0, asked.demand.qubits - qubits), max(0, asked.demand.shots - shots), **dict(asked.namespace_labels)
        )
        assert judge(have, less) is None


@given(BACKENDS, REQUESTS)
def test_only_what_may_pass_is_passing(have: QuantumBackend, asked: Request) -> None:
    """An objection is passing exactly when the same backend, ready, would take the job."""
    verdict = judge(have, asked)
    ready = have.model_copy(update={"status": backend().status})
    if verdict is not None:
        assert verdict.passing == (judge(ready, asked) is None)


# --- a policy's choices ----------------------------------------------------------------------------------------------

CHOICES = st.lists(
    st.one_of(
        st.builds(lambda name: {"name": name}, st.sampled_from([*"abcdef", "absent"])),
        st.builds(lambda zone: {"selector": {"matchLabels": {"zone": zone}}}, st.sampled_from("xyz")),
    ),
    min_size=1,
    max_size=5,
)
FLEETS = st.lists(BACKENDS, max_size=6, unique_by=lambda one: one.metadata.name)


@given(CHOICES, FLEETS, st.randoms(use_true_random=False))
def test_the_order_is_the_policys_and_no_other(
    choices: list[dict[str, Any]], fleet: list[QuantumBackend], rng: Any
) -> None:
    """Each backend once, by the first choice that reaches it and then by name, however the backends are listed."""
    policy = BackendPolicySpec.model_validate({"backends": choices})
    found = ordered_backends(policy, fleet)

    def first_choice(one: QuantumBackend) -> int:
        return next(
            (
                index
                for index, choice in enumerate(policy.backends)
                if choice.name == one.metadata.name
                or (choice.selector is not None and matches(choice.selector, one.metadata.labels))
            ),
            len(choices),
        )

    reached = [one for one in fleet if first_choice(one) < len(choices)]
    assert list(found) == sorted(reached, key=lambda one: (first_choice(one), one.metadata.name))
    shuffled = list(fleet)
    rng.shuffle(shuffled)
    assert ordered_backends(policy, shuffled) == found


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1", "2"]), max_size=3)


@given(LABELS, LABELS)
def test_a_selector_matches_whoever_has_all_it_names(wanted: dict[str, str], labels: dict[str, str]) -> None:
    """Every label that is named, with its value; others do not matter."""
    selector = LabelSelector.model_construct(match_labels=wanted)
    assert matches(selector, labels) == (wanted.items() <= labels.items())
    assert matches(selector, {**labels, **wanted})
