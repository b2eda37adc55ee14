"""Ports for servers that are told theirs when they are started, and bind it a while later."""

import itertools
import secrets
import socket
from collections.abc import Iterator

LOCAL = "127.0.0.1"
# Below those that the kernel gives to whoever asks for any, and those of NodePort services.
_PORTS = range(10_000, 30_000)
_begin = secrets.randbelow(len(_PORTS))
_next: Iterator[int] = itertools.cycle((*_PORTS[_begin:], *_PORTS[:_begin]))


def unused_port() -> int:
    """A port of this machine that nobody has, and that nobody is given by chance until it is bound."""
    for port in itertools.islice(_next, len(_PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOCAL, port))
            except OSError:
                continue
            return port
    raise OSError("no port is unused")
