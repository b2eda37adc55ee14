"""How a provider fails, and which error of the contract an adapter raises then."""

from dataclasses import dataclass
from typing import Literal

from quantum_operator.ports.adapter import (
    AdapterError,
    AmbiguousError,
    ForbiddenError,
    MalformedError,
    RejectedError,
    SaturatedError,
    UnavailableError,
)

Call = Literal["submit", "cancel", "read", "open", "close"]
"""What fails: a request that submits, one that cancels, one that opens or closes a session, or any that only reads.
Authentication is none of them.
"""

Answer = Literal["unauthorized", "forbidden", "invalid", "throttled", "unavailable", "reset", "garbage", "silence"]
"""What the provider answers: 401, 403, 400, 429, 503 or what stands for them in its protocol, a connection that breaks
off, bytes that are no answer, or nothing at all for as long as the adapter waits."""


@dataclass(frozen=True)
class Fault:
    """How a request fails. With `accepted` it takes effect all the same: only its answer is lost."""

    answer: Answer
    accepted: bool = False


Errors = tuple[type[AdapterError], ...]

REFUSED: dict[Fault, Errors] = {
    Fault("unauthorized"): (ForbiddenError,),
    Fault("forbidden"): (ForbiddenError,),
    Fault("invalid"): (RejectedError,),
    Fault("throttled"): (SaturatedError,),
}
"""A provider that says no, and does nothing: what any call raises then."""

UNREAD: dict[Fault, Errors] = {
    Fault("unavailable"): (UnavailableError,),
    Fault("reset"): (UnavailableError,),
    Fault("silence"): (UnavailableError,),
    Fault("garbage"): (MalformedError,),
}
"""A provider that does not answer a question: what reading raises then."""

UNANSWERED: dict[Fault, Errors] = {
    Fault(answer, accepted): (AmbiguousError,)
    for answer in ("unavailable", "reset", "garbage", "silence")
    for accepted in (False, True)
}
"""A submission whose fate the answer does not tell: what submitting raises then."""

UNCANCELLED: dict[Fault, Errors] = {
    Fault("unavailable"): (UnavailableError, AmbiguousError),
    Fault("unavailable", accepted=True): (AmbiguousError, UnavailableError),
    Fault("reset", accepted=True): (AmbiguousError,),
    Fault("silence", accepted=True): (AmbiguousError,),
}
"""A cancellation whose fate the answer does not tell. Repeating it is harmless."""
