"""A killed or terminated shell loses nothing and leaves nothing running."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from localworld import ENDLESS, SLOW

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.local import process
from quantum_operator.local.layout import ResultsFolder
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders


def submit(folder: Path, source: str) -> subprocess.Popen[str]:
    """`qjob run` of a job with this program, as a process of its own."""
    manifests = folder / "slow.json"
    job = builders.job("slow", namespace="", programs=[{"name": "bell", "qasm3": source}], execution={"seed": 3})
    documents = [job.to_wire(), builders.policy("aer-ideal", namespace="").to_wire()]
    manifests.write_text("\n---\n".join(json.dumps(one | _named(one)) for one in documents))
    command = [sys.executable, "-m", "quantum_operator.cli", "run", str(manifests), "--folder", str(folder / "out")]
    # A background job of a shell is started with SIGINT ignored, and so would be what it starts.
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,  # noqa: PLW1509 - no threads here
    )


def _named(one: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": one["metadata"]["name"]}}


def crash(folder: Path, *, with_run: bool) -> tuple[QuantumJob, str]:
    """Kill the shell with SIGKILL in the middle of the run; the job and the run's UID as they were then."""
    results = ResultsFolder(folder / "out").job(Key("default", "slow"))
    shell = submit(folder, SLOW)
    deadline = time.monotonic() + 60
    while not (results.job.exists() and _is_running(job := _read(results.job)) and _process(results.path)):
        assert time.monotonic() < deadline, "the run never started"
        assert shell.poll() is None, shell.communicate()[0]
        time.sleep(0.01)
    shell.kill()
    shell.communicate()
    (run,) = results.runs()
    if with_run:
        process.kill(run)
        while run.is_alive():
            time.sleep(0.01)
    assert job.status.plan is not None
    return job, str(run.uid())


def _read(path: Path) -> QuantumJob:
    return QuantumJob.model_validate_json(path.read_bytes())


def _is_running(job: QuantumJob) -> bool:
    return job.status.phase == "Running"


def _process(path: Path) -> bool:
    return bool(list(path.glob("runs/*/pid")))


@pytest.mark.parametrize(("with_run", "attempts"), [(False, ["Succeeded"]), (True, ["Lost", "Succeeded"])])
def test_a_killed_shell_is_resumed(tmp_path: Path, with_run: bool, attempts: list[str]) -> None:
    """After kill -9 the same command goes on with the same job: its live run is taken over, a dead one tried again."""
    before, uid = crash(tmp_path, with_run=with_run)
    again = submit(tmp_path, SLOW)
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 0, output
    after = _read(tmp_path / "out/default/slow/job.json")
    assert after.metadata.uid == before.metadata.uid
    assert after.status.plan is not None
    found = after.status.plan.steps[0].attempts
    assert [one.state for one in found] == attempts
    assert found[0].run_uid == uid
    assert (tmp_path / "out/default/slow/outcome.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_terminating_the_shell_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM, or Ctrl-C, ends the shell and its run, says how to go on, and leaves a job that can be resumed."""
    shell = submit(tmp_path, ENDLESS)
    results = ResultsFolder(tmp_path / "out").job(Key("default", "slow"))
    deadline = time.monotonic() + 60
    while not _process(results.path):
        assert time.monotonic() < deadline, "the run never started"
        time.sleep(0.01)
    shell.send_signal(number)
    output, _ = shell.communicate(timeout=20)
    assert shell.returncode == 130, output
    assert "goes on with what is not over yet" in output
    (run,) = results.runs()
    assert not run.is_alive()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(int(run.process.read_text()), 0)
        raise AssertionError("a process of the run is still there")
