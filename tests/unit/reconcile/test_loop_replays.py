"""Replays of one job, through the whole loop: so many an hour run, and the others say why they do not."""

import asyncio
from datetime import timedelta

from quantum_operator.decide.times import stamp
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from quantum_operator.testing.clock import START
from quantum_operator.testing.drive import settle
from quantum_operator.testing.world import MemoryWorld
from unit.reconcile.scenarios import reason

OF = {"name": "first", "uid": "uid-of-team-first"}


def add(world: MemoryWorld, name: str, seconds: int) -> None:
    """A replay that was created at this time."""
    job = builders.job(name, replayOf=OF)
    created = stamp(START + timedelta(seconds=seconds))
    world.add(job.model_copy(update={"metadata": job.metadata.model_copy(update={"creation_timestamp": created})}))


def endings(world: MemoryWorld) -> dict[str, str]:
    """Why each job is over, by name."""
    return {key.name: reason(job) for key, job in world.jobs.items()}


def test_replays_beyond_the_limit_are_refused() -> None:
    """Also where those before them are over, and where the operator was started anew between them."""
    world = MemoryWorld()
    world.add(builders.policy(maxReplaysPerHour=2), builders.backend())
    for number in range(4):
        add(world, f"again-{number}", number)
        assert asyncio.run(settle(world))
    assert endings(world) == {
        "again-0": "Succeeded",
        "again-1": "Succeeded",
        "again-2": "TooManyReplays",
        "again-3": "TooManyReplays",
    }
    add(world, "an-hour-later", 3600)
    assert asyncio.run(settle(world))
    assert endings(world)["an-hour-later"] == "Succeeded"


def test_replays_that_come_at_once_are_told_apart() -> None:
    """A hundred in the same second: the limit holds, and all are answered."""
    world = MemoryWorld()
    world.add(builders.policy(), builders.backend())
    for number in range(100):
        add(world, f"again-{number:03}", 0)
    assert asyncio.run(settle(world))
    found = list(endings(world).values())
    assert (found.count("Succeeded"), found.count("TooManyReplays")) == (10, 90)


def test_a_deleted_replay_does_not_count() -> None:
    """What is not there any more nobody can count."""
    world = MemoryWorld()
    world.add(builders.policy(maxReplaysPerHour=1), builders.backend())
    add(world, "one", 0)
    assert asyncio.run(settle(world))
    world.delete(Key("team", "one"))
    add(world, "two", 1)
    assert asyncio.run(settle(world))
    assert endings(world) == {"two": "Succeeded"}
