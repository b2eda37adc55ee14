"""Where things lie: `<folder>/<namespace>/<job>/` has all of one job, `.claims/` and `.ledgers/` what outlives it.

| file | what it is |
|---|---|
| `job.json` | the QuantumJob with its status, as `kubectl get -o json` would show it |
| `outcome.json` | all that the run gave (with every count), or its error |
| `plot.svg` | the result as a picture |
| `events.jsonl` | what happened, one event a line |
| `run-N.log` | what the run of attempt N wrote |
| `artifacts/`, `runs/` | the job's input and each run's files; `qjob run` resumes from them |
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.local.files import is_locked, read_bytes
from quantum_operator.ports.world import Key


class DamagedFolderError(ValueError):
    """A file of a job's folder is not what a shell wrote there."""


@dataclass(frozen=True)
class RunFolder:
    """The files of one run. Its UID is made once; the process holds `lock` for as long as it lives."""

    path: Path

    @property
    def identity(self) -> Path:
        """The file that says that the run was asked for, and its UID."""
        return self.path / "run.json"

    @property
    def termination(self) -> Path:
        """The run's termination message: its outcome, or the digest of the one in its log."""
        return self.path / "termination"

    @property
    def lock(self) -> Path:
        """Held by the run's process."""
        return self.path / "lock"

    @property
    def process(self) -> Path:
        """The process's id, written once it was started."""
        return self.path / "pid"

    @property
    def log(self) -> Path:
        """What the run wrote: `run-N.log` beside `job.json`, N being the attempt's number."""
        return self.path.parent.parent / f"run-{self.path.name.rpartition('-')[2]}.log"

    def uid(self) -> str | None:
        """The run's UID, or None when no such run was asked for."""
        data = read_bytes(self.identity)
        return None if data is None else str(json.loads(data)["uid"])

    def is_alive(self) -> bool:
        """Whether the run's process lives, whoever started it."""
        return is_locked(self.lock)


@dataclass(frozen=True)
class JobFolder:
    """The files of one job."""

    path: Path

    @property
    def job(self) -> Path:
        """The QuantumJob with its status."""
        return self.path / "job.json"

    @property
    def outcome(self) -> Path:
        """All that the run gave."""
        return self.path / "outcome.json"

    @property
    def plot(self) -> Path:
        """The result as a picture."""
        return self.path / "plot.svg"

    @property
    def events(self) -> Path:
        """What happened, one event a line."""
        return self.path / "events.jsonl"

    @property
    def lock(self) -> Path:
        """Held by the shell that works on the job."""
        return self.path / ".lock"

    def artifact(self, name: str) -> Path:
        """An artifact of the job, by name."""
        return self.path / "artifacts" / name

    def run(self, name: str) -> RunFolder:
        """A run of the job, by name."""
        return RunFolder(self.path / "runs" / name)

    def runs(self) -> Iterator[RunFolder]:
        """Every run of the job that there are files of."""
        folder = self.path / "runs"
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            yield RunFolder(path)

    def read_job(self) -> QuantumJob | None:
        """The job as it was last written, or None. Raises DamagedFolderError when the file is something else."""
        data = read_bytes(self.job)
        if data is None:
            return None
        try:
            return QuantumJob.model_validate_json(data)
        except ValidationError as error:
            raise DamagedFolderError(
                f"{self.job}: not a QuantumJob of this version ({error.error_count()} errors); "
                "remove the folder, or give another one with --folder"
            ) from error

    def read_events(self) -> list[dict[str, Any]]:
        """The events, oldest first. A last line that a crash cut is left out."""
        lines = (read_bytes(self.events) or b"").decode(errors="replace").split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def clear(self) -> None:
        """Remove every file of the job but its lock, `job.json` first, so that a crash leaves no job half there."""
        self.job.unlink(missing_ok=True)
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if path == self.lock:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


@dataclass(frozen=True)
class ResultsFolder:
    """The folder that `qjob run` keeps jobs in."""

    path: Path

    def job(self, key: Key) -> JobFolder:
        """The folder of one job."""
        return JobFolder(self.path / key.namespace / key.name)

    def jobs(self, namespace: str) -> Iterator[JobFolder]:
        """Every job of a namespace that there are files of."""
        folder = self.path / namespace
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            yield JobFolder(path)

    def claim(self, name: str) -> Path:
        """The claim of this name; no namespace begins with a dot."""
        return self.path / ".claims" / f"{name}.json"

    @property
    def ledgers(self) -> Path:
        """The folder of ledgers: one file a currency and month."""
        return self.path / ".ledgers"
