"""How runs end: success, a diagnosis, an outcome that is not believed, or a loss."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from quantum_operator.api.conditions import REASONS, ConditionType
from quantum_operator.api.failures import REPORTED
from quantum_operator.api.run import RunError
from quantum_operator.decide.finish import REFUSALS
from quantum_operator.decide.job import decide
from quantum_operator.decide.observed import StoreArtifact
from quantum_operator.decide.status import is_terminal
from quantum_operator.testing.builders import backend
from unit.decide.observations import (
    NOW,
    after,
    apply,
    condition,
    finished,
    last,
    running,
    told,
    verdicts,
    with_run,
)

RUN_ERRORS = get_args(RunError.model_fields["reason"].annotation)


@pytest.mark.parametrize("reason", RUN_ERRORS)
def test_a_runs_diagnosis_ends_the_job(reason: str) -> None:
    """Every reason a run can give fails the job, at once or when there is no other backend for it; what is about the
    job's wording withdraws acceptance."""
    error = {"reason": reason, "message": "what was wrong", "field": "spec.task"}
    observed = finished(running(), error=error, pubs=[])
    status = decide(observed).status
    assert is_terminal(status) == (REPORTED[reason].reaction == "fail")
    if not is_terminal(status):
        alone = told(replace(apply(observed, decide(observed)), run=None), "Impossible", "NoEligibleBackend")
        status = decide(alone).status
    complete = condition(status, ConditionType.COMPLETE)
    assert (complete.status, complete.reason) == ("False", reason)
    assert complete.message == "spec.task: what was wrong"
    accepted = f"False/{reason}" if reason in REFUSALS else "True/Accepted"
    assert verdicts(status)["Accepted"] == accepted
    assert (last(status).state, last(status).reason) == ("Failed", reason)
    assert status.result is None
    assert status.completion_time is not None


def test_every_reason_of_a_run_is_documented() -> None:
    """The reference explains whatever a run can say."""
    assert set(RUN_ERRORS) <= set(REASONS)
    assert set(REFUSALS) <= set(RUN_ERRORS)


@pytest.mark.parametrize(
    ("failure", "reason", "state"),
    [
        ("OOMKilled", None, "Failed"),
        ("DeadlineExceeded", "TimeLimitExceeded", "Failed"),
        ("Evicted", None, "Lost"),
        ("Error", None, "Lost"),
        ("", None, "Lost"),
        ("Something new", None, "Lost"),
    ],
)
def test_a_run_without_an_outcome(failure: str, reason: str | None, state: str) -> None:
    """A run over its time fails the job; over its memory, it is tried elsewhere; any other end is a loss."""
    status = decide(with_run(running(), "Finished", failure=failure, message="node gone")).status
    assert last(status).state == state
    assert "left no outcome: node gone" in last(status).message
    assert verdicts(status).get("Complete") == (f"False/{reason}" if reason else None)


def test_a_cause_that_nobody_knows_is_said_to_be_unknown() -> None:
    """Without message or word from the infrastructure the attempt says so."""
    status = decide(with_run(running(), "Finished")).status
    assert last(status).message.endswith("left no outcome: no cause is known")


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "another-run"},
        {"inputSha256": "cd" * 32},
        {"pubs": []},
        {"pubs": [{"program": "other", "shape": [], "shots": 1, "samples": []}]},
    ],
)
def test_an_outcome_of_something_else_is_not_believed(changes: dict[str, Any]) -> None:
    """An outcome of another run, another input or other programs ends the job as InvalidOutcome."""
    status = decide(finished(running(), **changes)).status
    assert verdicts(status)["Complete"] == "False/InvalidOutcome"
    assert status.result is None
    assert status.execution is None


@pytest.mark.parametrize("data", [b"", b"\xff", b"{}", b"[" * 5000, b'{"run": "x"}'])
def test_bytes_that_are_no_outcome_end_the_job(data: bytes) -> None:
    """What can't be read is no result."""
    status = decide(with_run(running(), "Finished", outcome=data)).status
    assert verdicts(status)["Complete"] == "False/InvalidOutcome"


def test_an_outcome_wins_over_the_infrastructures_word() -> None:
    """A run that left its outcome has succeeded, whatever became of its pod afterwards."""
    observed = finished(running())
    assert observed.run is not None
    status = decide(replace(observed, run=replace(observed.run, failure="Evicted"))).status
    assert verdicts(status)["Complete"] == "True/Succeeded"


def test_a_success_is_complete() -> None:
    """Result, execution, cost, times and the attempt are all there in the one write that ends the job."""
    observed = replace(finished(running()), now=after(60))
    decision = decide(observed)
    status = decision.status
    assert status.result is not None
    assert status.execution is not None
    assert status.execution.seed == last(status).seed
    assert (last(status).state, last(status).run_uid) == ("Succeeded", "run-1")
    assert status.completion_time == "2026-01-01T12:01:00Z"
    assert condition(status, ConditionType.COMPLETE).message == "ran on simulator in 100 ms"
    assert decision.before == ()


def test_a_success_costs_what_its_backend_asks() -> None:
    """Price times one run, its shots and its started seconds."""
    price = {"currency": "EUR", "perRunMicros": 1_000_000, "perShotMicros": 1_000, "perSecondMicros": 500_000}
    status = decide(replace(finished(running()), backend=backend(price=price))).status
    assert status.cost is not None
    assert (status.cost.micros, status.cost.text) == (1_000_000 + 1_024_000 + 500_000, "2.524 EUR")


def test_a_price_beyond_all_bounds_is_stated_as_the_most() -> None:
    """No price makes a job's end impossible to write."""
    price = {"perShotMicros": 9_000_000_000_000_000}
    status = decide(replace(finished(running()), backend=backend(price=price))).status
    assert status.cost is not None
    assert status.cost.micros == 9_000_000_000_000_000


def test_a_large_outcome_is_stored_before_the_status_names_it() -> None:
    """The artifact has exactly the bytes that the run left."""
    counts = {f"{index:012b}": 1 for index in range(2000)}
    register = {"name": "c", "size": 12, "counts": counts}
    pub = {"program": "bell", "shape": [], "shots": 2000, "samples": [{"index": 0, "registers": [register]}]}
    observed = finished(running(), pubs=[pub])
    decision = decide(observed)
    (artifact,) = decision.before
    assert observed.run is not None
    assert isinstance(artifact, StoreArtifact)
    assert artifact.data == observed.run.outcome
    assert decision.status.result is not None
    assert artifact.ref == decision.status.result.outcome


def test_a_loss_says_when_it_was() -> None:
    """A lost attempt has its end on record, from which the backoff counts."""
    status = decide(with_run(running(), "Finished", failure="Evicted")).status
    assert last(status).completion_time == NOW.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_long_message_of_the_infrastructure_is_cut() -> None:
    """An attempt's message is a note: there may be eleven of them in a status."""
    status = decide(with_run(running(), "Finished", message="x" * 10_000)).status
    assert len(last(status).message) <= 200
