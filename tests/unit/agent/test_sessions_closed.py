"""A job in a session is submitted once, and no session stays open, whatever dies, at whichever call."""

import asyncio
from collections.abc import Callable
from typing import Any, get_args

import pytest

from quantum_operator.api.quantumtask import OVER
from quantum_operator.ports.adapter import (
    AdapterError,
    AmbiguousError,
    Capabilities,
    ForbiddenError,
    RejectedError,
    SaturatedError,
    UnavailableError,
)
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.provider import PRICE_MICROS, SESSION_MICROS, MemoryProvider
from quantum_operator.testing.world import MemoryWorld
from support.disturbed import calls_to_disturb
from unit.agent.paidworld import BELL, live, paid_world

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault not in ("gone", "refused", "taken"))
CHARGES = {"session": SESSION_MICROS, "batch": PRICE_MICROS}
MODES = tuple(CHARGES)
CRASHES: tuple[Fault, ...] = ("crash-before", "crash-after")


def provider(token: Any = "tag", **more: Any) -> MemoryProvider:
    modes = ("job", "batch", "session")
    return MemoryProvider(Capabilities("Memory", token, 3, False, 10, 600, submit_seconds=2, modes=modes, **more))


def world_of(mode: str, **spec: Any) -> MemoryWorld:
    return paid_world(execution={"seed": 1, "mode": mode}, **spec)


def run(world: MemoryWorld, at: MemoryProvider, until: Callable[[], bool] = lambda: False) -> None:
    asyncio.run(live(world, at, until=until))


def calls(mode: str) -> list[str]:
    """Every call of an undisturbed life."""
    world = world_of(mode)
    run(world, provider())
    return world.faults.calls


def points(mode: str, faults: str, fault: Fault, turn: int = 0) -> range:
    """The calls to disturb."""
    return calls_to_disturb(len(calls(mode)), faults, fault, turn=turn)


def assert_closed_and_paid_once(world: MemoryWorld, at: MemoryProvider, mode: str) -> None:
    """One task in one session succeeded, which was all that was paid; every session there ever was is closed."""
    status = world.jobs[BELL].status
    assert status.phase == "Succeeded", status.conditions
    assert status.cost is not None
    assert status.cost.micros == at.charged == CHARGES[mode]
    assert [one.state for one in at.tasks] == ["Succeeded"]
    assert at.open_sessions == []
    assert [len(one.tasks) for one in at.sessions if one.tasks] == [1]
    (task,) = world.tasks.values()
    assert task.status.session is not None
    assert task.status.session.state == "Closed"
    assert len(at.sessions) <= task.status.session.openings


def test_an_undisturbed_job_in_a_session() -> None:
    """It is opened, filled, sealed as soon as it has its task, and its end is confirmed before the task is over."""
    world, at = world_of("session"), provider()
    run(world, at)
    assert_closed_and_paid_once(world, at, "session")
    told = [one.removeprefix("provider.") for one in world.faults.calls if one.startswith("provider.")]
    told = [one for one in told if one not in ("Prepare", "Poll")]
    assert told == ["OpenSession", "Submit", "CloseSession", "CloseSession"]
    assert at.sessions[0].wanted.mode == "session"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_session_stays_open_whichever_call_fails(fault: Fault, mode: str, faults: str) -> None:
    """Errors and crashes, of the operator and of the agent, before and after every call."""
    for n in points(mode, faults, fault, MODES.index(mode)):
        world, at = world_of(mode), provider()
        world.fail_at(n, fault)
        run(world, at)
        assert_closed_and_paid_once(world, at, mode)
        assert len(at.sessions) == 1


def test_no_session_stays_open_after_two_crashes(faults: str) -> None:
    """The second in the recovery from the first."""
    for n in points("session", faults, "crash-after"):
        for more in (1, 3, 6):
            world, at = world_of("session"), provider()
            world.fail_at(n, "crash-after")
            world.fail_at(n + more, "crash-before")
            run(world, at)
            assert_closed_and_paid_once(world, at, "session")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "error",
    [AmbiguousError("reset"), UnavailableError("down"), SaturatedError("wait", retry_after=7), ForbiddenError("401")],
)
@pytest.mark.parametrize("call", ["open_session", "submit", "close_session", "poll", "fetch"])
def test_a_provider_that_errs(call: str, error: AdapterError, after: bool) -> None:
    """Unless it says that nothing happened when something did: that error is no such one."""
    if call in ("submit", "open_session") and after and not isinstance(error, AmbiguousError):
        error = AmbiguousError("the answer was lost")
    world, at = world_of("session"), provider()
    at.failing[call] = [(error, after)] * 2
    run(world, at)
    assert_closed_and_paid_once(world, at, "session")


@pytest.mark.parametrize("fault", CRASHES)
@pytest.mark.parametrize("what", ["cancel", "delete"])
def test_a_job_that_is_not_wanted_any_more_leaves_no_session_open(what: str, fault: Fault, faults: str) -> None:
    """Cancelled or deleted at every moment of its life, with a crash right after."""
    for n in points("session", faults, fault, len(what)):
        world, at = world_of("session"), provider()
        run(world, at, lambda: len(world.faults.calls) >= n)  # noqa: B023
        if BELL not in world.jobs or world.jobs[BELL].status.completion_time is not None:
            continue
        if what == "delete":
            world.delete(BELL)
        else:
            job = world.jobs[BELL]
            world.add(job.model_copy(update={"spec": job.spec.model_copy(update={"cancel": True})}))
        world.fail_at(len(world.faults.calls) + 2, fault)
        run(world, at)
        assert at.open_sessions == []
        assert len(at.tasks) <= 1
        assert all(task.status.state in OVER for task in world.tasks.values())
        if what == "cancel":
            status = world.jobs[BELL].status
            assert (status.cost.micros if status.cost is not None else 0) == at.charged


def test_a_session_that_is_refused_fails_the_job_for_nothing() -> None:
    """As IBM's open plan does: the job says why."""
    world, at = world_of("session"), provider()
    at.failing["open_session"] = [(RejectedError("not in this plan"), False)]
    run(world, at)
    (complete,) = [one for one in world.jobs[BELL].status.conditions if one.type == "Complete"]
    assert (complete.status, complete.reason, at.charged, at.sessions) == ("False", "TaskRejected", 0, [])
    assert "not in this plan" in complete.message


def test_a_task_that_is_refused_in_its_session_closes_it() -> None:
    """Before the task is over."""
    world, at = world_of("session"), provider()
    at.failing["submit"] = [(RejectedError("bad"), False)]
    run(world, at)
    assert (at.charged, at.open_sessions, len(at.sessions)) == (0, [], 1)


def test_the_session_of_a_held_task_takes_nothing_more() -> None:
    """A person may take days: what may be in it is run, and then it ends."""
    world, at = world_of("session"), provider("none")
    at.failing["submit"] = [(AmbiguousError("reset"), True)]
    run(world, at, lambda: any(one.status.state == "Held" for one in world.tasks.values()) and not at.open_sessions)
    (task,) = world.tasks.values()
    assert (task.status.state, task.status.reason, len(at.tasks)) == ("Held", "SubmissionUnknown", 1)
    assert at.tasks[0].state == "Succeeded"


def test_what_can_not_be_found_is_not_opened_again_before_it_is_closed_by_itself() -> None:
    """The provider can't say whether the session is there: the next is opened once the first can't be open any more."""
    world, at = world_of("session"), provider(idle_seconds=600)
    begun = world.clock.now()
    at.failing["open_session"] = [(AmbiguousError("reset"), True)]
    at.speechless = True
    run(world, at, lambda: len(at.sessions) == 2)
    assert (world.clock.now() - begun).total_seconds() >= 600
    at.speechless = False
    run(world, at)
    status = world.jobs[BELL].status
    assert (status.phase, at.charged) == ("Succeeded", SESSION_MICROS)
    assert at.open_sessions == ["session-1"]  # which the provider closes by itself: nothing ever ran in it


def test_a_session_that_was_empty_for_long_is_not_submitted_to() -> None:
    """The provider is about to close it by itself: it is closed, and another one opened."""
    world, at = world_of("session"), provider(idle_seconds=60)
    at.failing["submit"] = [(SaturatedError("wait", retry_after=45), False)]
    run(world, at)
    assert_closed_and_paid_once(world, at, "session")
    assert [len(one.tasks) for one in at.sessions] == [0, 1]


def test_two_tasks_whose_openings_were_lost_take_no_session_from_each_other() -> None:
    """Each runs in a session of its own, and all are closed."""
    world, at = world_of("session"), provider()
    job = world.jobs[BELL]
    other = job.model_copy(
        update={"metadata": job.metadata.model_copy(update={"name": "other", "uid": "uid-other"})},
    )
    world.add(other)
    at.failing["open_session"] = [(AmbiguousError("reset"), True)] * 2
    run(world, at)
    assert [one.state for one in at.tasks] == ["Succeeded"] * 2
    assert at.open_sessions == []
    assert sorted(len(one.tasks) for one in at.sessions if one.tasks) == [1, 1]
    assert at.charged == 2 * SESSION_MICROS


def test_a_provider_without_the_mode_is_passed_over() -> None:
    """The job says so, and nothing is opened or submitted."""
    world, at = world_of("session"), provider()
    (backend,) = world.backends.values()
    world.add(backend.model_copy(update={"status": backend.status.model_copy(update={"modes": ("job",)})}))
    run(world, at)
    (complete,) = [one for one in world.jobs[BELL].status.conditions if one.type == "Complete"]
    assert complete.reason == "NoEligibleBackend"
    assert "no mode 'session'" in complete.message
    assert (at.tasks, at.sessions) == ([], [])
