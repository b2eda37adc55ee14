"""`qjob replay`: a job that is over, once more."""

from typing import Any

import pytest

from quantum_operator.api.execution import Execution
from quantum_operator.api.run import JobInput
from quantum_operator.api.validate import validate
from quantum_operator.cli.replay import MOST_REPLAYS, names
from quantum_operator.ports import chunks
from unit.cli.apiserver import FakeCluster
from unit.cli.conftest import Commands, Ran
from unit.cli.test_cli_claims import keep
from unit.cli.test_cli_jobs import CONFIG_MAPS, JOBS, failed, waiting


def created(cluster: FakeCluster, name: str) -> dict[str, Any]:
    """The spec of a job that was created, which the API server would take."""
    found = cluster.objects[f"{JOBS}/{name}"]
    assert validate(found).metadata.name == name
    spec: dict[str, Any] = found["spec"]
    return spec


def test_a_replay_is_a_new_job_that_names_the_first(command: Commands, with_job: FakeCluster, ran: Ran) -> None:
    """With all that matters of its spec, and the seed that the first one had."""
    first = ran.job("bell")
    done = command("replay", "bell")
    assert (done.exit_code, done.stdout) == (0, "bell-replay-1 repeats bell\n")
    spec = created(with_job, "bell-replay-1")
    assert spec["replayOf"] == {"name": "bell", "uid": first["metadata"]["uid"]}
    assert spec["execution"]["seed"] == first["status"]["execution"]["seed"]
    for part in ("programs", "task", "policyRef", "activeDeadlineSeconds", "backoffLimit"):
        assert spec[part] == first["spec"][part]
    assert "status" not in with_job.objects[f"{JOBS}/bell-replay-1"]


def test_replays_are_numbered(command: Commands, with_job: FakeCluster) -> None:
    """The next number that is free, also where a replay is replayed: it then names that one."""
    assert "bell-replay-1 " in command("replay", "bell").stdout
    assert "bell-replay-2 " in command("replay", "bell").stdout
    second = with_job.objects[f"{JOBS}/bell-replay-2"]
    second["metadata"]["uid"] = "uid-of-second"
    second["status"] = with_job.objects[f"{JOBS}/bell"]["status"]
    assert "bell-replay-3 repeats bell-replay-2" in command("replay", "bell-replay-2").stdout
    assert created(with_job, "bell-replay-3")["replayOf"] == {"name": "bell-replay-2", "uid": "uid-of-second"}


def test_a_replay_runs_whatever_the_first_was_told(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """It has no key, so that no claim answers it, and is neither suspended nor cancelled; what it is part of stays."""
    job = failed(ran)
    job["spec"] |= {"idempotencyKey": "k", "cancel": True, "suspend": True, "correlationId": "order-7"}
    cluster.add(f"{JOBS}/bell", job)
    assert command("replay", "bell").exit_code == 0
    spec = created(cluster, "bell-replay-1")
    assert not {"idempotencyKey", "cancel", "suspend"} & set(spec)
    assert spec["correlationId"] == "order-7"


def test_a_job_that_is_not_over_is_not_replayed(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """The message says how it stands and what to do."""
    cluster.add(f"{JOBS}/bell", waiting())
    done = command("replay", "bell")
    assert done.exit_code == 1
    assert "job 'bell' is not over (Pending); `qjob wait bell`, then replay it" in done.stderr
    assert list(cluster.objects) == [f"{JOBS}/bell"]


def test_a_job_that_never_ran_has_no_seed_to_repeat(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """Its replay makes one of its own, unless the spec has one."""
    job = failed(ran)
    job["status"] = {"conditions": job["status"]["conditions"], "phase": "Failed"}
    job["spec"]["execution"].pop("seed")
    cluster.add(f"{JOBS}/bell", job)
    assert command("replay", "bell").exit_code == 0
    assert "seed" not in created(cluster, "bell-replay-1")["execution"]


@pytest.mark.parametrize("damage", [False, True])
def test_programs_are_those_that_were_accepted(command: Commands, cluster: FakeCluster, ran: Ran, damage: bool) -> None:
    """A ConfigMap may have changed since; where what was accepted is gone, nothing is created."""
    job = ran.job("sweep")
    data = (ran.folder / f"default/sweep/artifacts/{job['status']['input']['name']}").read_bytes()
    ref = keep(cluster, job["status"]["input"]["name"], data)
    cluster.add(f"{JOBS}/sweep", job)
    if damage:
        del cluster.objects[f"{CONFIG_MAPS}/{chunks.chunk_names(ref)[0]}"]
    done = command("replay", "sweep")
    assert done.exit_code == (1 if damage else 0)
    assert (f"{JOBS}/sweep-replay-1" in cluster.objects) == (not damage)
    if not damage:
        (program,) = created(cluster, "sweep-replay-1")["programs"]
        accepted = JobInput.model_validate_json(data).programs[0]
        assert program == {"name": accepted.name, "qasm3": accepted.source}


def test_settings_are_those_that_features_gave(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """Of a job with features the accepted settings are repeated, and its story names them."""
    job = ran.job("bell")
    data = (ran.folder / f"default/bell/artifacts/{job['status']['input']['name']}").read_bytes()
    accepted = JobInput.model_validate_json(data)
    settled = accepted.model_copy(update={"execution": Execution(optimization_level=3, memory=True)})
    ref = keep(cluster, "settled", settled.model_dump_json(by_alias=True, exclude_none=True).encode())
    job["status"]["input"] = ref.to_wire()
    job["status"]["plan"] |= {"features": ["deep", "shots"], "execution": {"optimizationLevel": 3, "memory": True}}
    cluster.add(f"{JOBS}/bell", job)
    assert "Features: deep, shots" in command("describe", "bell").stdout
    assert command("replay", "bell").exit_code == 0
    execution = created(cluster, "bell-replay-1")["execution"]
    assert (execution["optimizationLevel"], execution["memory"]) == (3, True)
    assert execution["seed"] == job["status"]["execution"]["seed"]


def test_a_replay_that_is_refused_says_why(command: Commands, with_job: FakeCluster) -> None:
    """In the API server's words."""
    with_job.refused_writes.add(JOBS)
    done = command("replay", "bell")
    assert done.exit_code == 1
    assert "the API server answers 403" in done.stderr


def test_names_are_names() -> None:
    """Of any length, and there is an end to them."""
    found = list(names("a" * 250 + ".b"))
    assert len(found) == len(set(found)) == MOST_REPLAYS
    assert all(len(name) <= 253 for name in found)
    assert next(names("bell-replay-7")) == "bell-replay-1"
