"""One run as a process of its own, with its own process group and nothing of the user's environment."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from quantum_operator.api.run import RunSpec
from quantum_operator.api.runenvironment import to_environment
from quantum_operator.local.files import lock, read_bytes, write_atomically
from quantum_operator.local.layout import RunFolder

KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
"""All that a run sees of the environment: no credential, and no setting that could change a result."""


async def spawn(folder: RunFolder, spec: RunSpec, input_file: Path) -> asyncio.subprocess.Process | None:
    """Start the run's process, or return None when it is under way already.

    The process inherits the lock of its folder and holds it until it dies, so that a shell that comes later can tell
    whether it lives. Raises OSError when it can't be started.
    """
    held = lock(folder.lock)
    if held is None:
        return None
    try:
        with folder.log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command(folder, input_file),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=folder.path,
                env=environment(folder, spec),
                pass_fds=(held,),
                start_new_session=True,
            )
    finally:
        os.close(held)
    write_atomically(folder.process, str(process.pid).encode())
    return process


def command(folder: RunFolder, input_file: Path) -> list[str]:
    """The command line of a run."""
    return [
        sys.executable,
        "-m",
        "quantum_operator.runner",
        "--input",
        str(input_file.resolve()),
        "--termination",
        str(folder.termination.resolve()),
    ]


def environment(folder: RunFolder, spec: RunSpec) -> dict[str, str]:
    """The environment of a run: its home is its folder, for a home may hold settings of Qiskit."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {**kept, "HOME": str(folder.path.resolve()), **to_environment(spec)}


def kill(folder: RunFolder) -> None:
    """End the run's process and whatever it started, if it lives."""
    pid = read_bytes(folder.process)
    if pid is not None and folder.is_alive():
        with suppress(ProcessLookupError):
            os.killpg(int(pid), signal.SIGKILL)


def ending(returncode: int) -> str:
    """How a process ended, for people."""
    if returncode < 0:
        return f"its process was ended by {signal.Signals(-returncode).name}"
    return f"its process ended with exit code {returncode}"
