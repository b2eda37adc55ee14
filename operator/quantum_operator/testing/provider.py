"""A provider in memory: an adapter that counts what it is asked, takes tasks, charges, and fails on command."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    Cancelled,
    Capabilities,
    Ceiling,
    Circuits,
    Device,
    Estimate,
    Fetched,
    Found,
    Lookup,
    LostError,
    Prepared,
    Progress,
    RegisterBits,
    Unknown,
)

PRICE_MICROS = 1_000_000


@dataclass
class ProviderTask:
    """A task that was paid for."""

    id: str
    token: str
    state: str = "Queued"


@dataclass
class MemoryProvider:
    """Implements Adapter. `capable` is what it can promise; a tag is found at once, unless `hidden`.

    `failing` has for a call's name the errors of its next askings, each with whether it happens after the effect.
    """

    capable: Capabilities = field(
        default_factory=lambda: Capabilities("Memory", "tag", 3, False, 10, 600, submit_seconds=2)
    )
    tasks: list[ProviderTask] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failing: dict[str, list[tuple[AdapterError, bool]]] = field(default_factory=dict)
    hidden: bool = False
    speechless: bool = False
    frees: bool = False
    """Whether it says of a task that was cancelled that it cost nothing."""
    waiting: set[str] = field(default_factory=set)
    """The ids of tasks that stay in the queue."""

    @property
    def charged(self) -> int:
        """What all tasks that were not cancelled in the queue cost, in millionths."""
        return PRICE_MICROS * sum(1 for one in self.tasks if one.state != "Cancelled")

    def advance(self) -> bool:
        """Take every task one state on; whether there was one."""
        moving = [one for one in self.tasks if one.state in ("Queued", "Running") and one.id not in self.waiting]
        for one in moving:
            one.state = "Running" if one.state == "Queued" else "Succeeded"
        return bool(moving)

    def capabilities(self) -> Capabilities:
        """What can be promised."""
        return self.capable

    def devices(self, names: Sequence[str]) -> tuple[Device, ...]:
        """Devices of five qubits, whatever their names."""
        return tuple(Device(name, 5, None, None, ready=True) for name in names)

    def prepare(self, circuits: Circuits) -> Prepared:
        """The circuits as they are."""
        return Prepared(circuits.device.name, circuits.qpy, circuits.shots)

    def estimate(self, prepared: Prepared) -> Estimate:
        """The price of a task."""
        del prepared
        return Estimate(PRICE_MICROS, "USD", None)

    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling) -> str:
        """A task, which is another one each time unless the provider knows tokens."""
        del prepared, ceiling
        self._before("submit")
        known = [one.id for one in self.tasks if one.token == token]
        if self.capable.token != "provider" or not known:  # noqa: S105
            self.tasks.append(ProviderTask(f"memory-{len(self.tasks) + 1}", token))
            known = [self.tasks[-1].id]
        self._after("submit")
        return known[0]

    def find(self, token: str) -> Lookup:
        """The tasks of a token."""
        self.calls.append("find")
        if self.speechless:
            return Unknown("the provider has no word for it")
        ids = tuple(one.id for one in self.tasks if one.token == token)
        return Found(ids) if ids and not self.hidden else Absent()

    def poll(self, task: str) -> Progress:
        """How a task stands."""
        self._before("poll")
        state = self._task(task).state
        self._after("poll")
        return Progress(state, free=self.frees and state == "Cancelled")  # type: ignore[arg-type]

    def fetch(self, task: str) -> Fetched:
        """Counts of one circuit."""
        self._before("fetch")
        self._task(task)
        self._after("fetch")
        return Fetched((RegisterBits({"00": 1024}),), PRICE_MICROS, "USD", 1)

    def cancel(self, task: str) -> Cancelled:
        """Cancels what is not over."""
        self._before("cancel")
        one = self._task(task)
        live = one.state in ("Queued", "Running")
        if live:
            one.state = "Cancelled"
        self._after("cancel")
        return Cancelled(confirmed=live)

    def _task(self, task: str) -> ProviderTask:
        found = next((one for one in self.tasks if one.id == task), None)
        if found is None:
            raise LostError(f"no task {task}")
        return found

    def _before(self, call: str) -> None:
        self.calls.append(call)
        planned = self.failing.get(call, [])
        if planned and not planned[0][1]:
            raise planned.pop(0)[0]

    def _after(self, call: str) -> None:
        planned = self.failing.get(call, [])
        if planned and planned[0][1]:
            raise planned.pop(0)[0]
