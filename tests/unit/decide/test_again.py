"""Decisions made again from what is on record of them."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.figures import Demand
from quantum_operator.api.jobstatus import Step
from quantum_operator.api.routing import Routing
from quantum_operator.decide.again import Again, again, canonical, unlike_its_attempts
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.candidates import on_record
from quantum_operator.decide.figures import Request, job_figures
from quantum_operator.decide.observed import Assignment
from quantum_operator.decide.traffic import bucket_of
from quantum_operator.testing.builders import backend, job, policy
from unit.decide.observations import NOW

NAMES = tuple(f"backend-{number}" for number in range(8))


def fleet(rng: random.Random) -> tuple[Any, ...]:
    """Backends of every kind."""
    made = []
    for name in rng.sample(NAMES, rng.randint(1, len(NAMES))):
        provider = {"agent": "agents", "device": name, "kind": rng.choice(["Hardware", "Hardware", "Simulator"])}
        price = {"perShotMicros": rng.choice([0, 10, 300]), "perSecondMicros": rng.choice([0, 1_000_000])}
        spec: dict[str, Any] = {"adapter": "memory", "provider": provider, "price": price}
        if rng.random() < 0.4:
            spec = {"simulator": {"method": rng.choice(["automatic", "statevector", "density_matrix"])}}
        one = backend(
            name,
            qubits=rng.choice([2, 20, 40]),
            ready=rng.choice([True, True, True, False, None]),
            namespaces=rng.choice(
                [{"from": "All"}] * 4 + [{"from": "Selector", "selector": {"matchLabels": {"a": "b"}}}]
            ),
            limits={"maxShots": rng.choice([100, 10_000]), "maxConcurrentRuns": rng.choice([1, 5])},
            fidelityPpm=rng.choice([900_000, 999_000]),
            **spec,
        )
        calibrated = rng.choice([None, "2025-12-31T00:00:00Z", "2020-01-01T00:00:00Z"])
        update = {"queue_length": rng.choice([None, 0, 50]), "calibration_time": calibrated}
        made.append(one.model_copy(update={"status": one.status.model_copy(update=update)}))
    return tuple(made)


def rules(rng: random.Random) -> dict[str, Any]:
    """What a policy says of routing."""
    weights = {name: rng.randint(0, 5) for name in ("cost", "time", "fidelity")} | {"order": 1}
    every = {
        "weights": weights,
        "minQpuQubits": rng.choice([1, 10]),
        "minPayoffPercent": 100,
        "minFidelityPpm": rng.choice([0, 990_000]),
        "maxWaitSeconds": 600,
        "maxCostMicros": 10_000_000,
        "maxCalibrationAgeSeconds": 86_400 * 30,
    }
    routing = {name: value for name, value in every.items() if rng.random() < 0.4}
    shares = [{"backend": name, "percent": rng.randint(0, 40)} for name in rng.sample(NAMES, 3)]
    return {"routing": routing, "traffic": shares if rng.random() < 0.5 else []}


def decided_steps(count: int) -> list[Step]:
    """The records of so many decisions, each of another world, as a status has them."""
    rng, steps = random.Random(5), []
    while len(steps) < count:
        spec = policy(*NAMES, **rules(rng)).spec
        heads = []
        for number in range(rng.randint(1, 3)):
            uid = f"uid-{len(steps)}-{number}"
            payoff = rng.choice([{}, {"expectedPayoffMicros": 5_000_000}])
            demand = Demand(qubits=rng.choice([1, 8, 30]), shots=1000, executed_shots=1000)
            asked = Request(
                demand,
                "team",
                {},
                rng.choice([{}, {NAMES[0]: "failed"}]),
                job_figures(job(**payoff), bucket_of(uid, spec)),
            )
            heads.append(Head(uid, str(number), 0, "default", spec, asked, True, 7))
        runs = {name: rng.randint(0, 5) for name in NAMES}
        words = assign(Snapshot(tuple(heads), fleet(rng), runs, NOW))
        steps += [on_record(Step(name="primary"), word) for word in words if word.candidates]
    return steps[:count]


def replays(steps: list[Step]) -> list[Again]:
    """Every decision, made again from the bytes of its record."""
    found = [again(Step.model_validate_json(json.dumps(step.to_wire()))) for step in steps]
    return [one for one in found if one is not None]


def test_500_recorded_decisions_are_repeated_byte_for_byte() -> None:
    """Twice, from what a status holds and nothing else; and they are of every kind."""
    steps = decided_steps(500)
    first, second = replays(steps), replays(steps)
    assert len(first) == 500
    assert [one.repeated for one in first] == [one.recorded for one in first]
    assert first == second
    assert [one.recorded for one in first] == [canonical(step.candidates) for step in steps]
    assert not any(one.differences for one in first)
    reasons = {candidate.reason for step in steps for candidate in step.candidates}
    assert len(reasons) >= 14, sorted(reasons)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"qubits": 1}, "a: verdict is 'Chosen' on record, and 'Rejected' when decided again"),
        ({"ready": False, "state": "gone"}, "b: verdict is 'Eligible' on record, and 'Chosen' when decided again"),
    ],
)
def test_what_differs_is_told(change: dict[str, Any], told: str) -> None:
    """A record that was tampered with, or that other rules made, is not repeated: each difference has a line."""
    spec = policy("a", "b").spec
    head = Head("uid", "2026", 0, "default", spec, Request(Demand(qubits=2, shots=10), "team", {}))
    (word,) = assign(Snapshot((head,), (backend("a"), backend("b"))))
    step = on_record(Step(name="primary"), word)
    first = step.candidates[0]
    assert first.figures is not None
    forged = first.model_copy(update={"figures": first.figures.model_copy(update=change)})
    found = again(step.model_copy(update={"candidates": (forged, *step.candidates[1:])}))
    assert found is not None
    assert told in found.differences
    assert found.recorded != found.repeated


def test_an_older_record_can_not_be_repeated() -> None:
    """Where it has no figures, or nothing was decided yet, nobody claims anything."""
    spec = policy("a").spec
    head = Head("uid", "2026", 0, "default", spec, Request(Demand(qubits=2, shots=10), "team", {}))
    (word,) = assign(Snapshot((head,), (backend("a"),)))
    step = on_record(Step(name="primary"), word)
    bare = tuple(one.model_copy(update={"figures": None}) for one in step.candidates)
    assert again(step.model_copy(update={"candidates": bare})) is None
    assert again(step.model_copy(update={"question": None})) is None
    assert again(Step(name="primary")) is None


def test_an_attempt_elsewhere_is_told() -> None:
    """The last attempt is where the decision put it, or somebody changed one of them."""
    step = Step.model_validate(
        {
            "name": "primary",
            "candidates": [{"backend": "a", "verdict": "Chosen", "reason": "Chosen"}],
            "attempts": [
                {
                    "name": "run-1",
                    "number": 1,
                    "backend": "b",
                    "state": "Succeeded",
                    "seed": 1,
                    "createdTime": "2026-01-01T00:00:00Z",
                }
            ],
        }
    )
    assert unlike_its_attempts(step) == "attempt 1 is on b, and the decision on record chose a"
    there = step.attempts[0].model_copy(update={"backend": "a"})
    assert unlike_its_attempts(step.model_copy(update={"attempts": (there,)})) == ""
    assert unlike_its_attempts(step.model_copy(update={"attempts": ()})) == ""


# --- whatever there is to be assigned ---------------------------------------------------------------------------------


def world(rng: random.Random, *, uid: str = "uid") -> Snapshot:
    """Jobs, a policy with any rules, backends of every kind, and runs under way."""
    spec = policy(*NAMES, **rules(rng)).spec
    heads = []
    for number in range(rng.randint(1, 5)):
        demand = Demand(qubits=rng.choice([1, 8, 30]), shots=1000, executed_shots=rng.choice([0, 1000]))
        figures = job_figures(job(), bucket_of(f"{uid}-{number}", spec))
        asked = Request(demand, "team", {}, rng.choice([{}, {NAMES[0]: "failed"}]), figures)
        heads.append(Head(f"{uid}-{number}", str(number % 2), 0, "default", spec, asked, rng.random() < 0.5, 7))
    return Snapshot(tuple(heads), fleet(rng), {name: rng.randint(0, 5) for name in NAMES}, NOW)


@given(st.randoms(use_true_random=False), st.randoms(use_true_random=False))
def test_a_decision_depends_on_no_order_of_what_is_given(rng: random.Random, shuffling: random.Random) -> None:
    """Nothing raises; the same of the same, however heads and backends are listed; and no rejected one is chosen."""
    snapshot = world(rng)
    heads, backends = list(snapshot.heads), list(snapshot.backends)
    shuffling.shuffle(heads)
    shuffling.shuffle(backends)
    found = assign(snapshot)
    assert assign(replace(snapshot, heads=tuple(heads), backends=tuple(backends))) == found
    for word in found:
        chosen = [one for one in word.candidates if one.verdict == "Chosen"]
        assert [one.backend for one in chosen] == ([word.backend] if word.verdict == "Assigned" else [])
        assert all(one.score is None for one in word.candidates if one.verdict == "Rejected")
        if word.candidates:
            made = again(on_record(Step(name="primary"), word))
            assert made is not None
            assert made.recorded == made.repeated


@given(st.randoms(use_true_random=False))
def test_a_lower_limit_of_cost_never_makes_a_costlier_choice(rng: random.Random) -> None:
    """With the limit between what it chose and nothing, what it chooses instead costs no more than the limit."""
    snapshot = world(rng)
    first = replace(snapshot, heads=snapshot.heads[:1])
    (word,) = assign(first)
    chosen = cost(word)
    if chosen is None:
        return
    head = first.heads[0]
    assert head.policy is not None
    routing = (head.policy.routing or Routing()).model_copy(update={"max_cost_micros": max(0, chosen - 1)})
    limited = replace(head, policy=head.policy.model_copy(update={"routing": routing}))
    (stricter,) = assign(replace(first, heads=(limited,)))
    instead = cost(stricter)
    assert instead is None or instead <= max(0, chosen - 1)


def cost(word: Assignment) -> int | None:
    """What the job costs at most where it was put; None where it was not, or nobody can say."""
    step = on_record(Step(name="primary"), word)
    figures = next((one.figures for one in step.candidates if one.verdict == "Chosen"), None)
    return figures.ceiling_micros if figures is not None else None


@given(st.randoms(use_true_random=False))
def test_who_is_told_the_same_is_told_what_he_would_be_alone(rng: random.Random) -> None:
    """Jobs that ask alike share the work of being judged, and nothing else: the words are those without sharing."""
    snapshot = world(rng)
    first = snapshot.heads[0]
    alike = tuple(replace(first, job_uid=f"uid-{n}", created=str(n), small=rng.random() < 0.5) for n in range(8))
    shared = assign(replace(snapshot, heads=(*snapshot.heads[1:], *alike)))
    apart = tuple(
        replace(one, policy=one.policy.model_copy() if one.policy is not None else None)
        for one in (*snapshot.heads[1:], *alike)
    )
    alone = assign(replace(snapshot, heads=apart))
    assert shared == alone
    assert [one.figures for one in shared] == [one.figures for one in alone]
