"""The loop of the jobs: a queue of their keys, the scheduler, and the health of what they run on."""

import asyncio

from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.health import write_health
from quantum_operator.reconcile.queue import KeyQueue
from quantum_operator.reconcile.reconciler import Reconciler
from quantum_operator.reconcile.scheduler import Scheduler
from quantum_operator.reconcile.sweep import sweep
from quantum_operator.reconcile.timers import Chore, Later, event_loop_later


class Loop:
    """Everything that keeps the jobs going."""

    def __init__(self, ports: Ports, *, workers: int = 8, later: Later = event_loop_later) -> None:
        """Reconcile with as many workers; a key is never with two of them at once. `later` sets the timers."""
        self._ports = ports
        self.scheduler = Scheduler(ports, self.request, later)
        self.reconciler = Reconciler(ports, self.scheduler)
        self._jobs = KeyQueue("job", self.reconciler.reconcile, workers=workers, later=later)
        self._health = Chore("writing the health of policies and backends", self._write_health, later)
        self._sweep = Chore("settling the tasks of jobs that are gone", self._sweep_tasks, later)

    def request(self, key: Key) -> None:
        """Ask for a job to be looked at; asking twice is asking once."""
        self._jobs.request(key)

    def backends_or_policies_changed(self) -> None:
        """Ask for the health of backends and policies to be looked at, and for waiting jobs to be placed."""
        self._health.ask()
        self.scheduler.wake()

    def tasks_changed(self) -> None:
        """Ask for the tasks of jobs that are gone to be looked at."""
        self._sweep.ask()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked for or under way: only a timer or a trigger brings more."""
        parts = (self._jobs, self.scheduler, self._health, self._sweep)
        return all(part.is_idle for part in parts)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for part in (self._jobs, self.scheduler, self._health, self._sweep):
                group.create_task(part.run())

    async def _write_health(self) -> None:
        await write_health(self._ports)
        self.scheduler.wake()

    async def _sweep_tasks(self) -> None:
        await sweep(self._ports)
