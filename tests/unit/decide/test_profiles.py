"""Execution profiles: settings that a policy has by a name, and what a job sets itself."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.execution import Execution, ExecutionSettings, JobExecution, settled
from quantum_operator.api.run import JobInput
from quantum_operator.decide.accept import Acceptance, accept
from quantum_operator.decide.complaint import Complaint
from quantum_operator.decide.execution import execution_of
from quantum_operator.decide.observed import Observed
from quantum_operator.testing.builders import job, policy
from unit.decide.fates import Fate, born, live, simulators
from unit.decide.observations import NOW

NOISE = {"readout": [{"probMeas1Prep0Ppm": 1, "probMeas0Prep1Ppm": 2}]}
PROFILES = [
    {"name": "fast", "execution": {"optimizationLevel": 0, "mode": "batch", "seed": 7}},
    {"name": "noisy", "execution": {"noise": NOISE, "memory": True, "initialLayout": [0, 1]}},
]


def accepted(execution: dict[str, Any], **spec: Any) -> Acceptance | Complaint:
    """What becomes of a job that asks for this execution, under a policy with the profiles."""
    asked = job(execution=execution, **spec)
    return accept(Observed(now=NOW, job=asked, policy=policy(profiles=PROFILES)))


def test_every_setting_can_be_in_a_profile() -> None:
    """What an execution has, settings have, and may leave out each."""
    assert set(ExecutionSettings.model_fields) == set(Execution.model_fields)
    assert set(JobExecution.model_fields) == {*Execution.model_fields, "profile"}
    assert settled(ExecutionSettings()) == Execution()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {}),
        ({"optimizationLevel": 3}, {"optimizationLevel": 3}),
        ({"profile": "fast"}, {"optimizationLevel": 0, "mode": "batch", "seed": 7}),
        ({"profile": "fast", "optimizationLevel": 1}, {"mode": "batch", "seed": 7}),
        ({"profile": "fast", "mode": "job", "seed": 8}, {"optimizationLevel": 0, "seed": 8}),
        ({"profile": "noisy"}, {"noise": NOISE, "memory": True, "initialLayout": [0, 1]}),
        ({"profile": "noisy", "memory": False}, {"noise": NOISE, "initialLayout": [0, 1]}),
    ],
)
def test_what_a_job_sets_itself_wins(asked: dict[str, Any], expected: dict[str, Any]) -> None:
    """Also a default that it sets itself; what neither sets has its default. This is what is accepted and digested."""
    found = accepted(asked)
    assert isinstance(found, Acceptance)
    execution = Execution.model_validate(expected)
    assert JobInput.model_validate_json(found.data).execution == found.execution == execution
    assert found.demand.mode == execution.mode
    assert found.demand.simulated == (execution.noise is not None or execution.memory)


def test_a_job_with_a_profile_is_the_job_that_says_it_all() -> None:
    """The same input, byte for byte, and so the same digest."""
    by_name, by_itself = accepted({"profile": "fast"}), accepted({"optimizationLevel": 0, "mode": "batch", "seed": 7})
    assert isinstance(by_name, Acceptance)
    assert isinstance(by_itself, Acceptance)
    assert by_name.data == by_itself.data


def test_a_profile_that_is_not_there_is_waited_for() -> None:
    """With the field, the value, and what there is."""
    found = accepted({"profile": "slow"})
    assert isinstance(found, Complaint)
    assert (found.reason, found.waits) == ("ProfileNotFound", True)
    assert "spec.execution.profile: 'slow': BackendPolicy 'default' has fast, noisy (spec.profiles)" in found.message


def test_the_settings_are_on_the_plan_once_accepted() -> None:
    """A profile that changes later changes nothing: seed, mode and level are those that were accepted."""
    life = born(simulators("a"), lambda _: Fate(), execution={"profile": "fast"})
    life.observed = replace(life.observed, policy=policy("a", profiles=PROFILES))
    live(life, until=lambda: life.job.status.plan is not None)
    plan = life.job.status.plan
    assert plan is not None
    assert plan.execution == Execution(optimization_level=0, mode="batch", seed=7)
    changed = [{"name": "fast", "execution": {"optimizationLevel": 2, "seed": 9}}]
    life.observed = replace(life.observed, policy=policy("a", profiles=changed))
    live(life)
    assert life.attempts[-1].seed == 7
    assert life.inputs[-1].execution.optimization_level == 0
    assert life.job.status.execution is not None
    assert life.job.status.execution.seed == 7


def test_large_settings_are_in_the_input_alone() -> None:
    """A status has no room for a noise model: the plan keeps the rest."""
    life = born(simulators("a"), lambda _: Fate(), execution={"profile": "noisy"})
    life.observed = replace(life.observed, policy=policy("a", profiles=PROFILES))
    live(life)
    assert life.inputs[-1].execution.noise is not None
    assert life.job.status.plan is not None
    assert life.job.status.plan.execution == Execution(memory=True)


def test_a_plan_without_a_profile_has_no_settings() -> None:
    """The job's own spec says it all, as in older records."""
    life = live(born(simulators("a"), lambda _: Fate(), execution={"seed": 3}))
    assert life.job.status.plan is not None
    assert life.job.status.plan.execution is None
    assert execution_of(job(execution={"seed": 3})) == Execution(seed=3)


def test_a_retry_changes_what_the_profile_gave() -> None:
    """The level that is tried after a failure comes in place of the profile's, and everything else of it stays."""
    profiles = [{"name": "deep", "execution": {"optimizationLevel": 3, "noise": NOISE}}]
    retry = {"onFailure": [{"reasons": ["MemoryLimitExceeded"], "optimizationLevel": 0}]}
    life = born(
        simulators("a", "b"),
        lambda attempt: Fate("" if attempt.changes else "OOMKilled"),
        execution={"profile": "deep"},
        retry=retry,
    )
    life.observed = replace(life.observed, policy=policy("a", "b", profiles=profiles))
    live(life)
    first, last = life.inputs[0].execution, life.inputs[-1].execution
    assert (first.optimization_level, last.optimization_level) == (3, 0)
    assert first.noise == last.noise
    assert first.noise is not None


SETTINGS = st.builds(
    lambda **given: {name: value for name, value in given.items() if value is not None},
    seed=st.none() | st.integers(0, 9),
    compilation=st.sampled_from([None, "full", "isa"]),
    optimizationLevel=st.none() | st.integers(0, 3),
    mode=st.sampled_from([None, "job", "batch", "session"]),
    memory=st.sampled_from([None, True, False]),
)


@given(SETTINGS, SETTINGS)
def test_each_setting_is_the_jobs_else_the_profiles_else_the_default(asked: Any, profile: Any) -> None:
    """Field by field, whatever both set."""
    found = settled(JobExecution.model_validate(asked), ExecutionSettings.model_validate(profile))
    expected = Execution().to_wire() | profile | asked
    assert json.loads(json.dumps(found.to_wire())) == expected
