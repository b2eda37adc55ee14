"""Tasks whose job is gone: what becomes of each, whatever becomes of the others."""

import pytest

from quantum_operator.api.quantumtask import QuantumTask, TaskState
from quantum_operator.ports.errors import TransientError
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.sweep import sweep
from quantum_operator.reconcile.treasury import Treasury
from quantum_operator.testing.ports import memory_ports
from quantum_operator.testing.world import MemoryWorld


def orphan(name: str, state: TaskState = "Pending") -> QuantumTask:
    """A task of a job that nobody knows."""
    spec = {
        "job": {"namespace": "team", "name": "bell", "uid": "gone"},
        "backend": "qpu",
        "device": "device",
        "input": "{}",
        "inputSha256": "0" * 64,
        "seed": 1,
        "token": "token-of-bell",
        "ceiling": {"micros": 1, "currency": "USD", "seconds": 1},
    }
    metadata = {"name": name, "namespace": "lab", "uid": f"uid-of-{name}"}
    return QuantumTask.model_validate({"metadata": metadata, "spec": spec, "status": {"state": state}})


async def swept(world: MemoryWorld) -> None:
    """One sweep."""
    ports = memory_ports(world)
    await sweep(ports, Treasury(ports.ledgers, lambda: None, lambda: None))


def cancelled(world: MemoryWorld) -> dict[str, bool]:
    """Every task's `spec.cancel`, by name."""
    return {key.name: task.spec.cancel for key, task in world.tasks.items()}


async def test_a_task_is_cancelled_and_goes_once_it_is_over() -> None:
    """One that is over already goes at once."""
    world = MemoryWorld()
    world.put_task(orphan("waits"))
    world.put_task(orphan("over", "Failed"))
    await swept(world)
    assert cancelled(world) == {"waits": True}
    await swept(world)
    assert cancelled(world) == {"waits": True}


async def test_one_that_fails_holds_up_no_other() -> None:
    """The others have their turn before the error is told, and it has its own the next time."""
    world = MemoryWorld()
    for name in ("first", "second"):
        world.put_task(orphan(name))
    world.faults.fail_at(2, "transient-before")
    with pytest.raises(TransientError):
        await swept(world)
    assert cancelled(world) == {"first": False, "second": True}
    await swept(world)
    assert cancelled(world) == {"first": True, "second": True}
    assert world.tasks[Key("lab", "first")].status.state == "Pending"
