"""A provider on 127.0.0.1 that executes nothing and answers at once, and its adapter: `python -m support.loopback`.

Every bit of every circuit is 0 in its counts. It is for measuring what lies before a provider.
"""

import http.client
import io
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from quantum_operator.ports.adapter import (
    Absent,
    AmbiguousError,
    Cancelled,
    Capabilities,
    Ceiling,
    Circuits,
    Device,
    Estimate,
    Fetched,
    Found,
    Lookup,
    Prepared,
    Progress,
    RegisterBits,
    RejectedError,
    UnavailableError,
    Unknown,
    UnsupportedError,
)

DEVICE = "loopback"
PRICE_MICROS = 1
MAX_CIRCUITS = 100
ENTRY_POINT = "[quantum_operator.adapters]\nloopback = support.loopback:connect\n"
Json = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    """Submissions by POST, whose token is their id; what was submitted by GET."""

    protocol_version = "HTTP/1.1"
    tasks: dict[str, Json] = {}  # noqa: RUF012 - of the one server in this process

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.tasks.setdefault(body["token"], body["payload"])
        self._answer(200, {"id": body["token"]})

    def do_GET(self) -> None:
        task = self.tasks.get(self.path.removeprefix("/"))
        self._answer(200 if task else 404, task or {})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class calls it
        pass

    def _answer(self, status: int, body: Json) -> None:
        data = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} .\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        self.wfile.write(head.encode() + data)


class LoopbackAdapter:
    """The account of this provider. Its submissions are told apart by their tokens."""

    def __init__(self, port: int, submissions_per_minute: int) -> None:
        self._port, self._rate = port, submissions_per_minute
        self._own = threading.local()

    def capabilities(self) -> Capabilities:
        return Capabilities("loopback", "provider", 1, True, MAX_CIRCUITS, self._rate, submit_seconds=5, combines=True)

    def devices(self, names: Sequence[str]) -> tuple[Device, ...]:
        device = Device(DEVICE, 5, ("rz", "sx", "x", "cz", "measure"), None, ready=True)
        return (device,) if DEVICE in names else ()

    def prepare(self, circuits: Circuits) -> Prepared:
        from qiskit import qpy

        widths = [circuit.num_clbits for circuit in qpy.load(io.BytesIO(circuits.qpy))]
        payload = [{"0" * width: shots} for width, shots in zip(widths, circuits.shots, strict=True)]
        return Prepared(DEVICE, json.dumps({"counts": payload}).encode(), circuits.shots)

    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        counts: list[dict[str, int]] = []
        for part in parts:
            own = json.loads(part.payload)["counts"]
            if tuple(sum(one.values()) for one in own) != part.shots:
                raise RejectedError("other circuits or shots than are said")
            counts += own
        if len(counts) > MAX_CIRCUITS:
            raise UnsupportedError(f"a task takes {MAX_CIRCUITS} circuits, not {len(counts)}")
        shots = tuple(one for part in parts for one in part.shots)
        return Prepared(DEVICE, json.dumps({"counts": counts}).encode(), shots)

    def estimate(self, prepared: Prepared) -> Estimate:
        return Estimate(PRICE_MICROS, "USD", 1)

    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling) -> str:
        try:
            answer = self._ask("POST", "/", {"token": token, "payload": json.loads(prepared.payload)})
        except OSError as error:
            raise AmbiguousError(str(error)) from error
        return str(answer["id"])

    def find(self, token: str) -> Lookup:
        try:
            return Found((token,)) if self._ask("GET", f"/{token}") else Absent()
        except OSError as error:
            return Unknown(str(error))

    def poll(self, task: str) -> Progress:
        return Progress("Succeeded")

    def fetch(self, task: str) -> Fetched:
        try:
            counts = self._ask("GET", f"/{task}")["counts"]
        except OSError as error:
            raise UnavailableError(str(error)) from error
        return Fetched(tuple(RegisterBits(one) for one in counts), PRICE_MICROS, "USD", 1)

    def cancel(self, task: str) -> Cancelled:
        return Cancelled(confirmed=False)

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        connection: http.client.HTTPConnection = self._own.connection
        connection.request(method, path, json.dumps(body) if body else None)
        found: Json = json.loads(connection.getresponse().read())
        return found


def connect(settings: Mapping[str, str]) -> LoopbackAdapter:
    """The adapter, as an entry point gives it."""
    return LoopbackAdapter(int(settings["port"]), int(settings["submissionsPerMinute"]))


def register(folder: Path) -> Path:
    """Have a folder that, on the path of modules, makes the adapter known by its entry point."""
    information = folder / "loopback-0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: loopback\nVersion: 0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text(ENTRY_POINT, encoding="utf-8")
    return folder


@contextmanager
def provider() -> Iterator[int]:
    """The provider in a process of its own; the port at which it listens."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with Popen([sys.executable, "-m", "support.loopback"], stdout=PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
