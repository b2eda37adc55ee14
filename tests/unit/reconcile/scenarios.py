"""Worlds to drive, and what is compared of how they end."""

from typing import Any

from quantum_operator.api.jobstatus import Attempt
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import JobInput, RunSpec
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.loop import Loop
from quantum_operator.testing.builders import BELL, backend, estimate_job, job, policy
from quantum_operator.testing.drive import settle
from quantum_operator.testing.world import MemoryWorld, succeed

BELL_KEY = Key("team", "bell")


def bell_world() -> MemoryWorld:
    """One Bell job, its policy and its backend, whose status is already as it should be."""
    world = MemoryWorld()
    ready = policy().model_copy(
        update={
            "status": policy().status.model_validate(
                {
                    "observedGeneration": 1,
                    "backends": 1,
                    "conditions": [
                        {
                            "type": "Ready",
                            "status": "True",
                            "reason": "Ready",
                            "message": "reaches 1 backend",
                            "observedGeneration": 1,
                            "lastTransitionTime": "2026-01-01T00:00:00Z",
                        }
                    ],
                }
            )
        }
    )
    world.add(ready, backend(), job())
    return world


def first_is_evicted(spec: RunSpec, job_input: JobInput) -> bytes | str:
    """The script of runs whose first attempt is lost to the infrastructure."""
    return "Evicted" if spec.run.endswith("-1") else succeed(spec, job_input)


def retried_world() -> MemoryWorld:
    """One Bell job whose first run is lost."""
    world = bell_world()
    world.script = first_is_evicted
    return world


def crowded_world() -> MemoryWorld:
    """Three jobs of different kinds for one backend that takes one run at a time."""
    world = MemoryWorld(script=first_is_evicted)
    world.config_maps["team", "programs", "bell.qasm"] = BELL
    ref = {"name": "programs", "key": "bell.qasm"}
    world.add(
        policy(),
        backend(limits={"maxConcurrentRuns": 1}),
        job("sampled"),
        estimate_job("estimated"),
        job("mapped", programs=[{"name": "bell", "configMapKeyRef": ref}]),
    )
    return world


def attempts(job: QuantumJob) -> tuple[Attempt, ...]:
    """Every attempt on record."""
    return job.status.plan.steps[-1].attempts if job.status.plan is not None else ()


def reason(job: QuantumJob, kind: str = "Complete") -> str:
    """The reason of a condition; "" when it is not set."""
    return next((one.reason for one in job.status.conditions if one.type == kind), "")


def ending(world: MemoryWorld) -> dict[str, Any]:
    """How every job ended, without times: what must not depend on errors and crashes on the way."""
    return {
        key.name: {
            "phase": job.status.phase,
            "conditions": [(one.type, one.status, one.reason) for one in job.status.conditions],
            "backend": job.status.backend,
            "input": job.status.input,
            "result": job.status.result,
            "attempts": [(one.number, one.state, one.seed, one.backend) for one in attempts(job)],
            "runs": sorted(name for (_, name), run in world.runs.items() if run.job_uid == job.metadata.uid),
            "artifacts": sorted(n for (_, n), one in world.artifacts.items() if one.job_uid == job.metadata.uid),
        }
        for key, job in world.jobs.items()
    }


async def settled_calls(name: str) -> int:
    """The number of the first port call of this name in an undisturbed Bell world."""
    world = bell_world()
    assert await settle(world)
    return world.faults.calls.index(name) + 1


def calls_of(world: MemoryWorld, name: str) -> int:
    """How many port calls of this name the world has seen."""
    return world.faults.calls.count(name)


def kept(loop: Loop) -> int:
    """How many entries the tables of the loop, its reconciler and its scheduler have."""
    parts = [loop._jobs, loop.scheduler, loop.reconciler]
    return sum(len(table) for part in parts for table in vars(part).values() if isinstance(table, dict | set))
