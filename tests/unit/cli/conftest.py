"""One run of all examples that many tests look at, and a cluster that has its jobs."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from quantum_operator.api.run import RunSpec
from quantum_operator.cli.app import app
from quantum_operator.local import process, runs
from quantum_operator.local.layout import RunFolder
from quantum_operator.runner import worker
from quantum_operator.runner.supervisor import leave
from quantum_operator.runner.worker import Clock, encode, work
from unit.cli.apiserver import FakeCluster, kubeconfig, serving

EXAMPLES = Path(__file__).parents[3] / "manifests" / "examples"
GROUP = "/apis/quantum-operator.dev/v1alpha1"


@dataclass(frozen=True)
class Ran:
    """How `qjob run` of all examples went."""

    folder: Path
    code: int
    output: str
    progress: str

    def job(self, name: str) -> dict[str, Any]:
        """A job as it was kept."""
        found: dict[str, Any] = json.loads((self.folder / "default" / name / "job.json").read_text())
        return found


def qjob(*arguments: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program as a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "quantum_operator.cli", *map(str, arguments)]
    variables = {**os.environ, "COLUMNS": "120", "PYTHONIOENCODING": "utf-8", **(environment or {})}
    return subprocess.run(command, capture_output=True, text=True, env=variables, timeout=100, check=False)


def run_here(folder: RunFolder, spec: RunSpec, input_file: Path) -> int:
    """Do a run in this process, which has Qiskit loaded already; its exit code."""
    done = work(input_file.read_bytes(), spec, Clock(time.monotonic(), lambda _: None))
    return leave(folder.termination, encode(done), spec)


async def spawn(folder: RunFolder, spec: RunSpec, input_file: Path) -> asyncio.subprocess.Process | None:
    """Do a run here, and start a process in its place that ends at once, as it would."""
    code = run_here(folder, spec, input_file)
    process.command = lambda *_: ["sh", "-c", f"exit {code}"]
    return await process.spawn(folder, spec, input_file)


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All examples, run once: tests/contract does it with real runners."""
    folder = tmp_path_factory.mktemp("examples") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "120")
        patch.setattr(runs, "spawn", spawn)
        patch.setattr(process, "command", lambda *_: ["true"])
        patch.setattr(worker, "limit_memory", lambda _: None)
        done = CliRunner().invoke(app, ["run", str(EXAMPLES), "--folder", str(folder)])
    return Ran(folder, done.exit_code, done.stdout, done.stderr)


class Commands:
    """Runs commands in this process."""

    def __call__(self, *arguments: str | Path) -> Result:
        """The command's result: exit code, stdout and stderr."""
        return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def command() -> Commands:
    """Runs commands in this process."""
    return Commands()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    """An empty cluster that the kubeconfig points at."""
    found = FakeCluster()
    with serving(found):
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "kubeconfig", found.url)))
        yield found


@pytest.fixture
def with_job(cluster: FakeCluster, ran: Ran) -> FakeCluster:
    """A cluster that has the Bell job, done."""
    cluster.add(f"{GROUP}/namespaces/default/quantumjobs/bell", ran.job("bell"))
    return cluster
