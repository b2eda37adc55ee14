"""Scores on fixed scales, and shares of traffic: which of the eligible backends a job gets."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.figures import Demand, Figures, Question
from quantum_operator.api.jobstatus import Step
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.api.routing import Weights
from quantum_operator.decide.assign import Head, Snapshot, assign
from quantum_operator.decide.candidates import on_record
from quantum_operator.decide.figures import Request, job_figures
from quantum_operator.decide.observed import Assignment
from quantum_operator.decide.ranking import COST, FIDELITY, ORDER, TIME, on_scale, score
from quantum_operator.decide.traffic import bucket_of
from quantum_operator.testing.builders import backend, job, policy

PROVIDER = {"agent": "agents", "device": "qpu"}


def weighed(weights: dict[str, int], **figures: Any) -> int | None:
    """The score of these figures by these weights."""
    question = Question.model_validate({"demand": {"qubits": 2, "shots": 1}, "routing": {"weights": weights}})
    return score(Figures.model_validate(figures), question)


@pytest.mark.parametrize(
    ("weights", "figures", "expected"),
    [
        ({"cost": 1}, {"ceilingMicros": 0}, 1000),
        ({"cost": 1}, {"ceilingMicros": 10_000}, 900),
        ({"cost": 7}, {"ceilingMicros": 1_000_000}, 600),
        ({"cost": 1}, {"ceilingMicros": 5_500_000}, 500),
        ({"cost": 1}, {"ceilingMicros": 10**15}, 0),
        ({"cost": 1}, {}, 0),
        ({"time": 1}, {"waitSeconds": 60}, 850),
        ({"time": 1}, {"waitSeconds": 3600}, 450),
        ({"time": 1}, {"waitSeconds": 10**9}, 0),
        ({"fidelity": 1}, {"fidelityPpm": 1_000_000}, 1000),
        ({"fidelity": 1}, {"fidelityPpm": 990_000}, 500),
        ({"fidelity": 1}, {}, 0),
        ({"order": 1}, {"choice": 0}, 1000),
        ({"order": 1}, {"choice": 63}, 0),
        ({"cost": 1, "time": 3}, {"ceilingMicros": 1_000_000, "waitSeconds": 60}, (600 + 3 * 850) // 4),
    ],
)
def test_a_score_is_what_the_scales_say(weights: dict[str, int], figures: dict[str, Any], expected: int) -> None:
    """At the documented points, between them, beyond them, and where a figure is not known."""
    assert weighed(weights, **figures) == expected


def test_without_weights_there_is_no_score() -> None:
    """The policy's order is all there is then."""
    assert score(Figures(), Question(demand=Demand(qubits=1, shots=1))) is None


@pytest.mark.parametrize("scale", [COST, TIME, FIDELITY, ORDER])
@given(st.data())
def test_a_scale_is_monotonic_and_within_its_bounds(scale: tuple[tuple[int, int], ...], data: st.DataObject) -> None:
    """A better figure never scores less, and no score leaves 0 to 1000."""
    rises = scale[-1][1] > scale[0][1]
    values = sorted(data.draw(st.lists(st.integers(0, 2**53 - 1), min_size=2, max_size=8)))
    scores = [on_scale(scale, value) for value in values]
    assert all(0 <= one <= 1000 for one in scores)
    assert all(one <= other if rises else one >= other for one, other in pairwise(scores))


def qpu(name: str, *, micros: int = 0, queue: int | None = None, **spec: Any) -> Any:
    """A device of a provider, at so much a run, with so long a queue."""
    given = {"adapter": "memory", "provider": PROVIDER, "price": {"perRunMicros": micros}, **spec}
    one = backend(name, **given)
    return one.model_copy(update={"status": one.status.model_copy(update={"queue_length": queue})})


def placed(spec: BackendPolicySpec, *backends: Any, uid: str = "uid", **runs: int) -> Assignment:
    """The word on one job of this UID."""
    figures = job_figures(job(uid=uid), bucket_of(uid, spec))
    head = Head(uid, "2026", 0, "default", spec, Request(Demand(qubits=2, shots=1000), "team", {}, job=figures))
    (word,) = assign(Snapshot((head,), backends, runs))
    return word


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({}, "slow-and-good"),
        ({"cost": 1}, "cheap"),
        ({"time": 1}, "soon"),
        ({"fidelity": 1}, "slow-and-good"),
        ({"cost": 1, "time": 1}, "soon"),
        ({"cost": 10, "time": 1}, "cheap"),
    ],
)
def test_a_job_goes_where_its_policys_preferences_are(weights: dict[str, int], expected: str) -> None:
    """Cost, time, fidelity or a weighing of them decides; without weights, the order."""
    backends = (
        qpu("slow-and-good", micros=50_000_000, queue=500, fidelityPpm=999_000),
        qpu("cheap", micros=10_000, queue=100, fidelityPpm=980_000),
        qpu("soon", micros=1_000_000, queue=0, fidelityPpm=980_000),
    )
    routing = {"routing": {"weights": weights}} if weights else {}
    spec = policy("slow-and-good", "cheap", "soon", **routing).spec
    found = placed(spec, *backends)
    assert found.backend == expected
    assert all((one.score is not None) == bool(weights) for one in found.candidates)


def test_backends_alike_come_in_the_policys_order() -> None:
    """A score that several have leaves the choice to the order."""
    spec = policy("b", "a", routing={"weights": {"cost": 1}}).spec
    assert placed(spec, backend("a"), backend("b")).backend == "b"


def test_the_best_one_without_room_leaves_the_job_to_the_next_best() -> None:
    """Room is asked for in the order of the scores."""
    backends = (qpu("dear", micros=10**9), qpu("middle", micros=10**6), qpu("cheap", limits={"maxConcurrentRuns": 1}))
    spec = policy("dear", "middle", "cheap", routing={"weights": {"cost": 1}}).spec
    assert placed(spec, *backends).backend == "cheap"
    assert placed(spec, *backends, cheap=1).backend == "middle"


NAMES = ("a", "b", "c", "d", "e", "f")
FLEETS = st.lists(
    st.builds(
        qpu,
        st.sampled_from(NAMES),
        micros=st.sampled_from([0, 10_000, 1_000_000, 10**9]),
        queue=st.sampled_from([None, 0, 10, 1000]),
        fidelityPpm=st.sampled_from([0, 990_000, 1_000_000]),
        limits=st.sampled_from([{}, {"maxShots": 1}]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.metadata.name,
)
WEIGHTS = st.builds(
    lambda **weights: weights,
    cost=st.integers(0, 3),
    time=st.integers(0, 3),
    fidelity=st.integers(0, 3),
    order=st.integers(1, 3),
)


def ranking(spec: BackendPolicySpec, fleet: list[Any]) -> list[str]:
    """The backends in the order in which the job would get them, each time without those before."""
    left, names = list(fleet), []
    while (word := placed(spec, *left)).backend:
        names.append(word.backend)
        left = [one for one in left if one.metadata.name != word.backend]
    return names


@given(FLEETS, WEIGHTS, st.randoms(use_true_random=False))
def test_another_candidate_changes_nothing_about_the_others(fleet: list[Any], weights: Any, rng: Any) -> None:
    """The order of any of them is that which they have among all, however they are listed."""
    spec = policy(*NAMES, routing={"weights": weights}).spec
    every = ranking(spec, fleet)
    shuffled = list(fleet)
    rng.shuffle(shuffled)
    assert ranking(spec, shuffled) == every
    some = [one for one in fleet if rng.random() < 0.5]
    kept = {one.metadata.name for one in some}
    assert ranking(spec, some) == [name for name in every if name in kept]


# --- traffic --------------------------------------------------------------------------------------------------------

SPLIT = policy("a", "b", traffic=[{"backend": "a", "percent": 70}, {"backend": "b", "percent": 20}]).spec
UIDS = [f"uid-{number}" for number in range(1000)]


def test_traffic_is_split_by_uid() -> None:
    """About as declared, the same each time, and what no share has goes by the policy's order."""
    fleet = (backend("a"), backend("b"))
    found = {uid: placed(SPLIT, *fleet, uid=uid).backend for uid in UIDS}
    assert found == {uid: placed(SPLIT, *reversed(fleet), uid=uid).backend for uid in UIDS}
    counts = Counter(found.values())
    assert 750 <= counts["a"] <= 850  # 70 % and the 10 % of nobody
    assert 150 <= counts["b"] <= 250
    assert all((bucket_of(uid, SPLIT) or 0) in range(70, 90) for uid in UIDS if found[uid] == "b")


def test_a_share_that_is_not_available_goes_on_to_the_others() -> None:
    """And is said to: in the word on the job, and with the candidate that takes it."""
    uid = next(uid for uid in UIDS if bucket_of(uid, SPLIT) in range(70, 90))
    here = placed(SPLIT, backend("a"), backend("b"), uid=uid)
    assert (here.backend, here.message) == ("b", "assigned to b by policy default")
    assert here.candidates[1].message == "the job falls into its share of the policy's traffic"
    there = placed(SPLIT, backend("a"), backend("b", ready=False), uid=uid)
    told = "for b, whose share of the traffic it is, does not"
    assert (there.backend, there.message) == ("a", f"assigned to a by policy default, {told}")
    assert there.candidates[0].message == f"first that can take it, {told}"


def test_a_backend_of_no_share_gets_nothing() -> None:
    """0 percent drains a backend, even where it is the only one left."""
    spec = policy("a", "b", traffic=[{"backend": "a", "percent": 0}, {"backend": "b", "percent": 100}]).spec
    found = placed(spec, backend("a"), backend("b", ready=False))
    assert (found.verdict, found.candidates[0].reason) == ("Waiting", "NoTraffic")


@given(st.lists(st.integers(0, 100), min_size=1, max_size=5), st.text(min_size=1, max_size=36))
def test_a_larger_first_share_takes_no_job_from_itself(percents: list[int], uid: str) -> None:
    """A job stays in the first share as that grows: a rollout moves jobs in one direction only."""
    names = ["a", "b", "c", "d", "e"][: len(percents)]

    def first(percent: int) -> bool:
        shares = [{"backend": name, "percent": one} for name, one in zip(names, [percent, *percents[1:]], strict=True)]
        spec = policy(*names, traffic=shares).spec
        word = placed(spec, *(backend(name) for name in names), uid=uid)
        assert word.question is not None
        return word.question.drawn == "a"

    if first(percents[0]):
        assert all(first(percent) for percent in range(percents[0], 101, 10))


def test_weights_of_nothing_are_refused_by_the_api() -> None:
    """At least one of them is above 0, as the CRD says; where it is not, nothing raises."""
    assert weighed({"cost": 0}) == 0
    assert Weights.cel_rules[0].message == "at least one weight is above 0"


def test_figures_of_the_score_are_on_record() -> None:
    """What the scales were read with, beside the score."""
    spec = policy("cheap", routing={"weights": {"cost": 1, "time": 1}}).spec
    (candidate,) = on_record(Step(name="primary"), placed(spec, qpu("cheap", micros=10_000, queue=2))).candidates
    assert candidate.figures is not None
    assert (candidate.figures.ceiling_micros, candidate.figures.wait_seconds, candidate.score) == (10_000, 60, 875)
