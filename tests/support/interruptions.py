"""Providers on 127.0.0.1 that tell a test of every request: right before it takes effect, and right after.

What the test does then (it kills who asks, say) is done before the request goes on, or before its answer leaves.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from support import braketserver, ibmserver
from support.braketserver import BraketServer
from support.ibmserver import IbmServer

Moment = Literal["before", "after"]


class Point(NamedTuple):
    """A place in an agent's talk with its provider: right before a request takes effect, or right after."""

    request: str
    moment: Moment

    def __str__(self) -> str:
        """The point as an id of a test."""
        return f"{self.moment}-{self.request}"


class Interruptible:
    """A server whose requests can be interrupted: then the connection breaks off."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._lock = Lock()
        self._interruptions: dict[Point, tuple[Callable[[], object], bool]] = {}
        self._instead: dict[str, Any] = {}
        super().__init__(*arguments, **more)

    @contextmanager
    def interrupting(self, point: Point, action: Callable[[], object], *, goes_on: bool = False) -> Iterator[Event]:
        """Do this at the first request that comes to the point, which it breaks off. The event tells that it did.

        With `goes_on` the request is answered afterwards, as if nothing had happened.
        """
        done = Event()

        def act() -> None:
            action()
            done.set()

        self._interruptions[point] = act, goes_on
        try:
            yield done
        finally:
            self._interruptions.pop(point, None)

    @contextmanager
    def replying(self, request: str, reply: Any) -> Iterator[None]:
        """Answer this to requests of a kind, without doing anything."""
        self._instead[request] = reply
        try:
            yield
        finally:
            del self._instead[request]

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Any:
        """The answer to a request; None where the connection is to break off."""
        request = self.request_of(method, target)
        if self._interrupted(Point(request, "before")):
            return None
        reply = self._instead.get(request) or self.answered(method, target, headers, body)
        return None if self._interrupted(Point(request, "after")) else reply

    def request_of(self, method: str, target: str) -> str:
        """The kind of a request: device, submit, find, poll, results, charge, cancel; and those about sessions."""
        raise NotImplementedError

    def cancellations(self) -> int:
        """How often a cancellation was asked for."""
        raise NotImplementedError

    def finish_short(self, task: str, missing: int) -> None:
        """Execute a task with so many shots fewer than were asked for."""
        raise NotImplementedError

    def lose(self, task: str) -> Callable[[], None]:
        """Know nothing of a task any more; until what this returns is called."""
        raise NotImplementedError

    def answered(self, method: str, target: str, headers: Any, body: bytes) -> Any:
        """The answer to a request that nothing interrupts."""
        return super().answer(method, target, headers, body)  # type: ignore[misc]

    def _interrupted(self, point: Point) -> bool:
        with self._lock:
            action, goes_on = self._interruptions.pop(point, (None, True))
        if action is not None:
            action()
        return not goes_on


class InterruptibleIbm(Interruptible, IbmServer):
    """IBM Quantum."""

    adapter = "ibm"
    cut_short = ibmserver.Reply(200, b'{"id": ', {"Content-Type": "application/json"})
    price: dict[str, int] = {"perSecondMicros": ibmserver.PRICE}  # noqa: RUF012
    requests_of_a_task = ("submit", "poll", "results", "charge")

    def settings(self, **more: str) -> dict[str, str]:
        """What an adapter is connected with: one that may submit more often than IBM lets a user."""
        return super().settings(**{"submissionsPerMinute": "600", **more})

    def request_of(self, method: str, target: str) -> str:
        """The kind of a request."""
        path = urlsplit(target).path.removeprefix("/api/v1")
        if path == "/jobs":
            return "submit" if method == "POST" else "find"
        if path == "/workloads":
            return "find-session"
        if path.startswith("/sessions"):
            return {"POST": "open", "PATCH": "seal", "DELETE": "close"}.get(method, "session")
        if match := re.fullmatch(r"/jobs/[^/]+(?:/(results|metrics|cancel))?", path):
            return {None: "poll", "metrics": "charge"}.get(match[1], match[1])
        return "device"

    def waiting(self) -> list[str]:
        """Everything in the queue."""
        return [job.id for job in list(self.jobs.values()) if job.status == "Queued"]

    def asked(self, token: str) -> int:
        """How many submissions came with this token."""
        return sum(token in body.get("tags", []) for body in self.bodies)

    def charged(self, token: str) -> int:
        """What the tasks with this token cost."""
        return sum(self._charged(self.jobs[task]) for task in self.tasks(token))

    def _charged(self, job: ibmserver.Job) -> int:
        session = self.sessions.of(job)
        return self.micros(job.usage if session is None or not session.dedicated else session.usage)

    def tags(self, task: str) -> list[str]:
        """What a task is found by, its token first."""
        return list(self.jobs[task].body["tags"])

    def state(self, task: str) -> str:
        """How a task stands, in capitals."""
        return self.jobs[task].status.upper()

    def cancellations(self) -> int:
        """How often a cancellation was asked for."""
        return sum(path.endswith("/cancel") for _, path in self.requests)

    def finish_short(self, task: str, missing: int) -> None:
        """Execute a task with so many shots fewer than were asked for."""
        pubs = self.jobs[task].body["params"]["pubs"]
        self.jobs[task].body["params"]["pubs"] = [(circuit, more, shots - missing) for circuit, more, shots in pubs]
        self.finish(task)

    def lose(self, task: str) -> Callable[[], None]:
        """Know nothing of a task any more; until what this returns is called."""
        lost = self.jobs.pop(task)
        return lambda: self.jobs.update({task: lost})


class InterruptibleBraket(Interruptible, BraketServer):
    """Amazon Braket; S3 is asked by way of it."""

    adapter = "braket"
    cut_short = braketserver.Reply(200, b'{"id": ', {"Content-Type": "application/json"})
    price: dict[str, int] = {"perRunMicros": 300_000, "perShotMicros": 80_000}  # noqa: RUF012
    requests_of_a_task = ("submit", "poll", "results")
    operations_of = {  # noqa: RUF012
        "CreateQuantumTask": "submit",
        "GetQuantumTask": "poll",
        "SearchQuantumTasks": "find",
        "CancelQuantumTask": "cancel",
    }

    def settings(self, **more: str) -> dict[str, str]:
        """What an adapter is connected with."""
        return super().settings(**{"s3EndpointUrl": self.address, **more})

    def request_of(self, method: str, target: str) -> str:
        """The kind of a request."""
        if self._is_s3(target):
            return "results"
        operation, _ = braketserver._asked(method, target, b"")
        return self.operations_of.get(operation, "device")

    def answered(self, method: str, target: str, headers: Any, body: bytes) -> Any:
        """The answer to a request that nothing interrupts; objects are those of the S3 behind it."""
        if not self._is_s3(target):
            return super().answered(method, target, headers, body)
        key = urlsplit(target).path.removeprefix(f"/{braketserver.BUCKET}/")
        return braketserver.Reply(200, self.s3.get_object(Bucket=braketserver.BUCKET, Key=key)["Body"].read())

    def waiting(self) -> list[str]:
        """Everything in the queue."""
        return [task.arn for task in list(self.all_tasks.values()) if task.status == "QUEUED"]

    def asked(self, token: str) -> int:
        """How many submissions came with this token."""
        return sum(request["clientToken"] == token for request in self.requests)

    def charged(self, token: str) -> int:
        """What the tasks with this token cost."""
        return sum(self.all_tasks[task].charged for task in self.tasks(token))

    def tags(self, task: str) -> list[str]:
        """What a task is found by, its token first."""
        token, *others = self.all_tasks[task].request["tags"].items()
        return [token[1], *("=".join(one) for one in others)]

    def state(self, task: str) -> str:
        """How a task stands, in capitals."""
        return self.all_tasks[task].status

    def cancellations(self) -> int:
        """How often a cancellation was asked for."""
        return self.operations.count("CancelQuantumTask")

    def finish_short(self, task: str, missing: int) -> None:
        """Execute a task with so many shots fewer than were asked for. They are charged as they were asked for."""
        asked = self.all_tasks[task].request
        self.all_tasks[task].request = asked | {"shots": asked["shots"] - missing}
        self.finish(task)
        self.all_tasks[task].request = asked
        self.all_tasks[task].charged += missing * braketserver.SHOT_PRICE

    def lose(self, task: str) -> Callable[[], None]:
        """Know nothing of a task any more; until what this returns is called."""
        lost = self.all_tasks.pop(task)
        return lambda: self.all_tasks.update({task: lost})

    @staticmethod
    def _is_s3(target: str) -> bool:
        return target.startswith(f"/{braketserver.BUCKET}/")
