"""The provider in memory with sessions and batches, and a correct adapter for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from memoryprovider import LAG, PRICE, AnsweredError, MemoryAdapter, MemoryProvider, Task

from quantum_operator.ports.adapter import (
    NO_TAGS,
    Absent,
    AdapterError,
    AmbiguousError,
    Capabilities,
    Ceiling,
    Charged,
    Closing,
    Found,
    Lookup,
    Prepared,
    RejectedError,
    Session,
    Unknown,
)


@dataclass
class MemorySession:
    wanted: Session
    opened: datetime
    created: float
    accepting: bool = True
    tasks: list[Task] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        return not self.accepting and not any(task.state in {"Queued", "Running"} for task in self.tasks)

    @property
    def cost(self) -> int:
        return PRICE // 2 if any(task.cost for task in self.tasks) else 0


class SessionMemoryProvider(MemoryProvider):
    unknown_session = "session-999"

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, MemorySession] = {}
        self._openings = 0

    def openings(self) -> int:
        return self._openings

    def open_sessions(self) -> tuple[str, ...]:
        return tuple(name for name, session in self.sessions.items() if not session.closed)

    def session_of(self, task: str) -> str:
        return next((name for name, one in self.sessions.items() if self.by_id[task] in one.tasks), "")

    def charged_micros(self) -> int:
        return super().charged_micros() + sum(session.cost for session in self.sessions.values())

    def opened(self, wanted: Session) -> str:
        name = f"session-{len(self.sessions)}"
        self.sessions[name] = MemorySession(wanted, datetime.now(UTC), self.now)
        return name

    def created_in(self, session: str, token: str, payload: bytes, ceiling: Ceiling) -> str:
        if session and not self.sessions[session].accepting:
            raise AnsweredError("invalid", "it takes no more tasks")
        task = self.create(token, payload, ceiling)
        if session:
            self.sessions[session].tasks.append(self.by_id[task])
        return task

    def close(self, session: str, *, at_once: bool) -> None:
        one = self.sessions[session]
        one.accepting = False
        for task in one.tasks if at_once else ():
            task.state = "Cancelled" if task.state == "Queued" else task.state


class SessionMemoryAdapter(MemoryAdapter):
    """Correct in all that the suite checks."""

    provider: SessionMemoryProvider

    def capabilities(self) -> Capabilities:
        return replace(super().capabilities(), modes=("job", "batch", "session"), idle_seconds=600)

    def submit(
        self, prepared: Prepared, token: str, ceiling: Ceiling, *, tags: Mapping[str, str] = NO_TAGS, session: str = ""
    ) -> str:
        if not session:
            return super().submit(prepared, token, ceiling, tags=tags)
        return self.asked("submit", lambda: self.provider.created_in(session, token, prepared.payload, ceiling))

    def open_session(self, wanted: Session) -> str:
        self._openings()
        return self.asked("open", lambda: self.provider.opened(wanted))

    def find_sessions(self, wanted: Session, since: datetime) -> Lookup:
        try:
            there = self.read(lambda: self.provider.sessions)
        except AdapterError as error:
            return Unknown(str(error))
        found = tuple(name for name, session in there.items() if self.is_empty(session, wanted, since))
        return Found(found) if found else Absent()

    def is_empty(self, session: MemorySession, wanted: Session, since: datetime) -> bool:
        visible = session.created + LAG <= self.provider.now and session.opened >= since
        return visible and session.accepting and not session.tasks and session.wanted == wanted

    def close_session(self, session: str, *, at_once: bool) -> Closing:
        if session not in self.provider.sessions:
            return Closing(closed=True)
        self.asked("close", lambda: self.provider.close(session, at_once=at_once))
        one = self.provider.sessions[session]
        if not one.closed:
            return Closing(closed=False)
        cost = one.cost + sum(task.cost for task in one.tasks)
        return Closing(closed=True, charged=Charged(cost, "USD", 1))

    def asked(self, call: str, effect: object) -> str:
        try:
            return self.provider.request(call, effect)  # type: ignore[arg-type]
        except AnsweredError as error:
            raise self.refusal(error) or AmbiguousError("did it happen?") from None

    def _openings(self) -> None:
        self.provider._openings += 1


class OnlyBatches(SessionMemoryAdapter):
    """Correct as well."""

    def capabilities(self) -> Capabilities:
        return replace(super().capabilities(), modes=("job", "batch"))

    def open_session(self, wanted: Session) -> str:
        if wanted.mode == "session":
            raise RejectedError("there are only batches")
        return super().open_session(wanted)
