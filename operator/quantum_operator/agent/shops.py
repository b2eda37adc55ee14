"""Who an agent has its circuits compiled by: the compiler's container of its pod, or a child of its own process.

One request, one answer, both bounded in bytes and in time. A request is three lines of JSON: which adapter, with which
settings; the limits; the program, and what to do with it. Whoever answers may have been taken over by a program that
it read, so that its answer is bytes here and nothing more; what is believed of it, `answers` says.
"""

import os
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from quantum_operator.api.envelope import MAX_OUTCOME_BYTES

MAX_REQUEST_BYTES: Final = 128 * 1024 * 1024
MAX_HEAD_BYTES: Final = 256 * 1024
"""How long a request's first line may be."""

MAX_ANSWER_BYTES: Final = MAX_OUTCOME_BYTES
LENGTH: Final = struct.Struct(">Q")
"""What goes before an answer on the child's standard output. On a socket its end is the end of the connection."""

_PART: Final = 1_048_576


class Shop(Protocol):
    """Answers one request at a time. Its methods block."""

    def ask(self, request: bytes, seconds: float) -> bytes:
        """The answer, within so many seconds. Raises OSError where there is none."""

    def close(self) -> None:
        """Nothing more is asked."""


class SocketShop:
    """The container that listens on a socket: a connection for each request."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def ask(self, request: bytes, seconds: float) -> bytes:
        """Send all of the request, and read until the other side closes."""
        with self._lock, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            until = time.monotonic() + seconds
            connection.settimeout(seconds)
            connection.connect(str(self._path))
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)

            def read() -> bytes:
                connection.settimeout(max(0.001, until - time.monotonic()))
                return connection.recv(_PART)

            answer = _all(read, MAX_ANSWER_BYTES)
            if not answer:
                raise ConnectionError("it closed without an answer; its log says why")
            return answer

    def close(self) -> None:
        """There is nothing to end: the container is not the agent's."""


class ChildShop:
    """A child, started when it is first asked, and anew when it has died or did not answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process, if there is one."""
        return None if self._process is None else self._process.pid

    def ask(self, request: bytes, seconds: float) -> bytes:
        """Lines to its standard input, an answer from its standard output."""
        with self._lock:
            try:
                return self._exchange(request, seconds)
            except OSError:
                self._end()
                raise

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _exchange(self, request: bytes, seconds: float) -> bytes:
        process = self._started()
        if process.stdin is None or process.stdout is None:
            raise OSError("it has no pipes")
        until = time.monotonic() + seconds
        process.stdin.write(request + b"\n")
        process.stdin.flush()
        descriptor = process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)

            def read(most: int) -> bytes:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimeoutError("it takes too long")
                part = os.read(descriptor, min(most, _PART))
                if not part:
                    raise ConnectionError("it ended")
                return part

            (length,) = LENGTH.unpack(_exactly(read, LENGTH.size))
            if length > MAX_ANSWER_BYTES:
                raise OSError(f"it answers more than {MAX_ANSWER_BYTES} bytes")
            return _exactly(read, length)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IBM_"))}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "quantum_operator.agent.shop"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _all(read: Callable[[], bytes], most: int) -> bytes:
    """Everything until the other side closes. Raises OSError where that is more than `most`."""
    data = bytearray()
    while part := read():
        data += part
        if len(data) > most:
            raise OSError(f"it answers more than {most} bytes")
    return bytes(data)


def _exactly(read: Callable[[int], bytes], wanted: int) -> bytes:
    data = bytearray()
    while len(data) < wanted:
        data += read(wanted - len(data))
    return bytes(data)
