"""`decide` as a table: what follows from each state of a job and each thing that may be observed in it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from quantum_operator.decide.job import PENDING_SECONDS, WAIT_SECONDS, decide
from quantum_operator.decide.observed import Observed
from quantum_operator.decide.retry import backoff
from unit.decide.observations import (
    after,
    apply,
    deleting,
    done,
    finished,
    kinds,
    later,
    lost,
    placed,
    running,
    submitted,
    told,
    verdicts,
    with_run,
)

REF = {"name": "bell", "configMapKeyRef": {"name": "programs", "key": "bell.qasm"}}
Row = tuple[str, Callable[[], Observed], str, list[str], str, float | None]


SOON = backoff(submitted().job.metadata.uid, 1, 1)
"""How long the second attempt is waited for."""


def waiting() -> Observed:
    """An accepted job that waits for a backend."""
    observed = told(submitted(), "Waiting", "AllBackendsBusy")
    return apply(observed, decide(observed))


def of_another_run(observed: Observed) -> Observed:
    """The same with a run of another UID."""
    assert observed.run is not None
    return replace(observed, run=replace(observed.run, uid="another"))


TABLE: list[Row] = [
    ("new", submitted, "None", ["Nominate"], "", None),
    ("new, deleting", lambda: deleting(submitted()), "None", [], "", None),
    (
        "new, no policy",
        lambda: replace(submitted(), policy=None),
        "Pending",
        ["PolicyNotFound"],
        "Accepted=False/PolicyNotFound",
        WAIT_SECONDS,
    ),
    (
        "new, no ConfigMap",
        lambda: submitted(programs=[REF]),
        "Pending",
        ["ConfigMapNotFound"],
        "Accepted=False/ConfigMapNotFound",
        WAIT_SECONDS,
    ),
    (
        "new, bad program",
        lambda: submitted(programs=[{"name": "bell", "qasm3": "no"}]),
        "Failed",
        ["InvalidProgram"],
        "Accepted=False/InvalidProgram Complete=False/InvalidProgram",
        None,
    ),
    (
        "new, assigned",
        lambda: told(submitted()),
        "Queued",
        ["StoreArtifact", "Assigned"],
        "Accepted=True/Accepted Scheduled=True/Assigned",
        None,
    ),
    (
        "new, busy",
        lambda: told(submitted(), "Waiting", "AllBackendsBusy"),
        "Queued",
        ["StoreArtifact", "AllBackendsBusy"],
        "Accepted=True/Accepted Scheduled=False/AllBackendsBusy",
        None,
    ),
    (
        "new, impossible",
        lambda: told(submitted(), "Impossible", "NoEligibleBackend"),
        "Failed",
        ["StoreArtifact", "NoEligibleBackend"],
        "Accepted=False/NoEligibleBackend Complete=False/NoEligibleBackend Scheduled=False/NoEligibleBackend",
        None,
    ),
    ("waiting, same word", waiting, "Queued", [], "Accepted=True/Accepted Scheduled=False/AllBackendsBusy", None),
    (
        "waiting, no word",
        lambda: replace(waiting(), assignment=None),
        "Queued",
        ["Nominate"],
        "Accepted=True/Accepted Scheduled=False/AllBackendsBusy",
        None,
    ),
    (
        "waiting, assigned",
        lambda: told(replace(waiting(), assignment=None)),
        "Queued",
        ["Assigned"],
        "Accepted=True/Accepted Scheduled=True/Assigned",
        None,
    ),
    (
        "waiting, another word",
        lambda: told(replace(waiting(), assignment=None), "Waiting", "NoBackends"),
        "Queued",
        ["NoBackends"],
        "Accepted=True/Accepted Scheduled=False/NoBackends",
        None,
    ),
    (
        "waiting, policy gone",
        lambda: replace(waiting(), policy=None, assignment=None),
        "Queued",
        ["Nominate"],
        "Accepted=True/Accepted Scheduled=False/AllBackendsBusy",
        None,
    ),
    ("placed, no run", placed, "Queued", ["StartRun"], "Accepted=True/Accepted Scheduled=True/Assigned", None),
    (
        "placed, refused",
        lambda: replace(placed(), refusal="quota"),
        "Queued",
        ["StartRun", "RunRefused"],
        "Accepted=True/Accepted Running=False/RunRefused Scheduled=True/Assigned",
        None,
    ),
    (
        "placed, backend gone",
        lambda: replace(placed(), backend=None),
        "Queued",
        ["RunLost"],
        "Accepted=True/Accepted Running=False/RunLost Scheduled=True/Assigned",
        SOON,
    ),
    (
        "placed, deleting",
        lambda: deleting(placed()),
        "Queued",
        [],
        "Accepted=True/Accepted Scheduled=True/Assigned",
        None,
    ),
    (
        "placed, run pending",
        lambda: with_run(placed(), "Pending"),
        "Queued",
        [],
        "Accepted=True/Accepted Scheduled=True/Assigned",
        None,
    ),
    (
        "placed, run unschedulable",
        lambda: with_run(later(placed(), PENDING_SECONDS - 1), "Pending", message="no node"),
        "Queued",
        [],
        "Accepted=True/Accepted Scheduled=True/Assigned",
        1.0,
    ),
    (
        "placed, run unschedulable for long",
        lambda: with_run(later(placed(), PENDING_SECONDS), "Pending", message="no node"),
        "Queued",
        [],
        "Accepted=True/Accepted Running=False/RunPending Scheduled=True/Assigned",
        None,
    ),
    (
        "placed, run executes",
        lambda: with_run(placed(), "Running"),
        "Running",
        ["RunStarted"],
        "Accepted=True/Accepted Running=True/RunStarted Scheduled=True/Assigned",
        None,
    ),
    (
        "placed, run over",
        lambda: finished(placed()),
        "Succeeded",
        ["Succeeded"],
        "Accepted=True/Accepted Complete=True/Succeeded Running=False/RunFinished Scheduled=True/Assigned",
        None,
    ),
    (
        "running, run executes",
        running,
        "Running",
        [],
        "Accepted=True/Accepted Running=True/RunStarted Scheduled=True/Assigned",
        None,
    ),
    (
        "running, pod pending again",
        lambda: with_run(running(), "Pending", message="x"),
        "Running",
        [],
        "Accepted=True/Accepted Running=True/RunStarted Scheduled=True/Assigned",
        None,
    ),
    (
        "running, run gone",
        lambda: replace(running(), run=None),
        "Queued",
        ["RunLost"],
        "Accepted=True/Accepted Running=False/RunLost Scheduled=True/Assigned",
        SOON,
    ),
    (
        "running, another run",
        lambda: with_run(running(), "Running", uid="run-2"),
        "Queued",
        ["RunLost"],
        "Accepted=True/Accepted Running=False/RunLost Scheduled=True/Assigned",
        SOON,
    ),
    (
        "running, another run's outcome",
        lambda: of_another_run(finished(running())),
        "Queued",
        ["RunLost"],
        "Accepted=True/Accepted Running=False/RunLost Scheduled=True/Assigned",
        SOON,
    ),
    (
        "running, evicted",
        lambda: with_run(running(), "Finished", failure="Evicted"),
        "Queued",
        ["RunEvicted"],
        "Accepted=True/Accepted Running=False/RunEvicted Scheduled=True/Assigned",
        SOON,
    ),
    (
        "running, over",
        lambda: finished(running()),
        "Succeeded",
        ["Succeeded"],
        "Accepted=True/Accepted Complete=True/Succeeded Running=False/RunFinished Scheduled=True/Assigned",
        None,
    ),
    (
        "running, backend gone, over",
        lambda: replace(finished(running()), backend=None),
        "Succeeded",
        ["Succeeded"],
        "Accepted=True/Accepted Complete=True/Succeeded Running=False/RunFinished Scheduled=True/Assigned",
        None,
    ),
    (
        "lost, too early",
        lost,
        "Queued",
        [],
        "Accepted=True/Accepted Running=False/RunLost Scheduled=True/Assigned",
        SOON,
    ),
    (
        "lost, half a second later",
        lambda: later(lost(), 0.5),
        "Queued",
        [],
        "Accepted=True/Accepted Running=False/RunLost Scheduled=True/Assigned",
        round(SOON - 0.5, 3),
    ),
    (
        "lost, time to retry",
        lambda: later(lost(), 1),
        "Queued",
        ["Nominate"],
        "Accepted=True/Accepted Running=False/RunLost Scheduled=True/Assigned",
        None,
    ),
    (
        "lost, assigned",
        lambda: told(later(lost(), 1)),
        "Queued",
        ["Assigned"],
        "Accepted=True/Accepted Running=False/RunLost Scheduled=True/Assigned",
        None,
    ),
    (
        "lost, impossible by now",
        lambda: told(later(lost(), 1), "Impossible", "NoEligibleBackend"),
        "Failed",
        ["NoEligibleBackend"],
        "Accepted=False/NoEligibleBackend Complete=False/NoEligibleBackend Running=False/RunLost "
        "Scheduled=False/NoEligibleBackend",
        None,
    ),
    (
        "lost for the last time",
        lambda: replace(running(backoffLimit=0), run=None),
        "Failed",
        ["BackoffLimitExceeded"],
        "Accepted=True/Accepted Complete=False/BackoffLimitExceeded Running=False/RunLost Scheduled=True/Assigned",
        None,
    ),
    (
        "done",
        done,
        "Succeeded",
        [],
        "Accepted=True/Accepted Complete=True/Succeeded Running=False/RunFinished Scheduled=True/Assigned",
        None,
    ),
    (
        "done, run still seen",
        lambda: with_run(done(), "Running"),
        "Succeeded",
        [],
        "Accepted=True/Accepted Complete=True/Succeeded Running=False/RunFinished Scheduled=True/Assigned",
        None,
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_what_follows(row: Row) -> None:
    """For each state and observation: the phase, the actions and events, every condition, and when to look again."""
    _, make, phase, actions, conditions, look_again = row
    decision = decide(make())
    assert str(decision.status.phase) == phase
    assert kinds(decision) == actions
    assert " ".join(f"{kind}={value}" for kind, value in verdicts(decision.status).items()) == conditions
    assert decision.look_again == look_again


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_deciding_again_changes_nothing_more(row: Row) -> None:
    """With the decided status on record and the world as it was, a second decision either goes on or rests."""
    observed = row[1]()
    for _ in range(5):
        decision = decide(observed)
        following = apply(observed, decision)
        if following.job.status == observed.job.status:
            break
        observed = following
    assert decide(observed).status == observed.job.status


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_a_moment_later_the_same_is_decided(row: Row) -> None:
    """Time alone never changes a status: nothing in it flaps."""
    observed = row[1]()
    settled = apply(observed, decide(observed))
    decision = decide(replace(settled, run=observed.run, backend=observed.backend, assignment=None))
    again = decide(replace(settled, run=observed.run, backend=observed.backend, assignment=None, now=after(0.25)))
    if decision.status == settled.job.status:
        assert again.status == settled.job.status
