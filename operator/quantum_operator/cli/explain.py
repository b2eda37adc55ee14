"""`qjob explain`: why a job went where it did, decided once more from what its status has on record."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError

from quantum_operator.api.jobstatus import Step
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cli.errors import FAILED, INVALID, CommandError
from quantum_operator.cli.options import Context, Folder, Namespace
from quantum_operator.cli.plan import figures_told
from quantum_operator.cli.render import columns
from quantum_operator.cli.sources import open_source
from quantum_operator.decide.again import Again, again, unlike_its_attempts
from quantum_operator.local.safeyaml import UnreadableYamlError, documents

SUFFIXES = (".yaml", ".yml", ".json")

What = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The QuantumJob's name, or a YAML or JSON file with the job.", show_default=False
    ),
]


def explain(
    name: What,
    namespace: Namespace = None,
    context: Context = None,
    folder: Folder = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("--output", "-o", help="For people, or everything as JSON.")
    ] = "text",
) -> None:
    """Say why a job went where it did, and decide it once more.

    The job's status has the question that every backend was asked and the figures that each was judged by. From these
    alone the decision is made again, and compared with the one on record byte for byte. A file is one that `kubectl
    get quantumjob NAME -o yaml` or `qjob run` has written.

    Exit code 0 when the same comes out, 1 when something differs, which is told, 2 when there is nothing to decide
    again: the job has no backend yet, or its record is from before figures were kept.
    """
    if name.endswith(SUFFIXES):
        job = read_job(Path(name))
    else:
        with open_source(name, folder, context, namespace) as source:
            job = source.job()
    made = repeated(job)
    if output == "json":
        typer.echo(json.dumps(_wire(job, made), indent=2))
    else:
        typer.echo("\n".join(_lines(job, made)))
    raise typer.Exit(code_of(made))


def repeated(job: QuantumJob) -> list[tuple[Step, Again | None]]:
    """The job's steps, each with its decision made again; None where nothing is on record to make it of."""
    steps = job.status.plan.steps if job.status.plan is not None else ()
    return [(step, again(step)) for step in steps]


def code_of(made: list[tuple[Step, Again | None]]) -> int:
    """The exit code of these."""
    if not made or any(one is None for _, one in made):
        return INVALID
    return FAILED if any(one is not None and _differences(step, one) for step, one in made) else 0


def read_job(path: Path) -> QuantumJob:
    """The one QuantumJob of a file, with its status."""
    try:
        found = [one.content for one in documents(path.read_text(encoding="utf-8-sig"))]
        jobs = [one for one in found if isinstance(one, dict) and one.get("kind") == "QuantumJob"]
        if len(jobs) != 1:
            raise CommandError(f"{path}: has {len(jobs)} QuantumJobs; give a file with one, with its status")
        return QuantumJob.model_validate_json(json.dumps(jobs[0]))
    except (OSError, UnicodeDecodeError, UnreadableYamlError) as error:
        raise CommandError(f"{path}: {error}; give the file of a QuantumJob, or the name of one") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CommandError(f"{path}: not a QuantumJob of this version: {where}: {first['msg']}") from error


def _differences(step: Step, made: Again) -> list[str]:
    elsewhere = unlike_its_attempts(step)
    return [*made.differences, *([elsewhere] if elsewhere else [])]


def _wire(job: QuantumJob, made: list[tuple[Step, Again | None]]) -> dict[str, Any]:
    steps = [
        {
            "step": step.name,
            "question": step.question.to_wire() if step.question is not None else None,
            "candidates": [candidate.to_wire() for candidate in step.candidates],
            "same": None if one is None else not _differences(step, one),
            "recordedSha256": None if one is None else _sha256(one.recorded),
            "repeatedSha256": None if one is None else _sha256(one.repeated),
            "differences": [] if one is None else _differences(step, one),
        }
        for step, one in made
    ]
    return {"namespace": job.metadata.namespace, "name": job.metadata.name, "steps": steps}


def _lines(job: QuantumJob, made: list[tuple[Step, Again | None]]) -> Iterator[str]:
    name = f"{job.metadata.namespace}/{job.metadata.name}"
    if not made:
        yield f"{name}: nothing was decided yet; see `qjob describe {job.metadata.name}`"
    for step, one in made:
        yield from _step(name, step, one)


def _step(name: str, step: Step, made: Again | None) -> Iterator[str]:
    question = step.question
    if question is None or made is None:
        yield f"{name}, step {step.name}: no figures are on record, so that nothing can be decided again"
        return
    yield f"{name}, step {step.name}: decided at {question.now} by policy {question.policy}, generation " + (
        f"{question.policy_generation}"
    )
    demand = question.demand
    yield f"  Asked: {demand.qubits} qubits, {demand.shots:,} shots, mode {demand.mode}, {question.job.seconds} s a run"
    rows = [(one.backend, one.verdict, one.reason, _told(one.message, one.score)) for one in step.candidates]
    for line, candidate in zip(columns(rows, indent=2), step.candidates, strict=True):
        yield line
        yield f"    {figures_told(candidate.figures)}"
    differences = _differences(step, made)
    yield from (f"  Differs: {one}" for one in differences)
    if not differences:
        yield f"  Decided again: the same, byte for byte ({len(made.recorded)} bytes, sha256 {_sha256(made.recorded)})"


def _told(message: str, score: int | None) -> str:
    return message if score is None else f"{message} (score {score})"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
