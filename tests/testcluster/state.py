"""What a cluster left running is made of, on disk, so that a later process can use it or end it."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from testcluster.processes import Process, start_time


@dataclass
class State:
    """A cluster's folder, its processes in the order of their start, and who ends it."""

    folder: Path
    owner: int | None = None
    owner_started: int | None = None
    server: str = ""
    network: int | None = None
    processes: list[Process] = field(default_factory=list)

    @staticmethod
    def create(folder: Path, *, owned: bool) -> "State":
        """A new, empty cluster folder; one that is `owned` is worthless once this process has ended."""
        folder.mkdir(parents=True, mode=0o700)
        owner = os.getpid() if owned else None
        state = State(folder, owner, start_time(owner) if owner else None)
        state.save()
        return state

    @staticmethod
    def load(folder: Path) -> "State":
        """The state that `folder` records; an empty one where it holds no record."""
        try:
            content = json.loads((folder / "state.json").read_text())
        except FileNotFoundError:
            return State(folder)
        processes = [Process(**process) for process in content.pop("processes")]
        return State(folder, processes=processes, **content)

    def save(self) -> None:
        """Write the record, whole or not at all."""
        content = {
            "owner": self.owner,
            "owner_started": self.owner_started,
            "network": self.network,
            "server": self.server,
            "processes": [asdict(process) for process in self.processes],
        }
        draft = self.folder / "state.json.draft"
        draft.write_text(json.dumps(content, indent=1))
        draft.rename(self.folder / "state.json")

    def start(self, name: str, command: Sequence[str]) -> Process:
        """Start a program with its log in the folder, and record it."""
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        process = Process.start(name, command, logs / f"{name}.log")
        self.processes.append(process)
        self.save()
        return process

    def process(self, name: str) -> Process | None:
        """The recorded process of that name."""
        return next((process for process in self.processes if process.name == name), None)

    def abandoned(self) -> bool:
        """Whether the process that should have ended this cluster is gone."""
        return self.owner is not None and start_time(self.owner) != self.owner_started
