"""Where a job's story is read: a cluster, or the folder of `qjob run`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import typer

from quantum_operator.api.envelope import LOG_PREFIX
from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import Outcome
from quantum_operator.cli.errors import FAILED, CommandError
from quantum_operator.cli.kube import Cluster, connect
from quantum_operator.cli.options import DEFAULT_NAMESPACE
from quantum_operator.cli.outcomes import (
    attempt_of,
    batch_job_of,
    outcome_in_status,
    parse_outcome,
    read_artifact,
    result_of,
)
from quantum_operator.local.files import read_bytes
from quantum_operator.local.layout import DamagedFolderError, ResultsFolder
from quantum_operator.ports.world import Key


@dataclass(frozen=True)
class EventLine:
    """One event, for people."""

    time: str
    type: str
    reason: str
    message: str


class Source(Protocol):
    """What the commands that look at a job read."""

    def job(self) -> QuantumJob:
        """The job. Raises CommandError when there is none."""

    def events(self, job: QuantumJob) -> list[EventLine]:
        """What happened to the job, the oldest first."""

    def log(self, job: QuantumJob, *, follow: bool) -> Iterator[str]:
        """What the run of the latest attempt wrote, line by line."""

    def outcome(self, job: QuantumJob) -> Outcome:
        """All of the outcome. Raises CommandError when there is none."""


@contextmanager
def open_source(name: str, folder: Path | None, context: str | None, namespace: str | None) -> Iterator[Source]:
    """Where the job of this name is read: the folder if one is given, else the cluster."""
    if folder is not None:
        yield FolderSource(ResultsFolder(folder), Key(namespace or DEFAULT_NAMESPACE, name))
        return
    with connect(context, namespace) as cluster:
        yield ClusterSource(cluster, name)


@dataclass(frozen=True)
class FolderSource:
    """A job in a folder of `qjob run`."""

    folder: ResultsFolder
    key: Key

    def job(self) -> QuantumJob:
        """The job."""
        try:
            job = self.folder.job(self.key).read_job()
        except DamagedFolderError as error:
            raise CommandError(str(error)) from error
        if job is None:
            raise CommandError(
                f"no QuantumJob {self.key.name!r} of namespace {self.key.namespace!r} in {self.folder.path}; "
                f"there are: {', '.join(self._names()) or 'none'}",
                code=FAILED,
            )
        return job

    def events(self, job: QuantumJob) -> list[EventLine]:  # noqa: ARG002 - the folder has one job
        """What happened to the job."""
        events = self.folder.job(self.key).read_events()
        return [EventLine(*(str(event[part]) for part in ("time", "type", "reason", "message"))) for event in events]

    def log(self, job: QuantumJob, *, follow: bool) -> Iterator[str]:  # noqa: ARG002 - `qjob run` has ended
        """What the run of the latest attempt wrote."""
        run = self.folder.job(self.key).run(attempt_of(job).name)
        yield from (read_bytes(run.log) or b"").decode(errors="replace").splitlines()

    def outcome(self, job: QuantumJob) -> Outcome:
        """All of the outcome."""
        result_of(job)
        path = self.folder.job(self.key).outcome
        data = read_bytes(path)
        if data is None and job.status.result_of is not None:
            return top_of(job)
        if data is None:
            raise CommandError(f"{path} is not there; run the job again with qjob run", code=FAILED)
        return parse_outcome(data, str(path))

    def _names(self) -> list[str]:
        return sorted(f"{path.parent.parent.name}/{path.parent.name}" for path in self.folder.path.glob("*/*/job.json"))


@dataclass(frozen=True)
class ClusterSource:
    """A job in a cluster."""

    cluster: Cluster
    name: str

    def job(self) -> QuantumJob:
        """The job."""
        return self.cluster.job(self.name)

    def events(self, job: QuantumJob) -> list[EventLine]:
        """What happened to the job."""
        return [
            EventLine(
                str(event.lastTimestamp or event.eventTime or event.firstTimestamp or ""),
                event.type or "",
                event.reason or "",
                event.message or "",
            )
            for event in self.cluster.events(job.metadata.uid)
        ]

    def log(self, job: QuantumJob, *, follow: bool) -> Iterator[str]:
        """What the pod of the latest attempt wrote."""
        run = batch_job_of(attempt_of(job))
        pods = self.cluster.run_pods(run)
        if not pods or pods[-1].metadata is None or pods[-1].metadata.name is None:
            raise CommandError(f"run {run} has no pod (yet, or any more); see `qjob describe {self.name}`", code=FAILED)
        return self.cluster.log(pods[-1].metadata.name, follow=follow)

    def outcome(self, job: QuantumJob) -> Outcome:
        """All of the outcome: the status has it, or an artifact of the job, or of that whose result it is."""
        result = result_of(job)
        artifact = result.outcome or (self._artifact_of_first(job) if result.truncated else None)
        if artifact is None or job.status.payload_removed_time is not None:
            return top_of(job)
        return parse_outcome(read_artifact(self.cluster, artifact), f"artifact {artifact.name}")

    def _artifact_of_first(self, job: QuantumJob) -> ArtifactRef | None:
        of = job.status.result_of
        try:
            first = self.cluster.job(of.name) if of is not None else None
        except CommandError:
            return None
        if of is None or first is None or first.metadata.uid != of.uid or first.status.result is None:
            return None
        if first.status.payload_removed_time is not None:
            return None
        return first.status.result.outcome


def top_of(job: QuantumJob) -> Outcome:
    """What the status has of the outcome; says so where that is not all."""
    result, removed = result_of(job), job.status.payload_removed_time
    if result.truncated and removed is not None:
        typer.echo(f"note: this is the top of it; the rest was removed at {removed}, by spec.retention", err=True)
    elif result.truncated and job.status.result_of is not None:
        typer.echo(f"note: this is the top of it; the rest went with job {job.status.result_of.name!r}", err=True)
    return outcome_in_status(job, result)


def without_outcome(lines: Iterator[str]) -> Iterator[str]:
    """A log without the line that carries the outcome: it is for the operator."""
    return (line for line in lines if not line.startswith(LOG_PREFIX))
