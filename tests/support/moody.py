"""A provider on 127.0.0.1 that fails, or keeps tasks waiting, as a test wants it, and its adapter.

It counts every submission that reaches it. Every bit of every circuit is 0 in its counts. What is cancelled costs a
little, as it does at providers that have begun.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from quantum_operator.ports.adapter import (
    Cancelled,
    Capabilities,
    Charged,
    LostError,
    Progress,
    UnavailableError,
)
from support.loopback import PRICE_MICROS, LoopbackAdapter, register

CANCELLED_MICROS = 1
"""What a task costs that is cancelled: all of it, for all is a millionth."""

assert CANCELLED_MICROS <= PRICE_MICROS
Json = dict[str, Any]


class Moods:
    """What the provider has, and how it is at the moment."""

    def __init__(self) -> None:
        self.tasks: dict[str, Json] = {}
        self.submitted: list[float] = []
        """When each submission came, on the clock of `time.monotonic`."""
        self.holds = False
        """Tasks wait in the queue."""
        self.forgotten: set[str] = set()
        """Tasks that it knows nothing of, at the moment."""
        self.fails = 0
        """Of so many tasks one fails, beginning with the first; 0: none does."""
        self._lock = threading.Lock()

    def submit(self, token: str, payload: Json) -> None:
        """Take a task; one that is there already is the same."""
        with self._lock:
            self.submitted.append(time.monotonic())
            failed = self.fails > 0 and len(self.submitted) % self.fails == 0
            self.tasks.setdefault(token, {**payload, "failed": failed, "cancelled": False, "micros": 0})

    def look(self, token: str) -> Json | None:
        """A task as it is now."""
        task = self.tasks.get(token)
        if task is None or token in self.forgotten:
            return None
        state = "Cancelled" if task["cancelled"] else "Queued" if self.holds else "Failed" if task["failed"] else ""
        if not state:
            state, task["micros"] = "Succeeded", PRICE_MICROS
        return {"state": state, **task}

    def cancel(self, token: str) -> bool:
        """Cancel what waits; that costs something."""
        with self._lock:
            task = self.look(token)
            if task is None or task["state"] != "Queued":
                return False
            self.tasks[token] |= {"cancelled": True, "micros": CANCELLED_MICROS}
            return True

    def charged(self) -> int:
        """What all tasks cost, in millionths."""
        return sum(one["micros"] for one in self.tasks.values())


def _handler(moods: Moods) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/cancel":
                self._answer({"done": moods.cancel(body["token"])})
            else:
                moods.submit(body["token"], body["payload"])
                self._answer({"id": body["token"]})

        def do_GET(self) -> None:
            self._answer(moods.look(self.path.removeprefix("/")) or {})

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, body: Json) -> None:
            data = json.dumps(body).encode()
            head = f"HTTP/1.1 200 .\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data)

    return Handler


class MoodyAdapter(LoopbackAdapter):
    """The account of this provider."""

    def capabilities(self) -> Capabilities:
        return replace(super().capabilities(), provider="moody")

    def poll(self, task: str) -> Progress:
        found = self._known(task)
        charged = Charged(found["micros"], "USD", 1)
        if found["state"] == "Failed":
            return Progress("Failed", "the device was in a bad mood", charged=charged)
        return Progress(found["state"], charged=charged if found["state"] == "Cancelled" else None)

    def cancel(self, task: str) -> Cancelled:
        try:
            return Cancelled(confirmed=bool(self._ask("POST", "/cancel", {"token": task})["done"]))
        except OSError as error:
            raise UnavailableError(str(error)) from error

    def _known(self, task: str) -> Json:
        try:
            found = self._ask("GET", f"/{task}")
        except OSError as error:
            raise UnavailableError(str(error)) from error
        if not found:
            raise LostError(task)
        return found


def connect(settings: Mapping[str, str]) -> MoodyAdapter:
    """The adapter, as an entry point gives it."""
    return MoodyAdapter(int(settings["port"]), 100_000)


def known_by(folder: Path) -> Path:
    """A folder that makes the adapter known, under the name moody, where it is on the path of modules."""
    entry = register(folder) / "loopback-0.dist-info" / "entry_points.txt"
    entry.write_text("[quantum_operator.adapters]\nmoody = support.moody:connect\n", encoding="utf-8")
    return folder


@contextmanager
def provider() -> Iterator[tuple[Moods, int]]:
    """The provider in threads of this process, and the port at which it listens."""
    moods = Moods()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(moods)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield moods, server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
