"""The compiler's container: one request, one answer, one connection at a time, over a socket that it shares.

Nothing that a program did to the process that compiled it reaches the next one. This process can't be looked into by
it, and knows no program: what is asked, and answered, only a process of the request's own reads, which ends with it. No
process or file outlives its request. Where the socket or the limits are not those that were set here any more, the
container starts anew. All that is seen to before the answer is complete: nobody asks again before that.
"""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn, Protocol

from quantum_operator.agent.leftovers import end_processes, remove_files
from quantum_operator.agent.shops import MAX_HEAD_BYTES, MAX_REQUEST_BYTES

REQUEST_SECONDS: Final = 30.0
"""How long a request may take to arrive, and its answer to leave."""

TURN_SECONDS: Final = 240
"""How long one turn may take in all, more than the child's own limit: beyond it something hangs, and this ends."""

_PART: Final = 1_048_576
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_CHILD_SUBREAPER: Final = 36


class Bench(Protocol):
    """Who answers requests."""

    def meet(self, head: bytes) -> None:
        """The first line of the next request, in which there is nothing of a program. What is loaded stays."""

    def answer(self, request: bytes) -> bytes:
        """The answer to the rest of it, in a process of its own. Raises OSError, ValueError."""


def serve(path: Path, bench: Bench, scratch: Sequence[Path] = ()) -> NoReturn:
    """Answer whoever connects, until this process is told to end. What is in the folders of `scratch` is removed."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    remove_files(scratch)
    with bound(path) as listening:
        before = _shared(path)
        while _shared(path) == before:
            connection, _ = listening.accept()
            signal.alarm(TURN_SECONDS)
            with connection:
                if _turn(connection, listening, bench):
                    end_processes()
                    remove_files(scratch, path)
                    hang_up(listening)
            signal.alarm(0)
    sys.exit("the socket or a limit is not the one that was set any more")


def bound(path: Path) -> socket.socket:
    """A socket that listens there, for this user and this group; one that was there before is removed."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    path.chmod(0o660)
    listening.listen(8)
    return listening


def hang_up(listening: socket.socket) -> None:
    """Whoever has connected by now is asked to do so again: it may be a program that asks in the agent's place."""
    listening.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            listening.accept()[0].close()
    listening.setblocking(True)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


def _shared(path: Path) -> tuple[object, ...]:
    """What whoever runs as this user can change of this process and would tell: its socket's path, and its limits."""
    try:
        bound_there = path.lstat().st_ino if path.is_socket() else None
    except OSError:
        bound_there = None
    kinds = (value for name, value in vars(resource).items() if name.startswith("RLIMIT_"))
    return bound_there, *(resource.getrlimit(kind) for kind in sorted(set(kinds)))


def _turn(connection: socket.socket, listening: socket.socket, bench: Bench) -> bool:
    """Have one request answered; whether there was one. The answer is complete once this process hangs up as well."""
    connection.settimeout(REQUEST_SECONDS)
    try:
        bench.meet(_line(connection))
    except (OSError, ValueError) as error:
        _say(error)
        return False
    turn = os.fork()
    if turn == 0:
        try:
            listening.close()
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os._exit(0 if _answered(connection, bench) else 1)
        finally:
            os._exit(1)
    _, status = os.waitpid(turn, 0)
    if os.WIFSIGNALED(status):
        print("a request was not answered: its process was killed", file=sys.stderr, flush=True)
    return True


def _answered(connection: socket.socket, bench: Bench) -> bool:
    """In the process of the request. Who does not take its answer gets none."""
    try:
        connection.sendall(bench.answer(_rest(connection)))
    except (OSError, ValueError) as error:
        _say(error)
        return False
    return True


def _say(error: Exception) -> None:
    """A ValueError may have in it what was asked."""
    why = error if isinstance(error, OSError) else type(error).__name__
    print(f"a request was not answered: {why}", file=sys.stderr, flush=True)


def _line(connection: socket.socket) -> bytes:
    """The first line, and not a byte of what follows."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte or len(line) == MAX_HEAD_BYTES:
            raise ValueError("no first line")
        line += byte
    return bytes(line)


def _rest(connection: socket.socket) -> bytes:
    data = bytearray()
    while part := connection.recv(_PART):
        data += part
        if len(data) > MAX_REQUEST_BYTES:
            raise ValueError(f"a request of more than {MAX_REQUEST_BYTES} bytes")
    return bytes(data)
