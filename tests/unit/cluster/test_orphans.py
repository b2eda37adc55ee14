"""Which tasks the operator asks the API server about: as few as it can, for anybody may have made them."""

from typing import Any, cast

import pytest

from quantum_operator.cluster.api import Api, Json
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.tasks import ClusterTasks


class NoJobs:
    """An API server that has no job, and counts who asks."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def find(self, path: str) -> Json | None:
        self.asked.append(path)
        return None


def orphan(*, cancel: bool, state: str) -> Json:
    spec: dict[str, Any] = {
        "job": {"namespace": "team", "name": "bell", "uid": "gone"},
        "backend": "qpu",
        "device": "device",
        "input": "{}",
        "inputSha256": "0" * 64,
        "seed": 1,
        "token": "token-of-bell",
        "ceiling": {"micros": 1, "currency": "USD", "seconds": 1},
        "cancel": cancel,
    }
    metadata = {"name": "orphan", "namespace": "lab", "uid": "u", "resourceVersion": "1"}
    return {"metadata": metadata, "spec": spec, "status": {"state": state}}


@pytest.mark.parametrize(
    ("cancel", "state", "asks"),
    [
        (False, "Pending", True),
        (True, "Pending", False),
        (True, "Running", False),
        (True, "Cancelled", True),
        (False, "Succeeded", True),
    ],
)
async def test_a_cancelled_task_costs_nothing_until_it_is_over(*, cancel: bool, state: str, asks: bool) -> None:
    """One live look before it is cancelled and one before it goes, however often the rest changes meanwhile."""
    api, mirror = NoJobs(), Mirror()
    mirror.tasks.cache.put(orphan(cancel=cancel, state=state))
    found = await ClusterTasks(cast(Api, api), mirror, ()).without_job()
    assert (len(found), len(api.asked)) == (int(asks), int(asks))
