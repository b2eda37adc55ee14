"""`qjob logs`: what the run of a job's latest attempt wrote."""

from typing import Annotated

import typer

from quantum_operator.cli.options import Context, Folder, JobName, Namespace
from quantum_operator.cli.sources import open_source, without_outcome


def logs(
    name: JobName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    namespace: Namespace = None,
    context: Context = None,
    folder: Folder = None,
) -> None:
    """Show what the run of the latest attempt wrote.

    The line that carries the outcome is left out: `qjob result` shows that.
    """
    with open_source(name, folder, context, namespace) as source:
        for line in without_outcome(source.log(source.job(), follow=follow)):
            typer.echo(line)
