"""Runs as subprocesses. All that a run is lies in its folder, so that a shell that starts later takes it over."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from contextlib import suppress
from uuid import uuid4

from quantum_operator.api.envelope import EnvelopeError, in_log, unseal
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.observed import RunObserved, StartRun, StopRun
from quantum_operator.local.files import read_bytes, write_json
from quantum_operator.local.layout import ResultsFolder, RunFolder
from quantum_operator.local.process import ending, kill, spawn
from quantum_operator.ports.errors import TransientError
from quantum_operator.ports.world import Key

GRACE_SECONDS = 15
"""A run keeps its time limit itself; one that is this much over it is ended from outside."""

POLL_SECONDS = 0.2
"""How often a process that another shell started is looked at."""


class LocalRuns:
    """Runs as subprocesses, at most `slots` at once; implements the port `Runs`."""

    def __init__(self, folder: ResultsFolder, changed: Callable[[Key], None], *, slots: int) -> None:
        """Keep runs in the jobs' folders under `folder`; `changed` is told when a job's run starts or ends."""
        self._folder = folder
        self._changed = changed
        self._slots = asyncio.Semaphore(slots)
        self._tasks: dict[RunFolder, asyncio.Task[None]] = {}
        self._queued: set[RunFolder] = set()
        self._failures: dict[RunFolder, tuple[str, str]] = {}

    async def observe(
        self,
        job: QuantumJob,
        name: str,
        *,
        expected: bool,  # noqa: ARG002 - reads are live
        batch: str | None = None,  # noqa: ARG002 - a laptop shares no run
    ) -> RunObserved | None:
        """The job's run of this name, with its outcome once finished; None when it was never started."""
        key = Key(job.metadata.namespace, job.metadata.name)
        run = self._folder.job(key).run(name)
        uid = run.uid()
        if uid is None:
            return None
        if run in self._queued:
            return RunObserved(name, uid, "Pending", "waits for a free core of this machine")
        if run in self._tasks:
            return RunObserved(name, uid, "Running")
        if run.is_alive():
            self._watch(run, self._adopt(key, run))
            return RunObserved(name, uid, "Running")
        if not (run.process.exists() or run.termination.exists() or run in self._failures):
            return None
        return self._finished(run, uid)

    async def start(self, job: QuantumJob, action: StartRun) -> None:
        """Start the run, or line it up for a free core. A no-op when it was started before."""
        key = Key(job.metadata.namespace, job.metadata.name)
        if await self.observe(job, action.spec.run, expected=False) is not None:
            return
        run = self._folder.job(key).run(action.spec.run)
        try:
            if run.uid() is None:
                write_json(run.identity, {"uid": str(uuid4())})
        except OSError as error:
            raise TransientError(f"{run.path} can't be written: {error}") from error
        self._queued.add(run)
        self._watch(run, self._execute(key, run, action))

    async def stop(self, job: QuantumJob, action: StopRun) -> None:
        """End the run's process and forget the run."""
        run = self._folder.job(Key(job.metadata.namespace, job.metadata.name)).run(action.name)
        task = self._tasks.get(run)
        if task is not None:
            task.cancel()
        kill(run)
        if task is not None:
            with suppress(asyncio.CancelledError):
                await task
        shutil.rmtree(run.path, ignore_errors=True)
        self._failures.pop(run, None)
        self._changed(Key(job.metadata.namespace, job.metadata.name))

    async def close(self) -> None:
        """End every run that is under way."""
        tasks = dict(self._tasks)
        for run, task in tasks.items():
            task.cancel()
            kill(run)
        for task in tasks.values():
            with suppress(asyncio.CancelledError):
                await task

    def outcome(self, job: QuantumJob, name: str) -> bytes | None:
        """The outcome that a finished run left, if it passes its digest."""
        run = self._folder.job(Key(job.metadata.namespace, job.metadata.name)).run(name)
        with suppress(EnvelopeError):
            return _unsealed(run)
        return None

    def _watch(self, run: RunFolder, work: Coroutine[object, object, None]) -> None:
        self._tasks[run] = asyncio.get_running_loop().create_task(work)

    async def _execute(self, key: Key, run: RunFolder, action: StartRun) -> None:
        try:
            async with self._slots:
                self._queued.discard(run)
                await self._supervise(key, run, action)
        except OSError as error:
            self._failures[run] = ("NotStarted", f"its process can't be started: {error}")
        finally:
            self._queued.discard(run)
            self._tasks.pop(run, None)
            self._changed(key)

    async def _supervise(self, key: Key, run: RunFolder, action: StartRun) -> None:
        process = await spawn(run, action.spec, self._folder.job(key).artifact(action.input.name))
        if process is None:
            return
        self._changed(key)
        limit = action.spec.limits.wall_seconds + GRACE_SECONDS
        try:
            code = await asyncio.wait_for(process.wait(), limit)
        except TimeoutError:
            kill(run)
            await process.wait()
            self._failures[run] = ("DeadlineExceeded", f"it was ended after {limit} seconds")
        except asyncio.CancelledError:
            kill(run)
            await process.wait()
            raise
        else:
            self._failures[run] = ("", ending(code))

    async def _adopt(self, key: Key, run: RunFolder) -> None:
        try:
            while run.is_alive():  # noqa: ASYNC110 - another shell's process tells us nothing
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._tasks.pop(run, None)
            self._changed(key)

    def _finished(self, run: RunFolder, uid: str) -> RunObserved:
        name = run.path.name
        failure, message = self._failures.get(run, ("", "its process ended while no shell watched it"))
        try:
            return RunObserved(name, uid, "Finished", outcome=_unsealed(run))
        except EnvelopeError as error:
            return RunObserved(name, uid, "Finished", f"{error}; {message}", failure=failure)


def _unsealed(run: RunFolder) -> bytes:
    termination = (read_bytes(run.termination) or b"").decode(errors="replace")
    log = (read_bytes(run.log) or b"").decode(errors="replace") if in_log(termination) else ""
    return unseal(termination, log)
