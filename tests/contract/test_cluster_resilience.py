"""What breakers, fallbacks and the switch need of a cluster, against a real API server."""

import asyncio

import pytest

from quantum_operator.api.jobstatus import ArtifactRef, Attempt, Demand, Plan, QuantumJobStatus, Step
from quantum_operator.cluster.api import Api
from quantum_operator.cluster.endings import KEPT, Endings
from quantum_operator.decide.observed import Tell
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from support.clusterworld import World, manifest
from testcluster import Cluster

BREAKER = {"breaker": {"minimumAttempts": 2}}
TIME = "2026-01-01T00:00:00Z"


@pytest.fixture
async def world(served: Cluster, namespace: str, api: Api) -> World:
    """The ports, in a namespace of their own."""
    return World(served, namespace, api)


def status_of(state: str, reason: str = "", *, number: int = 1, digest: str = "a") -> QuantumJobStatus:
    """A job with one attempt, in this state, and this input."""
    over = {} if state == "Pending" else {"completionTime": TIME}
    body = {"name": f"run-{number}", "number": number, "backend": "qpu", "state": state, "seed": 1, "createdTime": TIME}
    attempt = Attempt.model_validate({**body, **over, "reason": reason})
    demand = Demand(qubits=2, shots=1)
    plan = Plan(policy="default", policy_uid="u", policy_generation=1, demand=demand, steps=(Step(name="primary"),))
    plan = plan.model_copy(update={"steps": (Step(name="primary", attempts=(attempt,)),)})
    return QuantumJobStatus(plan=plan, input=ArtifactRef(name="x", sha256=digest * 64, bytes=1), phase="Queued")


async def test_jobs_with_the_same_input_are_found_by_its_digest(world: World) -> None:
    """By the API server, over or not; the job itself is not among them, nor one of another input."""
    for name, digest in (("first", "a"), ("second", "a"), ("other", "b")):
        job = await world.add_job(name)
        await world.store.put_job_status(job, status_of("Succeeded", "Succeeded", digest=digest))
    job = await world.add_job("mine")
    mine = job.model_copy(update={"status": status_of("Pending")})
    assert sorted(one.metadata.name for one in await world.store.earlier(mine)) == ["first", "second"]
    second = next(one for one in await world.store.earlier(mine) if one.metadata.name == "second")
    assert [one.metadata.name for one in await world.store.earlier(second)] == ["first"]


async def test_how_attempts_ended_is_known_again_after_a_restart(world: World) -> None:
    """Of the jobs of a policy with a breaker; of one that is deleted, as long as the process lives."""
    world.apply(manifest(builders.policy("qpu", **BREAKER), world.namespace))
    for name, state, reason in (
        ("a", "Failed", "TaskFailed"),
        ("b", "Succeeded", ""),
        ("c", "Failed", "InvalidProgram"),
    ):
        job = await world.add_job(name)
        await world.store.put_job_status(job, status_of(state, reason))
    assert sorted(one.failed for one in await world.store.endings(world.namespace, "default")) == [False, True]
    world.kubectl("delete", "quantumjob", "a")
    await world.read()
    assert len(await world.store.endings(world.namespace, "default")) == 2
    world.restart()
    await world.read()
    assert [one.failed for one in await world.store.endings(world.namespace, "default")] == [False]
    assert await world.store.endings(world.namespace, "other") == ()


async def test_what_is_under_way_is_seen(world: World) -> None:
    """With its backend, and since when."""
    job = await world.add_job()
    await world.store.put_job_status(job, status_of("Pending"))
    (flight,) = await world.store.flights(world.namespace, "default")
    assert (flight.job, flight.backend, flight.provided, flight.task) == ("bell", "qpu", False, None)
    assert await world.store.flights(world.namespace, "other") == ()


async def test_an_event_on_a_policy_is_shown_with_it(world: World) -> None:
    """By `kubectl describe`, as those on jobs are."""
    world.apply(manifest(builders.policy("qpu"), world.namespace))
    await world.read()
    policy = await world.store.policy(world.namespace, "default")
    assert policy is not None
    await world.recorder.tell(policy, Tell("Warning", "BreakerOpened", "qpu: 3 of 4 attempts failed there"))
    writing = asyncio.create_task(world.recorder.run())
    await world.recorder.flush()
    writing.cancel()
    assert "BreakerOpened" in world.kubectl("describe", "backendpolicy", "default")


def test_only_the_latest_endings_are_kept() -> None:
    """However many jobs there were; and none once the policy has no breaker any more."""
    matters = [True]
    endings = Endings(lambda _: matters[0])
    for number in range(2 * KEPT + 1):
        job = builders.job(f"job-{number}")
        minute = {"completion_time": f"2026-01-0{1 + number // 1440}T{number // 60 % 24:02}:{number % 60:02}:00Z"}
        status = status_of("Succeeded")
        assert status.plan is not None
        step = status.plan.steps[0]
        attempts = tuple(one.model_copy(update=minute) for one in step.attempts)
        plan = status.plan.model_copy(update={"steps": (step.model_copy(update={"attempts": attempts}),)})
        endings.note(job.model_copy(update={"status": status.model_copy(update={"plan": plan})}))
    kept = endings.of(Key("team", "default"))
    assert len(kept) == KEPT
    assert {one.attempt for one in kept} == {f"uid-of-team-job-{n}/1" for n in range(KEPT + 1, 2 * KEPT + 1)}
    matters[0] = False
    endings.note(builders.job("last"))
    assert endings.of(Key("team", "default")) == ()
