"""What a job's user wants otherwise in the next attempt, after one that failed."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.meta import ApiModel, Cel, ListSet

ChangeReason = Literal[
    "CeilingExceeded",
    "IncompatibleTarget",
    "MemoryLimitExceeded",
    "OutcomeTooLarge",
    "ProgramCrashedRunner",
    "QueueTimeExceeded",
    "RunNotStarted",
    "TaskFailed",
    "TaskNotSubmitted",
    "TaskRejected",
    "TimeLimitExceeded",
]
"""Reasons of attempts that other parameters may help."""

MOST_CHANGES = 4


class Change(ApiModel):
    """One thing that is otherwise from the next attempt on, once an attempt failed for one of `reasons`."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "[has(self.shots), has(self.optimizationLevel), has(self.backend)].exists_one(x, x)",
            "a change has exactly one of shots, optimizationLevel and backend",
        ),
    )

    reasons: Annotated[
        tuple[ChangeReason, ...],
        Field(min_length=1, max_length=11, description="The reasons of attempts after which the change is made."),
        ListSet(),
    ]
    shots: Annotated[
        int | None,
        Field(ge=1, le=10_000_000, description="No pub has more shots than these; one with a precision stays."),
    ] = None
    optimization_level: Annotated[
        int | None, Field(ge=0, le=3, description="In place of execution.optimizationLevel.")
    ] = None
    backend: Annotated[
        Literal["Other"] | None, Field(description="Other: a backend of the policy on which no attempt has failed.")
    ] = None


class Retry(ApiModel):
    """Changes that the user allows rather than have the job fail. What was changed is in the status."""

    on_failure: Annotated[
        tuple[Change, ...],
        Field(
            min_length=1,
            max_length=MOST_CHANGES,
            description="After a failure the first that has its reason and was not made yet is made, beside those that "
            "were; each once. After an attempt that may have been paid for, none is.",
        ),
    ]
