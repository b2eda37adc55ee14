"""What the conformance suite of adapters asks of the provider that an adapter is tested against, and its test circuits.

The provider is one that obeys: a simulator of the vendor's service, such as an HTTP server on this machine that speaks
the vendor's protocol to the vendor's own SDK.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, Protocol, cast

from quantum_operator.ports.adapter import (
    Adapter,
    AdapterError,
    Ceiling,
    Circuits,
    Device,
    Lookup,
    Prepared,
    Progress,
    SessionAdapter,
)
from quantum_operator.testing.adapter_faults import Call, Fault

State = Literal["Queued", "Running", "Succeeded", "Failed", "Cancelled"]


class Provider(Protocol):
    """A provider that obeys, with one ready device of three qubits or more. Tasks stay queued until they are moved on.

    Its answers `invalid` and `unauthorized` tell the credentials that came with the request, as a careless provider's
    might: an adapter must not hand them on.
    """

    device: str
    """The name of the device."""
    secrets: Sequence[str]
    """Texts that no error may tell."""
    retry_after: float | None
    """After how many seconds a throttled request may come again, where the provider's protocol says so."""
    unknown_task: str
    """An id of the provider's form that it never gave."""

    def compile(self, programs: Sequence[str], device: Device) -> bytes:
        """QPY of these OpenQASM 3 programs for this device. It may be made up: with qubits or gates that no one has."""

    def failing(self, call: Call, fault: Fault) -> AbstractContextManager[None]:
        """Lets every request of this kind fail so, until the context is left."""

    def submissions(self) -> int:
        """How many requests that submit have come, whatever became of them."""

    def tasks(self, token: str) -> tuple[str, ...]:
        """The tasks that there are of this token, oldest first."""

    def charged_micros(self) -> int:
        """What all tasks cost so far, in millionths of the currency's unit."""

    def start(self, task: str) -> None:
        """Lets a task run."""

    def finish(self, task: str) -> None:
        """Lets a task end: its circuits are executed in earnest."""

    def spoil(self, task: str) -> None:
        """Lets a task fail."""

    def overrun(self, task: str) -> None:
        """Lets a task run until something stops it. Asked only where the provider enforces ceilings."""

    def wait(self, seconds: float) -> None:
        """Lets this much of the provider's time pass."""


class SessionProvider(Provider, Protocol):
    """A provider that has sessions, or batches, or both."""

    unknown_session: str
    """An id of the provider's form that it never gave to a session."""

    def openings(self) -> int:
        """How many requests that open a session have come, whatever became of them."""

    def open_sessions(self) -> tuple[str, ...]:
        """The sessions that are not closed, oldest first."""

    def session_of(self, task: str) -> str:
        """The session that a task is in; empty where it is in none."""


FLIPPED = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[3] c;\nx q[0];\nc = measure q;\n'
"""Three qubits, of which qubit 0 is flipped: counts of `001`."""

CROSSED = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[1] late;\nbit[2] early;\nx q[1];\n'
    "late[0] = measure q[0];\nearly[0] = measure q[2];\nearly[1] = measure q[1];\n"
)
"""Two registers, the later of them first in the alphabet, measured crosswise: counts of `100`."""

WAITING = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[3] c;\nx q[1];\nx q[2];\nc = measure q;\n'
"""Three qubits, of which 1 and 2 are flipped: counts of `110`."""

FOREIGN = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[3] c;\ncswap q[0], q[1], q[2];\nc = measure q;\n'
"""A gate of three qubits, which no device has."""

CEILING = Ceiling(cost_micros=50_000_000, currency="USD", seconds=60)


@dataclass
class Bench:
    """An adapter and the provider that it talks to, and what most checks do with them."""

    adapter: Adapter
    provider: Provider
    _numbers: Callable[[], int] = field(default_factory=lambda: count(1).__next__)

    def token(self) -> str:
        """A token that was not used yet, as long as tokens get."""
        return f"check-{self._numbers():03d}-".ljust(64, "z")

    def device(self) -> Device:
        """The device as the adapter tells of it."""
        (device,) = self.adapter.devices([self.provider.device])
        return device

    def prepared(self, *programs: str, shots: Sequence[int] = ()) -> Prepared:
        """These programs, prepared for the device; 100 shots each unless told."""
        device = self.device()
        qpy = self.provider.compile(programs or (FLIPPED,), device)
        return self.adapter.prepare(Circuits(device, qpy, tuple(shots) or (100,) * max(len(programs), 1)))

    def submitted(self, *programs: str, shots: Sequence[int] = (), token: str = "") -> str:
        """The task of these programs."""
        return self.adapter.submit(self.prepared(*programs, shots=shots), token or self.token(), CEILING)

    def finished(self, *programs: str, shots: Sequence[int] = ()) -> str:
        """The task of these programs, which succeeded."""
        task = self.submitted(*programs, shots=shots)
        self.provider.finish(task)
        self.until(task, "Succeeded")
        return task

    def found(self, token: str, wanted: Lookup) -> Lookup:
        """What is found by a token, as soon as it is what is wanted, at the latest after the visibility lag."""
        left = self.adapter.capabilities().visibility_seconds
        while (found := self.adapter.find(token)) != wanted and left > 0:
            self.provider.wait(1)
            left -= 1
        return found

    def until(self, task: str, *states: State) -> Progress:
        """How a task stands once it is in one of these states; after half a minute, as it is."""
        for _ in range(30):
            if (progress := self.adapter.poll(task)).state in states:
                break
            self.provider.wait(1)
        return progress


@dataclass(frozen=True)
class SessionBench:
    """A bench whose adapter and provider have sessions."""

    adapter: SessionAdapter
    provider: SessionProvider

    @classmethod
    def of(cls, bench: Bench) -> "SessionBench":
        """The bench, whose adapter says that it has them."""
        return cls(cast("SessionAdapter", bench.adapter), cast("SessionProvider", bench.provider))


def require(holds: bool, otherwise: str) -> None:
    """Fails the check with this message unless the condition holds."""
    if not holds:
        raise AssertionError(otherwise)


@contextmanager
def raises(what: str, *errors: type[AdapterError]) -> Iterator[list[AdapterError]]:
    """Requires that one of these errors is raised within; it is in the list then."""
    raised: list[AdapterError] = []
    names = " or ".join(error.__name__ for error in errors)
    try:
        yield raised
    except errors as error:
        raised.append(error)
    except Exception as error:
        raise AssertionError(f"{what} raises {type(error).__name__}, not {names}") from error
    else:
        raise AssertionError(f"{what} raises nothing, not {names}")


def likeliest(counts: Mapping[str, int]) -> str:
    """The bit string that was counted most often; empty where nothing was."""
    return max(counts, key=lambda bits: counts[bits], default="")
