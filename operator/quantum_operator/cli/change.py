"""`qjob suspend`, `resume` and `cancel`: what a user may still ask of a job once it is submitted."""

from typing import Annotated

import typer

from quantum_operator.cli.kube import connect
from quantum_operator.cli.options import Context, Namespace
from quantum_operator.decide.status import is_terminal

Names = Annotated[list[str], typer.Argument(metavar="NAME", help="The QuantumJobs' names.", show_default=False)]


def suspend(names: Names, namespace: Namespace = None, context: Context = None) -> None:
    """Pause jobs: their runs are stopped, and started anew when they are resumed.

    The time limit of a job stands still meanwhile. Jobs that are over stay as they are.
    """
    _change(names, namespace, context, "to be suspended", suspend=True)


def resume(names: Names, namespace: Namespace = None, context: Context = None) -> None:
    """Let paused jobs go on."""
    _change(names, namespace, context, "to go on", suspend=False)


def cancel(names: Names, namespace: Namespace = None, context: Context = None) -> None:
    """End jobs: their runs are stopped. It can't be undone. Jobs that are over stay as they are."""
    _change(names, namespace, context, "to be cancelled", cancel=True)


def _change(names: list[str], namespace: str | None, context: str | None, what: str, **spec: bool) -> None:
    with connect(context, namespace) as cluster:
        for name in dict.fromkeys(names):
            job = cluster.change(name, **spec)
            typer.echo(f"{name} is over already ({job.status.phase})" if is_terminal(job.status) else f"{name} {what}")
