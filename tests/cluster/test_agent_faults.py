"""Providers that fail, and users who change their minds: a job is paid once or not at all, and its status says how."""

import pytest

from quantum_operator.testing.adapter_faults import Call, Fault
from support.accounts import Account

ACCEPTED = Fault("reset", accepted=True)
SUBMITTING = [
    Fault(answer, accepted)
    for answer in ("reset", "garbage", "unavailable", "silence")
    for accepted in (False, True)
    if (answer, accepted) != ("reset", True)
] + [Fault("unauthorized"), Fault("forbidden"), Fault("throttled")]
READING = [Fault(answer) for answer in ("reset", "garbage", "silence", "unauthorized", "forbidden", "throttled")]
matrix = pytest.mark.matrix


def in_matrix(call: Call, faults: list[Fault]) -> list[object]:
    """These faults of a call, which are tried with --faults=all."""
    return [pytest.param(call, fault, id=name(call, fault), marks=matrix) for fault in faults]


def name(call: Call, fault: Fault) -> str:
    """The id of a test."""
    return f"{call}-{fault.answer}{'-accepted' if fault.accepted else ''}"


SAID = ("AnswerLost", "AnswerUnreadable", "ProviderBusy", "CredentialsRefused", "ProviderUnavailable")


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        pytest.param("submit", ACCEPTED, id=name("submit", ACCEPTED)),
        *in_matrix("submit", SUBMITTING),
        pytest.param("read", Fault("unavailable"), id="read-unavailable"),
        *in_matrix("read", READING),
    ],
)
def test_a_fault_that_heals_changes_nothing(account: Account, call: Call, fault: Fault) -> None:
    """While it lasts, the task says in words what is wrong; afterwards the job ends as ever, and no secret is told."""
    assert account.undisturbed
    account.executes = False
    if call == "submit":
        with account.server.failing(call, fault):
            job = account.submit()
            account.until(lambda: account.told(job, SAID), job)
    else:
        job = account.submit()
        account.wait_for_state(job, "Queued")
        with account.server.failing(call, fault):
            account.until(lambda: account.told(job, SAID), job)
    account.executes = True
    account.wait_until_over(job)
    assert account.ending(job)["charged"] == account.undisturbed["charged"]
    assert len(account.at_provider(job)) == 1, account.said(job)
    assert account.ending(job)["pubs"] == account.undisturbed["pubs"]
    assert account.ending(job)["cost"] == account.undisturbed["cost"]
    account.assert_no_secrets()


def test_a_queued_task_is_cancelled(account: Account) -> None:
    """At the provider as well, and nothing is charged there."""
    account.executes = False
    job = account.submit()
    account.wait_for_state(job, "Queued")
    account.site.change(job, cancel=True)
    assert account.wait_until_over(job) == ("False", "Cancelled")
    assert [account.server.state(one) for one in account.at_provider(job)] == ["CANCELLED"]
    assert account.ending(job)["charged"] == 0


@matrix
def test_a_running_task_is_cancelled(account: Account) -> None:
    """Where the provider stops it."""
    account.executes = False
    job = account.submit()
    account.wait_for_state(job, "Queued")
    account.server.start(account.at_provider(job)[0])
    account.wait_for_state(job, "Running")
    account.site.change(job, cancel=True)
    assert account.wait_until_over(job) == ("False", "Cancelled")
    assert [account.server.state(one) for one in account.at_provider(job)] == ["CANCELLED"]


@matrix
def test_a_job_that_is_suspended_once_it_was_submitted_goes_on(account: Account) -> None:
    """It was paid for: it ends, and is not submitted again."""
    account.executes = False
    job = account.submit()
    account.wait_for_state(job, "Queued")
    account.site.change(job, suspend=True)
    account.executes = True
    account.assert_as_undisturbed(job)


@matrix
def test_a_job_that_is_suspended_before_is_submitted_once_it_is_resumed(account: Account) -> None:
    """Until then it has no task."""
    job = account.submit(suspend=True)
    account.until(lambda: account.site.condition(job, "Suspended")[0] == "True", job)
    assert account.tasks(job) == []
    account.site.change(job, suspend=False)
    account.wait_until_over(job)
    assert account.ending(job)["submissions"] == 1
    assert account.ending(job)["charged"] == account.undisturbed["charged"]


@pytest.mark.parametrize("state", ["Queued", pytest.param("Running", marks=matrix)])
def test_a_job_that_is_deleted_leaves_nothing_behind(account: Account, state: str) -> None:
    """Its task is cancelled at the provider, and then goes."""
    account.executes = False
    job = account.submit()
    account.wait_for_state(job, "Queued")
    (there,) = account.at_provider(job)
    token = account.task(job)["spec"]["token"]
    if state == "Running":
        account.server.start(there)
        account.wait_for_state(job, "Running")
    account.site.kubectl("delete", "quantumjob", job)
    account.until(lambda: account.site.left_of(job) == [], job)
    assert account.server.state(there) == "CANCELLED"
    assert (account.server.asked(token), account.server.charged(token)) == (1, 0)
