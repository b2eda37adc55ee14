"""Attempts with other parameters: only what the user allows, once each, on record, and nothing after money."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.failures import ENDINGS, MOST_FAILED, REPORTED
from quantum_operator.api.retry import ChangeReason
from quantum_operator.decide.change import changed, changed_input, in_effect, input_of, needs_input, next_change, told
from quantum_operator.decide.claim import spec_digest
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import Charge, StartRun, StartTask
from quantum_operator.decide.status import is_terminal
from quantum_operator.testing import builders
from unit.decide.fates import Fate, Life, born, devices, free, live, simulators
from unit.decide.observations import condition

SLOW = Fate("TimeLimitExceeded", reported=True)
FEWER = {"reasons": ["TimeLimitExceeded"], "shots": 100}
LESS = {"reasons": ["TimeLimitExceeded", "IncompatibleTarget"], "optimizationLevel": 0}
OTHER = {"reasons": ["TimeLimitExceeded", "TaskRejected"], "backend": "Other"}


def retry(*changes: dict[str, Any]) -> dict[str, Any]:
    """The spec of a job that allows these changes."""
    return {"retry": {"onFailure": list(changes)}}


def until(number: int, fate: Fate = SLOW) -> Any:
    """Every attempt before this one ends so; it succeeds."""
    return lambda attempt: fate if attempt.number < number else Fate(charge=fate.charge and Charge(1, "USD"))


def shots(life: Life) -> list[int]:
    """The shots that each run was asked for."""
    return [one.task.sample.pubs[0].shots for one in life.inputs if one.task.sample is not None]


def levels(life: Life) -> list[int]:
    """The optimization level of each run."""
    return [one.execution.optimization_level for one in life.inputs]


def made(life: Life) -> list[tuple[int, ...]]:
    """The changes that each attempt has."""
    return [one.changes for one in life.attempts]


def test_every_reason_that_can_be_named_is_one_of_an_attempt() -> None:
    """And no reason of what the user did, or of what was paid and can't be read."""
    known = {row.reason for row in (ENDINGS | REPORTED).values()}
    named = set(get_args(ChangeReason))
    assert named <= known
    assert named.isdisjoint({"TaskCancelled", "TaskLost", "ResultUnreadable", "InputMismatch", "InvalidProgram"})
    assert {row.reason for row in (ENDINGS | REPORTED).values() if row.reaction == "reroute"} <= named


def test_a_job_that_is_too_slow_is_tried_with_fewer_shots() -> None:
    """With an input of its own, which the status names; the result is of so many shots, and says so."""
    life = live(born(simulators("s"), until(2), **retry(FEWER)))
    assert (shots(life), made(life)) == ([1024, 100], [(), (0,)])
    status = life.job.status
    assert status.plan is not None
    (applied,) = status.plan.steps[-1].changes
    assert (applied.position, applied.attempt, applied.reason) == (0, 2, "TimeLimitExceeded")
    assert applied.input == life.started[1].input != status.input == life.started[0].input
    assert status.result is not None
    assert status.result.pubs[0].shots == 100
    assert condition(status, ConditionType.COMPLETE).message == (
        "ran on s in 100 ms with at most 100 shots (spec.retry.onFailure)"
    )
    assert condition(status, ConditionType.SCHEDULED).message.endswith("with at most 100 shots (spec.retry.onFailure)")


def test_without_the_users_word_nothing_is_changed() -> None:
    """The job fails as it always did."""
    life = live(born(simulators("s"), until(2)))
    assert condition(life.job.status, ConditionType.COMPLETE).reason == "TimeLimitExceeded"
    assert made(life) == [()]


def test_a_change_is_for_its_reasons_alone() -> None:
    """Another failure is none of its business."""
    life = live(born(simulators("s"), until(2, Fate("InternalError", reported=True)), **retry(FEWER)))
    assert condition(life.job.status, ConditionType.COMPLETE).reason == "InternalError"


def test_changes_add_up_in_their_order_each_once() -> None:
    """The first that has the reason and was not made yet; then there is none left, and the first cause is told."""
    life = live(born(simulators("s"), lambda _: SLOW, **retry(FEWER, LESS)))
    assert (shots(life), levels(life)) == ([1024, 100, 100], [1, 1, 0])
    assert made(life) == [(), (0,), (0, 1)]
    assert condition(life.job.status, ConditionType.COMPLETE).reason == "TimeLimitExceeded"


def test_a_change_that_changes_nothing_is_passed_over() -> None:
    """A job with as few shots already, or compiled already, would only fail again."""
    task = {"sample": {"pubs": [{"program": "bell", "shots": 100}]}}
    life = live(born(simulators("s"), lambda _: SLOW, **retry(FEWER), task=task))
    assert made(life) == [()]
    life = live(born(simulators("s"), lambda _: SLOW, **retry(LESS), execution={"compilation": "isa"}))
    assert made(life) == [()]


def test_a_pub_with_a_precision_keeps_it() -> None:
    """What its shots are is not the user's word."""
    pub = {**builders.ESTIMATE["estimate"]["pubs"][0], "precision": 0.1}
    del pub["shots"]
    job = builders.estimate_job(task={"estimate": {"pubs": [pub]}}, **retry(FEWER))
    assert changed(job, (0,)) == job
    assert next_change(job, (), "TimeLimitExceeded") is None


def test_estimates_have_fewer_shots_as_well() -> None:
    """And stay estimates of their mode."""
    job = changed(builders.estimate_job(**retry(FEWER)), (0,))
    assert job.spec.task.estimate is not None
    assert [pub.shots for pub in job.spec.task.estimate.pubs] == [100]
    assert job.spec.task.estimate.mode == "sampled"


def test_another_backend_may_be_asked_for() -> None:
    """Also for what would fail the job: none on which an attempt failed."""
    life = live(born(simulators("a", "b"), until(2), **retry(OTHER)))
    assert [one.backend for one in life.attempts] == ["a", "b"]
    assert life.started[0].input == life.started[1].input
    assert condition(life.job.status, ConditionType.COMPLETE).message.endswith(
        "with another backend (spec.retry.onFailure)"
    )


def test_where_there_is_no_other_backend_the_job_fails_with_its_first_cause() -> None:
    """And says what was looked for."""
    small = builders.backend("small", qubits=1)
    life = live(born((*simulators("a"), small), lambda _: SLOW, **retry(OTHER)))
    complete = condition(life.job.status, ConditionType.COMPLETE)
    assert complete.reason == "TimeLimitExceeded"
    assert "a: attempt 1 failed there: TimeLimitExceeded" in complete.message


def test_a_changed_job_may_go_where_it_failed_unchanged() -> None:
    """Fewer shots are another question; and a reroute with them starts with all backends."""
    fates = {1: Fate("OOMKilled"), 2: SLOW, 3: Fate("OOMKilled")}
    life = live(born(simulators("a", "b"), lambda attempt: fates.get(attempt.number, Fate()), **retry(FEWER)))
    assert [(one.backend, one.changes) for one in life.attempts] == [("a", ()), ("b", ()), ("a", (0,)), ("b", (0,))]
    assert shots(life) == [1024, 1024, 100, 100]


def test_the_users_word_comes_before_the_tables() -> None:
    """A loss that the user has a change for does not count against backoffLimit."""
    change = {"reasons": ["TaskNotSubmitted"], "shots": 10}
    life = live(born(devices("qpu"), until(2, free("SubmissionRefused")), **retry(change), backoffLimit=0))
    assert [(one.state, one.changes) for one in life.attempts] == [("Failed", ()), ("Succeeded", (0,))]


@pytest.mark.parametrize("charge", [Charge(1, "USD"), Charge(0, "USD", exact=False), None])
def test_nothing_is_changed_after_what_may_have_been_paid_for(charge: Charge | None) -> None:
    """However much the user allows."""
    fate = Fate("TimeLimitExceeded", charge, reported=True)
    life = live(born(devices("a", "b"), lambda _: fate, **retry(FEWER, LESS, OTHER)))
    assert len(life.attempts) == len(life.started) == 1
    assert "may have been paid for" in condition(life.job.status, ConditionType.COMPLETE).message


def test_the_ceiling_follows_the_shots() -> None:
    """A task with fewer shots may cost less, and that much is what its claim and its agent are told."""
    price = {"perShotMicros": 1_000}
    there = {"agent": "agents", "device": "qpu"}
    qpu = builders.backend("qpu", adapter="memory", provider=there, price=price)
    change = {"reasons": ["CeilingExceeded"], "shots": 10}
    life = live(born((qpu,), until(2, free("CeilingExceeded")), **retry(change)))
    assert [one.ceiling.micros for one in life.started if isinstance(one, StartTask)] == [1_024_000, 10_000]


def test_the_cost_follows_the_shots() -> None:
    """A simulator with a price asks for those that it ran."""
    backend = builders.backend("s", price={"perShotMicros": 1_000})
    life = live(born((backend,), until(2), **retry(FEWER)))
    assert life.job.status.cost is not None
    assert life.job.status.cost.micros == 100_000


def test_fewer_shots_may_fit_where_more_do_not() -> None:
    """The demand is that of the changed job."""
    small = builders.backend("small", limits={"maxShots": 500})
    life = live(
        born((*simulators("a"), small), lambda one: SLOW if one.backend == "a" else Fate(), **retry(FEWER, OTHER))
    )
    assert [(one.backend, one.changes) for one in life.attempts] == [("a", ()), ("a", (0,)), ("small", (0, 1))]


def test_an_outcome_of_the_accepted_input_is_none_of_a_changed_attempt() -> None:
    """Whatever its run says: only the input that it was given counts."""
    life = born(simulators("s"), until(9), **retry(FEWER))
    live(life, until=lambda: len(life.started) == 2)
    start, attempt = life.started[1], life.attempts[-1]
    assert isinstance(start, StartRun)
    assert start.spec.input_sha256 == start.input.sha256
    assert life.observed.run is not None
    body = json.loads(life.observed.run.outcome or b"{}")
    wrong = {**body, "inputSha256": life.started[0].input.sha256}
    seen = replace(life.observed, run=replace(life.observed.run, outcome=json.dumps(wrong).encode()))
    assert condition(decide(seen).status, ConditionType.COMPLETE).reason == "InvalidOutcome"
    assert input_of(life.job.status, attempt) == start.input


def test_the_accepted_input_is_read_before_it_is_changed_and_else_never() -> None:
    """Programs may come from ConfigMaps that have changed since."""
    life = born(simulators("a", "b"), until(3), **retry(FEWER, OTHER))
    needed: list[tuple[int, bool]] = []

    def note() -> bool:
        needed.append((len(life.attempts), needs_input(life.job)))
        return False

    live(life, until=note)
    assert {number for number, needs in needed if needs} == {1}


def test_an_input_that_is_gone_can_not_be_changed() -> None:
    """The job says so, and fails for what it failed for."""
    life = born(simulators("s"), until(2), **retry(FEWER))
    live(life, until=lambda: needs_input(life.job))
    life.artifacts.clear()
    life.observed = replace(life.observed, accepted=None)
    live(life)
    complete = condition(life.job.status, ConditionType.COMPLETE)
    assert complete.reason == "TimeLimitExceeded"
    assert "its accepted input is gone" in complete.message


def test_only_what_the_user_asked_for_differs_in_the_input() -> None:
    """Programs and all else are the bytes that were accepted."""
    life = live(born(simulators("s"), until(2), **retry(FEWER)))
    first, second = life.inputs
    assert second.programs == first.programs
    assert second.execution == first.execution
    job = life.job
    ref, data = changed_input(job, (0,), life.artifacts[life.started[0].input.sha256])
    assert (ref, data) == (life.started[1].input, life.artifacts[ref.sha256])


def test_a_job_that_allows_other_changes_is_another_under_the_key() -> None:
    """Its result may be another."""
    digests = {spec_digest(builders.job(**spec), "0" * 64) for spec in ({}, retry(FEWER), retry(FEWER, LESS))}
    assert len(digests) == 3


def test_what_is_otherwise_is_said_in_words() -> None:
    """In the order of its effect."""
    job = builders.job(**retry(FEWER, LESS, OTHER))
    assert told(job, (1, 0, 2)) == (
        " with optimization level 0 and at most 100 shots and another backend (spec.retry.onFailure)"
    )
    assert told(job, ()) == ""
    assert in_effect(job, None) == ()


REASONS = st.lists(st.sampled_from(get_args(ChangeReason)), min_size=1, max_size=4, unique=True)
CHANGES = st.builds(
    lambda reasons, what: {"reasons": reasons, **what},
    REASONS,
    st.sampled_from(
        [{"shots": 1}, {"shots": 500}, {"optimizationLevel": 0}, {"optimizationLevel": 3}, {"backend": "Other"}]
    ),
)
CHARGES = st.sampled_from([Charge(0, "USD")] * 3 + [Charge(5, "USD"), Charge(5, "USD", exact=False)])
OVER = sorted(word for word, row in ENDINGS.items() if row.reaction != "return")
FATES = st.builds(Fate, st.sampled_from(OVER), CHARGES) | st.builds(
    Fate, st.sampled_from(sorted(REPORTED)), CHARGES, st.just(True)
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(FATES, min_size=1, max_size=30), st.lists(CHANGES, min_size=1, max_size=4), st.integers(1, 6))
def test_whatever_fails_a_job_ends_and_pays_once(fates: list[Fate], changes: list[dict[str, Any]], count: int) -> None:
    """Each change is made once, for its reason; what is in effect stays; only the last attempt may have cost."""
    backends = devices(*(f"b-{index}" for index in range(count)))
    life = live(born(backends, lambda one: fates[(one.number - 1) % len(fates)], **retry(*changes), backoffLimit=3))
    assert is_terminal(life.job.status)
    attempts = life.attempts
    assert len(attempts) <= MOST_FAILED + 4
    assert all(not one.cost for one in attempts[:-1])
    for before, after in pairwise(attempts):
        assert after.changes[: len(before.changes)] == before.changes
        assert len(set(after.changes)) == len(after.changes) <= len(before.changes) + 1
        for position in after.changes[len(before.changes) :]:
            assert before.reason in changes[position]["reasons"]
    plan = life.job.status.plan
    assert plan is not None
    assert [one.position for one in plan.steps[-1].changes] == list(attempts[-1].changes)
    assert len({one.name for one in attempts}) == len(life.started) == len(attempts)


def test_the_largest_record_fits_a_status() -> None:
    """As many attempts as there can be, with names as long as they may be and every change made."""
    names = [f"{index:02}" + "x" * 251 for index in range(25)]
    fates = [Fate("OOMKilled")] * MOST_FAILED
    fates[0] = fates[2] = fates[4] = SLOW
    losses = [Fate("NotStarted")] * 10

    def fate(attempt: Any) -> Fate:
        every = [*losses, *fates]
        return every[attempt.number - 1] if attempt.number <= len(every) else Fate()

    life = live(born(simulators(*names), fate, **retry(FEWER, LESS, OTHER), backoffLimit=10))
    assert len(life.attempts) >= MOST_FAILED + 9
    assert len(json.dumps(life.job.status.to_wire())) < 32 * 1024
