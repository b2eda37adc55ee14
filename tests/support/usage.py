"""What a process has used, as the kernel counts it."""

import os
from dataclasses import dataclass
from pathlib import Path

MIB = 1024


@dataclass(frozen=True)
class Usage:
    """CPU time of all its threads, and memory: what is resident now, and the most that ever was."""

    cpu_seconds: float
    resident_mib: float
    peak_mib: float

    @staticmethod
    def of(pid: int) -> "Usage":
        """Of a process that runs. Its children do not count."""
        # The second field is the program's name in parentheses, which may itself contain anything.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        kib = {name: int(rest.split()[0]) for name, _, rest in (one.partition(":") for one in lines) if "kB" in rest}
        return Usage(ticks / os.sysconf("SC_CLK_TCK"), kib["VmRSS"] / MIB, kib["VmHWM"] / MIB)
