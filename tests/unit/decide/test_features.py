"""Feature flags: which jobs have a feature, what of it counts, and what of it is on record."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.execution import Execution
from quantum_operator.api.policy import BackendPolicySpec
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import JobInput
from quantum_operator.decide.accept import Acceptance, accept
from quantum_operator.decide.features import draw, features_of, undecided
from quantum_operator.decide.observed import Observed
from quantum_operator.testing.builders import job, policy
from unit.decide.fates import Fate, born, live, simulators
from unit.decide.observations import NOW

PROFILES = [{"name": "fast", "execution": {"optimizationLevel": 0, "seed": 7}}]


def feature(name: str, percent: int = 100, **execution: Any) -> dict[str, Any]:
    """One of a policy's features."""
    return {"name": name, "percent": percent, "execution": execution}


DEEP = feature("deep", optimizationLevel=3)
SEEDED = feature("seeded", optimizationLevel=2, seed=1)


def rules(*features: dict[str, Any]) -> BackendPolicySpec:
    """The spec of a policy with these features."""
    return policy(features=list(features)).spec


def has(asked: QuantumJob, *features: dict[str, Any]) -> tuple[str, ...]:
    """The names of those of these features that the job has."""
    return tuple(one.name for one in features_of(asked, rules(*features)))


def drawn(spec: BackendPolicySpec, uids: range) -> list[set[str]]:
    """The features of the job of each of these UIDs."""
    return [{one.name for one in features_of(job(uid=f"uid-{number}"), spec)} for number in uids]


def accepted(asked: QuantumJob, *features: dict[str, Any]) -> Acceptance:
    """The job as it is accepted under a policy with these features."""
    found = accept(Observed(now=NOW, job=asked, policy=policy(profiles=PROFILES, features=list(features))))
    assert isinstance(found, Acceptance)
    return found


@pytest.mark.parametrize(
    ("asked", "features", "expected"),
    [
        ({}, [DEEP], {"optimizationLevel": 3}),
        ({}, [DEEP | {"percent": 0}], {}),
        ({"optimizationLevel": 1}, [DEEP], {}),
        ({"memory": False}, [feature("shots", memory=True, seed=1)], {"seed": 1}),
        ({"profile": "fast"}, [DEEP], {"optimizationLevel": 3, "seed": 7}),
        ({"profile": "fast"}, [DEEP, SEEDED], {"optimizationLevel": 3, "seed": 1}),
        ({"profile": "fast", "optimizationLevel": 1}, [SEEDED], {"seed": 1}),
        ({}, [DEEP, SEEDED], {"optimizationLevel": 3, "seed": 1}),
        ({}, [SEEDED, DEEP], {"optimizationLevel": 2, "seed": 1}),
        ({}, [DEEP | {"percent": 0}, SEEDED], {"optimizationLevel": 2, "seed": 1}),
    ],
)
def test_the_job_wins_then_the_first_feature_then_the_profile(
    asked: dict[str, Any], features: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    """Field by field. This is what is accepted and digested, and what a backend is asked for."""
    found = accepted(job(execution=asked), *features)
    execution = Execution.model_validate(expected)
    assert JobInput.model_validate_json(found.data).execution == found.execution == execution
    assert (found.demand.mode, found.demand.simulated) == (execution.mode, execution.memory)
    assert found.features == tuple(one["name"] for one in features if one["percent"])


def test_a_job_with_a_feature_is_the_job_that_says_it_all() -> None:
    """The same input, byte for byte, and so the same digest."""
    by_flag = accepted(job(), feature("deep", optimizationLevel=3, memory=True))
    assert by_flag.data == accepted(job(execution={"optimizationLevel": 3, "memory": True})).data


def test_a_feature_has_its_share_of_the_jobs_and_a_half_of_its_own() -> None:
    """The draws of two features have nothing to do with each other; the order of the policy does not matter."""
    found = drawn(rules(feature("a", 50), feature("b", 50), feature("c", 10)), range(2000))
    assert found == drawn(rules(feature("c", 10), feature("b", 50), feature("a", 50)), range(2000))
    shares = [sum(name in one for one in found) / 2000 for name in "abc"]
    assert shares == pytest.approx([0.5, 0.5, 0.1], abs=0.05)
    assert sum({"a", "b"} <= one for one in found) / 2000 == pytest.approx(0.25, abs=0.05)


@given(st.text(max_size=5), st.text(max_size=40), st.integers(0, 100), st.integers(0, 100))
@settings(max_examples=60)
def test_a_growing_percentage_only_adds_jobs(key: str, uid: str, one: int, other: int) -> None:
    """Whoever has a feature keeps it; at 0 nobody has it and at 100 everybody, whatever the identity."""
    asked = job(uid=uid or "u", **({"idempotencyKey": key} if key else {}))
    less, more = (has(asked, feature("a", percent)) for percent in sorted((one, other)))
    assert set(less) <= set(more)
    assert (has(asked, feature("a", 0)), has(asked, feature("a", 100))) == ((), ("a",))
    assert 0 <= draw("a", uid) < 100


def test_jobs_of_one_key_have_the_same_features() -> None:
    """Created anew with another UID a job asks for the same, so that its key answers."""
    spec = rules(*(feature(f"f{number}", 50) for number in range(16)))
    one, again = (job(uid=uid, idempotencyKey="order-7") for uid in ("u-1", "u-2"))
    assert features_of(one, spec) == features_of(again, spec)
    assert features_of(one, spec) != features_of(job(namespace="far", idempotencyKey="order-7"), spec)
    assert features_of(one, spec) != features_of(job(uid="u-1"), spec)


def test_a_replay_has_no_features_of_its_own() -> None:
    """It repeats what was accepted of another job."""
    again = job(replayOf={"name": "first", "uid": "u"})
    assert has(again, feature("a")) == ()
    assert undecided(again, rules(feature("a", 50))) == ()


def test_before_a_job_has_a_uid_some_features_are_undecided() -> None:
    """Those that all or none have are not; with a key none is."""
    spec = rules(feature("all"), feature("some", 50), feature("none", 0))
    unborn = job().model_copy(update={"metadata": job().metadata.model_copy(update={"uid": ""})})
    assert [one.name for one in features_of(unborn, spec)] == ["all"]
    assert [one.name for one in undecided(unborn, spec)] == ["some"]
    assert undecided(job(), spec) == ()


def test_a_flag_that_changes_changes_no_accepted_job() -> None:
    """Which were on is on the plan, with the settings that came of them, and the run has these."""
    life = born(simulators("a"), lambda _: Fate(), {"features": [feature("deep", optimizationLevel=3, seed=5)]})
    live(life, until=lambda: life.job.status.plan is not None)
    life.observed = replace(life.observed, policy=policy("a", features=[feature("other", optimizationLevel=0, seed=6)]))
    live(life)
    plan = life.job.status.plan
    assert plan is not None
    assert (plan.features, plan.execution) == (("deep",), Execution(optimization_level=3, seed=5))
    assert (life.inputs[-1].execution.optimization_level, life.attempts[-1].seed) == (3, 5)


def test_a_plan_without_features_says_nothing_of_them() -> None:
    """As in older records."""
    plan = live(born(simulators("a"), lambda _: Fate())).job.status.plan
    assert plan is not None
    assert (plan.features, plan.execution) == ((), None)
