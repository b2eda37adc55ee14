"""Limits of the worker's process.

`memory_bytes` is what the run may hold in memory, Python and Qiskit included. Linux has no limit on resident memory,
so the limit is on address space, set once the libraries are loaded: as much more than is mapped then as is left of
`memory_bytes` beside what is resident then. SLACK_BYTES is added for what is mapped and never touched (stacks of
threads, the allocators' arenas). On other systems there is no limit on memory.
"""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Final

SLACK_BYTES: Final = 128 * 1024 * 1024
CPU_SLACK_SECONDS: Final = 5
_PR_SET_PDEATHSIG: Final = 1


def limit_process(wall_seconds: int, threads: int) -> None:
    """No core file, no more CPU time than `threads` can use in `wall_seconds`, and death when the supervisor dies."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, wall_seconds * threads + CPU_SLACK_SECONDS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_memory(memory_bytes: int) -> None:
    """Let the process grow to about `memory_bytes`. Raises MemoryError when it is larger already."""
    if sys.platform != "linux":
        return
    mapped, resident = _memory()
    if resident > memory_bytes:
        raise MemoryError(f"the libraries alone take {resident} bytes")
    _lower(resource.RLIMIT_AS, mapped + (memory_bytes - resident) + SLACK_BYTES)


def limit_files(longest: int) -> None:
    """Let the process write no file beyond so many bytes."""
    _lower(resource.RLIMIT_FSIZE, longest)


def prepare_environment(threads: int) -> None:
    """Settings that libraries read when they are loaded: threads, no settings of the user, no reserved memory."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ["QISKIT_PARALLEL"] = "FALSE"
    os.environ["QISKIT_SETTINGS"] = os.devnull
    # Qiskit's allocator would map 1 GiB ahead, which a limit on address space can't tell from use.
    os.environ["MIMALLOC_ARENA_RESERVE"] = "0"


def _lower(kind: int, value: int) -> None:
    """Set a limit, soft and hard, but never above the hard one in force."""
    _, hard = resource.getrlimit(kind)
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (wanted, wanted))


def _memory() -> tuple[int, int]:
    mapped, resident, *_ = Path("/proc/self/statm").read_text().split()
    return int(mapped) * resource.getpagesize(), int(resident) * resource.getpagesize()
