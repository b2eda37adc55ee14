"""One run of all examples that many tests look at, and a cluster that has its jobs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from quantum_operator.cli.app import app
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


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All examples, run once."""
    folder = tmp_path_factory.mktemp("examples") / "out"
    done = qjob("run", EXAMPLES, "--folder", folder)
    return Ran(folder, done.returncode, done.stdout, done.stderr)


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
