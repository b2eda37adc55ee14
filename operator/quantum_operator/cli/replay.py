"""`qjob replay`: a job that is over, once more."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from quantum_operator.api.meta import API_VERSION
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import JobInput
from quantum_operator.cli.errors import FAILED, CommandError
from quantum_operator.cli.kube import Cluster, connect
from quantum_operator.cli.options import Context, JobName, Namespace
from quantum_operator.cli.outcomes import read_artifact
from quantum_operator.decide.status import is_terminal, latest_attempt

NOT_REPEATED = ("idempotencyKey", "suspend", "cancel", "replayOf", "shadowOf", "approval")
"""Fields of a spec that are about the one job and not about what it runs."""

MOST_REPLAYS = 1000
_NAME_LIMIT = 253
_SUFFIX = re.compile(r"-replay-[0-9]+$")


def replay(name: JobName, namespace: Namespace = None, context: Context = None) -> None:
    """Run a job that is over once more, as a new one.

    It is NAME-replay-1, or has the next number that is free, and its spec.replayOf names the job that it repeats. It
    has the programs that were accepted, also where a ConfigMap has changed since, the same task, policy and limits,
    also the execution settings of a profile or feature that has changed since,
    and the seed of the first run. It has no idempotencyKey: it runs. How often in an hour one job may be repeated is
    its policy's to say (spec.maxReplaysPerHour): what is more is created, and refused with the reason TooManyReplays.

    Exit code 1 when the job is not over.
    """
    with connect(context, namespace) as cluster:
        job = cluster.job(name)
        if not is_terminal(job.status):
            raise CommandError(
                f"job {name!r} is not over ({job.status.phase or 'Pending'}); `qjob wait {name}`, then replay it",
                code=FAILED,
            )
        typer.echo(f"{_create(cluster, job)} repeats {name}")


def replayed(job: QuantumJob, job_input: JobInput | None) -> dict[str, Any]:
    """The spec of a job that repeats this one; `job_input` is what was accepted of it, if that is needed."""
    spec = {name: value for name, value in job.spec.to_wire().items() if name not in NOT_REPEATED}
    if job_input is not None:
        spec["programs"] = list(_inline(job, job_input))
    attempt = latest_attempt(job.status)
    seed = job.status.execution.seed if job.status.execution is not None else attempt.seed if attempt else None
    execution = job.spec.execution.to_wire()
    if _is_settled(job) and job_input is not None:
        execution = job_input.execution.to_wire()
    spec["execution"] = {**execution, **({"seed": seed} if seed is not None else {})}
    return {**spec, "replayOf": {"name": job.metadata.name, "uid": job.metadata.uid}}


def names(name: str) -> Iterator[str]:
    """The names that a replay of this job may have, in order; a replay's own replay goes on counting."""
    base = _SUFFIX.sub("", name)
    for number in range(1, MOST_REPLAYS + 1):
        suffix = f"-replay-{number}"
        yield base[: _NAME_LIMIT - len(suffix)].rstrip("-.") + suffix


def _create(cluster: Cluster, job: QuantumJob) -> str:
    job_input = None
    from_elsewhere = any(program.config_map_key_ref is not None for program in job.spec.programs) or _is_settled(job)
    if from_elsewhere and job.status.input is not None:
        if job.status.payload_removed_time is not None:
            message = f"the input of job {job.metadata.name!r} was removed at {job.status.payload_removed_time}"
            raise CommandError(f"{message} (spec.retention): apply it anew, under another name", code=FAILED)
        job_input = JobInput.model_validate_json(read_artifact(cluster, job.status.input))
    spec = replayed(job, job_input)
    for name in names(job.metadata.name):
        metadata = {"name": name, "namespace": cluster.namespace}
        if cluster.create({"apiVersion": API_VERSION, "kind": job.kind, "metadata": metadata, "spec": spec}):
            return name
    raise CommandError(f"job {job.metadata.name!r} has {MOST_REPLAYS} replays; delete some of them", code=FAILED)


def _is_settled(job: QuantumJob) -> bool:
    """Whether its settings are not those of its spec alone."""
    plan = job.status.plan
    return job.spec.execution.profile is not None or (plan is not None and plan.execution is not None)


def _inline(job: QuantumJob, job_input: JobInput) -> Iterator[dict[str, Any]]:
    accepted = {program.name: program for program in job_input.programs}
    for program in job.spec.programs:
        kept = accepted.get(program.name)
        if program.config_map_key_ref is None or kept is None or kept.language is None:
            yield program.to_wire()
        else:
            yield {"name": program.name, kept.language: kept.source}
