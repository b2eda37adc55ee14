"""A job that is tried with other parameters, through the whole loop, whatever dies on the way."""

import asyncio
from typing import get_args

import pytest

from quantum_operator.api.run import JobInput, RunSpec
from quantum_operator.ports.world import Key
from quantum_operator.testing.builders import BELL, backend, job, outcome, policy
from quantum_operator.testing.drive import settle
from quantum_operator.testing.faults import Fault
from quantum_operator.testing.world import MemoryWorld, succeed
from support.disturbed import calls_to_disturb
from unit.reconcile.scenarios import attempts

KEY = Key("team", "mapped")
FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault not in ("gone", "refused", "taken"))


def slow_with_many_shots(spec: RunSpec, job_input: JobInput) -> bytes | str:
    """The script of runs that take too long for more than a hundred shots."""
    assert job_input.task.sample is not None
    if job_input.task.sample.pubs[0].shots <= 100:
        return succeed(spec, job_input)
    error = {"reason": "TimeLimitExceeded", "message": "it took too long"}
    made = outcome(spec, job_input, error=error, pubs=[])
    return made.model_dump_json(by_alias=True, exclude_none=True).encode()


def slow_world() -> MemoryWorld:
    """A job whose program is in a ConfigMap, and which may have fewer shots where it is too slow."""
    world = MemoryWorld(script=slow_with_many_shots)
    world.config_maps["team", "programs", "bell.qasm"] = BELL
    ref = {"name": "programs", "key": "bell.qasm"}
    change = {"reasons": ["TimeLimitExceeded"], "shots": 100}
    programs = [{"name": "bell", "configMapKeyRef": ref}]
    world.add(policy(), backend(), job("mapped", programs=programs, retry={"onFailure": [change]}))
    return world


def inputs(world: MemoryWorld) -> list[JobInput]:
    """What each run was given, in order."""
    kept = {sha: one for one in world.artifacts.values() for sha in [one.data]}
    return [JobInput.model_validate_json(data) for data in kept if data.startswith(b'{"execution"')]


def assert_changed(world: MemoryWorld) -> None:
    """Two attempts, the second with fewer shots of the same program."""
    status = world.jobs[KEY].status
    assert status.phase == "Succeeded", status.conditions
    assert [(one.state, one.changes) for one in attempts(world.jobs[KEY])] == [("Failed", ()), ("Succeeded", (0,))]
    assert status.result is not None
    assert status.result.pubs[0].shots == 100
    first, second = inputs(world)
    assert first.programs == second.programs
    assert len(world.started) == len(set(world.started)) == 2


def test_a_slow_job_succeeds_with_fewer_shots() -> None:
    """Its program is the one that was accepted, also where the ConfigMap is another one by then."""
    world = slow_world()

    def changing(spec: RunSpec, job_input: JobInput) -> bytes | str:
        world.config_maps["team", "programs", "bell.qasm"] = "something else"
        return slow_with_many_shots(spec, job_input)

    world.script = changing
    assert asyncio.run(settle(world))
    assert_changed(world)


@pytest.mark.parametrize("fault", FAULTS)
def test_it_ends_the_same_whichever_call_fails(fault: Fault, faults: str) -> None:
    """The operator dies, or is answered wrongly, at each call in turn."""
    undisturbed = slow_world()
    assert asyncio.run(settle(undisturbed))
    for n in calls_to_disturb(len(undisturbed.faults.calls), faults, fault):
        world = slow_world()
        world.fail_at(n, fault)
        while not asyncio.run(settle(world)):
            pass
        assert_changed(world)
