"""Programs in the background: started, recorded so that a later process can end them, and ended by their ids."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from testcluster.errors import ClusterError

_POLL_SECONDS = 0.05
_POLL_SECONDS_MOST = 0.5
_KILL_SECONDS = 5.0
_LOG_TAIL_LINES = 20
_PHYSICAL_MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
# Of Go's: collect garbage a fourth as often, unless that takes more than a quarter of the memory. An API server that
# has to keep below a limit that it is near spends most of its time on collecting.
_LESS_GARBAGE_COLLECTION = {"GOGC": "400", "GOMEMLIMIT": str(_PHYSICAL_MEMORY // 4)}


@dataclass(frozen=True)
class Process:
    """One program: its name, its id, and when the kernel started it, for ids are used again."""

    name: str
    pid: int
    started: int
    log: str

    @staticmethod
    def start(name: str, command: Sequence[str], log: Path) -> "Process":
        """Start `command` in a session of its own, so that Ctrl-C in a terminal does not reach it."""
        # Not subprocess.Popen, which warns when it is forgotten while the process runs: ours may outlive us.
        pid = os.posix_spawnp(
            command[0],
            list(command),
            _LESS_GARBAGE_COLLECTION | os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        return Process(name, pid, start_time(pid) or 0, str(log))

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return self.started != 0 and start_time(self.pid) == self.started

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this very process, if it still runs."""
        if self.alive():
            os.kill(self.pid, number)

    def stop(self, grace_seconds: float) -> None:
        """End it: SIGTERM, and SIGKILL after `grace_seconds`."""
        self.signal(signal.SIGTERM)
        if not eventually(lambda: not self.alive(), grace_seconds):
            self.signal(signal.SIGKILL)
            eventually(lambda: not self.alive(), _KILL_SECONDS)
        with contextlib.suppress(ChildProcessError):
            # Where it was started by this process, it stays in the kernel's table until its end is asked for.
            os.waitpid(self.pid, os.WNOHANG)

    def log_tail(self) -> str:
        """The last lines that it wrote."""
        lines = Path(self.log).read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])


def start_time(pid: int) -> int | None:
    """When the kernel started process `pid`, in clock ticks since boot; None where it is gone or a zombie."""
    try:
        # The second field is the program's name in parentheses, which may itself contain anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` came true within `seconds`; what takes long is asked for less and less often."""
    started = time.monotonic()
    while not condition():
        waited = time.monotonic() - started
        if waited > seconds:
            return False
        time.sleep(_POLL_SECONDS + min(waited / 10, _POLL_SECONDS_MOST))
    return True


def wait_ready(process: Process, ready: Callable[[], bool], seconds: float) -> None:
    """Wait until `ready`; raises ClusterError with the log's tail when the process ends or the time is up."""
    was_ready = False

    def over() -> bool:
        nonlocal was_ready
        was_ready = ready()
        return was_ready or not process.alive()

    eventually(over, seconds)
    if not was_ready:
        state = f"not ready after {seconds:.0f} s" if process.alive() else "ended"
        raise ClusterError(f"{process.name} {state}; the end of {process.log}:\n{process.log_tail()}")
