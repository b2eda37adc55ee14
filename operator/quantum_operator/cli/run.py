"""`qjob run`: jobs on this machine, by the operator's own loop."""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from quantum_operator.api.conditions import REASONS, ConditionType
from quantum_operator.api.meta import DNS_LABEL
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cli.errors import FAILED, INTERRUPTED, INVALID, CommandError
from quantum_operator.cli.options import DEFAULT_FOLDER, DEFAULT_NAMESPACE, Files
from quantum_operator.cli.plot import plot
from quantum_operator.cli.progress import Progress
from quantum_operator.cli.render import result_lines
from quantum_operator.cli.sources import FolderSource
from quantum_operator.cli.validate import read_manifests
from quantum_operator.decide.status import find_condition
from quantum_operator.local.ending import REMEDIES, blocked_by, stuck
from quantum_operator.local.layout import DamagedFolderError, ResultsFolder
from quantum_operator.local.manifests import InvalidManifestsError
from quantum_operator.local.shell import FolderBusyError, Shell
from quantum_operator.local.world import LocalWorld, assemble
from quantum_operator.ports.world import Key

NEEDED = ("qiskit", "qiskit_aer", "qiskit_qasm3_import")


def run(
    files: Files,
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where jobs, outcomes and plots are kept.")
    ] = DEFAULT_FOLDER,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help="The namespace of what names none.")
    ] = DEFAULT_NAMESPACE,
    output: Annotated[
        Literal["text", "json"],
        typer.Option("--output", "-o", help="What goes to standard output: results, or the QuantumJobs as a List."),
    ] = "text",
) -> None:
    """Run the QuantumJobs of these files on this machine, without a cluster.

    The files have the jobs' BackendPolicies too, and the ConfigMaps that programs come from. The simulators aer-ideal
    and aer-noisy are built in; a QuantumBackend in the files is added, or takes the place of its namesake. No
    provider is asked: that takes a cluster, with an agent for each account.

    Each job gets the folder DIR/NAMESPACE/NAME with job.json, outcome.json and plot.svg. A job that was interrupted
    goes on where it stood; one that is over, or has another spec, is run anew and its folder replaced, unless it has a
    result and an idempotencyKey: of jobs under one key one is run, and the others have its result. The shadows that
    a policy has made (spec.shadow) are run as well; the exit code says nothing of them. Nothing is removed by time,
    for nobody is there once the jobs are over: ttlSecondsAfterFinished and retention are a cluster's.

    Exit code 0 when every job succeeded, 1 when one failed, 2 when the files can't be used or lack what a job needs.
    """
    world = _world(files, namespace)
    progress = Console(stderr=True)
    try:
        with Progress(progress) as listener:
            jobs = Shell(world, folder, listener).run()
    except (FolderBusyError, DamagedFolderError) as error:
        raise CommandError(str(error)) from error
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        raise CommandError(
            "interrupted; the same command goes on with what is not over yet", code=INTERRUPTED
        ) from error
    except OSError as error:
        raise CommandError(f"{error}; give a folder that can be written with --folder") from error
    results = ResultsFolder(folder)
    for job in jobs:
        source = FolderSource(results, Key(job.metadata.namespace, job.metadata.name))
        _finish(job, jobs, source, quiet=output == "json")
    if output == "json":
        items = [job.to_wire() for job in jobs]
        typer.echo(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2))
    raise typer.Exit(_exit_code(jobs))


def _world(files: Sequence[Path], namespace: str) -> LocalWorld:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise CommandError(
            f"{', '.join(missing)} not installed, and qjob run needs it; pip install 'quantum-operator[cli,runner]'"
        )
    if len(namespace) > 63 or not re.fullmatch(DNS_LABEL, namespace):
        raise CommandError(
            f"--namespace: {namespace!r}: must be at most 63 lower case letters, digits and '-', such as 'team-a'"
        )
    try:
        world = assemble(read_manifests(files), namespace)
    except InvalidManifestsError as error:
        raise CommandError(str(error)) from error
    if not world.jobs:
        raise CommandError(f"there is no QuantumJob in {', '.join(map(str, files))}; name the file that has the job")
    shadow = next((job for job in world.jobs.values() if job.spec.shadow_of is not None), None)
    if shadow is not None and shadow.spec.shadow_of is not None:
        raise CommandError(
            f"{shadow.metadata.name}: spec.shadowOf: {shadow.spec.shadow_of.name!r}: shadows are for the operator to "
            "make, by spec.shadow of a BackendPolicy; leave it out"
        )
    return world


def _finish(job: QuantumJob, jobs: Sequence[QuantumJob], source: FolderSource, *, quiet: bool) -> None:
    """Plot the result and say how the job ended."""
    folder = source.folder.job(source.key)
    complete = find_condition(job.status.conditions, ConditionType.COMPLETE)
    name = f"{job.metadata.namespace}/{job.metadata.name}"
    lines = []
    if complete is not None and complete.status == "True":
        outcome = source.outcome(job)
        plot(job, outcome, folder.plot)
        lines = [f"{name} succeeded: {complete.message}"]
        lines += (f"  {line}" for line in result_lines(job.spec, outcome, bar=bar()))
        kept = ", ".join(one.name for one in (folder.job, folder.outcome, folder.plot) if one.exists())
        agrees = find_condition(job.status.conditions, ConditionType.AGREES)
        lines += [f"  {agrees.reason}: {agrees.message}"] if agrees is not None else []
        lines.append(f"  kept in {folder.path}: {kept}")
    elif complete is not None:
        meaning = REASONS.get(complete.reason, "")
        typer.echo(f"{name} failed: {complete.reason}: {complete.message}\n  {meaning}", err=True)
    elif (missing := stuck(job, jobs)) is not None:
        remedy = REMEDIES[missing.reason]
        typer.echo(f"{name} can't run: {missing.reason}: {missing.message}\n  {remedy}", err=True)
    if not quiet:
        typer.echo("".join(f"{line}\n" for line in lines), nl=False)


def _exit_code(jobs: Sequence[QuantumJob]) -> int:
    given = [job for job in jobs if job.spec.shadow_of is None]
    if any(blocked_by(job.status) for job in given):
        return INVALID
    complete = [find_condition(job.status.conditions, ConditionType.COMPLETE) for job in given]
    return 0 if all(one is not None and one.status == "True" for one in complete) else FAILED


def bar() -> str:
    """What bars are made of: a block, or a # where standard output can't show one."""
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return "#"
    return "█"
