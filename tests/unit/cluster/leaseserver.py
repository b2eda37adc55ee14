"""A Lease in memory, clocks that are moved by hand, and operators whose requests take as long as they are told to."""

import copy
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from typing import Any

from quantum_operator.cluster.api import Api, Json, StatusError
from quantum_operator.cluster.lease import Lease
from quantum_operator.ports.errors import TransientError


class OnTheWay:
    """Awaited, it gives way once: to asyncio, or to a test that steps through the coroutine itself."""

    def __await__(self) -> Generator[None, None, None]:
        yield


@dataclass
class LeaseServer:
    """What an API server does with one Lease: it compares and sets."""

    record: Json | None = None
    version: int = 0
    late: list[Callable[[], Json]] = field(default_factory=list)

    def read(self) -> Json | None:
        """The Lease as it is."""
        return copy.deepcopy(self.record)

    def create(self, body: Json) -> Json:
        """POST."""
        if self.record is not None:
            raise StatusError(409, "AlreadyExists", "it exists")
        return self._store(body)

    def replace(self, body: Json) -> Json:
        """PUT."""
        if self.record is None:
            raise StatusError(404, "NotFound", "there is none")
        if body["metadata"].get("resourceVersion") != self.record["metadata"]["resourceVersion"]:
            raise StatusError(409, "Conflict", "it changed")
        return self._store(body)

    def arrive_late(self, number: int) -> None:
        """A request that its sender gave up arrives after all."""
        try:
            self.late.pop(number % len(self.late))()
        except StatusError:
            return

    @property
    def spec(self) -> Json:
        """What the Lease says."""
        assert self.record is not None
        found: Json = self.record["spec"]
        return found

    def _store(self, body: Json) -> Json:
        self.version += 1
        kept = copy.deepcopy(body)
        kept["metadata"]["resourceVersion"] = str(self.version)
        self.record = kept
        return copy.deepcopy(kept)


class LeaseApi(Api):
    """Requests to a LeaseServer: each gives way once before it arrives and once before its answer does."""

    def __init__(self, server: LeaseServer) -> None:
        self.server = server
        self.asked: list[str] = []
        self.failing: list[Exception] = []
        self.delay: Callable[[], object] = lambda: None
        self.unanswered = False

    async def find(self, path: str) -> Json | None:
        return await self._ask("GET", path, self.server.read)

    async def post(self, path: str, body: Json) -> Json:
        return await self._ask("POST", path, lambda: self.server.create(body))

    async def put(self, path: str, body: Json) -> Json:
        return await self._ask("PUT", path, lambda: self.server.replace(body))

    async def _ask(self, method: str, path: str, act: Callable[[], Any]) -> Any:
        self.asked.append(f"{method} {path}")
        if self.failing:
            raise self.failing.pop(0)
        try:
            await OnTheWay()
        except TransientError:
            if method != "GET":
                self.server.late.append(act)
            raise
        answer = act()
        self.delay()
        await OnTheWay()
        if self.unanswered:
            self.unanswered = False
            raise TransientError("the answer was lost")
        return answer


@dataclass
class Clock:
    """A machine's clock: where it began and how fast it runs are its own."""

    start: float = 0.0
    rate: float = 1.0
    true: float = 0.0

    def __call__(self) -> float:
        return self.start + self.rate * self.true

    def pass_by(self, seconds: float) -> None:
        """So many true seconds pass."""
        self.true += seconds


class Candidate:
    """An operator that wants the lease."""

    def __init__(
        self, server: LeaseServer, name: str, clock: Clock | None = None, former: Collection[str] = ()
    ) -> None:
        self.api = LeaseApi(server)
        self.clock = clock or Clock()
        self.lease = Lease(self.api, "home", "quantum", name, former=former, clock=self.clock)

    @property
    def holds(self) -> bool:
        """Whether it may write now, by its own clock."""
        return self.lease.seconds_left > 0
