"""The laptop shell: the operator's own loop over a folder and subprocesses, until every job is over."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from quantum_operator.api.envelope import sha256
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.observed import Tell
from quantum_operator.decide.status import is_terminal, latest_attempt
from quantum_operator.local.artifacts import LocalArtifacts
from quantum_operator.local.claims import LocalClaims
from quantum_operator.local.ending import stuck
from quantum_operator.local.files import lock, read_bytes, write_atomically
from quantum_operator.local.layout import ResultsFolder
from quantum_operator.local.ledgers import LocalLedgers
from quantum_operator.local.recorder import LocalRecorder
from quantum_operator.local.runs import LocalRuns
from quantum_operator.local.store import Catalog, LocalStore
from quantum_operator.local.tasks import NoTasks
from quantum_operator.local.world import LocalWorld
from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.loop import Loop


class FolderBusyError(RuntimeError):
    """Another shell works on a job of this name in the same folder."""


class Listener(Protocol):
    """Whoever wants to see how the jobs do."""

    def changed(self, job: QuantumJob) -> None:
        """The job was written."""

    def told(self, key: Key, event: Tell) -> None:
        """Something happened to the job."""


class SystemClock:
    """The machine's clock; implements the port `Clock`."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class Shell:
    """Runs the jobs of `world` in `folder`."""

    world: LocalWorld
    folder: Path
    listener: Listener

    def run(self) -> list[QuantumJob]:
        """Every job as it ended: over, or waiting for what no manifest has (see `ending.stuck`); then shadows.

        SIGTERM and SIGHUP end it like Ctrl-C: no run is left behind, and running it again goes on.

        Raises FolderBusyError, DamagedFolderError, asyncio.CancelledError, or OSError when the folder can't be
        written.
        """
        with ExitStack() as locks:
            for handle in self._locks():
                locks.callback(os.close, handle)
            return asyncio.run(self._run())

    def _locks(self) -> Iterator[int]:
        for key in self.world.jobs:
            path = ResultsFolder(self.folder).job(key).lock
            handle = lock(path)
            if handle is None:
                raise FolderBusyError(
                    f"another qjob run works on {path.parent}; wait for it, or give another folder with --folder"
                )
            yield handle

    async def _run(self) -> list[QuantumJob]:
        session = _Session(self)
        current = asyncio.current_task()
        assert current is not None  # noqa: S101 - a coroutine always runs in a task
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, current.cancel)
        try:
            return await session.run()
        finally:
            await session.runs.close()


class _Session:
    """One time that a shell is run: its ports, its loop, and what it knows of the jobs."""

    def __init__(self, shell: Shell) -> None:
        world, clock, self.folder = shell.world, SystemClock(), ResultsFolder(shell.folder)
        catalog = Catalog(world.policies, world.backends, world.config_maps, clock.now())
        self.given, self.listener, self.clock = world.jobs, shell.listener, clock
        self.store = LocalStore(self.folder, catalog, self._changed)
        self.runs = LocalRuns(self.folder, self._run_changed, slots=cores())
        recorder = LocalRecorder(self.folder, clock, shell.listener.told)
        artifacts = LocalArtifacts(self.folder)
        claims, ledgers = LocalClaims(self.folder), LocalLedgers(self.folder, frozenset(world.jobs))
        self.loop = Loop(Ports(self.store, catalog, self.runs, NoTasks(), artifacts, recorder, clock, claims, ledgers))
        self.jobs: dict[Key, QuantumJob] = {}
        self.all_ended = asyncio.Event()

    async def run(self) -> list[QuantumJob]:
        for job in self.given.values():
            created = self.store.create(job, self.clock.now())
            shadow = self.store.shadow_of(created)
            if shadow is not None:
                self._changed(shadow)
            self._changed(created)
        working = asyncio.create_task(self.loop.run())
        self.loop.backends_or_policies_changed()
        for key in self.jobs:
            self.loop.request(key)
        ended = asyncio.create_task(self.all_ended.wait())
        try:
            # The loop ends only by a fault of its own, which is raised here.
            await asyncio.wait([working, ended], return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
        finally:
            for task in (working, ended):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        shadows = [job for key, job in sorted(self.jobs.items()) if key not in self.given]
        return [*(self.jobs[key] for key in self.given), *shadows]

    def _changed(self, job: QuantumJob) -> None:
        key = Key(job.metadata.namespace, job.metadata.name)
        if key not in self.jobs:
            self.loop.request(key)
        self.jobs[key] = job
        if is_terminal(job.status):
            self._keep_outcome(key, job)
        self.listener.changed(job)
        jobs, given = self.jobs.values(), self.given.keys()
        if given <= self.jobs.keys() and all(is_terminal(one.status) or stuck(one, jobs) for one in jobs):
            self.all_ended.set()

    def _run_changed(self, key: Key) -> None:
        self.loop.request(key)
        self.loop.scheduler.wake()

    def _keep_outcome(self, key: Key, job: QuantumJob) -> None:
        """Put all of the outcome where people look for it: a status may hold only the top of it."""
        attempt, of = latest_attempt(job.status), job.status.result_of
        outcome = self.runs.outcome(job, attempt.name) if attempt is not None else None
        if of is not None:
            outcome = read_bytes(self.folder.job(Key(key.namespace, of.name)).outcome)
        expected = job.status.result.outcome_sha256 if job.status.result is not None else None
        if outcome is not None and expected in (None, sha256(outcome)):
            write_atomically(self.folder.job(key).outcome, outcome)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
