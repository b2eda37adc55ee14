"""What a job is part of, through the loop."""

import logging

import pytest

from quantum_operator.ports.world import Key
from quantum_operator.reconcile import logcontext
from quantum_operator.testing.builders import backend, job, policy
from quantum_operator.testing.drive import settle
from quantum_operator.testing.world import MemoryWorld
from unit.reconcile.scenarios import calls_of


def two_jobs() -> MemoryWorld:
    """One job that says what it is part of, and one that does not."""
    world = MemoryWorld()
    world.add(policy(), backend(), job("told", correlationId="order-7"), job("silent"))
    return world


async def test_every_status_says_what_its_job_is_part_of() -> None:
    """From the first one on; a job that does not say has none."""
    world = two_jobs()
    assert await settle(world)
    found = {(key.name, status.correlation_id) for key, status in world.history}
    assert found == {("told", "order-7"), ("silent", None)}


async def test_a_warning_of_one_job_does_not_name_what_another_is_part_of(caplog: pytest.LogCaptureFixture) -> None:
    """Workers take turns over jobs, and each line is about the job at hand."""
    lines: list[tuple[str, dict[str, str]]] = []

    class Keep(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            lines.append((record.getMessage(), dict(logcontext.fields())))
            return True

    caplog.handler.addFilter(Keep())
    world = two_jobs()
    for n in (*range(3, 30), *range(31, 90, 3)):
        world.fail_at(n, "transient-before")
    assert await settle(world)
    assert {about["job"] for _, about in lines if about} == {"team/told", "team/silent"}
    for message, about in lines:
        if message.startswith("job "):
            assert message.startswith(f"job {about['job']}: ")
            assert about.get("correlationId") in ({"order-7", None} if about["job"] == "team/told" else {None})
    assert any("correlationId" in about for _, about in lines)
    assert calls_of(world, "store.job") > 2
    assert world.jobs[Key("team", "told")].status.phase == "Succeeded"
