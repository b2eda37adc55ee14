"""Providers that do other than they were asked, on a real API server: nothing is paid twice, and the user is told."""

from datetime import UTC, datetime, timedelta

import pytest

from quantum_operator.decide.times import parse
from quantum_operator.testing.adapter_faults import Fault
from support.accounts import SECONDS, Account
from support.interruptions import Point

matrix = pytest.mark.matrix


def queued(account: Account) -> tuple[str, str]:
    """A job in the provider's queue, which does not go on by itself; and the provider's id of it."""
    account.executes = False
    job = account.submit()
    account.wait_for_state(job, "Queued")
    (there,) = account.at_provider(job)
    return job, there


def message(account: Account, job: str, kind: str) -> str:
    """What a condition of the job says."""
    conditions = account.site.job(job)["status"]["conditions"]
    return next(str(one["message"]) for one in conditions if one["type"] == kind)


def test_fewer_shots_than_asked_are_told(account: Account) -> None:
    """They are the job's counts, and paid for; nothing is submitted for those that are missing."""
    job, there = queued(account)
    account.server.finish_short(there, 100)
    assert account.wait_until_over(job) == ("True", "Succeeded"), account.said(job)
    ending = account.ending(job)
    (pub,) = ending["pubs"]
    assert (pub["shots"], pub["samples"][0]["registers"][0]["counts"]) == (900, {"011": 900})
    assert "pubs[0] has 900 of 1000 shots" in message(account, job, "Complete")
    assert ending["submissions"] == 1
    assert ending["charged"] == ending["cost"]["micros"] > 0


@pytest.mark.parametrize("moment", ["before", pytest.param("after", marks=matrix)])
def test_a_task_that_ends_while_it_is_cancelled_counts(account: Account, moment: str) -> None:
    """It was paid for: its result is the job's."""
    assert account.undisturbed
    job, there = queued(account)
    point = Point("cancel", moment)  # type: ignore[arg-type]
    with account.server.interrupting(point, lambda: account.server.finish(there), goes_on=True) as done:
        account.site.change(job, cancel=True)
        assert done.wait(SECONDS), account.said(job)
    account.assert_as_undisturbed(job)


@matrix
def test_a_task_that_the_provider_loses_is_held_until_somebody_finds_it(account: Account) -> None:
    """It is not submitted again, and the job says that it waits for a person."""
    assert account.undisturbed
    job, there = queued(account)
    find = account.server.lose(there)
    account.until(lambda: account.site.condition(job, "Running") == ("False", "TaskHeld"), job)
    assert account.task(job)["status"]["reason"] == "TaskLost"
    assert account.server.asked(account.task(job)["spec"]["token"]) == 1
    assert "a person has to say" in message(account, job, "Running")
    find()
    account.site.resolve(account.task(job)["metadata"]["name"], "--adopt", there, "--why", "seen in the console")
    account.executes = True
    account.assert_as_undisturbed(job)


@matrix
@pytest.mark.parametrize("asked", ["poll", "results", "charge"])
def test_an_answer_that_is_cut_short_is_asked_for_again(account: Account, asked: str) -> None:
    """The job says so meanwhile, and is not submitted again."""
    assert account.undisturbed
    if asked not in account.server.requests_of_a_task:
        asked = "device"  # Braket is not asked what it charges
    job, _ = queued(account)
    with account.server.replying(asked, account.server.cut_short):
        account.executes = True
        if asked != "device":
            account.until(lambda: account.site.condition(job, "Running")[1] == "AnswerUnreadable", job)
    account.assert_as_undisturbed(job)


@matrix
def test_a_provider_that_asks_for_patience_gets_it(account: Account) -> None:
    """Nothing is submitted before the time that it names, and then once."""
    assert account.undisturbed
    earliest = datetime.now(UTC) + timedelta(seconds=account.server.retry_after or 0)
    with account.server.failing("submit", Fault("throttled")):
        job = account.submit()
        account.until(lambda: account.site.condition(job, "Running")[1] == "ProviderBusy", job)
        patience = parse(account.task(job)["status"]["notBefore"])
    assert patience >= earliest
    account.wait_until_over(job)
    assert parse(account.task(job)["status"]["submittedTime"]) >= patience.replace(microsecond=0)
    ending = account.ending(job)
    assert (len(ending["at_provider"]), ending["pubs"]) == (1, account.undisturbed["pubs"])
    assert ending["charged"] == account.undisturbed["charged"]


@matrix
def test_a_job_that_the_provider_refuses_fails_at_once(account: Account) -> None:
    """It says why in the provider's words, without its secrets, and nothing was paid."""
    with account.server.failing("submit", Fault("invalid")):
        job = account.submit()
        assert account.wait_until_over(job) == ("False", "TaskRejected"), account.said(job)
    ending = account.ending(job)
    assert (ending["submissions"], ending["at_provider"], ending["cost"]["micros"]) == (1, [], 0)
    assert "invalid" in message(account, job, "Complete")
    account.assert_no_secrets()


@matrix
@pytest.mark.parametrize(
    "fault",
    [
        *(Fault(answer) for answer in ("unavailable", "reset", "silence", "throttled", "forbidden", "unauthorized")),
        *(Fault(answer, accepted=True) for answer in ("unavailable", "reset", "silence", "garbage")),
    ],
    ids=lambda fault: f"{fault.answer}{'-accepted' if fault.accepted else ''}",
)
def test_a_cancellation_that_fails_is_made_again(account: Account, fault: Fault) -> None:
    """Until the task is cancelled; it was submitted once, and costs nothing."""
    job, there = queued(account)
    token = account.task(job)["spec"]["token"]
    asked = account.server.cancellations()
    with account.server.failing("cancel", fault):
        account.site.change(job, cancel=True)
        account.until(lambda: account.server.cancellations() > asked, job)
    assert account.wait_until_over(job) == ("False", "Cancelled"), account.said(job)
    assert (account.server.state(there), account.server.asked(token)) == ("CANCELLED", 1)
    assert account.server.charged(token) == 0
    account.assert_no_secrets()


@matrix
def test_a_task_that_can_not_be_cancelled_ends_by_itself(account: Account) -> None:
    """The account may not cancel: the result is not lost for that."""
    assert account.undisturbed
    job, _ = queued(account)
    with account.server.failing("cancel", Fault("forbidden")):
        account.site.change(job, cancel=True)
        account.until(lambda: account.task(job)["status"]["reason"] == "CredentialsRefused", job)
        account.executes = True
        account.wait_until_over(job)
    account.assert_as_undisturbed(job)
