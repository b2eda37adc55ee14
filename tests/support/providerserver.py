"""What the providers on 127.0.0.1 have in common: they listen, obey, and fail on command."""

import io
import json
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from qiskit import qasm3, qpy, transpile

from quantum_operator.ports.adapter import Device
from quantum_operator.testing.adapter_faults import Call, Fault

SILENCE_SECONDS = 20
"""How long a request is not answered at most, where that is the fault."""


@dataclass
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: object, status: int = 200) -> Self:
        return cls(status, json.dumps(document, default=_plain).encode(), {"Content-Type": "application/json"})


class ProviderServer(ABC):
    """A service, and those controls of the conformance suite that are the same for all."""

    def __init__(self, *, lag: float, host: str = "127.0.0.1") -> None:
        """Tasks are found `lag` of the provider's seconds after their creation. It listens at `host`."""
        self._lag, self._now = lag, 0.0
        self._failing: dict[Call, Fault] = {}
        self._creating = threading.Lock()
        self._healed = threading.Event()
        self._host = host
        self._http = _Listener((host, 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._healed.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"http://{self._host}:{self._http.server_port}"

    @abstractmethod
    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Reply | None:
        """The answer to a request; None where the connection is to break off."""

    def compile(self, programs: Sequence[str], device: Device) -> bytes:
        compiled = {program: _compiled(program, device) for program in set(programs)}
        stream = io.BytesIO()
        qpy.dump([compiled[program] for program in programs], stream)
        return stream.getvalue()

    @contextmanager
    def failing(self, call: Call, fault: Fault) -> Iterator[None]:
        self._failing[call] = fault
        self._healed.clear()
        try:
            yield
        finally:
            del self._failing[call]
            self._healed.set()

    def wait(self, seconds: float) -> None:
        self._now += seconds

    def _unserved(self, fault: Fault) -> Reply | None:
        """What is answered, by no provider's own rules, to a request that fails so."""
        match fault.answer:
            case "unavailable":
                return Reply(503, b"<html>Service Unavailable</html>", {"Content-Type": "text/html"})
            case "garbage":
                return Reply(200, b"<html>Welcome</html>", {"Content-Type": "text/html"})
            case "silence":
                self._healed.wait(SILENCE_SECONDS)
        return None


def _compiled(program: str, device: Device) -> Any:
    circuit = qasm3.loads(program)
    if device.basis_gates is None:
        return circuit
    coupling = None if device.coupling is None else [list(pair) for pair in device.coupling]
    return transpile(circuit, basis_gates=list(device.basis_gates), coupling_map=coupling, optimization_level=0)


def _plain(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


def _handler(server: ProviderServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = server.answer(self.command, self.path, self.headers, body)
            if reply is None:
                self._break_off()
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def _break_off(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def log_message(self, *_: object) -> None:
            """Nothing: tests say what was asked."""

    return Handler
