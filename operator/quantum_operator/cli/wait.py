"""`qjob wait`: until jobs are over, one way or the other."""

import time
from typing import Annotated

import typer

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.meta import Condition
from quantum_operator.cli.errors import FAILED, TIMED_OUT
from quantum_operator.cli.kube import Cluster, connect
from quantum_operator.cli.options import Context, Namespace
from quantum_operator.decide.status import find_condition

POLL_SECONDS = 1.0


def wait(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="The QuantumJobs' names.", show_default=False)],
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long to wait at most.")
    ] = 3600,
    namespace: Namespace = None,
    context: Context = None,
) -> None:
    """Wait until the jobs are over, whether they succeed or fail.

    Exit code 0 when all succeeded, 1 when one failed, 3 when they were not over in time.
    """
    end = time.monotonic() + timeout
    over: dict[str, Condition] = {}
    with connect(context, namespace) as cluster:
        while True:
            for name in (one for one in dict.fromkeys(names) if one not in over):
                _look(cluster, name, over)
            left = end - time.monotonic()
            if len(over) == len(set(names)) or left <= 0:
                break
            time.sleep(min(POLL_SECONDS, left))
    waiting = [name for name in dict.fromkeys(names) if name not in over]
    if waiting:
        typer.echo(f"error: not over after {timeout:g} seconds: {', '.join(waiting)}; see `qjob describe`", err=True)
        raise typer.Exit(TIMED_OUT)
    if any(one.status != "True" for one in over.values()):
        raise typer.Exit(FAILED)


def _look(cluster: Cluster, name: str, over: dict[str, Condition]) -> None:
    complete = find_condition(cluster.job(name).status.conditions, ConditionType.COMPLETE)
    if complete is not None:
        over[name] = complete
        word = "succeeded" if complete.status == "True" else f"failed: {complete.reason}"
        typer.echo(f"{name} {word}: {complete.message}")
