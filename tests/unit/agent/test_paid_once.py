"""A paid job is paid for exactly once, whatever dies, at whichever call."""

import asyncio
from collections import Counter
from typing import get_args

import pytest

from quantum_operator.api.patience import MAX_UNREADABLE
from quantum_operator.ports.adapter import (
    AdapterError,
    AmbiguousError,
    Capabilities,
    ForbiddenError,
    MalformedError,
    SaturatedError,
    UnavailableError,
)
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.provider import PRICE_MICROS, MemoryProvider
from quantum_operator.testing.world import MemoryWorld
from support.disturbed import calls_to_disturb
from unit.agent.paidworld import BELL, assert_on_the_ledger, live, paid_world

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault not in ("gone", "refused", "taken"))
KINDS = ("provider", "tag")


def provider(token: str) -> MemoryProvider:
    return MemoryProvider(Capabilities("Memory", token, 3, False, 10, 600, submit_seconds=2))  # type: ignore[arg-type]


def run(world: MemoryWorld, at: MemoryProvider) -> None:
    asyncio.run(live(world, at))


def calls(token: str) -> list[str]:
    """Every call of an undisturbed life."""
    world = paid_world()
    run(world, provider(token))
    return world.faults.calls


def points(token: str, faults: str, fault: Fault) -> range:
    """The calls to disturb."""
    return calls_to_disturb(len(calls(token)), faults, fault, turn=KINDS.index(token))


def assert_paid_once(world: MemoryWorld, at: MemoryProvider) -> None:
    """The job succeeded; its cost is what the provider charged, for one task that nobody cancelled."""
    status = world.jobs[BELL].status
    assert status.phase == "Succeeded", status.conditions
    assert status.cost is not None
    assert status.cost.micros == at.charged == PRICE_MICROS
    assert Counter(one.state for one in at.tasks)["Succeeded"] == 1
    assert len(world.tasks) == 1
    assert world.runs == {}
    assert_on_the_ledger(world, at)


@pytest.mark.parametrize("token", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_job_is_paid_once_whichever_call_fails(fault: Fault, token: str, faults: str) -> None:
    """Errors and crashes, of the operator and of the agent, before and after every call."""
    for n in points(token, faults, fault):
        world, at = paid_world(), provider(token)
        world.fail_at(n, fault)
        run(world, at)
        assert_paid_once(world, at)


@pytest.mark.parametrize("token", KINDS)
def test_two_crashes_in_one_life(token: str, faults: str) -> None:
    """The second in the recovery from the first."""
    for n in points(token, faults, "crash-after"):
        for more in (1, 3, 6) if faults == "all" else (3,):
            world, at = paid_world(), provider(token)
            world.fail_at(n, "crash-after")
            world.fail_at(n + more, "crash-before")
            run(world, at)
            assert_paid_once(world, at)


@pytest.mark.parametrize("token", KINDS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "error", [AmbiguousError("reset"), UnavailableError("down"), SaturatedError("wait", retry_after=7)]
)
@pytest.mark.parametrize("call", ["submit", "poll", "fetch"])
def test_a_provider_that_errs_is_paid_once(call: str, error: AdapterError, after: bool, token: str) -> None:
    """Unless it says that nothing happened when something did: that error is no such one."""
    if call == "submit" and after and not isinstance(error, AmbiguousError):
        error = AmbiguousError("the answer was lost")
    world, at = paid_world(), provider(token)
    at.failing[call] = [(error, after)] * 2
    run(world, at)
    assert_paid_once(world, at)


def test_a_task_that_shows_late_is_found_and_its_duplicate_cancelled() -> None:
    """The provider breaks its word on when a tag is visible: the duplicate is cancelled, and told."""
    world, at = paid_world(), provider("tag")
    at.failing["submit"] = [(AmbiguousError("reset"), True)]
    at.hidden = True

    def seen_late() -> bool:
        at.hidden = len(at.tasks) < 2
        return False

    asyncio.run(live(world, at, until=seen_late))
    assert world.jobs[BELL].status.phase == "Succeeded"
    (task,) = world.tasks.values()
    assert len(at.tasks) == 2
    assert len(task.status.duplicates) == 1
    assert task.status.submissions == 2


def test_without_tokens_nothing_is_submitted_twice() -> None:
    """The task is held, and says so."""
    world, at = paid_world(), provider("none")
    at.failing["submit"] = [(AmbiguousError("reset"), True)]
    asyncio.run(live(world, at, until=lambda: any(one.status.state == "Held" for one in world.tasks.values())))
    assert len(at.tasks) == 1
    (task,) = world.tasks.values()
    assert task.status.reason == "SubmissionUnknown"


def test_a_provider_that_cannot_say_is_not_asked_to_run_it_again() -> None:
    """After many lookups without an answer the task is held."""
    world, at = paid_world(), provider("tag")
    at.failing["submit"] = [(AmbiguousError("reset"), True)]
    at.speechless = True
    asyncio.run(live(world, at, until=lambda: any(one.status.state == "Held" for one in world.tasks.values())))
    assert at.calls.count("submit") == 1


def test_an_answer_that_nobody_can_read_holds_the_task_until_somebody_can() -> None:
    """It is asked for often, and not for ever; what was paid is not paid again, and not thrown away."""
    world, at = paid_world(), provider("tag")
    at.failing["poll"] = [(MalformedError("{"), False)] * MAX_UNREADABLE
    asyncio.run(live(world, at, until=lambda: any(one.status.state == "Held" for one in world.tasks.values())))
    ((key, task),) = world.tasks.items()
    assert (task.status.reason, at.calls.count("submit")) == ("AnswerUnreadable", 1)
    told = {"providerId": at.tasks[0].id, "by": "ann", "why": "it can be read now", "time": "2026-01-01T00:00:00Z"}
    spec = type(task.spec).model_validate({**task.spec.to_wire(), "resolution": told})
    world.tasks[key] = task.model_copy(update={"spec": spec})
    run(world, at)
    assert_paid_once(world, at)


@pytest.mark.parametrize("error", [ForbiddenError("403"), AmbiguousError("503")])
def test_a_cancellation_that_is_never_taken_ends_with_the_task(error: AdapterError) -> None:
    """The task goes on, and its result is not lost for that."""
    world, at = paid_world(), provider("tag")
    at.failing["cancel"] = [(error, False)] * 1000
    asyncio.run(live(world, at, until=lambda: bool(at.tasks)))
    job = world.jobs[BELL]
    world.add(job.model_copy(update={"spec": job.spec.model_copy(update={"cancel": True})}))
    run(world, at)
    assert "cancel" in at.calls
    assert_paid_once(world, at)


@pytest.mark.parametrize("fault", ["crash-before", "crash-after", "conflict", "transient-after"])
@pytest.mark.parametrize("what", ["cancel", "delete"])
def test_a_job_that_is_not_wanted_any_more_leaves_nothing(what: str, fault: Fault, faults: str) -> None:
    """Cancelled or deleted at every moment of its life, with a fault right after."""
    for n in calls_to_disturb(len(calls("tag")), faults, fault, turn=len(what)):
        world, at = paid_world(), provider("tag")
        asyncio.run(live(world, at, until=lambda: len(world.faults.calls) >= n))  # noqa: B023
        if BELL not in world.jobs or world.jobs[BELL].status.completion_time is not None:
            continue
        if what == "delete":
            world.delete(BELL)
        else:
            job = world.jobs[BELL]
            world.add(job.model_copy(update={"spec": job.spec.model_copy(update={"cancel": True})}))
        world.fail_at(len(world.faults.calls) + 2, fault)
        run(world, at)
        assert len(at.tasks) <= 1
        if what == "delete":
            assert (world.tasks, world.artifacts) == ({}, {})
            continue
        status = world.jobs[BELL].status
        charged = status.cost.micros if status.cost is not None else 0
        assert charged == at.charged
        assert status.cost is None or not status.cost.text.startswith("at most")
        assert status.phase in ("Failed", "Succeeded")


@pytest.mark.parametrize("fault", FAULTS)
def test_under_a_key_a_job_is_paid_once_whichever_call_fails(fault: Fault, faults: str) -> None:
    """And another job under the same key has its result, for nothing."""
    undisturbed = paid_world(idempotencyKey="k")
    run(undisturbed, provider("tag"))
    for n in calls_to_disturb(len(undisturbed.faults.calls), faults, fault):
        world, at = paid_world(idempotencyKey="k"), provider("tag")
        world.fail_at(n, fault)
        run(world, at)
        assert_paid_once(world, at)
        world.add(builders.job("again", idempotencyKey="k"))
        run(world, at)
        again = world.jobs[Key("team", "again")].status
        assert (again.phase, again.cost and again.cost.micros) == ("Succeeded", 0)
        assert len(at.tasks) == 1


def test_what_may_have_been_paid_is_not_paid_again_under_the_key() -> None:
    """Its job is deleted while the provider has the task: nobody knows any more what came of it."""
    world, at = paid_world(idempotencyKey="k"), provider("tag")
    asyncio.run(live(world, at, until=lambda: bool(at.tasks)))
    world.delete(BELL)
    world.add(builders.job("again", idempotencyKey="k"))
    run(world, at)
    (complete,) = [one for one in world.jobs[Key("team", "again")].status.conditions if one.type == "Complete"]
    assert (complete.status, complete.reason) == ("False", "PaidWithoutResult")
    assert "at most 1.00 USD" in complete.message
    assert len(at.tasks) == 1


def test_what_was_surely_not_paid_is_paid_for_under_the_key() -> None:
    """Its job was cancelled before anything was submitted."""
    world, at = paid_world(idempotencyKey="k"), provider("tag")
    asyncio.run(live(world, at, until=lambda: bool(world.tasks)))
    assert at.tasks == []
    job = world.jobs[BELL]
    world.add(job.model_copy(update={"spec": job.spec.model_copy(update={"cancel": True})}))
    run(world, at)
    assert world.jobs[BELL].status.phase == "Failed"
    world.add(builders.job("again", idempotencyKey="k"))
    run(world, at)
    assert world.jobs[Key("team", "again")].status.phase == "Succeeded"
    assert at.charged == PRICE_MICROS


def test_what_a_job_is_found_by_is_found_at_the_provider() -> None:
    """Its correlation id and its tags."""
    world, at = paid_world(correlationId="order-7", tags={"team": "b", "area": "a"}), provider("tag")
    run(world, at)
    (there,) = at.tasks
    assert list(there.tags.items()) == [("correlation-id", "order-7"), ("area", "a"), ("team", "b")]
