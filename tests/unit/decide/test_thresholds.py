"""The thresholds of a policy's routing: each rule by figures and a question alone, on both sides of its bound."""

from typing import Any

import pytest

from quantum_operator.api.conditions import CANDIDATE_REASONS
from quantum_operator.api.figures import Figures, Question
from quantum_operator.decide.routing import objection
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
from quantum_operator.decide.verdict import Rule

QPU: dict[str, Any] = {"kind": "Hardware", "provider": True}
MANAGED: dict[str, Any] = {"kind": "Simulator", "provider": True}
SMALL, PAYOFF, FAITHFUL, WAIT, COST, AGE = (
    {"minQpuQubits": 5},
    {"minPayoffPercent": 150},
    {"minFidelityPpm": 990_000},
    {"maxWaitSeconds": 60},
    {"maxCostMicros": 1_000_000},
    {"maxCalibrationAgeSeconds": 3600},
)


def asked(routing: dict[str, Any] | None = None, qubits: int = 4, **job: Any) -> Question:
    """A question by a policy of this routing about a job of so many qubits."""
    demand = {"qubits": qubits, "shots": 1000}
    return Question.model_validate({"demand": demand, "job": job, **({"routing": routing} if routing else {})})


TRUTH: list[tuple[str, Rule, dict[str, Any], Question, str]] = [
    ("no least size", large_enough, QPU, asked(), ""),
    ("just large enough", large_enough, QPU, asked(SMALL, 5), ""),
    (
        "too small",
        large_enough,
        QPU,
        asked(SMALL, 4),
        "a QPU, for jobs of 5 qubits or more (spec.routing.minQpuQubits), not 4",
    ),
    ("small, and simulated by the provider", large_enough, MANAGED, asked(SMALL, 4), ""),
    ("worth anything", pays_off, {**QPU, "ceilingMicros": 10}, asked(), ""),
    ("just worth it", pays_off, {**QPU, "ceilingMicros": 10}, asked(PAYOFF, payoffMicros=15), ""),
    ("worth nothing to a simulator", pays_off, {**MANAGED, "ceilingMicros": 10}, asked(PAYOFF), ""),
    ("no ceiling, of which another rule says more", pays_off, QPU, asked(PAYOFF, payoffMicros=0), ""),
    (
        "worth less",
        pays_off,
        {**QPU, "ceilingMicros": 10_000, "currency": "EUR"},
        asked(PAYOFF, payoffMicros=14_999),
        "may cost 0.01 EUR, of which spec.expectedPayoffMicros (0.014999 EUR) is less than 150 % "
        "(spec.routing.minPayoffPercent)",
    ),
    (
        "nobody says what it is worth",
        pays_off,
        {**QPU, "ceilingMicros": 0},
        asked(PAYOFF),
        "a QPU, for jobs whose spec.expectedPayoffMicros says what they are worth (spec.routing.minPayoffPercent)",
    ),
    ("any fidelity", faithful_enough, {}, asked(), ""),
    ("just enough fidelity", faithful_enough, {"fidelityPpm": 990_000}, asked(FAITHFUL), ""),
    (
        "too little fidelity",
        faithful_enough,
        {"fidelityPpm": 989_999},
        asked(FAITHFUL),
        "a fidelity of 989999 ppm, at least 990000 are asked (spec.routing.minFidelityPpm)",
    ),
    (
        "an unknown fidelity",
        faithful_enough,
        {},
        asked(FAITHFUL),
        "its fidelity is not known (its spec.fidelityPpm), at least 990000 are asked (spec.routing.minFidelityPpm)",
    ),
    ("any queue", soon_enough, {"waitSeconds": 10**9}, asked(), ""),
    ("a queue that nobody knows", soon_enough, {}, asked(WAIT, queueSeconds=1), ""),
    ("just soon enough", soon_enough, {"waitSeconds": 60}, asked(WAIT, queueSeconds=60), ""),
    (
        "too late for the policy",
        soon_enough,
        {"waitSeconds": 61},
        asked(WAIT, queueSeconds=100),
        "its queue is forecast to take over 60 s (spec.routing.maxWaitSeconds)",
    ),
    (
        "too late for the job",
        soon_enough,
        {"waitSeconds": 60},
        asked(WAIT, queueSeconds=59),
        "its queue is forecast to take over 59 s (the job's spec.queueDeadlineSeconds)",
    ),
    (
        "too late for the job's time",
        soon_enough,
        {"waitSeconds": 60},
        asked(WAIT, queueSeconds=60, budgetSeconds=30),
        "its queue is forecast to take over 30 s (the job's spec.timeBudgetSeconds)",
    ),
    ("any cost", cheap_enough, {"ceilingMicros": 10**12}, asked(), ""),
    ("just cheap enough", cheap_enough, {"ceilingMicros": 1_000_000}, asked(COST), ""),
    (
        "too expensive",
        cheap_enough,
        {"ceilingMicros": 1_000_001, "currency": "USD"},
        asked(COST),
        "may cost 1.000001 USD, over 1.00 USD (spec.routing.maxCostMicros)",
    ),
    (
        "at a cost that nobody knows",
        cheap_enough,
        {},
        asked(COST),
        "what it costs at most is not known, over 1.00 USD (spec.routing.maxCostMicros)",
    ),
    ("calibrated any time", calibrated_lately, QPU, asked(), ""),
    ("a simulator is not calibrated", calibrated_lately, MANAGED, asked(AGE), ""),
    ("just lately enough", calibrated_lately, {**QPU, "calibrationAgeSeconds": 3600}, asked(AGE), ""),
    (
        "too long ago",
        calibrated_lately,
        {**QPU, "calibrationAgeSeconds": 3601},
        asked(AGE),
        "was calibrated over 3600 s ago (spec.routing.maxCalibrationAgeSeconds)",
    ),
    (
        "who knows when",
        calibrated_lately,
        QPU,
        asked(AGE),
        "when it was calibrated is not known (spec.routing.maxCalibrationAgeSeconds)",
    ),
    ("memory that nobody knows", has_the_memory, {}, asked(), ""),
    ("just enough memory", has_the_memory, {"memoryBytes": 64, "neededBytes": 64}, asked(), ""),
    (
        "too little memory",
        has_the_memory,
        {"memoryBytes": 63, "neededBytes": 64},
        asked(),
        "its runs have 63 bytes for the state (spec.run.memory), which needs 64",
    ),
    ("no traffic is split", has_a_share, {}, asked(), ""),
    ("a small share", has_a_share, {"share": 1}, asked(), ""),
    ("no share", has_a_share, {"share": 0}, asked(), "has 0 percent of the policy's traffic (spec.traffic)"),
]
REASON: dict[Rule, tuple[str, bool]] = {
    large_enough: ("TooSmall", False),
    pays_off: ("PayoffTooLow", False),
    faithful_enough: ("FidelityTooLow", False),
    soon_enough: ("QueueTooLong", True),
    cheap_enough: ("TooExpensive", False),
    calibrated_lately: ("StaleCalibration", True),
    has_the_memory: ("TooLittleMemory", False),
    has_a_share: ("NoTraffic", False),
}


@pytest.mark.parametrize(
    ("rule", "figures", "question", "message"), [row[1:] for row in TRUTH], ids=[r[0] for r in TRUTH]
)
def test_a_threshold_objects_or_does_not(rule: Rule, figures: dict[str, Any], question: Question, message: str) -> None:
    """Each on both sides of its bound, and where a figure is not known; its reason, and whether it may pass."""
    verdict = rule(Figures.model_validate(figures), question)
    assert (verdict.message if verdict else "") == message
    assert verdict is None or (verdict.reason, verdict.passing) == REASON[rule]
    assert REASON[rule][0] in CANDIDATE_REASONS
    assert objection(Figures.model_validate(figures), question, (rule,)) == verdict


def test_thresholds_that_are_not_set_object_to_nothing() -> None:
    """However little is known of a backend, and however bad it is."""
    worst = {**QPU, "ceilingMicros": 10**12, "fidelityPpm": 0, "waitSeconds": 10**9, "calibrationAgeSeconds": 10**9}
    for figures in (Figures(), Figures.model_validate(QPU), Figures.model_validate(worst)):
        assert [rule(figures, asked()) for rule in REASON] == [None] * len(REASON)
