"""`qjob explain`: a decision made again from what is on record of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.testing import builders
from unit.cli.apiserver import FakeCluster
from unit.cli.conftest import GROUP, Commands, Ran

JOBS = f"{GROUP}/namespaces/default/quantumjobs"


def test_a_finished_job_is_explained_and_decided_again(command: Commands, ran: Ran) -> None:
    """Who was asked what, by which figures each was judged, and that the same comes out."""
    result = command("explain", "bell", "--folder", ran.folder)
    assert result.exit_code == 0, result.stdout
    assert "default/bell, step primary: decided at" in result.stdout
    assert "Asked: 2 qubits, 2,000 shots, mode job" in result.stdout
    assert "aer-ideal  Chosen    Chosen    first that can take it" in result.stdout
    for figure in ("kind Simulator", "provider no", "adapter simulator", "qubits 26"):
        assert figure in result.stdout
    assert "Decided again: the same, byte for byte" in result.stdout


@pytest.mark.parametrize("name", ["bell", "expectation", "ghz-noisy", "sweep"])
def test_every_example_is_repeated_byte_for_byte(command: Commands, ran: Ran, name: str) -> None:
    """Twice with the same digests, that of the record and that of the decision made again."""
    first, second = (command("explain", name, "--folder", ran.folder, "-o", "json").stdout for _ in range(2))
    assert first == second
    (step,) = json.loads(first)["steps"]
    assert step["same"]
    assert step["recordedSha256"] == step["repeatedSha256"]


@pytest.mark.parametrize("where", ["cluster", "yaml", "json"])
def test_a_job_is_read_from_a_cluster_or_a_file(
    command: Commands, with_job: FakeCluster, ran: Ran, tmp_path: Path, where: str
) -> None:
    """By its name in a cluster, or from what kubectl or qjob have written."""
    name = "bell"
    if where != "cluster":
        name = str(tmp_path / f"bell.{where}")
        Path(name).write_text(json.dumps(ran.job("bell")))
    result = command("explain", name)
    assert result.exit_code == 0, result.stderr
    assert "byte for byte" in result.stdout


def tampered(ran: Ran, **figures: Any) -> dict[str, Any]:
    """The Bell job, whose first candidate has other figures on record."""
    job = ran.job("bell")
    job["status"]["plan"]["steps"][0]["candidates"][0]["figures"].update(figures)
    return job


def test_what_differs_is_told_with_exit_code_1(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """Of a record that its own decision does not follow from."""
    cluster.add(f"{JOBS}/bell", tampered(ran, qubits=1))
    result = command("explain", "bell")
    assert result.exit_code == 1
    assert "Differs: aer-ideal: verdict is 'Chosen' on record, and 'Rejected' when decided again" in result.stdout
    assert "byte for byte" not in result.stdout
    (step,) = json.loads(command("explain", "bell", "-o", "json").stdout)["steps"]
    assert step["same"] is False
    assert step["differences"]


def test_an_attempt_elsewhere_is_a_difference(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """The last attempt has to be where the decision put it."""
    job = ran.job("bell")
    job["status"]["plan"]["steps"][0]["attempts"][-1]["backend"] = "aer-noisy"
    cluster.add(f"{JOBS}/bell", job)
    result = command("explain", "bell")
    assert result.exit_code == 1
    assert "attempt 1 is on aer-noisy, and the decision on record chose aer-ideal" in result.stdout


def test_an_older_record_is_read_and_said_to_have_no_figures(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """Exit code 2: nothing is claimed of what was not kept."""
    job = ran.job("bell")
    step = job["status"]["plan"]["steps"][0]
    del step["question"]
    for candidate in step["candidates"]:
        del candidate["figures"]
    cluster.add(f"{JOBS}/bell", job)
    result = command("explain", "bell")
    assert result.exit_code == 2
    assert "no figures are on record" in result.stdout
    cluster.add(f"{JOBS}/new", builders.job("new", namespace="default").to_wire() | {"status": {}})
    new = command("explain", "new")
    assert (new.exit_code, new.stdout) == (2, "default/new: nothing was decided yet; see `qjob describe new`\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: BackendPolicy\n", "has 0 QuantumJobs; give a file with one"),
        ("{", "give the file of a QuantumJob, or the name of one"),
        ("kind: QuantumJob\nmetadata: {name: a}\nspec: {}\n", "not a QuantumJob of this version: spec.programs"),
    ],
)
def test_a_file_that_has_no_job_is_refused(command: Commands, tmp_path: Path, text: str, told: str) -> None:
    """With what is wrong with it."""
    path = tmp_path / "job.yaml"
    path.write_text(text)
    result = command("explain", path)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_file_that_is_not_there_is_told(command: Commands, tmp_path: Path) -> None:
    """By its name."""
    assert "No such file" in command("explain", tmp_path / "job.yaml").stderr
