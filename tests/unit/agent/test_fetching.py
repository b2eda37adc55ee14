"""Results that are there and can't be had: asked for within a limit of their own, and never submitted again."""

import asyncio
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.agent.calls import Call, CompilerError, NotFetched, Poll, Results, Submit
from quantum_operator.agent.decide import decide, heard
from quantum_operator.agent.fetching import HELD
from quantum_operator.api.patience import (
    FETCH_PAUSE_SECONDS,
    LIMITS,
    MAX_REFUSALS,
    MAX_UNREADABLE,
    MAX_UNWANTED_FETCHES,
    limits_markdown,
)
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.decide.tasks import FETCHES_TOLD, seen
from quantum_operator.decide.times import parse
from quantum_operator.ports.adapter import MalformedError, SaturatedError, UnavailableError
from quantum_operator.testing import builders
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.provider import PRICE_MICROS, MemoryProvider
from quantum_operator.testing.world import MemoryWorld
from unit.agent.paidworld import BELL, NoCompiler, live, paid_world
from unit.agent.test_agent_decide import CHARGE, ERRORS, NOW, OUTCOME, at, observed, submitted, task

FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault not in ("gone", "refused", "taken"))
SECONDS, FEW = 60, 5


def failing(fetches: int, since: float, **spec: Any) -> QuantumTask:
    """A task whose results could not be had so often, since so many seconds ago."""
    status = submitted("Running", fetches=fetches, fetchSince=at(-since), reason="FetchFailed")
    return task(status, fetchSeconds=SECONDS, **spec)


# --- one answer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "state", "reason", "fetches"),
    [
        (task(submitted("Running")), "Running", "FetchFailed", 1),
        (task(submitted("Queued")), "Queued", "FetchFailed", 1),
        (failing(1, SECONDS - 1), "Running", "FetchFailed", 2),
        (failing(1, SECONDS), "Held", HELD, 2),
        (failing(400, SECONDS - 1), "Running", "FetchFailed", 401),
        (failing(0, 10 * SECONDS), "Running", "FetchFailed", 1),
        (failing(0, 10, cancel=True), "Running", "FetchFailed", 1),
        (failing(MAX_UNWANTED_FETCHES - 2, 10, cancel=True), "Running", "FetchFailed", MAX_UNWANTED_FETCHES - 1),
        (failing(MAX_UNWANTED_FETCHES - 1, 10, cancel=True), "Cancelled", "Cancelled", MAX_UNWANTED_FETCHES - 1),
    ],
)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_follows_results_that_can_not_be_had(
    one: QuantumTask, state: str, reason: str, fetches: int, error: Any
) -> None:
    """The same whatever is the matter; the limit is one of time, and at least two tries."""
    status = heard(observed(one), Poll(), NotFetched(error))
    assert (status.state, status.reason, status.fetches) == (state, reason, fetches)
    assert status.provider_id == one.status.provider_id
    assert (status.charge is not None) == (state == "Cancelled")
    if state == "Cancelled":
        assert status.charge is not None
        assert status.charge.micros is None  # nobody knows


def test_a_held_result_says_how_it_is_fetched_again() -> None:
    """With the command, the task and the provider's id."""
    status = heard(observed(failing(1, SECONDS)), Poll(), NotFetched(MalformedError("{")))
    assert "`qjob resolve bell-1 --adopt id-1 --why …`" in status.message
    assert "({)" in status.message


@given(st.integers(1, 10_000))
def test_the_pause_grows_and_is_bounded(fetches: int) -> None:
    """From about a second to five minutes; the provider's own word is kept where it is longer."""
    one = task(submitted("Running", fetches=fetches - 1, fetchSince=at(0)))
    status = heard(observed(one), Poll(), NotFetched(UnavailableError("503")))
    assert status.not_before is not None
    pause = (parse(status.not_before) - NOW).total_seconds()
    assert 0.5 <= pause <= FETCH_PAUSE_SECONDS + 1
    assert pause >= FETCH_PAUSE_SECONDS / 2 or fetches < 10
    told = heard(observed(one), Poll(), NotFetched(SaturatedError("429", retry_after=900)))
    assert told.not_before is not None
    assert (parse(told.not_before) - NOW).total_seconds() >= 900


# --- the limits are apart from each other ---------------------------------------------------------------------------


@given(st.lists(st.sampled_from(ERRORS), min_size=1, max_size=30), st.booleans())
def test_a_failed_fetch_never_takes_of_another_limit(errors: list[Any], cancel: bool) -> None:
    """Nor does it bring a task back to where it could be submitted; with results it is over, however late."""
    one = task(submitted("Running", refusals=MAX_REFUSALS, submissions=1), fetchSeconds=SECONDS, cancel=cancel)
    before, now = one.status, NOW
    for error in errors:
        seen_now = observed(one)
        decision = decide(type(seen_now)(now, one, seen_now.agent, seen_now.capabilities))
        assert not isinstance(decision.call, Submit)
        status = heard(type(seen_now)(now, one, seen_now.agent, seen_now.capabilities), Poll(), NotFetched(error))
        assert status.state in ("Running", "Held", "Cancelled")
        assert (status.refusals, status.submissions, status.lookups) == (before.refusals, before.submissions, 0)
        assert (status.claim, status.provider_id) == (before.claim, before.provider_id)
        if status.state != "Running":
            return
        one = one.model_copy(update={"status": status})
        now = parse(status.not_before) if status.not_before else now
    done = heard(observed(one), Poll(), Results(OUTCOME, CHARGE))
    assert (done.state, done.charge) == ("Succeeded", CHARGE)


def test_what_was_used_up_elsewhere_is_not_missing_here() -> None:
    """A task that was refused, and looked up, as often as may be has its results asked for like any other."""
    worn = submitted("Running", refusals=MAX_REFUSALS, lookups=MAX_UNREADABLE - 1, reason="AnswerUnreadable")
    status = heard(observed(task(worn)), Poll(), NotFetched(MalformedError("{")))
    assert (status.state, status.reason, status.lookups) == ("Running", "FetchFailed", 0)


RESOLUTION = {"by": "ann", "why": "seen", "time": at(0)}


@pytest.mark.parametrize("told", [{"providerId": "id-1"}, {"neverSubmitted": True}])
def test_a_held_result_is_fetched_and_never_submitted_whatever_is_said(told: dict[str, Any]) -> None:
    """It has the provider's id, which nobody can talk away. Its time begins anew."""
    held = submitted("Held", reason=HELD, fetches=9, fetchSince=at(-999))
    one = task(held, resolution={**RESOLUTION, **told})
    status = decide(observed(one)).status
    assert (status.provider_id, status.fetches, status.fetch_since) == ("id-1", 0, None)
    assert isinstance(decide(observed(one.model_copy(update={"status": status}), prepared=True)).call, Poll)


def test_a_held_result_that_nobody_wants_is_given_up() -> None:
    """What it cost is not known, and at most its ceiling."""
    status = decide(observed(task(submitted("Held", reason=HELD), cancel=True))).status
    assert (status.state, status.reason) == ("Cancelled", "Cancelled")
    assert status.charge is not None
    assert status.charge.micros is None
    for reason in ("SubmissionUnknown", "TaskLost", "AnswerUnreadable"):
        assert decide(observed(task(submitted("Held", reason=reason), cancel=True))).status.state == "Held"


TABLE = """
submitting  TaskNotSubmitted      20
submitting  TaskHeld              20
running     QueueTimeExceeded     `provider.queueSeconds`
running     TimeLimitExceeded     `spec.activeDeadlineSeconds`
running     TaskFailed            `limits.maxTaskSeconds`
running     TaskHeld              20 in a row
running     TaskHeld              3 in a row
running     BackoffLimitExceeded  `spec.backoffLimit`
fetching    ResultHeld            `provider.fetchSeconds`
"""
"""Every limit, once more: a change of one is a change of what people pay for, and is written twice."""


def test_every_limit_has_its_part_its_reason_and_its_number() -> None:
    """And the reference has them all."""
    written = [tuple(line.split(maxsplit=2)) for line in TABLE.strip().splitlines()]
    assert [(one.part, one.reason, one.limit) for one in LIMITS] == written
    assert all(f"| {one.part} | {one.counted} | {one.limit} | `{one.reason}` |" in limits_markdown() for one in LIMITS)


# --- what the job says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state", "word"),
    [
        (submitted("Running"), "Running", ""),
        (submitted("Running", fetches=FETCHES_TOLD - 1, reason="FetchFailed"), "Running", ""),
        (submitted("Running", fetches=FETCHES_TOLD, reason="FetchFailed"), "Pending", "FetchFailed"),
        (submitted("Held", reason=HELD), "Pending", HELD),
        (submitted("Held", reason="TaskLost"), "Pending", "Held"),
    ],
)
def test_how_it_looks_to_its_job(status: dict[str, Any], state: str, word: str) -> None:
    """Once or twice is no news."""
    found = seen(task(status), None, "")
    assert (found.state, found.failure, found.claimed) == (state, word, True)


# --- a life ---------------------------------------------------------------------------------------------------------


def unfetchable(seconds: int = SECONDS) -> tuple[MemoryWorld, MemoryProvider]:
    """A job on a device whose results can't be had, which are asked for during a minute, or so long."""
    world, provider = paid_world(), MemoryProvider()
    there = {"agent": "agents", "device": "qpu", "fetchSeconds": seconds}
    world.add(builders.backend("qpu", adapter="memory", provider=there, price={"perRunMicros": PRICE_MICROS}))
    provider.failing["fetch"] = [(UnavailableError("503"), False)] * 10_000
    return world, provider


def said(world: MemoryWorld, kind: str = "Running") -> str:
    """A condition of the job, as `status/reason`."""
    found = (one for one in world.jobs[BELL].status.conditions if one.type == kind)
    return next((f"{one.status}/{one.reason}" for one in found), "")


def held(world: MemoryWorld) -> bool:
    """Whether the job says that its results are held."""
    return said(world) == f"False/{HELD}"


def resolve(world: MemoryWorld, provider: MemoryProvider) -> None:
    """Say that the results can be had now."""
    provider.failing.clear()
    ((key, one),) = world.tasks.items()
    told = {**RESOLUTION, "providerId": provider.tasks[0].id}
    spec = type(one.spec).model_validate({**one.spec.to_wire(), "resolution": told})
    world.tasks[key] = one.model_copy(update={"spec": spec})


def killed(*_: object) -> bytes:
    """A compiler that has too little memory."""
    raise CompilerError("the compiler does not answer")


@pytest.mark.parametrize("stuck", ["provider", "compiler"])
def test_results_are_asked_for_held_and_fetched_again(stuck: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One submission, one charge; the job says what it waits for, goes on and succeeds.

    So also where the provider hands them over, and the compiler can't make an outcome of them.
    """
    world, provider = unfetchable()
    if stuck == "compiler":
        provider.failing.clear()
        monkeypatch.setattr(NoCompiler, "assemble", killed)
    asyncio.run(live(world, provider, until=lambda: said(world) == "False/FetchFailed"))
    asyncio.run(live(world, provider, until=lambda: held(world)))
    asked = provider.calls.count("fetch")
    assert FETCHES_TOLD < asked < 30
    ((_, one),) = world.tasks.items()
    since = parse(one.status.fetch_since or "")
    assert world.clock.now() - since >= timedelta(seconds=SECONDS)
    assert [event.reason for _, event in world.events].count(HELD) == 1
    resolve(world, provider)
    monkeypatch.undo()
    asyncio.run(live(world, provider))
    assert said(world, "Complete") == "True/Succeeded"
    cost = world.jobs[BELL].status.cost
    assert cost is not None
    assert (provider.calls.count("submit"), cost.micros) == (1, PRICE_MICROS)


def test_a_moment_without_results_is_no_news() -> None:
    """The job goes on as running, and ends with its result."""
    world, provider = unfetchable()
    provider.failing["fetch"] = provider.failing["fetch"][: FETCHES_TOLD - 1]
    asyncio.run(live(world, provider))
    assert said(world, "Complete") == "True/Succeeded"
    assert "FetchFailed" not in {event.reason for _, event in world.events}


def test_a_job_with_held_results_can_be_cancelled() -> None:
    """It ends, and says what it cost at most; nothing is submitted again."""
    world, provider = unfetchable()
    asyncio.run(live(world, provider, until=lambda: held(world)))
    job = world.jobs[BELL]
    world.add(job.model_copy(update={"spec": job.spec.model_copy(update={"cancel": True})}))
    asyncio.run(live(world, provider))
    assert said(world, "Complete") == "False/Cancelled"
    cost = world.jobs[BELL].status.cost
    assert cost is not None
    assert cost.text == "at most 1.00 USD"
    assert provider.calls.count("submit") == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_submitted_again_whichever_call_fails(fault: Fault, faults: str) -> None:
    """While results are asked for, held, and fetched again."""
    world, provider = unfetchable(FEW)
    asyncio.run(live(world, provider, until=lambda: held(world)))
    count = len(world.faults.calls)
    for n in range(1, count + 1) if faults == "all" else range(count - 30, count + 1, 10):
        world, provider = unfetchable(FEW)
        world.fail_at(n, fault)
        asyncio.run(live(world, provider, until=lambda: held(world)))  # noqa: B023 - it is over by then
        resolve(world, provider)
        asyncio.run(live(world, provider))
        assert said(world, "Complete") == "True/Succeeded"
        assert sum(one.state == "Succeeded" for one in provider.tasks) == 1
        assert provider.charged == PRICE_MICROS


@pytest.mark.parametrize(("reason", "call"), [("TaskLost", Submit), ("AnswerUnreadable", Submit), ("ResultHeld", Poll)])
def test_what_the_provider_lost_is_submitted_where_a_person_says_that_it_never_was(
    reason: str, call: type[Call]
) -> None:
    """Under the same token; but not where its results are there."""
    resolution = {"neverSubmitted": True, "by": "ann", "why": "looked", "time": at(0)}
    held = task(submitted("Held", reason=reason), resolution=resolution)
    status = decide(observed(held)).status
    again = held.model_copy(update={"status": status})
    assert isinstance(decide(observed(again, prepared=True)).call, call)
