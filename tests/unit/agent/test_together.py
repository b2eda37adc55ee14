"""Jobs that are submitted together: each is run once, has what is its own, and bears its share of what that cost."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.agent.shares import shares
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask, TaskResolution
from quantum_operator.decide.status import find_condition
from quantum_operator.ports.adapter import (
    AdapterError,
    AmbiguousError,
    Capabilities,
    RejectedError,
    SaturatedError,
    UnavailableError,
)
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from quantum_operator.testing.drive import Driver
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.provider import PRICE_MICROS, MemoryProvider
from quantum_operator.testing.world import MemoryWorld
from support.disturbed import calls_to_disturb
from unit.agent.paidworld import assert_on_the_ledger, live

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault not in ("gone", "refused", "taken"))
KINDS = ("provider", "tag")
SHOTS = {"a": 100, "b": 200, "c": 700}


def provider(token: str = "tag", **changes: Any) -> MemoryProvider:
    given: dict[str, Any] = {"submit_seconds": 2, "combines": True} | changes
    return MemoryProvider(Capabilities("Memory", token, 3, False, 10, 600, **given))  # type: ignore[arg-type]


def asked(name: str, shots: int, **spec: Any) -> QuantumJob:
    task = {"sample": {"pubs": [{"program": "bell", "shots": shots}]}}
    return builders.job(name, **{"task": task, **spec})


def company(*more: QuantumJob, most: int = 3_000_000, limit: int = 10) -> MemoryWorld:
    """Three jobs, and more, for a device that takes them together."""
    world = MemoryWorld()
    given = {"agent": "agents", "device": "qpu"}
    limits = {"maxBatchJobs": limit}
    backend = builders.backend("qpu", adapter="memory", provider=given, price={"perRunMicros": most}, limits=limits)
    world.add(backend, builders.policy("qpu"), *(asked(name, shots) for name, shots in SHOTS.items()), *more)
    return world


def run(world: MemoryWorld, at: MemoryProvider, until: Callable[[], bool] = lambda: False) -> None:
    asyncio.run(live(world, at, until=until))


def phases(world: MemoryWorld) -> dict[str, str]:
    return {key.name: job.status.phase or "" for key, job in world.jobs.items()}


def costs(world: MemoryWorld) -> dict[str, int]:
    return {key.name: job.status.cost.micros for key, job in world.jobs.items() if job.status.cost is not None}


def task_of(world: MemoryWorld, job: str) -> QuantumTask:
    return next(one for key, one in world.tasks.items() if key.name.startswith(f"{job}-"))


def cancel_job(world: MemoryWorld, name: str) -> None:
    job = world.jobs[Key("team", name)]
    if not job.spec.cancel:
        world.add(job.model_copy(update={"spec": job.spec.model_copy(update={"cancel": True})}))


def assert_each_ran_once(world: MemoryWorld, at: MemoryProvider) -> None:
    """All succeeded, the circuits of each were executed once, and what that cost is on record to the micro-unit."""
    assert set(phases(world).values()) == {"Succeeded"}, {k: j.status.conditions for k, j in world.jobs.items()}
    executed = Counter(shots for one in at.tasks if one.state == "Succeeded" for shots in one.shots)
    assert executed == Counter(SHOTS.values())
    assert sum(costs(world).values()) == at.charged
    assert_on_the_ledger(world, at)


def test_those_that_come_together_are_submitted_once() -> None:
    """The charge is divided by shots; each task has its own outcome, and names the submission that it was part of."""
    world, at = company(), provider()
    run(world, at)
    assert_each_ran_once(world, at)
    assert len(at.tasks) == 1
    assert costs(world) == {"a": 100_000, "b": 200_000, "c": 700_000}
    assert {one.status.provider_id for one in world.tasks.values()} == {at.tasks[0].id}
    assert len({one.status.outcome.sha256 for one in world.tasks.values() if one.status.outcome}) == 3
    told = f"submitted with 2 others as task {task_of(world, 'a').metadata.name}; what it cost is its share, by shots"
    ends = [find_condition(job.status.conditions, ConditionType.COMPLETE) for job in world.jobs.values()]
    assert [one.message for one in ends if one is not None] == [f"ran on qpu; {told}"] * 3
    assert at.calls.count("submit") == 1
    assert at.calls.count("fetch") == 1


def test_an_agent_that_was_away_submits_them_once() -> None:
    """They are not too old to wait for each other: that begins when they are ready."""
    world, at = company(), provider()
    asyncio.run(create_tasks(world))
    world.clock.advance(3600)
    run(world, at)
    assert_each_ran_once(world, at)
    assert len(at.tasks) == 1


async def create_tasks(world: MemoryWorld) -> None:
    """Let the operator do all that it can without the agent."""
    async with Driver(world) as driver:
        while not await driver.idle():
            pass
    assert len(world.tasks) == len(SHOTS)


@pytest.mark.parametrize("token", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_runs_once_whichever_call_fails(fault: Fault, token: str, faults: str) -> None:
    """Errors and crashes, of the operator and of the agent, before and after every call."""
    whole = company()
    run(whole, provider(token))
    calls = calls_to_disturb(len(whole.faults.calls), faults, fault, turn=KINDS.index(token))
    for n in calls if faults == "all" else calls[:: 2 if token == "tag" else 4]:
        world, at = company(), provider(token)
        world.fail_at(n, fault)
        run(world, at)
        assert_each_ran_once(world, at)


def test_each_runs_once_through_two_crashes(faults: str) -> None:
    """The second in the recovery from the first."""
    whole = company()
    run(whole, provider())
    for n in calls_to_disturb(len(whole.faults.calls), faults, "crash-after"):
        for more in (1, 4, 9) if faults == "all" else (4,):
            world, at = company(), provider()
            world.fail_at(n, "crash-after")
            world.fail_at(n + more, "crash-before")
            run(world, at)
            assert_each_ran_once(world, at)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "error", [AmbiguousError("reset"), UnavailableError("down"), SaturatedError("wait", retry_after=7)]
)
@pytest.mark.parametrize("call", ["submit", "poll", "fetch"])
def test_a_provider_that_errs_runs_each_once(call: str, error: AdapterError, after: bool) -> None:
    """What was not answered is looked up under the token of the submission, which is not that of a task."""
    if call == "submit" and after:
        error = AmbiguousError("the answer was lost")
    world, at = company(), provider()
    at.failing[call] = [(error, after)] * 2
    run(world, at)
    assert_each_ran_once(world, at)
    assert at.tasks[0].token not in {one.spec.token for one in world.tasks.values()}


def test_a_job_that_can_not_be_compiled_fails_alone() -> None:
    """It costs nothing, and the others are submitted without it."""
    world, at = company(asked("bad", 50, programs=[{"name": "bell", "qasm3": f"{builders.BELL}\n// BAD"}])), provider()
    run(world, at)
    assert phases(world).pop("bad") == "Failed"
    assert {name for name, phase in phases(world).items() if phase == "Succeeded"} == set(SHOTS)
    assert [sorted(one.shots) for one in at.tasks] == [sorted(SHOTS.values())]
    assert_on_the_ledger(world, at)


def test_a_submission_that_is_refused_is_made_for_each_alone() -> None:
    """So that the one that is at fault is known by it, and nobody else fails."""
    world, at = company(), provider()
    at.failing["submit"] = [(RejectedError("no such gate"), False)]
    run(world, at)
    assert_each_ran_once(world, at)
    assert len(at.tasks) == 3
    assert {one.status.charge.micros for one in world.tasks.values() if one.status.charge} == {PRICE_MICROS}


def test_one_that_failed_is_followed_by_each_alone_within_its_ceiling() -> None:
    """What it had cost is shared, counts for each, and is a part of what each may cost."""
    world, at = company(), provider()

    def fails() -> bool:
        if len(at.tasks) == 1 and at.tasks[0].state == "Running":
            at.tasks[0].state = "Failed"
        return False

    run(world, at, fails)
    assert set(phases(world).values()) == {"Succeeded"}
    assert len(at.tasks) == 4
    assert costs(world) == {name: PRICE_MICROS + PRICE_MICROS // 4 * shots // 1000 for name, shots in SHOTS.items()}
    assert_on_the_ledger(world, at)


def test_one_that_failed_and_left_no_money_fails_them() -> None:
    """Nobody pays more than was reserved: the ceiling has no room for another submission."""
    world, at = company(most=PRICE_MICROS), provider()

    def fails() -> bool:
        if len(at.tasks) == 1 and at.tasks[0].state == "Running":
            at.tasks[0].state = "Failed"
        return False

    run(world, at, fails)
    assert set(phases(world).values()) == {"Failed"}
    assert sum(costs(world).values()) == at.charged == PRICE_MICROS // 4
    assert_on_the_ledger(world, at)


@pytest.mark.parametrize("name", sorted(SHOTS))
@pytest.mark.parametrize("moment", ["Pending", "Queued", "Running"])
def test_one_that_is_cancelled_takes_nobody_with_it(name: str, moment: str) -> None:
    """Carrier or carried: the submission goes on for the others, and what it bears of it is told."""
    world, at = company(), provider()

    def cancel() -> bool:
        there = [one.status.state for one in world.tasks.values()]
        if moment in there:
            cancel_job(world, name)
        return False

    run(world, at, cancel)
    assert {one for one, phase in phases(world).items() if phase == "Succeeded"} >= set(SHOTS) - {name}
    assert sum(costs(world).values()) == at.charged
    assert_on_the_ledger(world, at)


def test_all_that_are_cancelled_are_cancelled_at_the_provider() -> None:
    """Once nobody wants it."""
    world, at = company(), provider()
    at.waiting = {"memory-1"}

    def cancel() -> bool:
        for name in SHOTS if at.tasks else ():
            cancel_job(world, name)
        return False

    run(world, at, cancel)
    assert [one.state for one in at.tasks] == ["Cancelled"]
    ends = [find_condition(job.status.conditions, ConditionType.COMPLETE) for job in world.jobs.values()]
    assert [one.reason for one in ends if one is not None] == ["Cancelled"] * 3
    assert_on_the_ledger(world, at)


@pytest.mark.parametrize("name", sorted(SHOTS))
def test_a_job_that_is_deleted_takes_nobody_with_it(name: str) -> None:
    """Its task, carrier or carried, stays until it has settled its share."""
    world, at = company(), provider()

    def delete() -> bool:
        if at.tasks and Key("team", name) in world.jobs:
            world.delete(Key("team", name))
        return False

    run(world, at, delete)
    assert set(phases(world).values()) == {"Succeeded"}
    assert len(at.tasks) == 1
    assert_on_the_ledger(world, at)


@pytest.mark.parametrize("taken", [True, False], ids=["adopt", "never-submitted"])
def test_held_together_and_resolved_together(taken: bool) -> None:
    """A provider that can't be asked: a person says of the carrier what became of it, and all go on.

    The others say which task that is.
    """
    world, at = company(), provider("none")
    at.failing["submit"] = [(AmbiguousError("reset"), taken)]
    found = "memory-1" if taken else None
    told = TaskResolution(
        provider_id=found, never_submitted=not taken, by="ann", why="looked", time="2026-01-01T00:00:00Z"
    )
    said = set()

    def resolve() -> bool:
        if {one.status.state for one in world.tasks.values()} == {"Held"}:
            carrier = task_of(world, "a")
            said.update(task_of(world, one).status.message.partition(": ")[0] for one in "bc")
            spec = carrier.spec.model_copy(update={"resolution": told})
            world.put_task(carrier.model_copy(update={"spec": spec}))
        return False

    run(world, at, resolve)
    assert_each_ran_once(world, at)
    assert len(at.tasks) == 1
    assert said == {f"it was submitted as a part of task {task_of(world, 'a').metadata.name}, which is to be resolved"}


@pytest.mark.parametrize("changes", [{"combines": False}, {"max_circuits": 1}])
def test_a_provider_that_does_not_take_them_together(changes: dict[str, Any]) -> None:
    """Each is submitted by itself."""
    given = {"combines": True} | changes
    circuits = given.pop("max_circuits", 10)
    at = MemoryProvider(Capabilities("Memory", "tag", 3, False, circuits, 600, submit_seconds=2, **given))
    world = company()
    run(world, at)
    assert_each_ran_once(world, at)
    assert len(at.tasks) == 3


def test_tags_and_sessions_are_for_one_job() -> None:
    """What the provider is told of a job must be true of all that it is submitted with."""
    world, at = company(asked("tagged", 10, tags={"a": "b"}), asked("part", 20, correlationId="x")), provider()
    run(world, at)
    assert set(phases(world).values()) == {"Succeeded"}
    assert sorted(sorted(one.shots) for one in at.tasks) == [[10], [20], sorted(SHOTS.values())]
    assert_on_the_ledger(world, at)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)), min_size=1, max_size=6), st.integers(0, 300))
def test_shares_are_all_of_it_and_within_the_ceilings(members: list[tuple[int, int]], total: int) -> None:
    """To the last micro-unit; above a ceiling only where the provider charges more than all of them together."""
    weights, most = zip(*members, strict=True)
    parts = shares(total, weights, most)
    assert sum(parts) == total
    if total <= sum(most):
        assert all(0 <= part <= one for part, one in zip(parts, most, strict=True))
    else:
        assert all(part >= one for part, one in zip(parts, most, strict=True))
