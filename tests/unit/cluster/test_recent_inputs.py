"""A task's input is read once more only where it was not just written."""

import hashlib
from typing import cast

import pytest

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumtask import TaskCeiling
from quantum_operator.cluster.api import Api, Json
from quantum_operator.cluster.artifacts import ClusterArtifacts
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.tasks import ClusterTasks
from quantum_operator.decide.observed import StartTask
from quantum_operator.ports.kept import Kept
from quantum_operator.testing import builders

INPUT = b'{"programs": []}'
REF = ArtifactRef(name="bell-input", sha256=hashlib.sha256(INPUT).hexdigest(), bytes=len(INPUT))


class Server:
    """An API server that takes everything, and counts what is read."""

    def __init__(self) -> None:
        self.created: dict[str, Json] = {}
        self.reads = 0

    async def post(self, path: str, body: Json) -> Json:
        metadata = {**body["metadata"], "uid": f"uid-of-{body['metadata']['name']}", "resourceVersion": "1"}
        created = self.created[f"{path}/{body['metadata']['name']}"] = {**body, "metadata": metadata}
        return created

    async def find(self, path: str) -> Json | None:
        self.reads += 1
        return self.created.get(path)


@pytest.mark.parametrize(("room", "reads"), [(100, 0), (10, 1)])
async def test_an_input_that_was_just_written_is_not_read(room: int, reads: int) -> None:
    """Where there was room for it; after that it is no longer kept."""
    server, recent, job = Server(), Kept(room), builders.job()
    api = cast(Api, server)
    await ClusterArtifacts(api, recent).put(job, REF, INPUT)
    tasks = ClusterTasks(api, Mirror(), (), recent)
    for number in (1, 2):
        ceiling = TaskCeiling(micros=1, currency="USD", seconds=1)
        name = f"bell-{number}"
        await tasks.start(job, StartTask(name, "lab", "qpu", "device", REF, 7, f"a-token-of-{name}", ceiling, 60))
        body = next(one for path, one in server.created.items() if path.endswith(f"/quantumtasks/{name}"))
        assert body["spec"]["input"] == INPUT.decode()
        assert server.reads == reads + number - 1
