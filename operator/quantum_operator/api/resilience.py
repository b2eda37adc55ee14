"""What a policy does when backends fail: circuit breakers, the chain of fallbacks, and the switch for all QPUs."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.choice import BackendChoice
from quantum_operator.api.meta import ApiModel, Cel, ListSet, ObjectName, Timestamp

FallbackCause = Literal[
    "Permanent",
    "Transient",
    "Cancelled",
    "Timeout",
    "Infrastructure",
    "Saturated",
    "Lost",
    "QuantumDisabled",
    "NoEligibleBackend",
    "NoReadyBackend",
    "BreakerOpen",
    "BudgetExceeded",
]
"""Why a job falls back: the class of the failure that it would end with, or what it waits for in vain."""

FallbackKind = Literal["OtherBackend", "Simulator", "CachedResult"]
BreakerState = Literal["Closed", "Open", "HalfOpen"]

MOST_FALLBACKS = 8
MOST_BREAKERS = 64


class FallbackRule(ApiModel):
    """One link of the chain: for these causes, this is what a job falls back to."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "has(self.causes) != has(self.on)",
            "a fallback has exactly one of causes and on; a bare on is true in YAML: call it causes",
            field_path=".causes",
        ),
        Cel(
            "self.to != 'OtherBackend' || has(self.backends)",
            "a fallback to OtherBackend names the backends",
            field_path=".backends",
        ),
        Cel(
            "self.to != 'CachedResult' || !has(self.backends)",
            "a fallback to CachedResult has no backends: nothing runs",
            field_path=".backends",
        ),
    )

    causes: Annotated[
        tuple[FallbackCause, ...] | None,
        Field(
            min_length=1,
            max_length=12,
            description="The class of the failure that the job would end with (Permanent: what a device refuses or "
            "fails for; a program's own errors are never among them), or what it would wait for: QuantumDisabled, "
            "NoReadyBackend, BreakerOpen, Saturated, BudgetExceeded.",
        ),
        ListSet(),
    ] = None
    on: Annotated[
        tuple[FallbackCause, ...] | None,
        Field(
            min_length=1,
            max_length=12,
            description="The same by its first name. In YAML it has to be quoted, for a bare on is read as true.",
        ),
        ListSet(),
    ] = None
    to: Annotated[
        FallbackKind,
        Field(
            description="OtherBackend: those of backends, in order; Simulator: the simulators among backends, or among "
            "the policy's own where it has none; CachedResult: what an earlier job of the namespace under the same "
            "policy computed from the very same input."
        ),
    ]
    backends: Annotated[
        tuple[BackendChoice, ...] | None,
        Field(min_length=1, max_length=16, description="The backends that are fallen back to, in order."),
    ] = None

    @property
    def covers(self) -> tuple[FallbackCause, ...]:
        """The causes for which it is taken, by whichever name they are given."""
        return self.causes or self.on or ()


class Breaker(ApiModel):
    """When a backend is not given any more of the policy's jobs, and how it is tried again."""

    failure_percent: Annotated[
        int, Field(ge=1, le=100, description="So much of the window's attempts fails: the breaker opens.")
    ] = 50
    minimum_attempts: Annotated[int, Field(ge=1, le=1_000, description="Fewer attempts in the window say nothing.")] = (
        10
    )
    window_seconds: Annotated[
        int, Field(ge=10, le=86_400, description="How long an attempt that ended counts, in seconds.")
    ] = 600
    open_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="How long no job goes to the backend once it is open, in seconds.")
    ] = 60
    probes: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="So many attempts may then be under way there at once; once so many succeeded it is closed, "
            "and when one fails it is open again.",
        ),
    ] = 1


class BreakerStatus(ApiModel):
    """How the breaker of one backend stands, and on what that was decided."""

    backend: Annotated[ObjectName, Field(description="The QuantumBackend's name.")]
    state: Annotated[
        BreakerState,
        Field(description="Closed: it gets jobs; Open: it gets none; HalfOpen: it is probed."),
    ]
    since: Annotated[Timestamp, Field(description="Since when; attempts that were made before do not count.")]
    attempts: Annotated[int, Field(ge=0, le=1_000_000, description="How many attempts that was decided on.")] = 0
    failures: Annotated[int, Field(ge=0, le=1_000_000, description="How many of them failed.")] = 0


Text = Annotated[str, Field(max_length=64)]


class FallbackTaken(ApiModel):
    """A fallback that the job took: from then on, its backends are those of the link."""

    position: Annotated[
        int, Field(ge=0, le=7, description="The link's position in the policy's spec.fallback, from 0.")
    ]
    to: Annotated[
        Literal["OtherBackend", "Simulator", "CachedResult", "Preferred"],
        Field(
            description="What the link is to; Preferred: nothing came of it, and the policy's own backends are "
            "waited for."
        ),
    ]
    cause: Annotated[FallbackCause, Field(description="The cause.")]
    reason: Annotated[Text, Field(description="The reason of the failure or the wait, in one word.")]
    message: Annotated[str, Field(max_length=1024, description="The same, for people.")] = ""
    from_: Annotated[
        ObjectName | None, Field(alias="from", description="The backend that it fell back from, where it had one.")
    ] = None


class Fallback(ApiModel):
    """That a result, or the attempt under way, is a fallback: from where, to where, and why."""

    kind: Annotated[FallbackKind, Field(description="What it fell back to.")]
    from_: Annotated[
        ObjectName | None, Field(alias="from", description="The backend that the job would have been on.")
    ] = None
    to: Annotated[ObjectName | None, Field(description="The backend that it is on; of a cached result: was on.")] = None
    class_: Annotated[FallbackCause, Field(alias="class", description="The class of the failure, or the situation.")]
    reason: Annotated[Text, Field(description="The reason of the failure or the wait, in one word.")]
    message: Annotated[str, Field(max_length=1024, description="The same, for people.")] = ""
