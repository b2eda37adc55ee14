"""What an operator keeps of each of many jobs that are alike."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from quantum_operator.cluster.api import Json
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.decide.observed import Nominate
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.scheduler import Scheduler
from quantum_operator.testing import builders
from quantum_operator.testing.ports import memory_ports
from quantum_operator.testing.world import MemoryWorld
from unit.cluster.bodies import over, pod_body, run_body

MANY = 100
QUEUED = "the backend takes one at a time"


@pytest.fixture(autouse=True)
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def kept() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def queued(number: int) -> Json:
    """A job as it waits: accepted, with a plan."""
    body: Json = builders.job(f"bell-{number:04}").to_wire()
    body["metadata"] |= {"uid": f"00000000-0000-0000-0000-{number:012}", "resourceVersion": str(number + 1)}
    said = {"lastTransitionTime": "2026-01-01T00:00:00Z", "message": QUEUED}
    candidate = {"backend": "aer", "verdict": "Eligible", "reason": "AllBackendsBusy", "figures": {"choice": 0}}
    plan = {"policy": "default", "policyUid": "u", "policyGeneration": 1, "demand": {"qubits": 2, "shots": 1024}}
    body["status"] = {
        "phase": "Queued",
        "conditions": [
            {"type": "Accepted", "status": "True", "reason": "Accepted", **said},
            {"type": "Scheduled", "status": "False", "reason": "AllBackendsBusy", **said},
        ],
        "input": {"name": f"bell-{number:04}-input", "sha256": "a" * 64, "bytes": 100},
        "plan": plan | {"steps": [{"name": "primary", "candidates": [candidate], "candidatesTotal": 1}]},
    }
    return body


def key_of(number: int) -> Key:
    return Key("team", f"bell-{number:04}")


async def test_a_job_that_waits_takes_little_memory() -> None:
    """Its own are its names, its versions and its place; the rest is there once for all."""
    world, mirror = MemoryWorld(), Mirror()
    world.add(builders.policy(), builders.backend(limits={"maxConcurrentRuns": 1}))
    scheduler = Scheduler(memory_ports(world), lambda _: None, world.clock.later)

    async def wait(*numbers: int) -> None:
        for number in numbers:
            mirror.jobs.saw("ADDED", queued(number))
            job = mirror.jobs.cache.get(key_of(number))
            assert job is not None
            assert job.status.plan is not None
            scheduler.nominate(key_of(number), job, Nominate(job.status.plan.demand))
        await scheduler.round()

    await wait(0, 1)
    before = kept()
    await wait(*range(2, 2 + MANY))
    assert (kept() - before) / MANY < 4_500


def test_a_job_that_is_over_takes_less() -> None:
    """What is left of it, its run and its pod are their names and versions."""
    mirror = Mirror()

    def run(*numbers: int) -> None:
        for number in numbers:
            job = queued(number)
            mirror.jobs.saw("ADDED", job)
            batch = run_body(job, f"bell-{number:04}-1")
            mirror.runs.saw("ADDED", batch)
            mirror.pods.saw("ADDED", pod_body(batch, f"bell-{number:04}-1-abcde"))
            mirror.jobs.saw("MODIFIED", over(job, 10_000 + number))
            mirror.runs.saw("MODIFIED", run_body(job, f"bell-{number:04}-1", version=20_000 + number))
            mirror.pods.saw("MODIFIED", pod_body(batch, f"bell-{number:04}-1-abcde", version=30_000 + number))

    run(0, 1)
    before = kept()
    run(*range(2, 2 + MANY))
    assert mirror.jobs.cache.values() == mirror.runs.cache.values() == mirror.pods.cache.values() == []
    assert (kept() - before) / MANY < 1_500
