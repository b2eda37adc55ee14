"""The contract of an adapter: one provider account, as its agent drives it.

An adapter is synchronous, knows nothing of Kubernetes, keeps no global state, and has its vendor SDK's own retries off:
every call here is at most one such call of the provider. What it can't do raises an `AdapterError`, whose class says
what may follow. It is found by the entry point group `quantum_operator.adapters`: a callable that takes a
`Mapping[str, str]` of credentials and settings and returns an `Adapter`, asking nobody.

`quantum_operator.testing.adapter_conformance` checks an adapter against all that is said here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal, Protocol

Mode = Literal["job", "batch", "session"]
"""How a task is run: by itself, in a batch of the provider's, or in a session that has the device to itself."""


@dataclass(frozen=True)
class Capabilities:
    """What the adapter can promise, whatever the device.

    `token` is how a submission is told from its repetition: `provider`, the provider refuses a second one itself;
    `tag`, a submission is found again by its token, after at most `visibility_seconds`; `none`, neither.
    `enforces_ceiling`: the provider itself stops a task at the cost or time given with it. `modes`: with any but `job`
    it is a `SessionAdapter`. `idle_seconds`: a session in which nothing was submitted is there for so long after its
    opening, costs nothing, and is then closed by the provider itself. `sdk_version` is that of the vendor's SDK that
    it uses; empty: it can't tell. With `combines` it is a `CombiningAdapter`.
    """

    provider: str
    token: Literal["provider", "tag", "none"]
    visibility_seconds: int
    enforces_ceiling: bool
    max_circuits: int
    submissions_per_minute: int
    cancels: bool = True
    submit_seconds: int = 60
    modes: tuple[Mode, ...] = ("job",)
    idle_seconds: int = 0
    sdk_version: str = ""
    combines: bool = False


@dataclass(frozen=True)
class Device:
    """A backend of the account as it is now. `coupling` is directed; None means any pair, and any gate."""

    name: str
    num_qubits: int
    basis_gates: tuple[str, ...] | None
    coupling: tuple[tuple[int, int], ...] | None
    ready: bool
    message: str = ""
    queue_length: int | None = None
    calibrated: datetime | None = None
    max_shots: int = 100_000
    simulator: bool = False


@dataclass(frozen=True)
class Circuits:
    """Bound circuits, compiled for one device, in QPY; circuit `i` is to be taken `shots[i]` times.

    The device comes along as `devices` told of it: who prepares circuits can't ask.
    """

    device: Device
    qpy: bytes
    shots: tuple[int, ...]


@dataclass(frozen=True)
class Prepared:
    """Circuits in the provider's own form, ready to be sent. `payload` is opaque to all but the adapter.

    `device` is that of the circuits. All of it comes from where programs are read that may be hostile: an adapter sends
    no payload that could cost more than `device` and `shots` say.
    """

    device: str
    payload: bytes
    shots: tuple[int, ...]


@dataclass(frozen=True)
class Ceiling:
    """The most that a task may cost: in millionths of the currency's unit, and in seconds of the provider's time."""

    cost_micros: int
    currency: str
    seconds: int


@dataclass(frozen=True)
class Estimate:
    """What a submission would cost at most. `cost_micros` is None where the provider names no price."""

    cost_micros: int | None
    currency: str
    seconds: int | None


@dataclass(frozen=True)
class Found:
    """The provider has tasks of this token; oldest first. More than one is a duplicate that was paid for."""

    ids: tuple[str, ...]


@dataclass(frozen=True)
class Absent:
    """The provider says that it has no task of this token."""


@dataclass(frozen=True)
class Unknown:
    """The provider could not be asked, or can't tell."""

    why: str


Lookup = Found | Absent | Unknown


@dataclass(frozen=True)
class Charged:
    """What was charged, as the provider tells it. `cost_micros` is None where it tells no more than the time."""

    cost_micros: int | None
    currency: str
    seconds: int | None


@dataclass(frozen=True)
class Session:
    """A session, or a batch, as it is wanted. The provider ends it by itself before it is beyond the ceiling."""

    device: str
    mode: Mode
    ceiling: Ceiling


@dataclass(frozen=True)
class Closing:
    """What became of a session that was to be closed: `closed` once no task is in it and none can come.

    `charged` is what it cost in all, of a session that is paid by its time; `charge_pending`: the provider will say it.
    """

    closed: bool
    charged: Charged | None = None
    charge_pending: bool = False


@dataclass(frozen=True)
class Progress:
    """How a task stands. `queue_position` counts from 1.

    `charged` is what a task that failed or was cancelled cost, where the provider says it; `charge_pending`: it will.
    """

    state: Literal["Queued", "Running", "Succeeded", "Failed", "Cancelled"]
    message: str = ""
    queue_position: int | None = None
    charged: Charged | None = None
    charge_pending: bool = False


@dataclass(frozen=True)
class RegisterBits:
    """Counts of one circuit over all its classical bits, bit 0 rightmost, as bit strings of the full width."""

    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Fetched:
    """What a task gave: the counts of every circuit in order, and what was charged (None: the provider doesn't say)."""

    circuits: tuple[RegisterBits, ...]
    cost_micros: int | None
    currency: str
    seconds: int | None
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cancelled:
    """What the provider said to a cancellation. `confirmed` is false where it only took note of it."""

    confirmed: bool
    message: str = ""


NO_TAGS: Mapping[str, str] = MappingProxyType({})


class Adapter(Protocol):
    """One provider account."""

    def capabilities(self) -> Capabilities:
        """What can be promised; asks nobody."""

    def devices(self, names: Sequence[str]) -> tuple[Device, ...]:
        """These devices as they are now; one that the account does not have is left out."""

    def prepare(self, circuits: Circuits) -> Prepared:
        """Turn circuits into the provider's form; asks nobody, and runs in a child process with limits.

        Raises UnsupportedError where the device can't run them.
        """

    def estimate(self, prepared: Prepared) -> Estimate:
        """What submitting this would cost at most; submits nothing."""

    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, *, tags: Mapping[str, str] = NO_TAGS) -> str:
        """Submit once; returns the provider's id. `token` has at most 64 characters of [a-z0-9-].

        With `capabilities().token == "provider"`, the same token twice gives the same id. `tags` are what people want
        to find the task by, the most important first: the provider gets what it takes of them, and the token in any
        case. They are given only where there are some.
        """

    def find(self, token: str) -> Lookup:
        """Every task that was submitted with this token. Never raises AdapterError: that is Unknown."""

    def poll(self, task: str) -> Progress:
        """How a task stands. Raises LostError where the provider does not know it."""

    def fetch(self, task: str) -> Fetched:
        """The counts of a task that succeeded. Raises MalformedError where they can't be read."""

    def cancel(self, task: str) -> Cancelled:
        """Ask for a task's cancellation; of one that is over, a no-op that is not confirmed."""


class CombiningAdapter(Adapter, Protocol):
    """One account of a provider whose tasks may be made of the circuits of several."""

    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        """One submission of all circuits of these, which are for one device, in their order; asks nobody.

        What was prepared comes of programs that may be hostile to one another: where one of the parts does not have
        just the circuits and shots that it is said to have, nothing is combined. Raises RejectedError then, and
        UnsupportedError where the provider does not take so much at once.
        """


class SessionAdapter(Adapter, Protocol):
    """One account of a provider that has sessions: batches and dedicated ones are opened, filled and closed alike."""

    def submit(
        self, prepared: Prepared, token: str, ceiling: Ceiling, *, tags: Mapping[str, str] = NO_TAGS, session: str = ""
    ) -> str:
        """As `Adapter.submit`; with `session`, in that session."""

    def open_session(self, wanted: Session) -> str:
        """Open one session, by one request, and return the provider's id of it."""

    def find_sessions(self, wanted: Session, since: datetime) -> Lookup:
        """This account's open sessions that are as `wanted`, opened since then, and in which nothing was submitted yet.

        The oldest first. They are looked for to be closed: one that may be somebody else's is not among them. Never
        raises AdapterError: that is Unknown.
        """

    def close_session(self, session: str, *, at_once: bool) -> Closing:
        """Let a session take no more tasks. Those that it has run first; `at_once`: those that wait never do.

        Of a session that is closed, or that the provider does not know, it is a no-op that says closed.
        """


class AdapterError(Exception):
    """Something was not done; nothing else is raised by an adapter. `retry_after` is in seconds, where it was told."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RejectedError(AdapterError):
    """The provider refuses this for what it is (400, 404, 422): trying again does not help."""


class UnsupportedError(AdapterError):
    """The device can't run these circuits."""


class ForbiddenError(AdapterError):
    """The account may not (401, 403): credentials are wrong, expired, or lack a right."""


class SaturatedError(AdapterError):
    """The provider asks for patience (429, or a limit on tasks): nothing was submitted."""


class UnavailableError(AdapterError):
    """The provider can't answer now (5xx, no connection), and surely did nothing."""


class AmbiguousError(AdapterError):
    """The answer was lost or can't be read: what was asked may or may not have happened."""


class LostError(AdapterError):
    """The provider does not know a task that it once gave an id."""


class MalformedError(AdapterError):
    """The provider's answer is not what it documents."""
