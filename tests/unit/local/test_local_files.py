"""Files that a crash leaves whole, and locks that die with their holder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.local.files import append_line, is_locked, lock, read_bytes, write_atomically, write_json
from quantum_operator.local.layout import DamagedFolderError, JobFolder, ResultsFolder
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders


def test_writes_make_folders_and_leave_nothing_else(tmp_path: Path) -> None:
    """A file is written with the folders above it, and no temporary file stays."""
    path = tmp_path / "a" / "b"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new file can't be made, the old one stays and no temporary file does."""
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_for_people_too(tmp_path: Path) -> None:
    """JSON is indented, keeps letters of every language, and ends in a line feed."""
    write_json(tmp_path / "file", {"name": "Schrödinger"})
    assert (tmp_path / "file").read_text() == '{\n  "name": "Schrödinger"\n}\n'


@pytest.mark.parametrize("path", ["missing", "file/below"])
def test_a_missing_file_has_no_bytes(tmp_path: Path, path: str) -> None:
    """What is not there is None, and no error."""
    (tmp_path / "file").write_bytes(b"")
    assert read_bytes(tmp_path / path) is None


def test_lines_are_appended(tmp_path: Path) -> None:
    """Lines come one after the other, in a folder that is made if needed."""
    for line in ("one", "two"):
        append_line(tmp_path / "a" / "file", line)
    assert (tmp_path / "a" / "file").read_text() == "one\ntwo\n"


def test_a_lock_excludes_others(tmp_path: Path) -> None:
    """While somebody holds the lock nobody else gets it; then anybody does."""
    path = tmp_path / "a" / "lock"
    assert not is_locked(path)
    handle = lock(path)
    assert handle is not None
    assert is_locked(path)
    assert lock(path) is None
    os.close(handle)
    assert not is_locked(path)


def test_a_lock_lasts_as_long_as_a_child_that_has_it(tmp_path: Path) -> None:
    """A child process that inherited the lock holds it until it dies, also by SIGKILL."""
    path = tmp_path / "lock"
    handle = lock(path)
    assert handle is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], pass_fds=(handle,), stdin=subprocess.PIPE) as child:
        os.close(handle)
        assert is_locked(path)
        child.kill()
    assert not is_locked(path)


def test_a_job_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """A job with its status survives the file."""
    folder = ResultsFolder(tmp_path).job(Key("team", "bell"))
    assert folder.path == tmp_path / "team" / "bell"
    assert folder.read_job() is None
    write_json(folder.job, builders.job().to_wire())
    assert folder.read_job() == builders.job()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "QuantumJob"}'])
def test_a_damaged_job_is_an_error_with_a_remedy(tmp_path: Path, text: str) -> None:
    """A file that is no job names itself and what to do."""
    folder = JobFolder(tmp_path)
    folder.job.write_text(text)
    with pytest.raises(DamagedFolderError, match=r"job\.json: not a QuantumJob.* remove the folder") as refusal:
        folder.read_job()
    assert str(tmp_path) in str(refusal.value)


def test_a_cut_event_is_left_out(tmp_path: Path) -> None:
    """The last line of the events, when a crash cut it, is not read."""
    folder = JobFolder(tmp_path)
    assert folder.read_events() == []
    folder.events.write_text('{"reason": "Assigned"}\n{"reason": "Ru')
    assert folder.read_events() == [{"reason": "Assigned"}]


def test_clearing_keeps_only_the_lock(tmp_path: Path) -> None:
    """Everything of a job goes but its lock; a link is removed, and not what it points at."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("data")
    folder = JobFolder(tmp_path / "job")
    folder.clear()
    write_json(folder.job, {})
    write_atomically(folder.lock, b"")
    write_atomically(folder.artifact("input"), b"")
    (folder.path / "link").symlink_to(outside)
    folder.clear()
    assert list(folder.path.iterdir()) == [folder.lock]
    assert (outside / "precious").read_text() == "data"


def test_a_run_knows_its_files(tmp_path: Path) -> None:
    """A run's log lies beside job.json under the attempt's number, and its UID is that of its file."""
    folder = JobFolder(tmp_path)
    assert list(folder.runs()) == []
    run = folder.run("bell-0123456789-12")
    assert run.log == tmp_path / "run-12.log"
    assert run.uid() is None
    write_json(run.identity, {"uid": "one"})
    assert (run.uid(), run.is_alive(), list(folder.runs())) == ("one", False, [run])


def test_job_json_is_what_kubectl_would_show(tmp_path: Path) -> None:
    """The file has apiVersion, kind, metadata and spec under the API's own names."""
    folder = JobFolder(tmp_path)
    job: QuantumJob = builders.job()
    write_json(folder.job, job.to_wire())
    found = json.loads(folder.job.read_text())
    assert (found["apiVersion"], found["kind"]) == ("quantum-operator.dev/v1alpha1", "QuantumJob")
    assert found["metadata"]["creationTimestamp"] == builders.CREATED
    assert found["spec"]["policyRef"] == {"name": "default"}
