"""The commands that look at one job, in a folder and in a cluster."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.api.envelope import LOG_PREFIX
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.run import Outcome
from quantum_operator.cli import wait
from quantum_operator.ports import chunks
from quantum_operator.testing import builders
from unit.cli.apiserver import FakeCluster
from unit.cli.conftest import GROUP, Commands, Ran

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
JOBS = f"{GROUP}/namespaces/default/quantumjobs"


def pod(name: str, run: str, **status: Any) -> dict[str, Any]:
    """A pod of a run."""
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"batch.kubernetes.io/job-name": run},
            "creationTimestamp": builders.CREATED,
        },
        "status": status,
    }


def run_of(job: dict[str, Any]) -> str:
    """The run of a job's last attempt."""
    return str(job["status"]["plan"]["steps"][-1]["attempts"][-1]["name"])


def waiting(name: str = "bell") -> dict[str, Any]:
    """A job that the operator has not looked at."""
    return builders.job(name, namespace="default").to_wire() | {"status": {}}


def failed(ran: Ran, reason: str = "MemoryLimitExceeded") -> dict[str, Any]:
    """The Bell job, had it failed."""
    job = ran.job("bell")
    del job["status"]["result"]
    job["status"]["phase"] = "Failed"
    for condition in job["status"]["conditions"]:
        if condition["type"] == "Complete":
            condition.update(status="False", reason=reason, message="it needed 3 GiB")
    return job


def event(uid: str, reason: str, time: str) -> dict[str, Any]:
    """An event on the object of this UID."""
    return {
        "metadata": {"name": reason.lower(), "namespace": "default"},
        "involvedObject": {"uid": uid},
        "type": "Normal",
        "reason": reason,
        "message": f"message of {reason}",
        "lastTimestamp": time,
    }


def test_describe_tells_the_story_from_a_folder(command: Commands, ran: Ran) -> None:
    """The story has what was asked, every candidate with its reason, the attempt, the result and the events."""
    result = command("describe", "bell", "--folder", ran.folder)
    assert result.exit_code == 0
    for text in (
        "Phase:      Succeeded",
        "Programs:   bell (qasm3)",
        "Task:       sample, 1 pub, 2,000 shots in all",
        "seed 7",
        "Complete   True   Succeeded",
        "Plan: by policy default (generation 1), for 2 qubits and 2,000 shots",
        "aer-ideal  Chosen",
        "aer-noisy  Eligible",
        f"1  {run_of(ran.job('bell'))}  aer-ideal  Succeeded",
        "bell: register c, 2,000 shots",
        "Normal  RunStarted",
    ):
        assert text in result.stdout
    assert "What to do:" not in result.stdout


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sweep", "Programs:   rotations (ConfigMap sweep-programs)"),
        ("ghz-noisy", "Programs:   ghz (template ghz)"),
        ("expectation", "Task:       estimate, 2 pubs"),
    ],
)
def test_describe_knows_every_kind_of_program(command: Commands, ran: Ran, name: str, text: str) -> None:
    """Programs are told with where they come from, and tasks with what they are."""
    assert text in command("describe", name, "--folder", ran.folder).stdout


def test_describe_reads_a_cluster(command: Commands, with_job: FakeCluster, ran: Ran) -> None:
    """In a cluster the story is the same, with the events of that very job, oldest first."""
    uid = ran.job("bell")["metadata"]["uid"]
    events = "/api/v1/namespaces/default/events"
    with_job.add(f"{events}/b", event(uid, "RunStarted", "2026-01-01T00:00:02Z"))
    with_job.add(f"{events}/a", event(uid, "Assigned", "2026-01-01T00:00:01Z"))
    with_job.add(f"{events}/c", event("another", "Other", "2026-01-01T00:00:01Z"))
    shown = command("describe", "bell").stdout
    folder = command("describe", "bell", "--folder", ran.folder).stdout
    assert shown.split("Events:")[0] == folder.split("Events:")[0]
    assert shown.index("message of Assigned") < shown.index("message of RunStarted")
    assert "message of Other" not in shown


def test_describe_names_key_correlation_and_tags(command: Commands, cluster: FakeCluster) -> None:
    """What a submission says of itself is in its story."""
    job = builders.job("bell", namespace="default", idempotencyKey="a b", correlationId="order-7", tags={"team": "qc"})
    cluster.add(f"{JOBS}/bell", job.to_wire() | {"status": {}})
    shown = command("describe", "bell").stdout
    for text in ("Key:          'a b'", "Correlation:  order-7", "Tags:         team=qc"):
        assert text in shown


def test_describe_of_a_new_job_is_short(command: Commands, cluster: FakeCluster) -> None:
    """A job without a status is described as what it asks."""
    cluster.add(f"{JOBS}/bell", waiting())
    result = command("describe", "bell")
    assert result.exit_code == 0
    assert "Phase:      not seen by the operator yet" in result.stdout
    assert "Plan:" not in result.stdout


def test_describe_says_what_to_do(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """A failed job's story ends with the meaning of its reason."""
    cluster.add(f"{JOBS}/bell", failed(ran))
    shown = command("describe", "bell").stdout
    assert "What to do:\n  MemoryLimitExceeded: The run needed more memory" in shown


def test_describe_counts_what_a_status_leaves_out(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """Candidates beyond those kept are counted, and a truncated result says where all of it is."""
    job = ran.job("bell")
    job["status"]["plan"]["steps"][0]["candidatesTotal"] = 25
    job["status"]["result"]["truncated"] = True
    cluster.add(f"{JOBS}/bell", job)
    shown = command("describe", "bell").stdout
    assert "… 23 more" in shown
    assert "`qjob result bell` has all" in shown


def test_logs_of_a_folder(command: Commands, ran: Ran, tmp_path: Path) -> None:
    """The log of the run is shown without the line that carries the outcome."""
    path = tmp_path / "out/default/bell"
    path.mkdir(parents=True)
    (path / "job.json").write_text(json.dumps(ran.job("bell")))
    (path / "run-1.log").write_text(f"one\n{LOG_PREFIX}abc\ntwo\n")
    result = command("logs", "bell", "--folder", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (0, "one\ntwo\n")


@pytest.mark.parametrize("follow", [[], ["--follow"]])
def test_logs_of_a_cluster(command: Commands, with_job: FakeCluster, ran: Ran, follow: list[str]) -> None:
    """The log is that of the newest pod of the latest attempt, without the outcome."""
    run = run_of(ran.job("bell"))
    pods = "/api/v1/namespaces/default/pods"
    old = pod("old", run)
    old["metadata"]["creationTimestamp"] = "2025-01-01T00:00:00Z"
    with_job.add(f"{pods}/new", pod("new", run))
    with_job.add(f"{pods}/old", old)
    with_job.add(f"{pods}/other", pod("other", "another-run"))
    with_job.logs[f"{pods}/new/log"] = f"one\n{LOG_PREFIX}abc\ntwo\n"
    result = command("logs", "bell", *follow)
    assert (result.exit_code, result.stdout) == (0, "one\ntwo\n"), result.stderr


def test_logs_without_a_run_or_pod(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """A job that has had no run, and a run whose pod is gone, say so and where to look."""
    cluster.add(f"{JOBS}/bell", waiting())
    result = command("logs", "bell")
    assert result.exit_code == 1
    assert "job 'bell' has had no run yet; see `qjob describe bell`" in result.stderr
    cluster.add(f"{JOBS}/bell", ran.job("bell"))
    result = command("logs", "bell")
    assert result.exit_code == 1
    assert "has no pod (yet, or any more)" in result.stderr


@pytest.mark.parametrize("where", ["folder", "cluster"])
def test_result_as_a_table(command: Commands, with_job: FakeCluster, ran: Ran, where: str) -> None:
    """The result is the same in a folder and in a cluster."""
    options = ["--folder", str(ran.folder)] if where == "folder" else []
    result = command("result", "bell", *options)
    assert result.exit_code == 0
    assert result.stdout.startswith("bell: register c, 2,000 shots\n  ")


@pytest.mark.parametrize("name", ["bell", "expectation", "sweep"])
def test_result_as_json_is_the_outcome(command: Commands, cluster: FakeCluster, ran: Ran, name: str) -> None:
    """What a status holds of an outcome that is not truncated is all its results."""
    cluster.add(f"{JOBS}/{name}", ran.job(name))
    remote = Outcome.model_validate_json(command("result", name, "-o", "json").stdout)
    local = Outcome.model_validate_json(command("result", name, "-o", "json", "--folder", ran.folder).stdout)
    assert remote.pubs == local.pubs
    assert (remote.seed, remote.run, remote.input_sha256) == (local.seed, local.run, local.input_sha256)


@pytest.fixture
def truncated(cluster: FakeCluster, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A cluster whose sweep has only the top of its result in its status, and the rest in these ConfigMaps."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 1000)
    data = (ran.folder / "default/sweep/outcome.json").read_bytes()
    job = ran.job("sweep")
    ref = ArtifactRef(name="sweep-artifact", sha256=job["status"]["result"]["outcomeSha256"], bytes=len(data))
    job["status"]["result"] |= {"truncated": True, "pubs": [], "outcome": ref.to_wire()}
    cluster.add(f"{JOBS}/sweep", job)
    names = []
    for name, chunk in chunks.split(ref, data):
        names.append(name)
        binary = {"data": base64.b64encode(chunk).decode()}
        cluster.add(f"{CONFIG_MAPS}/{name}", {"metadata": {"name": name}, "binaryData": binary})
    return names


def test_a_truncated_result_is_read_whole(command: Commands, truncated: list[str], ran: Ran) -> None:
    """What a status has no room for is put together from the artifact's ConfigMaps."""
    assert len(truncated) > 1
    remote = command("result", "sweep", "-o", "json")
    assert remote.exit_code == 0, remote.stderr
    assert remote.stdout == command("result", "sweep", "-o", "json", "--folder", ran.folder).stdout


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (None, "a part of the outcome, is gone"),
        ({}, "bytes, and"),
        ({"data": "%%%"}, "somebody changed it"),
        ({"data": base64.b64encode(b"x" * 1000).decode()}, "and what is there has"),
    ],
)
def test_a_damaged_artifact_is_said(
    command: Commands, cluster: FakeCluster, truncated: list[str], change: dict[str, str] | None, problem: str
) -> None:
    """A chunk that is gone or was changed is found, and is no result."""
    path = f"{CONFIG_MAPS}/{truncated[0]}"
    if change is None:
        del cluster.objects[path]
    else:
        cluster.objects[path]["binaryData"] = change
    result = command("result", "sweep")
    assert (result.exit_code, result.stdout) == (1, "")
    assert problem in result.stderr
    assert "run the job again" in result.stderr


def test_an_artifact_that_may_not_be_read_is_said(
    command: Commands, cluster: FakeCluster, truncated: list[str]
) -> None:
    """Without the right to read ConfigMaps the refusal is told."""
    cluster.refused = {CONFIG_MAPS: 403}
    assert "the API server answers 403" in command("result", "sweep").stderr


@pytest.mark.parametrize("length", [0, 1, 999, 1000, 1001, 2000])
def test_chunks_make_the_whole_again(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """Data of any length is split into chunks that fit, and joined to the same bytes."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 1000)
    data = bytes(number % 251 for number in range(length))
    ref = ArtifactRef(name="a", sha256=hashlib.sha256(data).hexdigest(), bytes=length)
    found = list(chunks.split(ref, data))
    assert tuple(name for name, _ in found) == chunks.chunk_names(ref)
    assert all(len(chunk) <= 1000 for _, chunk in found)
    assert chunks.join(ref, [chunk for _, chunk in found]) == data


def test_other_data_is_not_split() -> None:
    """Data that is not what its reference says never becomes chunks."""
    with pytest.raises(chunks.ChunkError, match="has 2 bytes, and 3 are there"):
        list(chunks.split(ArtifactRef(name="a", sha256="0" * 64, bytes=2), b"abc"))


def test_result_of_a_job_without_one(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """A job that failed has no result, and the exit code says so."""
    cluster.add(f"{JOBS}/bell", failed(ran))
    result = command("result", "bell")
    assert result.exit_code == 1
    assert "job 'bell' has no result (Failed); see `qjob describe bell`" in result.stderr


def test_result_of_a_damaged_folder(command: Commands, ran: Ran, tmp_path: Path) -> None:
    """An outcome that is missing or is none is said with its path."""
    path = tmp_path / "out/default/bell"
    path.mkdir(parents=True)
    (path / "job.json").write_text(json.dumps(ran.job("bell")))
    result = command("result", "bell", "--folder", tmp_path / "out")
    assert result.exit_code == 1
    assert "outcome.json is not there; run the job again" in result.stderr
    (path / "outcome.json").write_text("{}")
    result = command("result", "bell", "--folder", tmp_path / "out")
    assert result.exit_code == 1
    assert "is not an outcome of this version" in result.stderr
    (path / "job.json").write_text("{")
    assert "remove the folder" in command("result", "bell", "--folder", tmp_path / "out").stderr


@pytest.mark.parametrize("name", ["describe", "logs", "result"])
def test_a_job_that_is_not_there(command: Commands, cluster: FakeCluster, ran: Ran, name: str) -> None:
    """A missing job is named, with what there is."""
    result = command(name, "nope")
    assert result.exit_code == 1
    assert "no QuantumJob 'nope' in namespace 'default'" in result.stderr
    result = command(name, "nope", "--folder", ran.folder, "-n", "lab")
    assert result.exit_code == 1
    assert "no QuantumJob 'nope' of namespace 'lab'" in result.stderr
    assert "there are: default/bell, default/expectation, default/ghz-noisy, default/sweep" in result.stderr


def test_a_job_of_another_version_is_said(command: Commands, cluster: FakeCluster) -> None:
    """A job with fields that this version does not know is an error with a remedy."""
    job = waiting()
    job["spec"]["later"] = 1
    cluster.add(f"{JOBS}/bell", job)
    result = command("describe", "bell")
    assert result.exit_code == 1
    assert "QuantumJob bell: spec.later: " in result.stderr
    assert "install the same version of qjob" in result.stderr


def test_wait_ends_on_success(command: Commands, with_job: FakeCluster) -> None:
    """Waiting for a job that succeeded ends at once with exit code 0, however often it is named."""
    result = command("wait", "bell", "bell")
    assert result.exit_code == 0
    assert result.stdout.startswith("bell succeeded: ran on aer-ideal")


def test_wait_ends_on_failure(command: Commands, cluster: FakeCluster, ran: Ran) -> None:
    """A job that failed ends the wait too, with exit code 1 and its reason."""
    cluster.add(f"{JOBS}/bell", failed(ran))
    result = command("wait", "bell")
    assert (result.exit_code, result.stdout) == (1, "bell failed: MemoryLimitExceeded: it needed 3 GiB\n")


def test_wait_sees_a_job_end(
    command: Commands, cluster: FakeCluster, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that ends while one waits is seen, and each is told once."""
    monkeypatch.setattr(wait, "POLL_SECONDS", 0.01)
    cluster.add(f"{JOBS}/bell", waiting())
    cluster.add(f"{JOBS}/other", ran.job("bell"))
    cluster.after_get = lambda path: cluster.add(f"{JOBS}/bell", ran.job("bell")) if path.endswith("other") else None
    result = command("wait", "bell", "other", "--timeout", "20")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["other", "bell"]


def test_wait_has_a_limit(command: Commands, cluster: FakeCluster) -> None:
    """A job that does not end in time is exit code 3, and named."""
    cluster.add(f"{JOBS}/bell", waiting())
    result = command("wait", "bell", "--timeout", "0")
    assert result.exit_code == 3
    assert "not over after 0 seconds: bell" in result.stderr
