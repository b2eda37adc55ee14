"""Commands about a job that has the result of another one, under the same key."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.run import Outcome
from quantum_operator.ports import chunks
from unit.cli.apiserver import FakeCluster
from unit.cli.conftest import Commands, Ran
from unit.cli.test_cli_jobs import CONFIG_MAPS, JOBS, run_of


def second(ran: Ran, *, truncated: bool = False) -> dict[str, Any]:
    """A job that has the Bell job's result; with `truncated` only the top of it."""
    job = ran.job("bell")
    attempt = job["status"]["plan"]["steps"][0].pop("attempts")[0]
    job["status"]["resultOf"] = {
        "name": "bell",
        "uid": job["metadata"]["uid"],
        "run": attempt["name"],
        "backend": attempt["backend"],
        "completionTime": job["status"]["completionTime"],
        "cost": {"text": "0.25 USD", "micros": 250_000},
    }
    job["metadata"] |= {"name": "second", "uid": "uid-of-second"}
    job["status"]["result"]["truncated"] = truncated
    return job


def with_artifact(cluster: FakeCluster, ran: Ran) -> dict[str, Any]:
    """The Bell job, with all of its outcome in an artifact."""
    job, data = ran.job("bell"), (ran.folder / "default/bell/outcome.json").read_bytes()
    ref = ArtifactRef(name="bell-artifact", sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    for name, chunk in chunks.split(ref, data):
        binary = {"data": base64.b64encode(chunk).decode()}
        cluster.add(f"{CONFIG_MAPS}/{name}", {"metadata": {"name": name}, "binaryData": binary})
    job["status"]["result"] |= {"truncated": True, "outcome": ref.to_wire()}
    return job


def test_describe_names_the_job_whose_result_it_is(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """And what that cost."""
    cluster.add(f"{JOBS}/second", second(ran))
    shown = command("describe", "second").stdout
    assert f"Result of:  job bell, run {run_of(ran.job('bell'))} on aer-ideal, which cost 0.25 USD" in shown


def test_a_whole_result_is_in_the_status(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """Whether or not the first job is there; it names the run that gave it."""
    cluster.add(f"{JOBS}/second", second(ran))
    done = command("result", "second", "-o", "json")
    assert (done.exit_code, done.stderr) == (0, "")
    found = Outcome.model_validate_json(done.stdout)
    assert found.run == run_of(ran.job("bell"))
    assert found.pubs[0].shots == 2000


def test_the_rest_of_a_result_is_read_from_the_first_job(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """As long as that job is there."""
    cluster.add(f"{JOBS}/bell", with_artifact(cluster, ran))
    cluster.add(f"{JOBS}/second", second(ran, truncated=True))
    done = command("result", "second", "-o", "json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json.loads((ran.folder / "default/bell/outcome.json").read_text())


@pytest.mark.parametrize("uid", [None, "uid-of-a-namesake"])
def test_a_result_whose_rest_is_gone_says_so(
    command: Commands, cluster: FakeCluster, ran: Ran, uid: str | None
) -> None:
    """The first job is gone, or another has its name: what the status has is shown."""
    if uid is not None:
        job = with_artifact(cluster, ran)
        job["metadata"]["uid"] = uid
        cluster.add(f"{JOBS}/bell", job)
    cluster.add(f"{JOBS}/second", second(ran, truncated=True))
    done = command("result", "second")
    assert done.exit_code == 0
    assert "note: this is the top of it; the rest went with job 'bell'" in done.stderr
    assert done.stdout.startswith("bell: register c, 2,000 shots\n  ")


def test_a_folder_without_the_outcome_has_what_the_status_has(command: Commands, ran: Ran, tmp_path: Path) -> None:
    """The first job's folder may have been removed."""
    path = tmp_path / "out/default/second"
    path.mkdir(parents=True)
    (path / "job.json").write_text(json.dumps(second(ran)))
    done = command("result", "second", "--folder", tmp_path / "out")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("bell: register c, 2,000 shots\n  ")
