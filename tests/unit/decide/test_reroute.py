"""Where a job goes on whose attempt failed: to another backend, never after one that may have been paid, to an end."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.failures import ENDINGS, MOST_FAILED, REPORTED
from quantum_operator.api.jobstatus import Attempt
from quantum_operator.decide.observed import Charge
from quantum_operator.decide.status import is_terminal
from quantum_operator.testing import builders
from unit.decide.fates import Fate, born, devices, free, live, simulators
from unit.decide.observations import condition, verdicts

REROUTED = sorted(word for word, row in ENDINGS.items() if row.reaction == "reroute")
FOLLOWED = sorted(word for word, row in ENDINGS.items() if row.reaction in ("retry", "elsewhere", "reroute"))
NOT_SURELY_FREE = [Charge(1, "USD"), Charge(0, "USD", exact=False), Charge(1_000_000, "USD", exact=False), None]


def first_fails(fate: Fate) -> object:
    """The first attempt ends so, every other succeeds."""
    return lambda attempt: fate if attempt.number == 1 else Fate(charge=Charge(1, "USD"))


def places(attempts: tuple[Attempt, ...]) -> list[tuple[str, str]]:
    """Where each attempt was, and how it ended."""
    return [(one.backend, one.state) for one in attempts]


@pytest.mark.parametrize("word", REROUTED)
def test_what_is_the_backends_fault_goes_to_another_one(word: str) -> None:
    """At once, and the job succeeds there."""
    life = live(born(devices("first", "second"), first_fails(free(word))))  # type: ignore[arg-type]
    assert places(life.attempts) == [("first", "Failed"), ("second", "Succeeded")]
    assert life.attempts[0].reason == ENDINGS[word].reason
    assert verdicts(life.job.status)["Complete"] == "True/Succeeded"
    assert verdicts(life.job.status)["Accepted"] == "True/Accepted"


@pytest.mark.parametrize("word", sorted(word for word, row in REPORTED.items() if row.reaction == "reroute"))
def test_so_does_what_a_run_says_of_its_backend(word: str) -> None:
    """An outcome that is an error of the target's, or of its memory."""
    life = live(born(simulators("first", "second"), first_fails(Fate(word, reported=True))))  # type: ignore[arg-type]
    assert places(life.attempts) == [("first", "Failed"), ("second", "Succeeded")]
    assert verdicts(life.job.status)["Accepted"] == "True/Accepted"


def test_a_backend_that_failed_a_job_is_marked_as_tried() -> None:
    """The plan says for each candidate why it was passed over."""
    life = live(born(simulators("first", "second"), first_fails(Fate("OOMKilled"))))  # type: ignore[arg-type]
    assert life.job.status.plan is not None
    found = {one.backend: (one.verdict, one.reason, one.message) for one in life.job.status.plan.steps[-1].candidates}
    assert found["first"] == ("Rejected", "TriedBefore", "attempt 1 failed there: MemoryLimitExceeded")
    assert found["second"][0] == "Chosen"


@pytest.mark.parametrize("charge", NOT_SURELY_FREE)
@pytest.mark.parametrize("word", FOLLOWED)
def test_nothing_follows_what_may_have_been_paid_for(word: str, charge: Charge | None) -> None:
    """Whatever the table says: the job fails, with the failure's own reason, and says so."""
    life = live(born(devices("first", "second"), lambda _: Fate(word, charge)))
    assert places(life.attempts) == [("first", "Failed")]
    complete = condition(life.job.status, ConditionType.COMPLETE)
    assert (complete.status, complete.reason) == ("False", ENDINGS[word].reason)
    assert "may have been paid for" in complete.message


def test_an_error_that_may_have_been_paid_for_ends_the_job() -> None:
    """Counts that can't be put together cost what they cost: nothing more is submitted."""
    fate = Fate("MemoryLimitExceeded", Charge(7, "USD"), reported=True)
    life = live(born(devices("first", "second"), lambda _: fate))
    assert places(life.attempts) == [("first", "Failed")]
    assert life.job.status.cost is not None
    assert life.job.status.cost.micros == 7


@pytest.mark.parametrize("word", REROUTED)
def test_where_no_backend_is_left_the_first_cause_is_the_diagnosis(word: str) -> None:
    """Not that of the last one, nor that there is none."""
    fates = {"first": free(word), "second": free("TaskFailed" if word != "TaskFailed" else "Rejected")}
    life = live(born(devices("first", "second"), lambda attempt: fates[attempt.backend]))
    complete = condition(life.job.status, ConditionType.COMPLETE)
    assert (complete.status, complete.reason) == ("False", ENDINGS[word].reason)
    assert f"it ended as {word}" in complete.message
    assert verdicts(life.job.status)["Scheduled"] == "False/NoEligibleBackend"


def test_the_only_backends_diagnosis_stands_alone() -> None:
    """Where the policy has no other one, nothing is added to it."""
    life = live(born(simulators("first"), lambda _: Fate("IncompatibleTarget", reported=True)))
    assert condition(life.job.status, ConditionType.COMPLETE).message == "it says IncompatibleTarget"
    assert verdicts(life.job.status)["Accepted"] == "False/IncompatibleTarget"


def test_what_stands_against_the_others_is_said_as_well() -> None:
    """The first cause, where it was, and why no other backend can take the job."""
    small = builders.backend("small", qubits=1)
    life = live(born((*simulators("first"), small), lambda _: Fate("OOMKilled")))
    message = condition(life.job.status, ConditionType.COMPLETE).message
    assert "it ended as OOMKilled" in message
    assert "(on first); no backend of policy default can run this" in message
    assert "small: has 1 qubits, the job needs 2" in message


def test_a_job_waits_for_another_backend_that_may_still_come() -> None:
    """One that is not ready is one that is left."""
    asleep = builders.backend("asleep", ready=False)
    life = live(born((*simulators("first"), asleep), lambda _: Fate("OOMKilled")))
    assert not is_terminal(life.job.status)
    assert verdicts(life.job.status)["Scheduled"] == "False/NoReadyBackend"
    assert verdicts(life.job.status)["Running"] == "False/MemoryLimitExceeded"


@pytest.mark.parametrize("word", ["SubmissionRefused", "StartDeadlineExceeded", "NotStarted"])
def test_a_busy_backend_is_left_for_another(word: str) -> None:
    """The attempt is lost, and the next one is elsewhere."""
    life = live(born(devices("first", "second"), first_fails(free(word))))  # type: ignore[arg-type]
    assert places(life.attempts) == [("first", "Lost"), ("second", "Succeeded")]


@pytest.mark.parametrize("others", [(), (builders.backend("small", qubits=1),), (builders.backend("x", ready=False),)])
def test_where_no_other_can_take_it_a_busy_backend_is_tried_again(others: tuple[builders.QuantumBackend, ...]) -> None:
    """Up to backoffLimit, also while another one may still come."""
    life = live(born((*devices("first"), *others), lambda _: free("SubmissionRefused"), backoffLimit=2))
    assert places(life.attempts) == [("first", "Lost")] * 3
    assert verdicts(life.job.status)["Complete"] == "False/BackoffLimitExceeded"


def test_a_reroute_is_no_retry() -> None:
    """A job that is to be tried only once still goes to the next backend: nothing was computed."""
    life = live(born(simulators("a", "b"), first_fails(Fate("OOMKilled")), backoffLimit=0))  # type: ignore[arg-type]
    assert places(life.attempts) == [("a", "Failed"), ("b", "Succeeded")]


def test_a_lost_run_is_tried_again_where_it_was() -> None:
    """A node that goes says nothing of the backend."""
    life = live(born(simulators("a", "b"), first_fails(Fate("Evicted"))))  # type: ignore[arg-type]
    assert places(life.attempts) == [("a", "Lost"), ("a", "Succeeded")]


def test_only_so_many_backends_are_tried() -> None:
    """However many a policy has: the attempts stay on record, and the job ends with the first one's diagnosis."""
    names = [f"backend-{index:02}" for index in range(MOST_FAILED + 5)]
    life = live(born(simulators(*names), lambda _: Fate("OOMKilled")))
    assert [one.backend for one in life.attempts] == names[:MOST_FAILED]
    complete = condition(life.job.status, ConditionType.COMPLETE)
    assert complete.reason == "MemoryLimitExceeded"
    assert f"{MOST_FAILED} attempts have failed" in complete.message


FREE_OR_NOT = st.sampled_from([Charge(0, "USD"), Charge(0, "USD"), Charge(5, "USD"), Charge(5, "USD", exact=False)])
FATES = st.builds(Fate, st.sampled_from(["", *ENDINGS, "unheard of"]), FREE_OR_NOT) | st.builds(
    Fate, st.sampled_from(sorted(REPORTED)), FREE_OR_NOT, st.just(True)
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.lists(FATES, min_size=1, max_size=40), st.integers(0, 14), st.integers(0, 14), st.integers(0, 10))
def test_a_job_ends_after_at_most_one_paid_attempt(fates: list[Fate], paid: int, local: int, limit: int) -> None:
    """Whatever its runs meet, on however many backends: it is over, and only the last attempt may have cost."""
    names = [f"b-{index}" for index in range(paid + local)]
    backends = devices(*names[:paid]) + simulators(*names[paid:])
    if not backends:
        return
    life = live(born(backends, lambda attempt: fates[(attempt.number - 1) % len(fates)], backoffLimit=limit))
    assert is_terminal(life.job.status)
    attempts = life.attempts
    assert [one.number for one in attempts] == list(range(1, len(attempts) + 1))
    assert len(attempts) <= MOST_FAILED + limit + 1
    assert all(not one.cost for one in attempts[:-1])
    assert sum(1 for one in attempts if one.state == "Lost") <= limit + 1
    failed = [one.backend for one in attempts if one.state == "Failed"]
    assert len(failed) == len(set(failed)) <= MOST_FAILED
    for index, one in enumerate(attempts):
        assert one.backend not in [before.backend for before in attempts[:index] if before.state == "Failed"]
    assert len(json.dumps(life.job.status.to_wire())) < 32 * 1024


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(FATES, min_size=1, max_size=12))
def test_the_same_is_decided_of_the_same_fates(fates: list[Fate]) -> None:
    """A life has no chance in it: twice the same fates are twice the same record."""

    def once() -> object:
        backends = devices("a", "b") + simulators("c")
        return live(born(backends, lambda attempt: fates[(attempt.number - 1) % len(fates)])).job.status

    assert once() == once()
