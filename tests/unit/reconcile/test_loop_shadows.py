"""Shadows through the whole loop: made before their primaries end, run once, compared, and no harm to anybody."""

import asyncio
from typing import Any, Literal, get_args

import pytest

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import JobInput, RunSpec
from quantum_operator.decide.names import shadow_name
from quantum_operator.decide.shadow import draw
from quantum_operator.decide.status import find_condition, latest_attempt
from quantum_operator.decide.times import parse
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from quantum_operator.testing.drive import settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.world import MemoryWorld, succeed
from support.disturbed import calls_to_disturb
from unit.reconcile.scenarios import reason

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault != "gone")


def shadow_world(percent: int = 100, jobs: int = 1, **spec: Any) -> MemoryWorld:
    """Jobs under a policy whose shadows go to a second simulator."""
    world = MemoryWorld()
    world.add(builders.policy(shadow={"backend": "other", "percent": percent}, **spec))
    world.add(builders.backend(), builders.backend("other"))
    world.add(*(builders.job(f"bell-{number}") for number in range(jobs)))
    return world


def shadows(world: MemoryWorld) -> dict[str, QuantumJob]:
    """Every shadow, by the name of its primary."""
    return {job.spec.shadow_of.name: job for job in world.jobs.values() if job.spec.shadow_of is not None}


def agreement(job: QuantumJob) -> tuple[str, str] | None:
    """Whether a shadow agrees, and why."""
    found = find_condition(job.status.conditions, ConditionType.AGREES)
    return (found.status, found.reason) if found is not None else None


def test_a_share_of_the_jobs_is_run_twice_and_compared() -> None:
    """Those that their UIDs say, on the shadow backend alone, after their primaries, and as jobs of their own."""
    world = shadow_world(50, jobs=20)
    assert asyncio.run(settle(world))
    found = shadows(world)
    drawn = {f"bell-{number}" for number in range(20) if draw(f"uid-of-team-bell-{number}") < 50}
    assert set(found) == drawn
    assert 0 < len(drawn) < 20
    for name, shadow in found.items():
        primary = world.jobs[Key("team", name)]
        assert shadow.metadata.name == primary.status.shadow == shadow_name(name, primary.metadata.uid)
        assert (primary.status.backend, shadow.status.backend) == ("simulator", "other")
        assert primary.status.input is not None
        assert shadow.status.input is not None
        assert primary.status.input.sha256 == shadow.status.input.sha256
        mine, theirs = latest_attempt(shadow.status), latest_attempt(primary.status)
        assert mine is not None
        assert theirs is not None
        assert mine.seed != theirs.seed
        assert agreement(shadow) == ("True", "ResultsAgree")
        assert shadow.status.shadow is None
    others = [job for job in world.jobs.values() if job.spec.shadow_of is None and job.metadata.name not in drawn]
    assert all(job.status.shadow is None for job in others)
    assert {job.status.phase for job in world.jobs.values()} == {"Succeeded"}


def test_a_shadow_has_what_was_accepted_whatever_was_edited_since() -> None:
    """A ConfigMap, a profile and a feature that change the moment the primary is over: the input stays the same."""
    world = shadow_world(profiles=[{"name": "fast", "execution": {"optimizationLevel": 0, "seed": 7}}])
    world.config_maps["team", "programs", "bell"] = builders.BELL
    ref = {"name": "programs", "key": "bell"}
    mapped = builders.job("bell-0", programs=[{"name": "bell", "configMapKeyRef": ref}], execution={"profile": "fast"})
    world.add(mapped)

    def edited(spec: RunSpec, job_input: JobInput) -> bytes | str:
        world.config_maps["team", "programs", "bell"] = builders.BELL + "// edited\n"
        features = [{"name": "deep", "execution": {"optimizationLevel": 3, "memory": True}}]
        world.add(builders.policy(shadow={"backend": "other", "percent": 100}, features=features))
        return succeed(spec, job_input)

    world.script = edited
    assert asyncio.run(settle(world))
    shadow, primary = shadows(world)["bell-0"], world.jobs[Key("team", "bell-0")]
    assert shadow.status.input is not None
    assert primary.status.input is not None
    assert shadow.status.input.sha256 == primary.status.input.sha256
    assert shadow.status.plan is not None
    assert (shadow.status.plan.features, shadow.status.plan.demand.shadow) == ((), "other")
    attempt = latest_attempt(shadow.status)
    assert attempt is not None
    assert attempt.seed != 7
    assert agreement(shadow) == ("True", "ResultsAgree")


def test_a_backend_that_gives_something_else_is_found_out() -> None:
    """With the figures, a condition and an event; the primary has its result."""
    world = shadow_world()

    def biased(spec: RunSpec, job_input: JobInput) -> bytes | str:
        if spec.backend != "other":
            return succeed(spec, job_input)
        counts = {"name": "c", "size": 2, "counts": {"00": 600, "11": 424}}
        pub = {"program": "bell", "shape": [], "shots": 1024, "samples": [{"index": 0, "registers": [counts]}]}
        return builders.outcome(spec, job_input, pubs=[pub]).model_dump_json(by_alias=True, exclude_none=True).encode()

    world.script = biased
    assert asyncio.run(settle(world))
    shadow = shadows(world)["bell-0"]
    assert agreement(shadow) == ("False", "ResultsDiffer")
    found = shadow.status.comparison
    assert found is not None
    assert (found.backend, found.tests, found.differ, found.pubs[0].distance_ppm) == ("simulator", 1, 1, 85_938)
    told = [(one.type, one.reason) for key, one in world.events if key.name == shadow.metadata.name]
    assert ("Warning", "ResultsDiffer") in told
    assert reason(world.jobs[Key("team", "bell-0")]) == "Succeeded"


def failing(spec: RunSpec, job_input: JobInput) -> bytes | str:
    """The script by which shadows run out of memory."""
    return "OOMKilled" if spec.backend == "other" else succeed(spec, job_input)


@pytest.mark.parametrize(
    ("rules", "qubits", "ends"),
    [
        ({}, 20, "MemoryLimitExceeded"),
        ({"fallback": [{"on": ["Infrastructure"], "to": "Simulator"}]}, 20, "MemoryLimitExceeded"),
        ({}, 1, "NoEligibleBackend"),
        ({"fallback": [{"on": ["NoEligibleBackend"], "to": "Simulator"}]}, 1, "NoEligibleBackend"),
    ],
)
def test_whatever_becomes_of_a_shadow_its_primary_has_its_result(rules: dict[str, Any], qubits: int, ends: str) -> None:
    """A shadow falls back to nothing, and no other backend is tried."""
    world = shadow_world(**rules)
    world.add(builders.backend("other", qubits=qubits))
    world.script = failing
    assert asyncio.run(settle(world))
    shadow = shadows(world)["bell-0"]
    assert reason(shadow) == ends
    assert {one.backend for one in (latest_attempt(shadow.status),) if one is not None} <= {"other"}
    primary = world.jobs[Key("team", "bell-0")]
    assert (reason(primary), primary.status.backend) == ("Succeeded", "simulator")


def test_a_shadow_that_is_refused_is_told_of() -> None:
    """By a quota, say: the primary ends as ever, with an event."""
    world = shadow_world()
    world.refuses_jobs = "exceeded quota: jobs"
    assert asyncio.run(settle(world))
    assert shadows(world) == {}
    assert reason(world.jobs[Key("team", "bell-0")]) == "Succeeded"
    (told,) = [one.message for _, one in world.events if one.reason == "ShadowRefused"]
    assert "exceeded quota: jobs" in told


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_primary_ends_though_nobody_answers_for_its_shadow(when: Literal["before", "after"], faults: str) -> None:
    """A webhook that fails, say. It waits a while, and says so; wherever the process dies, there is no second one."""
    undisturbed = shadow_world()
    undisturbed.unanswered = when
    assert asyncio.run(settle(undisturbed))
    primary = undisturbed.jobs[Key("team", "bell-0")]
    assert reason(primary) == "Succeeded"
    assert {name: agreement(job) for name, job in shadows(undisturbed).items()} == (
        {"bell-0": ("True", "ResultsAgree")} if when == "after" else {}
    )
    (told,) = [one.message for _, one in undisturbed.events if one.reason == "ShadowRefused"]
    assert primary.status.shadow is not None
    assert f"its shadow {primary.status.shadow} can't be created" in told
    assert 2 < undisturbed.faults.calls.count("store.create_job") < 20
    assert primary.status.completion_time is not None
    begun = parse(primary.metadata.creation_timestamp)
    assert 20 < (parse(primary.status.completion_time) - begun).total_seconds() < 40
    disturbances: tuple[Fault, ...] = ("crash-before", "crash-after", "transient-after")
    for fault in disturbances:
        for n in calls_to_disturb(len(undisturbed.faults.calls), faults, fault):
            world = shadow_world()
            world.unanswered = when
            world.fail_at(n, fault)
            for _ in range(2):
                if asyncio.run(settle(world)):
                    break
            assert summary(world) == summary(undisturbed)
            assert len(world.started) == len(set(world.started)) == 1 + len(world.created)


def test_a_shadow_is_created_where_the_answer_comes_late() -> None:
    """The next try finds that it may be: nothing was lost by waiting."""
    world = shadow_world()
    world.unanswered = "before"
    world.clock.later(10.0, lambda: setattr(world, "unanswered", ""))
    assert asyncio.run(settle(world))
    assert agreement(shadows(world)["bell-0"]) == ("True", "ResultsAgree")
    assert "ShadowRefused" not in {one.reason for _, one in world.events}


def test_a_namesake_of_a_shadow_is_left_alone() -> None:
    """Whoever took the name first keeps it, and the primary says so."""
    world = shadow_world()
    name = shadow_name("bell-0", "uid-of-team-bell-0")
    world.add(builders.job(name))
    assert asyncio.run(settle(world))
    assert world.jobs[Key("team", name)].spec.shadow_of is None
    assert "ShadowRefused" in {one.reason for _, one in world.events}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"idempotencyKey": "k"}, 1),
        ({"replayOf": {"name": "first", "uid": "u"}}, 1),
        ({"cancel": True}, 0),
        ({"programs": [{"name": "bell", "qasm3": "OPENQASM 3.0; qubit q;"}]}, 0),
    ],
)
def test_only_jobs_with_a_result_of_their_own_have_shadows(spec: dict[str, Any], expected: int) -> None:
    """Of two jobs with one key the one that ran has a shadow, and that has no key of its own."""
    world = shadow_world(jobs=0)
    world.add(builders.job("one", **spec))
    assert asyncio.run(settle(world))
    world.add(builders.job("two", **spec))
    assert asyncio.run(settle(world))
    found = shadows(world)
    assert len(found) == (2 * expected if "replayOf" in spec else expected)
    assert all(job.spec.idempotency_key is None and job.spec.replay_of is None for job in found.values())
    assert {job.status.phase for job in found.values()} <= {"Succeeded"}


def test_a_shadow_goes_with_its_primary() -> None:
    """Also one that waits."""
    world = shadow_world()
    world.add(builders.backend("other", ready=False, adapter="memory", provider={"agent": "agents", "device": "d"}))
    assert asyncio.run(settle(world))
    assert len(world.jobs) == 2
    world.delete(Key("team", "bell-0"))
    assert asyncio.run(settle(world))
    assert world.jobs == {}


def test_a_job_of_a_user_that_calls_itself_a_shadow_is_refused() -> None:
    """It is none: the operator's word for it is on no primary's status. Of a job that is not there it waits."""
    world = shadow_world(0)
    assert asyncio.run(settle(world))
    world.add(
        builders.job("forged", shadowOf={"name": "bell-0", "uid": "uid-of-team-bell-0"}),
        builders.job("orphan", shadowOf={"name": "gone", "uid": "u"}),
    )
    assert asyncio.run(settle(world))
    assert reason(world.jobs[Key("team", "forged")]) == "NotAShadow"
    assert reason(world.jobs[Key("team", "orphan")], "Accepted") == "AwaitingPrimary"


def summary(world: MemoryWorld) -> dict[str, tuple[str, str, tuple[str, str] | None]]:
    """How every job ended, and whether shadows agree."""
    return {key.name: (reason(job), job.status.backend or "", agreement(job)) for key, job in world.jobs.items()}


@pytest.mark.parametrize("fault", FAULTS)
def test_there_is_one_shadow_wherever_the_process_dies(fault: Fault, faults: str) -> None:
    """Whichever port call fails so: the shadow is there once, runs once, and both end as they would have."""
    undisturbed = shadow_world()
    assert asyncio.run(settle(undisturbed))
    for n in calls_to_disturb(len(undisturbed.faults.calls), faults, fault):
        if fault in ("refused", "taken") and undisturbed.faults.calls[n - 1] == "store.create_job":
            continue
        world = shadow_world()
        world.fail_at(n, fault)
        for _ in range(2):
            if asyncio.run(settle(world)):
                break
        assert summary(world) == summary(undisturbed)
        assert world.created == undisturbed.created
        assert len(world.started) == len(set(world.started)) == 2


def test_a_shadow_that_can_not_be_paid_for_fails_by_itself() -> None:
    """Of money for one run the primary has the first; and jobs that wait go before shadows."""
    world = shadow_world(jobs=2, budgets=[{"name": "all", "limitMicros": 250}], onExceeded="Fail")
    priced = {"price": {"perRunMicros": 100}}
    world.add(builders.backend(limits={"maxConcurrentRuns": 1}, **priced), builders.backend("other", **priced))
    assert asyncio.run(settle(world))
    assert [reason(job) for job in world.jobs.values() if job.spec.shadow_of is None] == ["Succeeded"] * 2
    assert [reason(job) for job in shadows(world).values()] == ["BudgetExceeded"] * 2
    assert all(status.spent_micros + status.reserved_micros <= 250 for _, status in world.ledger_history)


def test_a_shadow_does_not_run_on_a_qpu_while_those_are_off() -> None:
    """It waits for them, as any job without a fallback does."""
    world = shadow_world(quantumEnabled=False)
    provider = {"agent": "agents", "device": "qpu"}
    world.add(builders.backend("other", adapter="memory", provider=provider, price={"perRunMicros": 1}))
    assert asyncio.run(settle(world))
    shadow = shadows(world)["bell-0"]
    assert (reason(shadow, "Scheduled"), reason(shadow)) == ("QuantumDisabled", "")
    assert world.tasks == {}
    assert reason(world.jobs[Key("team", "bell-0")]) == "Succeeded"


def test_a_shadow_of_a_job_that_was_cancelled_at_the_last_moment_does_not_run() -> None:
    """It was made, the process died before the job's end was on record, its run went, and the job ended otherwise."""
    world = shadow_world()
    assert asyncio.run(settle(world))
    made = world.faults.calls.index("store.create_job") + 1
    world = shadow_world()
    world.fail_at(made, "crash-after")
    assert not asyncio.run(settle(world))
    job = world.jobs[Key("team", "bell-0")]
    world.delete_run("team", world.started[0])
    world.add(job.model_copy(update={"spec": job.spec.model_copy(update={"cancel": True})}))
    assert asyncio.run(settle(world))
    assert {reason(one) for one in world.jobs.values()} == {"Cancelled", "PrimaryWithoutResult"}
    assert len(world.started) == 1
