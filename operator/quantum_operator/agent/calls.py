"""What an agent asks of its account, and the answers that are not the adapter's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.sharedtask import TaskCharge
from quantum_operator.ports.adapter import AdapterError, Cancelled, Closing, Lookup, Progress, UnavailableError


@dataclass(frozen=True)
class Prepare:
    """Compile the task's input; nobody is asked."""


@dataclass(frozen=True)
class Submit:
    """Submit it, if the call begins before the deadline; with the circuits of these others, where there are some."""

    deadline: datetime
    others: tuple[QuantumTask, ...] = ()


@dataclass(frozen=True)
class LookUp:
    """Find what the provider has under the token."""


@dataclass(frozen=True)
class Poll:
    """Ask how it stands, and fetch its results once it succeeded; also those of the others that it carries."""

    others: tuple[QuantumTask, ...] = ()


@dataclass(frozen=True)
class Cancel:
    """Have it cancelled, with the others that it carries."""

    others: tuple[QuantumTask, ...] = ()


@dataclass(frozen=True)
class OpenSession:
    """Open a session for it, if the call begins before the deadline."""

    deadline: datetime


@dataclass(frozen=True)
class FindSession:
    """Find the session whose opening was not answered: not older than `since`, and none of those `elsewhere`."""

    since: datetime
    elsewhere: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CloseSession:
    """Have its session take no more tasks, and where it is `at_once`, run no more either."""

    at_once: bool


SessionCall = OpenSession | FindSession | CloseSession
Call = Prepare | Submit | LookUp | Poll | Cancel | SessionCall


@dataclass(frozen=True)
class Results:
    """What a task that succeeded gave: its outcome, stored, and what was charged. `others` are duplicates."""

    outcome: ArtifactRef
    charge: TaskCharge
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResultsTogether:
    """What a submission of several tasks gave: the outcome of each, by UID, with whether that is only an error."""

    outcomes: Mapping[str, tuple[ArtifactRef, bool]]
    charge: TaskCharge
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spoiled:
    """The task can't be prepared, or its results can't be read: an outcome that is only an error, stored."""

    outcome: ArtifactRef
    message: str
    charge: TaskCharge


@dataclass(frozen=True)
class NotFetched:
    """The provider says that the task is done, and its results could not be had, or not be made an outcome."""

    error: AdapterError


@dataclass(frozen=True)
class Refused:
    """It must not be submitted: it could cost more than its ceiling."""

    message: str


class CompilerError(UnavailableError):
    """The compiler did not answer, or not what was asked. It is nobody's fault for all that is known: ask again."""


Given = Results | ResultsTogether | NotFetched | Spoiled
Answer = str | Lookup | Progress | Given | Refused | Cancelled | Closing | AdapterError | None
