"""A namespace in which jobs run without a node: the kubelet is the test, and requests are made without kubectl."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

from quantum_operator.api.run import JobInput
from quantum_operator.api.runenvironment import from_environment
from quantum_operator.cluster.api import BATCH, CORE, OURS, Api, StatusError, metadata
from quantum_operator.cluster.labels import JOB_UID
from quantum_operator.testing import builders
from support.clusterworld import manifest, terminated

PATIENCE_SECONDS = 60.0
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
        await self.gone()

    async def gone(self) -> None:
        """Return when the job is gone."""

        async def gone() -> bool | None:
            return await self.api.find(f"{self.jobs}/bell") is None or None

        await eventually(gone)

    async def change(self, **spec: Any) -> None:
        """Change these fields of the job's spec; nobody else may be writing."""
        job = await self.api.get(f"{self.jobs}/bell")
        await self.api.put(f"{self.jobs}/bell", {**job, "spec": {**job["spec"], **spec}})

    async def without_payload(self) -> Json:
        """The job's status, once its payload is removed."""

        async def find() -> Json | None:
            status: Json = (await self.api.get(f"{self.jobs}/bell"))["status"]
            return status if "payloadRemovedTime" in status else None

        found: Json = await eventually(find)
        return found

    async def config_maps(self) -> list[str]:
        """The ConfigMaps that there are besides that which every namespace has."""
        found = [metadata(one)["name"] for one in await self._items(f"{CORE}/namespaces/{self.name}/configmaps")]
        return [name for name in found if name != "kube-root-ca.crt"]

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
                try:
                    await self.api.put(f"{path}/{metadata(pod)['name']}/status", {**pod, "status": status})
                except StatusError as error:  # it has changed or is gone: what is there then is looked at again
                    if error.code not in (404, 409):
                        raise

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
