"""A compiler's container whose children do what a hostile program may: `python hostile.py SOCKET SCRATCH`."""

import ctypes
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path

from quantum_operator.agent.sockets import serve
from quantum_operator.runner.channel import OUTCOME, send
from quantum_operator.runner.supervisor import watch

SOCKET, SCRATCH = Path(sys.argv[1]), Path(sys.argv[2])
CONTAINER = os.getpid()
FORGED, VICTIM = b"forged", b"a victim's program"
SECONDS = 20


def steal() -> None:
    """Answer on every connection that was left open, and whoever connects to a socket that was."""
    for descriptor in range(3, 256):
        try:
            left = socket.socket(fileno=descriptor)
        except OSError:
            continue
        if left.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            impersonate(left)
        else:
            left.sendall(FORGED)
            left.shutdown(socket.SHUT_RDWR)


def impersonate(listening: socket.socket) -> None:
    """In a process of its own."""
    if os.fork() == 0:
        signal.alarm(SECONDS)
        while True:
            connection, _ = listening.accept()
            connection.sendall(FORGED)
            connection.close()


def replace() -> None:
    """A process of its own, of a session of its own, listens at the path."""
    ready, wrote = os.pipe()
    if os.fork() == 0:
        os.setsid()
        SOCKET.unlink()
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(SOCKET))
        listening.listen()
        impersonate(listening)
        os.write(wrote, b"!")
        os._exit(0)
    os.read(ready, 1)


def outlive() -> bytes:
    """The process of a child that is gone, and so nobody's: it forks others as fast as they are killed."""
    told, tell = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(tell, str(os.getpid()).encode())
            for _ in range(20):
                if os.fork() == 0:
                    break
                time.sleep(0.005)
            time.sleep(SECONDS)
        os._exit(0)
    return os.read(told, 16)


def ask_oneself() -> None:
    """As if one were the agent."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(SOCKET))
    connection.sendall(b"head\nmark")
    connection.shutdown(socket.SHUT_WR)


def look() -> bytes:
    """How often there is something of a victim's in one's own memory."""
    found = 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, *rest = line.split()
        if rights.startswith("rw") and not rest[-1].startswith("[v"):
            start, end = (int(part, 16) for part in place.split("-"))
            found += ctypes.string_at(start, end - start).count(VICTIM)
    return str(found).encode()


def litter() -> None:
    """Files in every place, locked and too deep for one path."""
    for folder in (SOCKET.parent, SCRATCH):
        (folder / "left").write_bytes(b"left")
        (folder / "link").symlink_to(SOCKET.parents[1])
        os.chdir(folder)
        for _ in range(1_500):
            Path("deep-in-a-folder").mkdir()
            os.chdir("deep-in-a-folder")
        Path("left").touch()
        (folder / "deep-in-a-folder").chmod(0)


def work(request: bytes) -> bytes:
    """In the child."""
    answer = request.upper()
    if request == b"steal":
        steal()
    elif request == b"replace":
        replace()
    elif request == b"outlive":
        answer = outlive()
    elif request == b"ask":
        ask_oneself()
    elif request == b"mark":
        SOCKET.parents[1].joinpath("marked").touch()
    elif request == b"limit":
        resource.prlimit(CONTAINER, resource.RLIMIT_NOFILE, (16, 16))
    elif request == b"look":
        answer = look()
    elif request == b"litter":
        litter()
    elif request == b"silent":
        os._exit(3)
    return answer


class Hostile:
    """Its children are."""

    def meet(self, head: bytes) -> None:
        assert head == b"head\n"

    def answer(self, request: bytes) -> bytes:
        if request == b"refuse":
            raise ValueError("what was asked")
        if request == b"dumpable":
            return str(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)).encode()

        def child(results: int) -> None:
            send(results, OUTCOME, work(request))
            time.sleep(SECONDS)

        return watch(child, time.monotonic() + SECONDS).inbox.outcome or b""


if __name__ == "__main__":
    serve(SOCKET, Hostile(), [SCRATCH, SOCKET.parent])
