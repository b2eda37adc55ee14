"""`qjob resolve`: what a person found out about a task that nobody else can tell of."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from lightkube.resources.authentication_v1 import SelfSubjectReview

from quantum_operator.api.quantumtask import QuantumTask, TaskResolution
from quantum_operator.cli.errors import FAILED, CommandError
from quantum_operator.cli.kube import Cluster, connect
from quantum_operator.cli.options import Context, Namespace
from quantum_operator.decide.times import stamp

Task = Annotated[str, typer.Argument(metavar="TASK", help="The QuantumTask's name.", show_default=False)]
Adopt = Annotated[
    str | None, typer.Option("--adopt", metavar="ID", help="The provider has it, under this id of the provider's.")
]
NeverSubmitted = Annotated[
    bool, typer.Option("--never-submitted", help="The provider never got it: it is submitted after all.")
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="How you know; it stays on record.")]


def resolve(
    task: Task,
    why: Why,
    adopt: Adopt = None,
    never_submitted: NeverSubmitted = False,
    namespace: Namespace = None,
    context: Context = None,
) -> None:
    """Say what became of a held QuantumTask: look at the provider's account first.

    A task is held when nobody can tell whether the provider has it, for submitting it again could pay twice; or when
    its results could not be fetched in time: once they can be, adopt the id that it has, and they are. Of tasks that
    were submitted together, it is said of the one that carries the others, and holds for all. The namespace is the
    agent's.
    """
    if (adopt is None) != never_submitted:
        raise CommandError("give one of --adopt ID and --never-submitted")
    with connect(context, namespace) as cluster:
        held = cluster.task(task)
        if held.status.state != "Held":
            raise CommandError(f"QuantumTask {task} is not held, but {held.status.state}: there is nothing to resolve")
        carrier = _carrier(cluster, held)
        if carrier is not None:
            raise CommandError(
                f"QuantumTask {task} was submitted as a part of {carrier.metadata.name}: resolve that one, which "
                f"decides on all {_others(carrier) + 1} tasks that were submitted together"
            )
        if held.status.reason == "ResultHeld" and adopt is None:
            raise CommandError(f"the provider has QuantumTask {task}: give --adopt {held.status.provider_id}")
        resolution = TaskResolution(
            provider_id=adopt,
            never_submitted=never_submitted,
            by=_user(cluster),
            why=why,
            time=stamp(datetime.now(UTC)),
        )
        cluster.resolve(task, resolution)
        count = _others(held)
        others = f", together with {count} other task{'s' if count > 1 else ''}" if count else ""
        typer.echo(f"{task} goes on as {f'{adopt} of the provider' if adopt else 'never submitted'}{others}")


def _carrier(cluster: Cluster, task: QuantumTask) -> QuantumTask | None:
    """The other task that this one was submitted with, and follows; None where there is none, or none any more."""
    shared = task.status.shared
    if shared is None or shared.dissolved or shared.carrier_uid == task.metadata.uid:
        return None
    try:
        carrier = cluster.task(shared.carrier)
    except CommandError as error:
        if error.code == FAILED:
            return None
        raise
    return carrier if carrier.metadata.uid == shared.carrier_uid else None


def _others(task: QuantumTask) -> int:
    """How many others were submitted as a part of this one."""
    shared = task.status.shared
    return 0 if shared is None or shared.dissolved else max(0, len(shared.members) - 1)


def _user(cluster: Cluster) -> str:
    review = cluster.client.create(SelfSubjectReview())
    user = review.status.userInfo if review.status is not None else None
    return str(user.username) if user is not None and user.username else "unknown"
