"""The loop of the jobs: a queue of their keys, the scheduler, and the health of what they run on."""

import asyncio

from quantum_operator.ports.world import Key, Ports
from quantum_operator.reconcile.budgets import write_budgets
from quantum_operator.reconcile.health import write_health
from quantum_operator.reconcile.ledgersweep import sweep_ledgers
from quantum_operator.reconcile.queue import KeyQueue
from quantum_operator.reconcile.reconciler import Reconciler
from quantum_operator.reconcile.scheduler import Scheduler
from quantum_operator.reconcile.sweep import sweep
from quantum_operator.reconcile.timers import Chore, Later, Soon, Timer, event_loop_later

SWEEP_SECONDS = 300.0
"""How often reservations are looked at as long as there are some."""


class Loop:
    """Everything that keeps the jobs going."""

    def __init__(self, ports: Ports, *, workers: int = 8, later: Later = event_loop_later) -> None:
        """Reconcile with as many workers; a key is never with two of them at once. `later` sets the timers."""
        self._ports = ports
        self._later = later
        self._figures = Soon(Chore("writing the figures of budgets", self._write_budgets, later), later)
        self._ledgers = Chore("giving back reservations that are nobody's", self._sweep_ledgers, later)
        self.scheduler = Scheduler(ports, self.request, later, self._ledgers.ask, self._figures.ask)
        self.reconciler = Reconciler(ports, self.scheduler, self._attempt_ended)
        self._jobs = KeyQueue(
            "job", self.reconciler.reconcile, workers=workers, later=later, under_way=self.reconciler.is_under_way
        )
        self._health = Chore("writing the health of policies and backends", self._write_health, later)
        self._timer: Timer | None = None
        self._next_sweep: Timer | None = None
        self._sweep = Chore("settling the tasks of jobs that are gone", self._sweep_tasks, later)

    def request(self, key: Key) -> None:
        """Ask for a job to be looked at; asking twice is asking once."""
        self._jobs.request(key)

    def backends_or_policies_changed(self) -> None:
        """Ask for the health of backends and policies to be looked at, and for waiting jobs to be placed."""
        self._health.ask()
        self._figures.ask()
        self.scheduler.wake()

    def tasks_changed(self) -> None:
        """Ask for the tasks of jobs that are gone to be looked at."""
        self._sweep.ask()
        self._ledgers.ask()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked for or under way: only a timer or a trigger brings more."""
        parts = (self._jobs, self.scheduler, self._health, self._sweep, self._ledgers, self._figures.chore)
        return all(part.is_idle for part in parts)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            parts = (self._jobs, self.scheduler, self._health, self._sweep, self._ledgers, self._figures.chore)
            for part in parts:
                group.create_task(part.run())

    def _attempt_ended(self) -> None:
        self._health.ask()

    async def _write_health(self) -> None:
        health = await write_health(self._ports, self.request)
        if health.written:
            self.scheduler.wake()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if health.look_again is None else self._later(health.look_again, self._health.ask)

    async def _sweep_tasks(self) -> None:
        await sweep(self._ports, self.scheduler.treasury)

    async def _sweep_ledgers(self) -> None:
        left = await sweep_ledgers(self._ports, self.scheduler.treasury, self.scheduler.holds)
        if self._next_sweep is not None:
            self._next_sweep.cancel()
        self._next_sweep = self._later(SWEEP_SECONDS, self._ledgers.ask) if left else None

    async def _write_budgets(self) -> None:
        await write_budgets(self._ports)
