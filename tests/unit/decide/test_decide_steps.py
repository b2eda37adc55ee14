"""What `decide` writes and does at each step of a job's life."""

from dataclasses import replace
from typing import Any

import pytest

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.run import RunLimits
from quantum_operator.decide.job import PENDING_SECONDS, decide
from quantum_operator.decide.names import run_name, seed_for
from quantum_operator.decide.observed import Nominate, StartRun, StoreArtifact, Tell
from quantum_operator.testing.builders import BELL, backend
from unit.decide.observations import (
    apply,
    condition,
    deleting,
    done,
    finished,
    kinds,
    last,
    later,
    lost,
    nominated,
    placed,
    running,
    submitted,
    told,
    with_run,
)

REF = {"name": "bell", "configMapKeyRef": {"name": "programs", "key": "bell.qasm"}}


def test_the_first_attempt_is_on_record_before_its_run() -> None:
    """Assigning writes the attempt and starts nothing; only a recorded attempt is started."""
    observed = told(submitted())
    decision = decide(observed)
    assert "StartRun" not in kinds(decision)
    attempt = last(decision.status)
    uid = observed.job.metadata.uid
    assert (attempt.name, attempt.number, attempt.state) == (run_name("bell", uid, 1), 1, "Pending")
    assert (attempt.backend, decision.status.backend) == ("simulator", "simulator")
    (start,) = [one for one in decide(apply(observed, decision)).after if isinstance(one, StartRun)]
    assert start.spec.run == attempt.name


def test_a_run_is_told_what_was_accepted() -> None:
    """The run's settings name the stored input, the attempt's seed, the backend and its limits."""
    observed = placed(activeDeadlineSeconds=77)
    observed = replace(observed, backend=backend(run={"memory": "512Mi"}))
    (start,) = [one for one in decide(observed).after if isinstance(one, StartRun)]
    stored = observed.job.status.input
    assert stored is not None
    assert (start.input, start.spec.input_sha256) == (stored, stored.sha256)
    assert start.spec.seed == last(observed.job.status).seed
    assert start.spec.limits == RunLimits(memory_bytes=(512 - 192) * 2**20, wall_seconds=77)


@pytest.mark.parametrize(("memory", "mebibytes"), [("193Mi", 1), ("1Gi", 832), ("2Gi", 1856)])
def test_a_run_stops_itself_before_kubernetes_does(memory: str, mebibytes: int) -> None:
    """Its own limit leaves 192 MiB of what its pod has to the supervisor, which says that memory ran out."""
    (start,) = decide(replace(placed(), backend=backend(run={"memory": memory}))).after
    assert isinstance(start, StartRun)
    assert start.spec.limits.memory_bytes == mebibytes * 2**20
    assert start.template.memory == memory


@pytest.mark.parametrize("memory", ["0", "1m", "0.001", "192Mi"])
def test_a_backend_without_memory_does_not_stop_the_operator(memory: str) -> None:
    """A quantity that rounds to nothing still gives a run a limit."""
    (start,) = decide(replace(placed(), backend=backend(run={"memory": memory}))).after
    assert isinstance(start, StartRun)
    assert start.spec.limits.memory_bytes == 1


@pytest.mark.parametrize(("given", "expected"), [(5, 5), (0, 0), (None, seed_for("uid-of-team-bell"))])
def test_every_attempt_has_the_jobs_seed(given: int | None, expected: int) -> None:
    """A seed that was given is used, 0 too; else it derives from the job's UID."""
    execution = {} if given is None else {"seed": given}
    assert last(placed(execution=execution).job.status).seed == expected


def test_the_input_is_stored_before_the_status_names_it() -> None:
    """Whatever the scheduler's word, the artifact comes before the status that refers to it."""
    for verdict, reason in (("Assigned", ""), ("Waiting", "NoBackends"), ("Impossible", "NoEligibleBackend")):
        decision = decide(told(submitted(), verdict, reason))
        (artifact,) = decision.before
        assert isinstance(artifact, StoreArtifact)
        assert artifact.ref == decision.status.input


def test_an_answer_to_another_demand_is_not_used() -> None:
    """An assignment for a narrower program than the ConfigMap now has is asked for again."""
    narrow = replace(submitted(programs=[REF]), sources={"bell": BELL})
    wide = BELL.replace("qubit[2]", "qubit[5]").replace("c = measure q", "c[0] = measure q[0]")
    stale = replace(told(narrow), sources={"bell": wide})
    assert kinds(decide(stale)) == ["Nominate"]
    assert nominated(stale).demand.qubits == 5


def test_a_plan_says_under_which_policy() -> None:
    """The plan names the policy by name, UID and generation, and says what it demands."""
    plan = placed().job.status.plan
    assert plan is not None
    assert (plan.policy, plan.policy_uid, plan.policy_generation) == ("default", "uid-of-policy-default", 1)
    assert (plan.demand.qubits, plan.demand.shots, plan.schema_version) == (2, 1024, 1)


def test_a_pending_run_is_remembered_once_something_is_written() -> None:
    """A run that waits with a message is on record with its UID, so that its end can't be missed."""
    decision = decide(with_run(later(placed(), PENDING_SECONDS), "Pending", message="no node fits", uid="run-7"))
    assert (last(decision.status).run_uid, last(decision.status).state) == ("run-7", "Pending")
    assert condition(decision.status, ConditionType.RUNNING).message == "no node fits"


def test_a_job_accepted_before_goes_by_its_plan() -> None:
    """A program that would be refused today does not matter to a job that was accepted."""
    observed = lost()
    spec = observed.job.spec.model_copy(update={"programs": ()})
    changed = replace(later(observed, 1), job=observed.job.model_copy(update={"spec": spec}), policy=None)
    assert kinds(decide(changed)) == ["Nominate"]


def test_a_recreated_attempt_never_reuses_a_name() -> None:
    """The second attempt has the next number and a name of its own."""
    decision = decide(told(later(lost(), 1)))
    assert decision.status.plan is not None
    first, second = decision.status.plan.steps[-1].attempts
    assert (first.number, second.number) == (1, 2)
    assert first.name != second.name


@pytest.mark.parametrize("limit", [0, 1, 3, 10])
def test_a_job_has_one_attempt_more_than_its_backoff_limit(limit: int) -> None:
    """Attempts follow each other until there were backoffLimit + 1, and the last one's loss ends the job."""
    observed, moment = submitted(backoffLimit=limit), 0.0
    for _ in range(100):
        decision = decide(observed)
        moment += decision.look_again or 0
        observed = later(replace(apply(observed, decision), run=None), moment)
        if any(isinstance(one, Nominate) for one in decision.after):
            observed = told(observed)
        if any(isinstance(one, StartRun) for one in decision.after):
            observed = with_run(observed, "Finished", failure="Evicted")
    assert condition(observed.job.status, ConditionType.COMPLETE).reason == "BackoffLimitExceeded"
    assert last(observed.job.status).number == limit + 1
    assert observed.job.status.plan is not None
    assert len(observed.job.status.plan.steps[-1].attempts) == limit + 1


def test_a_job_that_has_had_its_attempts_gets_no_other() -> None:
    """A status with every attempt lost but no end on record is ended, not tried again."""
    status = lost(backoffLimit=1).job.status
    observed = replace(later(lost(), 100), job=submitted(backoffLimit=0).job.model_copy(update={"status": status}))
    assert condition(decide(observed).status, ConditionType.COMPLETE).reason == "BackoffLimitExceeded"


def test_events_are_short_and_not_repeated() -> None:
    """One warning for each new reason, cut to what an event can carry."""
    decision = decide(
        submitted(
            task={"sample": {"pubs": [{"program": "x" * 63}]}},
            programs=[{"name": f"{index}" + "y" * 60, "qasm3": BELL} for index in range(32)],
        )
    )
    (event,) = decision.after
    assert isinstance(event, Tell)
    assert (event.type, event.reason) == ("Warning", "UnknownProgram")
    assert len(event.message) < 1024


def test_a_terminal_status_is_left_alone_whatever_is_seen() -> None:
    """After the end nothing that is observed changes anything."""
    over = done()
    for observed in (over, replace(over, run=None), replace(over, policy=None), later(over, 10**6), deleting(over)):
        decision = decide(observed)
        assert decision.status is observed.job.status
        assert kinds(decision) == []


def test_a_status_says_which_generation_it_saw() -> None:
    """Whenever a status changes it carries the generation that was decided on."""
    assert decide(submitted()).status == QuantumJobStatus()
    assert decide(told(submitted())).status.observed_generation == 1


@pytest.mark.parametrize("changes", [{}, {"phase": None}])
def test_the_phase_is_never_read(changes: dict[str, Any]) -> None:
    """Whatever phase is on record, the same follows."""
    observed = finished(running())
    status = observed.job.status.model_copy(update={"phase": "Failed"} | changes)
    other = replace(observed, job=observed.job.model_copy(update={"status": status}))
    assert decide(other).status == decide(observed).status
