"""`qjob approve` and `qjob reject`: what a second person says of a job that waits for it."""

from typing import Annotated, Literal

import typer
from lightkube.resources.authentication_v1 import SelfSubjectReview

from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.governance import Approval, ApprovalStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cli.errors import FAILED, CommandError
from quantum_operator.cli.kube import Cluster, connect
from quantum_operator.cli.options import Context, JobName, Namespace
from quantum_operator.decide.cost import money
from quantum_operator.decide.status import find_condition

Digest = Annotated[
    str | None,
    typer.Option("--digest", metavar="HEX", help="Only if what is asked has this digest, or one that begins so."),
]
Note = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; it stays on record.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stays on record.")]


def approve(
    name: JobName, reason: Note = None, digest: Digest = None, namespace: Namespace = None, context: Context = None
) -> None:
    """Approve a job that waits for it, in your own name.

    It takes the verb approve on quantumjobs, and somebody else than who submitted the job. What you approve is this
    backend, under the policy as it is, at this price or a lower one: with any other the job asks again.
    """
    _decide("Approved", name, reason, digest, namespace, context)


def reject(
    name: JobName, reason: Reason, digest: Digest = None, namespace: Namespace = None, context: Context = None
) -> None:
    """Reject a job that waits for approval: it is over. It takes the same rights."""
    _decide("Rejected", name, reason, digest, namespace, context)


def asked_of(job: QuantumJob) -> ApprovalStatus:
    """What the job asks to be approved. Raises CommandError where it asks nothing."""
    condition = find_condition(job.status.conditions, ConditionType.APPROVED)
    waits = condition is not None and condition.reason == "AwaitingApproval"
    if job.status.approval is None or not waits:
        name = job.metadata.name
        raise CommandError(f"job {name!r} does not wait for approval; see `qjob describe {name}`", code=FAILED)
    return job.status.approval


def figures(asked: ApprovalStatus) -> list[tuple[str, str]]:
    """What is to be approved, in plain figures."""
    most = "no bound" if asked.ceiling_micros is None else money(asked.ceiling_micros, asked.currency)
    rows = [
        ("Backend:", asked.backend),
        ("Cost at most:", most),
        ("Shots:", f"{asked.shots:,}" if asked.shots else "as many as its precision takes"),
        ("Tier, data:", f"{asked.terms.tier}, {asked.terms.data_class}"),
        ("Policy:", f"{asked.policy} (generation {asked.policy_generation})"),
        ("Because:", "; ".join(asked.because)),
        ("Digest:", asked.digest),
        ("Asked:", asked.asked_time),
    ]
    return [*rows, ("Approved:", f"by {asked.by} at {asked.decided_time}")] if asked.by is not None else rows


def _decide(
    decision: Literal["Approved", "Rejected"],
    name: str,
    reason: str | None,
    digest: str | None,
    namespace: str | None,
    context: str | None,
) -> None:
    with connect(context, namespace) as cluster:
        asked = asked_of(cluster.job(name))
        if digest is not None and not asked.digest.startswith(digest):
            raise CommandError(
                f"--digest: {digest!r}: job {name!r} asks for approval of {asked.digest}; see `qjob describe {name}`",
                code=FAILED,
            )
        user = _user(cluster)
        approval = Approval(decision=decision, by=user, digest=asked.digest, reason=reason)
        cluster.change(name, approval=approval.to_wire())
    for head, text in figures(asked):
        typer.echo(f"{head:<14}{text}")
    typer.echo(f"{name} is {decision.lower()} by {user}")


def _user(cluster: Cluster) -> str:
    """The name under which the API server knows who asks."""
    review = cluster.client.create(SelfSubjectReview())
    user = review.status.userInfo if review.status is not None else None
    if user is None or not user.username:
        raise CommandError("the API server does not say who you are; sign in to the cluster again", code=FAILED)
    return user.username
