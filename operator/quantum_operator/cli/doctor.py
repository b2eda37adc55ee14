"""`qjob doctor`: what is wrong, and what to do about it."""

from collections.abc import Iterator
from typing import Annotated

import typer

from quantum_operator.cli.checks import INSTALLATION
from quantum_operator.cli.errors import FAILED
from quantum_operator.cli.findings import Finding, guarded
from quantum_operator.cli.jobchecks import job_findings
from quantum_operator.cli.kube import Cluster, connect
from quantum_operator.cli.options import Context, Namespace


def doctor(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A QuantumJob to look at, in place of the installation.")
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
) -> None:
    """Say what is wrong with the installation, or with one job, and what to do about it.

    Exit code 1 when there is a problem.
    """
    problems = 0
    with connect(context, namespace) as cluster:
        for finding in _findings(cluster, name):
            problems += finding.state == "problem"
            typer.echo(f"{finding.state:<8} {finding.check:<9} {finding.message}")
            if finding.remedy:
                typer.echo(f"{'':<18} remedy: {finding.remedy}")
    if problems:
        typer.echo(f"{problems} {'problem' if problems == 1 else 'problems'}")
        raise typer.Exit(FAILED)
    typer.echo("no problem was found")


def _findings(cluster: Cluster, name: str | None) -> Iterator[Finding]:
    if name is not None:
        yield from job_findings(cluster, cluster.job(name))
        return
    for check in INSTALLATION:
        yield from guarded(check.__name__, check(cluster))
