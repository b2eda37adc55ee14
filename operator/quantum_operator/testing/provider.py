"""A provider in memory: an adapter that counts what it is asked, takes tasks, charges, and fails on command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from quantum_operator.ports.adapter import (
    NO_TAGS,
    Absent,
    AdapterError,
    Cancelled,
    Capabilities,
    Ceiling,
    Charged,
    Circuits,
    Closing,
    Device,
    Estimate,
    Fetched,
    Found,
    Lookup,
    LostError,
    Prepared,
    Progress,
    RegisterBits,
    RejectedError,
    Session,
    Unknown,
)

PRICE_MICROS = 1_000_000
SESSION_MICROS = 1_700_000
"""What a session costs whose task ran; a batch costs what its task does."""


@dataclass
class ProviderTask:
    """A task that was paid for."""

    id: str
    token: str
    state: str = "Queued"
    tags: dict[str, str] = field(default_factory=dict)
    charged: int = 0
    shots: tuple[int, ...] = (1024,)


@dataclass
class MemorySession:
    """A session that was opened; it costs something once a task of it ran."""

    id: str
    wanted: Session
    accepting: bool = True
    tasks: list[ProviderTask] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Whether it takes no more tasks, and none is under way in it."""
        return not self.accepting and not any(one.state in ("Queued", "Running") for one in self.tasks)

    @property
    def charged(self) -> int:
        """What it costs in place of its tasks."""
        return SESSION_MICROS if any(one.charged for one in self.tasks) else 0


@dataclass
class MemoryProvider:
    """Implements SessionAdapter. `capable` is what it can promise; a tag is found at once, unless `hidden`.

    `failing` has for a call's name the errors of its next askings, each with whether it happens after the effect.
    """

    capable: Capabilities = field(
        default_factory=lambda: Capabilities("Memory", "tag", 3, False, 10, 600, submit_seconds=2)
    )
    tasks: list[ProviderTask] = field(default_factory=list)
    sessions: list[MemorySession] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failing: dict[str, list[tuple[AdapterError, bool]]] = field(default_factory=dict)
    hidden: bool = False
    speechless: bool = False
    tells: bool = True
    """Whether it says what a task without results cost."""
    waiting: set[str] = field(default_factory=set)
    """The ids of tasks that stay in the queue."""

    @property
    def charged(self) -> int:
        """What all tasks cost, in millionths: a part of the price once they run, and all of it in the end."""
        dedicated = [one for one in self.sessions if one.wanted.mode == "session"]
        within = {id(task) for one in dedicated for task in one.tasks}
        by_task = sum(task.charged for task in self.tasks if id(task) not in within)
        return by_task + sum(one.charged for one in dedicated)

    @property
    def open_sessions(self) -> list[str]:
        """The sessions that are not closed."""
        return [one.id for one in self.sessions if not one.closed]

    def advance(self) -> bool:
        """Take every task one state on; whether there was one."""
        moving = [one for one in self.tasks if one.state in ("Queued", "Running") and one.id not in self.waiting]
        for one in moving:
            one.state, one.charged = (
                ("Running", PRICE_MICROS // 4) if one.state == "Queued" else ("Succeeded", PRICE_MICROS)
            )
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

    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        """All of them, one after the other."""
        shots = tuple(one for part in parts for one in part.shots)
        return Prepared(parts[0].device, b"".join(part.payload for part in parts), shots)

    def estimate(self, prepared: Prepared) -> Estimate:
        """The price of a task."""
        del prepared
        return Estimate(PRICE_MICROS, "USD", None)

    def submit(
        self, prepared: Prepared, token: str, ceiling: Ceiling, *, tags: Mapping[str, str] = NO_TAGS, session: str = ""
    ) -> str:
        """A task, which is another one each time unless the provider knows tokens."""
        del ceiling
        self._before("submit")
        known = [one.id for one in self.tasks if one.token == token]
        if self.capable.token != "provider" or not known:  # noqa: S105
            name = f"memory-{len(self.tasks) + 1}"
            self.tasks.append(ProviderTask(name, token, tags=dict(tags), shots=prepared.shots))
            self._enter(session, self.tasks[-1])
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
        one = self._task(task)
        self._after("poll")
        over = one.state in ("Failed", "Cancelled")
        return Progress(one.state, charged=Charged(one.charged, "USD", 1) if over and self.tells else None)  # type: ignore[arg-type]

    def fetch(self, task: str) -> Fetched:
        """Counts of every circuit."""
        self._before("fetch")
        one = self._task(task)
        self._after("fetch")
        return Fetched(tuple(RegisterBits({"00": shots}) for shots in one.shots), PRICE_MICROS, "USD", 1)

    def cancel(self, task: str) -> Cancelled:
        """Cancels what is not over."""
        self._before("cancel")
        one = self._task(task)
        live = one.state in ("Queued", "Running")
        if live:
            one.state = "Cancelled"
        self._after("cancel")
        return Cancelled(confirmed=live)

    def open_session(self, wanted: Session) -> str:
        """A session, another one each time."""
        self._before("open_session")
        self.sessions.append(MemorySession(f"session-{len(self.sessions) + 1}", wanted))
        opened = self.sessions[-1].id
        self._after("open_session")
        return opened

    def find_sessions(self, wanted: Session, since: datetime) -> Lookup:
        """The empty ones that are as wanted, whenever they were opened."""
        del since
        self.calls.append("find_sessions")
        if self.speechless:
            return Unknown("the provider has no word for it")
        ids = [one.id for one in self.sessions if one.wanted == wanted and one.accepting and not one.tasks]
        return Found(tuple(ids)) if ids and not self.hidden else Absent()

    def close_session(self, session: str, *, at_once: bool) -> Closing:
        """It takes no more; at once: what is queued in it is cancelled."""
        self._before("close_session")
        (one,) = (one for one in self.sessions if one.id == session)
        one.accepting = False
        for task in one.tasks if at_once else ():
            task.state = "Cancelled" if task.state == "Queued" else task.state
        self._after("close_session")
        return Closing(one.closed, Charged(one.charged, "USD", 1) if one.closed else None)

    def _enter(self, session: str, task: ProviderTask) -> None:
        for one in self.sessions:
            if one.id == session:
                if not one.accepting:
                    self.tasks.remove(task)
                    raise RejectedError(f"{session} takes no more tasks")
                one.tasks.append(task)

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
