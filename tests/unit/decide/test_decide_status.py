"""Steps from one status to the next: conditions, attempts, phase."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.conditions import REASONS, ConditionType
from quantum_operator.api.jobstatus import Attempt, QuantumJobStatus
from quantum_operator.api.meta import Condition
from quantum_operator.decide.size import MESSAGE_BYTES, json_bytes
from quantum_operator.decide.status import (
    find_condition,
    is_accepted,
    is_terminal,
    latest_attempt,
    live_attempt,
    phase_of,
    set_condition,
    with_attempt,
    with_step,
)
from quantum_operator.decide.times import stamp
from unit.decide.observations import NOW, after, last, lost, placed, running

READY = ConditionType.READY
Change = tuple[ConditionType, bool, str, str]
CHANGES = st.tuples(
    st.sampled_from(ConditionType), st.booleans(), st.sampled_from(sorted(REASONS)), st.text(max_size=80)
)


def changed(conditions: tuple[Condition, ...], change: Change, seconds: float = 0) -> tuple[Condition, ...]:
    """The conditions with one change applied so many seconds after NOW."""
    return set_condition(conditions, *change, generation=1, now=after(seconds))


@pytest.mark.parametrize(
    ("second", "moved"),
    [
        ((READY, True, "Ready", "fine"), False),
        ((READY, True, "Ready", "another message"), False),
        ((READY, True, "Succeeded", "fine"), False),
        ((READY, False, "Ready", "fine"), True),
    ],
)
def test_the_transition_time_moves_with_the_status_alone(second: Change, moved: bool) -> None:
    """Another message or reason leaves the time of the last transition as it was."""
    first = changed((), (READY, True, "Ready", "fine"))
    (condition,) = changed(first, second, 60)
    assert condition.last_transition_time == stamp(after(60 if moved else 0))
    assert (condition.reason, condition.message) == second[2:]


@given(st.lists(CHANGES, max_size=12))
def test_conditions_are_sorted_and_one_of_a_type(changes: list[Change]) -> None:
    """After any changes there is one condition of each type that was set, in order, saying what was set last."""
    conditions: tuple[Condition, ...] = ()
    for index, change in enumerate(changes):
        conditions = changed(conditions, change, index)
    assert [one.type for one in conditions] == sorted({change[0] for change in changes})
    said = {change[0]: change for change in changes}
    assert {one.type: (one.status, one.reason) for one in conditions} == {
        kind: (str(change[1]), change[2]) for kind, change in said.items()
    }


@given(st.lists(CHANGES, max_size=8), CHANGES)
def test_setting_a_condition_twice_changes_nothing(changes: list[Change], change: Change) -> None:
    """The same condition, set again later, leaves the same bytes: it never flaps."""
    conditions: tuple[Condition, ...] = ()
    for one in changes:
        conditions = changed(conditions, one)
    once = changed(conditions, change, 5)
    assert changed(once, change, 500) == once


def test_a_reason_that_is_not_documented_is_a_mistake() -> None:
    """Only what the reference lists can be said."""
    with pytest.raises(KeyError, match="Whatever"):
        changed((), (READY, True, "Whatever", ""))


def test_a_long_message_is_cut() -> None:
    """A condition's message keeps within its budget."""
    (condition,) = changed((), (READY, True, "Ready", "é" * 5000))
    assert json_bytes(condition.message) <= MESSAGE_BYTES
    assert condition.message.endswith("…")


def test_the_generation_is_the_one_observed() -> None:
    """A condition says which generation it is about."""
    (condition,) = set_condition((), READY, True, "Ready", "", generation=7, now=NOW)
    assert condition.observed_generation == 7


@pytest.mark.parametrize("value", [True, False])
def test_a_job_is_over_when_complete_is_set(value: bool) -> None:
    """Complete ends a job, True or False alike."""
    status = QuantumJobStatus(conditions=changed((), (ConditionType.COMPLETE, value, "Succeeded", "")))
    assert is_terminal(status)
    assert not is_terminal(QuantumJobStatus(conditions=changed((), (ConditionType.RUNNING, value, "Succeeded", ""))))
    assert phase_of(status) == ("Succeeded" if value else "Failed")


def test_phases_follow_the_life_of_a_job() -> None:
    """Pending, then Queued, then Running, and Queued again between two attempts."""
    assert phase_of(QuantumJobStatus()) == "Pending"
    assert phase_of(placed().job.status) == "Queued"
    assert phase_of(running().job.status) == "Running"
    assert phase_of(lost().job.status) == "Queued"


@pytest.mark.parametrize("missing", ["plan", "input"])
def test_a_job_is_accepted_with_plan_and_input(missing: str) -> None:
    """Without its plan or its input a job is not accepted yet."""
    status = placed().job.status
    assert is_accepted(status)
    assert not is_accepted(status.model_copy(update={missing: None}))


@pytest.mark.parametrize(
    ("state", "live"), [("Pending", True), ("Running", True), ("Succeeded", False), ("Failed", False), ("Lost", False)]
)
def test_an_attempt_is_live_while_its_run_may_be(state: str, live: bool) -> None:
    """Only a pending or running attempt can have a run under way."""
    status = placed().job.status
    status = with_attempt(status, last(status).model_copy(update={"state": state}))
    assert (live_attempt(status) is not None) == live
    assert last(status).state == state


def test_attempts_are_replaced_by_number() -> None:
    """An attempt of a number on record takes its place, one of another number follows."""
    status = placed().job.status
    first = last(status)
    second = first.model_copy(update={"number": 2, "name": "second"})
    status = with_attempt(with_attempt(status, second), second.model_copy(update={"state": "Running"}))
    assert status.plan is not None
    assert [(one.number, one.state) for one in status.plan.steps[-1].attempts] == [(1, "Pending"), (2, "Running")]


def test_without_a_plan_there_is_nothing_to_attempt() -> None:
    """A status without a plan, or a plan without steps, has no attempts and takes none."""
    planned = placed().job.status
    assert planned.plan is not None
    stepless = planned.model_copy(update={"plan": planned.plan.model_copy(update={"steps": ()})})
    attempt: Attempt = last(planned)
    for status in (QuantumJobStatus(), stepless):
        assert latest_attempt(status) is None
        assert with_attempt(status, attempt) == status
        assert with_step(status, candidates_total=1) == status


def test_a_condition_that_is_not_set_is_not_found() -> None:
    """Looking for what is not there gives None."""
    assert find_condition((), READY) is None
