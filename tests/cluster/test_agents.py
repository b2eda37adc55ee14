"""Jobs on providers: the operator and an agent as processes, a real API server, and the vendors' own protocols."""

from support.accounts import Account


def test_a_job_runs_on_a_provider(account: Account) -> None:
    """One submission, its counts, and what the provider charged for it."""
    assert account.undisturbed["submissions"] == 1
    account.assert_no_secrets()


def test_a_job_on_a_provider_takes_ten_writes_at_most(account: Account) -> None:
    """Of operator and agent together: its input, its task, its outcome, and the statuses of both."""
    assert account.undisturbed
    cluster, users = account.site.cluster, {account.site.user, account.site.operator_user}
    since = cluster.audit_position()
    job = account.submit()
    assert account.wait_until_over(job) == ("True", "Succeeded")
    asked = [one for one in cluster.audit_events(since) if one.is_write and one.user in users]
    writes = [one for one in asked if one.resource not in {"events", "leases", "quantumbackends", "backendpolicies"}]
    assert 8 <= len(writes) <= 10, writes
