"""Drives a Loop over a MemoryWorld until nothing more happens, without waiting for anything."""

import asyncio
from datetime import timedelta

from quantum_operator.reconcile.loop import Loop
from quantum_operator.testing.ports import memory_ports
from quantum_operator.testing.world import MemoryWorld

PATIENCE_SECONDS = 300.0
SPINS = 1_000_000


class Driver:
    """A Loop at work on a world. Use it as an async context manager: it ends as a process does, without farewell."""

    def __init__(self, world: MemoryWorld, *, workers: int = 4) -> None:
        self.world = world
        self.loop = Loop(memory_ports(world), workers=workers, later=world.clock.later)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Driver":
        self._task = asyncio.create_task(self.loop.run())
        self.world.connect(self.loop)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.world.restart()

    async def step(self) -> None:
        """Let everything that is ready at this moment take one turn."""
        await asyncio.sleep(0)

    async def idle(self) -> bool:
        """Let the loop work until it has nothing to do at this moment; False when it crashed."""
        for _ in range(SPINS):
            await self.step()
            if self.world.faults.is_dead:
                return False
            if self._task is not None and self._task.done():
                self._task.result()
            if self.loop.is_idle:
                return True
        raise TimeoutError("the loop is never idle")

    async def settle(self, *, patience: float = PATIENCE_SECONDS) -> bool:
        """Let the loop, the runs and the timers of the next `patience` seconds work; False when it crashed."""
        end = self.world.clock.now() + timedelta(seconds=patience)
        while await self.idle():
            if self.world.advance_runs():
                continue
            due = self.world.clock.next_due()
            if due is None or due > end:
                return True
            self.world.clock.advance((due - self.world.clock.now()).total_seconds())
        return False


async def settle(world: MemoryWorld, *, patience: float = PATIENCE_SECONDS, workers: int = 4) -> bool:
    """Run one process over the world until nothing more happens; False when it crashed on the way."""
    async with Driver(world, workers=workers) as driver:
        return await driver.settle(patience=patience)
