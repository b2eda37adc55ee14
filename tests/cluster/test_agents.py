"""Jobs on providers: the operator and an agent as processes, a real API server, and the vendors' own protocols."""

from support.accounts import Account


def test_a_job_runs_on_a_provider(account: Account) -> None:
    """One submission, its counts, and what the provider charged for it."""
    assert account.undisturbed["submissions"] == 1
    account.assert_no_secrets()
