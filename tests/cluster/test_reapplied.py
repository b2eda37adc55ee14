"""A finished job, deleted and applied again fifty times, against a real API server; the kubelet is the test.

The requests are made without kubectl, which would take longer than all that they ask for.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.api.run import JobInput
from quantum_operator.api.runenvironment import from_environment
from quantum_operator.cluster.api import BATCH, CORE, OURS, Api, metadata
from quantum_operator.cluster.connection import http_client, load_config
from quantum_operator.cluster.labels import JOB_UID
from quantum_operator.testing import builders
from support.clusterworld import manifest, serve_crds, terminated
from support.operators import grant, operator
from testcluster import Cluster

TIMES = 50
PATIENCE_SECONDS = 30.0
Json = dict[str, Any]


class Namespace:
    """A namespace with a policy and a backend whose pods no node takes, and the job `bell`."""

    def __init__(self, api: Api, name: str) -> None:
        self.api, self.name = api, name
        self.backend = f"aer-{name}"
        self.jobs = f"{OURS}/namespaces/{name}/quantumjobs"

    async def prepare(self) -> None:
        """Create what every job needs."""
        run = {"nodeSelector": {"quantum-operator.dev/node": "none"}, "memory": "256Mi"}
        await self.api.post(f"{OURS}/quantumbackends", manifest(builders.backend(self.backend, run=run), ""))
        policy = manifest(builders.policy(self.backend), self.name)
        await self.api.post(f"{OURS}/namespaces/{self.name}/backendpolicies", policy)

    async def submit(self, **spec: Any) -> str:
        """Create the job; its UID."""
        created = await self.api.post(self.jobs, manifest(builders.job(**spec), self.name))
        return str(metadata(created)["uid"])

    async def over(self) -> Json:
        """The job, once it is over; the run's pod is let end as soon as it is there."""

        async def find() -> Json | None:
            job = await self.api.get(f"{self.jobs}/bell")
            if "completionTime" in job.get("status", {}):
                return job
            await self._end_pods(str(metadata(job)["uid"]))
            return None

        return await eventually(find)

    async def delete(self, uid: str) -> None:
        """Delete the job, and return when it is gone."""
        await self.api.delete(f"{self.jobs}/bell", uid=uid)

        async def gone() -> bool | None:
            return await self.api.find(f"{self.jobs}/bell") is None or None

        await eventually(gone)

    async def runs(self) -> list[Json]:
        """The batch Jobs that there are."""
        return await self._items(f"{BATCH}/namespaces/{self.name}/jobs")

    async def left(self) -> list[str]:
        """What there is besides what every namespace has, and what has no owner."""
        paths = [f"{BATCH}/namespaces/{self.name}/jobs"]
        paths += [f"{CORE}/namespaces/{self.name}/{plural}" for plural in ("pods", "configmaps")]
        found = [metadata(one)["name"] for path in paths for one in await self._items(path)]
        return [name for name in found if name != "kube-root-ca.crt" and not name.startswith("quantum-claim-")]

    async def claims(self) -> list[str]:
        """The names of the claims."""
        found = await self._items(f"{CORE}/namespaces/{self.name}/configmaps")
        return [metadata(one)["name"] for one in found if metadata(one)["name"].startswith("quantum-claim-")]

    async def _end_pods(self, uid: str) -> None:
        path = f"{CORE}/namespaces/{self.name}/pods"
        for pod in await self._items(path, labelSelector=f"{JOB_UID}={uid}"):
            if pod["status"]["phase"] == "Pending":
                state = terminated(await self._outcome(pod))
                container = {"name": "runner", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
                status = {"phase": "Succeeded", "containerStatuses": [{**container, "state": state}]}
                await self.api.put(f"{path}/{metadata(pod)['name']}/status", {**pod, "status": status})

    async def _outcome(self, pod: Json) -> str:
        spec = from_environment({one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]})
        source = next(one["configMap"]["name"] for one in pod["spec"]["volumes"] if "configMap" in one)
        kept = await self.api.get(f"{CORE}/namespaces/{self.name}/configmaps/{source}")
        job_input = JobInput.model_validate_json(base64.b64decode(kept["binaryData"]["data"]))
        return builders.outcome(spec, job_input).model_dump_json(by_alias=True, exclude_none=True)

    async def _items(self, path: str, **params: str) -> list[Json]:
        items: list[Json] = (await self.api.get(path, **params))["items"]
        return items


async def eventually(find: Callable[[], Awaitable[Any]]) -> Any:
    """What `find` finds, once it does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (found := await find()) is None:  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.05)
    return found


@pytest.fixture
async def place(
    api_server: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Namespace]:
    """A namespace in which an operator works, with the rights that its chart gives it; it is its home as well."""
    serve_crds(api_server)
    grant(api_server, namespace)
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig))
    monkeypatch.setenv("NO_PROXY", "*")
    async with http_client(load_config()) as client:
        place = Namespace(Api(client), namespace)
        await place.prepare()
        with operator(api_server, namespace, tmp_path, LEASE=f"{namespace}/quantum") as process:
            yield place
            assert "traceback" not in process.said()
    api_server.kubectl("delete", "quantumbackend", place.backend, "--wait=false")


async def assert_nothing_is_left(place: Namespace) -> None:
    """Kubernetes has collected what belonged to the jobs."""

    async def nothing() -> bool | None:
        return await place.left() == [] or None

    await eventually(nothing)


async def test_under_one_key_a_job_runs_once_however_often_it_is_applied(place: Namespace) -> None:
    """Every time it is complete with the first result, at no cost; one claim is left and nothing else."""
    runs, results = set(), []
    for number in range(TIMES):
        uid = await place.submit(idempotencyKey="nightly-7")
        job = await place.over()
        runs |= {metadata(one)["uid"] for one in await place.runs()}
        results.append(job["status"]["result"])
        complete = next(one for one in job["status"]["conditions"] if one["type"] == "Complete")
        assert (complete["status"], complete["reason"]) == ("True", "AlreadyDone" if number else "Succeeded")
        assert job["status"]["cost"]["micros"] == 0
        await place.delete(uid)
    assert len(runs) == 1
    assert results == [results[0]] * TIMES
    assert len(await place.claims()) == 1
    await assert_nothing_is_left(place)


async def test_without_a_key_every_application_runs_and_adopts_nothing(place: Namespace) -> None:
    """Each has a run of its own, whose outcome is the one that counts; nothing is left."""
    runs, names = set(), set()
    for _ in range(TIMES):
        uid = await place.submit()
        job = await place.over()
        (attempt,) = job["status"]["plan"]["steps"][0]["attempts"]
        assert attempt["state"] == "Succeeded"
        (run,) = [one for one in await place.runs() if metadata(one)["uid"] == attempt["runUid"]]
        assert metadata(run)["labels"][JOB_UID] == uid
        runs.add(attempt["runUid"])
        names.add(attempt["name"])
        await place.delete(uid)
    assert len(runs) == len(names) == TIMES
    assert await place.claims() == []
    await assert_nothing_is_left(place)
