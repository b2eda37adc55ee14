"""A submission that several QuantumTasks share: one task of the provider's, whose circuits and charge are divided.

Each job keeps a QuantumTask of its own, with its own ceiling, outcome and charge. One of those of a group carries the
others: it alone is claimed, submitted and asked after, and what became of it is on record there. Each of the others
has on record which one carries it, before that is claimed, and follows it.
"""

from typing import Annotated, Literal

from pydantic import Field

from quantum_operator.api.backend import MAX_BATCH
from quantum_operator.api.jobstatus import ArtifactRef, Count, Message, Reason
from quantum_operator.api.meta import ApiModel, Micros, ObjectName

Currency = Annotated[str, Field(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$")]


class TaskCharge(ApiModel):
    """What the provider charged. Without micros the provider does not say, and the ceiling is the most it can be."""

    micros: Annotated[Micros | None, Field(description="The amount, in millionths of the currency's unit.")] = None
    currency: Annotated[Currency, Field(description="The currency, by its code of ISO 4217.")]
    seconds: Annotated[Count | None, Field(description="The provider's time that was charged, in seconds.")] = None


class TaskGroup(ApiModel):
    """Tasks that may be submitted together: those of one group, to one device."""

    name: Annotated[ObjectName, Field(description="Its name: the tasks that have it are of the group.")]
    size: Annotated[int, Field(ge=2, le=MAX_BATCH, description="How many tasks there will be of it.")]


class SharedMember(ApiModel):
    """One task of those that are submitted together, and what of the submission is its own."""

    name: Annotated[ObjectName, Field(description="The QuantumTask's name.")]
    uid: Annotated[str, Field(min_length=1, max_length=64, description="Its UID.")]
    circuits: Annotated[int, Field(ge=1, le=100_000, description="How many circuits of the submission are its own.")]
    shots: Annotated[Count, Field(description="The shots of these, in all: the charge is divided by them.")]
    ceiling_micros: Annotated[Micros, Field(description="The most that the task may cost.")]
    outcome: ArtifactRef | None = None
    spoiled: Annotated[bool, Field(description="Its outcome is only an error.")] = False


class SharedEnd(ApiModel):
    """What became of the submission: it holds for every task of it."""

    state: Annotated[
        Literal["Succeeded", "Failed", "Cancelled"], Field(description="The state that each task ends in.")
    ]
    reason: Annotated[Reason, Field(description="Why, in one word.")]
    message: Annotated[Message, Field(description="Why, for people.")] = ""
    charge: TaskCharge


class SharedSubmission(ApiModel):
    """The submission that the task is a part of. `members`, `token` and `end` are on record with its carrier alone."""

    carrier: Annotated[ObjectName, Field(description="The task that is submitted for all of them; it may be this one.")]
    carrier_uid: Annotated[str, Field(min_length=1, max_length=64, description="The carrier's UID.")]
    token: Annotated[
        str | None,
        Field(min_length=8, max_length=64, description="What the provider is told in place of the task's own token."),
    ] = None
    members: Annotated[
        tuple[SharedMember, ...],
        Field(max_length=MAX_BATCH, description="The tasks of the submission, in the order of their circuits."),
    ] = ()
    end: SharedEnd | None = None
    dissolved: Annotated[
        bool, Field(description="Nothing came of it: each of its tasks is submitted by itself, and shares no more.")
    ] = False
    paid: Annotated[
        Micros | None,
        Field(description="The task's share of what a dissolved one cost: a part of its charge, and of its ceiling."),
    ] = None
