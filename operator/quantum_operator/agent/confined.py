"""What a process that reads programs may not ask the kernel for: connections, and what outlives every process.

A container has its pod's network, whether it needs one or not. So the process gives up sockets for itself, by a filter
of system calls that it can't take off. It also gives up shared memory, queues and semaphores (System V's, and POSIX's
queues) and keys: they would stay, and count, when it is gone. On other processors than those below there is no filter.
"""

import ctypes
import platform
import struct
import sys
from collections.abc import Sequence
from typing import Final

CALLS: Final = {
    # socket, io_uring_setup, shmget, semget, msgget, mq_open, add_key, request_key, keyctl
    "x86_64": (0xC000003E, (41, 425, 29, 64, 68, 240, 248, 249, 250)),
    "aarch64": (0xC00000B7, (198, 425, 194, 190, 186, 180, 217, 218, 219)),
}
"""By processor: how the kernel names its system calls' convention, and the numbers of those that are refused."""

_OTHER_CONVENTION: Final = 0x40000000
"""From here on numbers mean x86-64's calls by another convention."""

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
_NUMBER, _CONVENTION = 0, 4
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_FILTER: Final = 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def confine() -> bool:
    """Give up those calls, for this process and all that it forks; whether that could be done."""
    known = CALLS.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return False
    steps = ctypes.create_string_buffer(_steps(*known))
    program = _Program(len(steps) // 8, ctypes.addressof(steps))
    libc = ctypes.CDLL(None)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program)) == 0)


def _steps(convention: int, refused: Sequence[int]) -> bytes:
    """The filter: calls by another convention kill, those in the list fail for want of permission."""
    kill, refuse, left = 1, 2, len(refused)
    steps = [(_LOAD, 0, 0, _CONVENTION), (_IF_EQUAL, 0, left + 2 + kill, convention), (_LOAD, 0, 0, _NUMBER)]
    steps.append((_IF_AT_LEAST, left + kill, 0, _OTHER_CONVENTION))
    steps += [(_IF_EQUAL, left - place - 1 + refuse, 0, number) for place, number in enumerate(refused)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _KILL), (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
