"""Limits on the worker, tried in processes of their own."""

import subprocess
import sys

from quantum_operator.decide.quantities import HEADROOM_BYTES
from quantum_operator.runner.limits import SLACK_BYTES

PRELUDE = (
    "from quantum_operator.runner.limits import *; from quantum_operator.runner import limits; import os, resource\n"
)


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PRELUDE + code], check=False, capture_output=True, text=True)


def test_memory_ends_near_the_limit() -> None:
    """A process limited to 200 MiB gets most of that, and no more than that and the slack."""
    done = python(
        """
limit_memory(200 << 20)
blocks = []
try:
    while True: blocks.append(bytearray(8 << 20))
except MemoryError:
    print(8 * len(blocks))
"""
    )
    assert 120 <= int(done.stdout) <= 200 + 128


def test_the_pod_has_room_for_the_slack_and_the_supervisor() -> None:
    """What the operator keeps back from a worker covers the slack of its limit, and a supervisor beside it."""
    done = python("from quantum_operator.runner import supervisor; print(limits._memory()[1])")
    assert SLACK_BYTES + int(done.stdout) <= HEADROOM_BYTES


def test_no_memory_at_all_is_a_memory_error() -> None:
    """A limit below what the process holds already is a MemoryError and no crash."""
    done = python("limit_memory(1 << 20)")
    assert "MemoryError" in done.stderr


def test_cpu_time_ends_the_process() -> None:
    """A busy process is ended by its CPU limit, with SIGXCPU or SIGKILL, though nobody watches it."""
    done = python("limits.CPU_SLACK_SECONDS = 0; limit_process(1, 1)\nwhile True: pass")
    assert done.returncode in (-24, -9)


def test_threads_multiply_cpu_time() -> None:
    """Four threads may use four times the CPU time that one may."""
    done = python("limit_process(10, 4); print(resource.getrlimit(resource.RLIMIT_CPU)[0])")
    assert done.stdout == "45\n"


def test_there_are_no_core_files() -> None:
    """A crash leaves no core file, which would hold the program."""
    assert python("limit_process(10, 1); print(resource.getrlimit(resource.RLIMIT_CORE))").stdout == "(0, 0)\n"


def test_limits_never_rise() -> None:
    """A lower limit that is in force already stays."""
    code = "resource.setrlimit(resource.RLIMIT_CPU, (7, 7)); limit_process(100, 1); print(resource.getrlimit(0))"
    assert python(code.replace("getrlimit(0)", "getrlimit(resource.RLIMIT_CPU)")).stdout == "(7, 7)\n"


def test_libraries_are_told_of_threads_and_memory() -> None:
    """Thread counts, no settings of the user and no reserved arena are in the environment before libraries load."""
    done = python("prepare_environment(3); print(*(os.environ[n] for n in ('OMP_NUM_THREADS', 'RAYON_NUM_THREADS')))")
    assert done.stdout == "3 3\n"
    done = python("prepare_environment(1); print(os.environ['MIMALLOC_ARENA_RESERVE'], os.environ['QISKIT_SETTINGS'])")
    assert done.stdout == "0 /dev/null\n"
