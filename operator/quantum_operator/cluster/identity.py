"""Who this operator is to the Lease, and who it was before it was started again."""

import fcntl
import os
import secrets
import socket
from pathlib import Path

MOST_BYTES = 4000
"""So many former processes are remembered as fit in."""


def new_identity() -> str:
    """The pod's name, and what no other process has, be it of the same pod."""
    return f"{os.environ.get('HOSTNAME') or socket.gethostname()}_{secrets.token_hex(8)}"


def succeed(file: Path, identity: str) -> frozenset[str]:
    """Leave the identity in the file, and return those that former processes left.

    The file is locked for as long as this process lives, and the kernel unlocks it when it ends, however it does: a
    process whose lock could be had is dead. One that is paused, or runs elsewhere, is not taken for dead.
    """
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return frozenset()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # and never closed
        former = os.read(descriptor, MOST_BYTES).decode(errors="replace").split()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, "\n".join([identity, *former, ""]).encode()[:MOST_BYTES], 0)
    except OSError:
        os.close(descriptor)
        return frozenset()
    return frozenset(former)
