"""The truth table of the rules of resilience: the switch, the breaker, and what a fallback asks of a backend."""

from dataclasses import replace
from typing import Any

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.figures import Demand
from quantum_operator.decide.breaker import breaker_has_probes, breaker_lets_it
from quantum_operator.decide.fallback import as_fallback_wants
from quantum_operator.decide.figures import Request
from quantum_operator.decide.switch import quantum_is_enabled
from quantum_operator.decide.verdict import Rule
from quantum_operator.testing.builders import backend, policy

QPU: dict[str, Any] = {"adapter": "ibm", "provider": {"agent": "ibm", "device": "qpu"}}
BY_SHOT: dict[str, Any] = {**QPU, "price": {"perShotMicros": 1}}
MANAGED: dict[str, Any] = {"adapter": "braket", "provider": {"agent": "a", "device": "d", "kind": "Simulator"}}
OFF = "it is a QPU, and the policy's spec.quantumEnabled is false"
PAID = "an attempt may have been paid for: only what costs nothing follows"


def request() -> Request:
    """A request for two qubits and a thousand shots."""
    return Request(Demand(qubits=2, shots=1000, executed_shots=1000), "team", {})


def off() -> Request:
    """A request under a policy whose QPUs are off."""
    return replace(request(), policy=policy(quantumEnabled=False).spec)


def broken(state: Any) -> Request:
    """A request under a policy whose breaker of the backend is in this state."""
    return replace(request(), breakers={"simulator": state})


def falling(**terms: bool) -> Request:
    """A request of a job that falls back on these terms."""
    return replace(request(), demand=request().demand.model_copy(update=terms))


RESILIENCE: list[tuple[str, Rule, QuantumBackend, Request, str]] = [
    ("a QPU that is on", quantum_is_enabled, backend(**BY_SHOT), request(), ""),
    ("a QPU that is off", quantum_is_enabled, backend(**BY_SHOT), off(), OFF),
    ("a simulator is never off", quantum_is_enabled, backend(), off(), ""),
    ("nor is one of a provider's", quantum_is_enabled, backend(**MANAGED), off(), ""),
    ("a breaker that is closed", breaker_lets_it, backend(), request(), ""),
    (
        "one that is open",
        breaker_lets_it,
        backend(),
        broken("Open"),
        "its breaker is open: too many attempts failed there",
    ),
    ("one that is half-open", breaker_lets_it, backend(), broken("HalfOpen"), ""),
    ("one of another backend", breaker_lets_it, backend("other"), broken("Open"), ""),
    ("any backend, where the job does not fall back", as_fallback_wants, backend(**BY_SHOT), request(), ""),
    ("a simulator to fall back to", as_fallback_wants, backend(), falling(simulator=True), ""),
    ("a provider's simulator to fall back to", as_fallback_wants, backend(**MANAGED), falling(simulator=True), ""),
    (
        "a QPU is none",
        as_fallback_wants,
        backend(**BY_SHOT),
        falling(simulator=True),
        "the job falls back to a simulator, and this is a QPU",
    ),
    ("a free simulator after a payment", as_fallback_wants, backend(), falling(free=True), ""),
    ("one with a price", as_fallback_wants, backend(price={"perShotMicros": 1}), falling(free=True), PAID),
    ("one with a price of nothing", as_fallback_wants, backend(price={}), falling(free=True), ""),
    ("a QPU after a payment", as_fallback_wants, backend(**BY_SHOT), falling(free=True), PAID),
    ("a QPU that says it costs nothing", as_fallback_wants, backend(**{**QPU, "price": {}}), falling(free=True), PAID),
]

PROBES: list[tuple[str, Rule, dict[str, Any], str]] = [
    ("not probed", breaker_has_probes, {}, ""),
    ("probed, and nothing is known of probes", breaker_has_probes, {"breaker": "HalfOpen"}, ""),
    ("a probe is left", breaker_has_probes, {"breaker": "HalfOpen", "probes": 1}, ""),
    ("open: that is another rule's", breaker_has_probes, {"breaker": "Open", "probes": 0}, ""),
    (
        "no probe is left",
        breaker_has_probes,
        {"breaker": "HalfOpen", "probes": 0},
        "its breaker is half-open, and its probes are under way",
    ),
]

RESILIENCE_REASONS: dict[Rule, str] = {
    as_fallback_wants: "PaidBefore",
    quantum_is_enabled: "QuantumDisabled",
    breaker_lets_it: "BreakerOpen",
    breaker_has_probes: "BreakerProbing",
}
