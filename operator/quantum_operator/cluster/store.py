"""The ports Store and Statuses: reads from what is watched, writes that compare and set."""

import re
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar

from pydantic import ValidationError

from quantum_operator.api.backend import QuantumBackend, QuantumBackendStatus
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.api.policy import BackendPolicy, BackendPolicyStatus
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import CORE, Api, StatusError, metadata, refusals_as_transient
from quantum_operator.cluster.made import create_job
from quantum_operator.cluster.mirror import PAGE, Mirror
from quantum_operator.cluster.writes import put_status, refresh
from quantum_operator.decide.breaker import Ending
from quantum_operator.decide.cached import same_input
from quantum_operator.decide.replay import Replay
from quantum_operator.decide.switch import Flight, flights_among
from quantum_operator.ports.errors import ConflictError, TransientError
from quantum_operator.ports.world import Key

Resource = TypeVar("Resource", QuantumJob, BackendPolicy, QuantumBackend)

EARLIER = "100"
"""So many jobs with the same input are looked at for a result."""

LABELS_SECONDS = 10.0
"""How old the labels of a namespace may be when a backend is assigned."""


class ClusterStore:
    """Resources in a cluster; implements the ports Store and Statuses."""

    removes_by_time = True

    def __init__(self, api: Api, mirror: Mirror) -> None:
        """Read from `mirror`, and by `api` what is not watched."""
        self._api = api
        self._mirror = mirror
        self._labels: dict[str, tuple[float, dict[str, str]]] = {}

    async def job(self, key: Key) -> QuantumJob | None:
        """The job; None as well once it is over, unless it is to be deleted: then what that takes is there of it."""
        return self._mirror.jobs.cache.get(key)

    async def put_job_status(self, job: QuantumJob, status: QuantumJobStatus) -> None:
        """Replace the status of the version that was observed."""
        await put_status(self._api, self._mirror.jobs, job, status.to_wire())

    async def whole_job(self, job: QuantumJob) -> QuantumJob | None:
        """The job, read now. Raises TransientError."""
        meta, kind = job.metadata, self._mirror.jobs
        with refusals_as_transient():
            body = await self._api.find(f"{kind.path(meta.namespace)}/{meta.name}")
        if body is None or metadata(body).get("uid") != meta.uid:
            return None
        return QuantumJob.model_validate(body)

    async def delete_job(self, job: QuantumJob) -> None:
        """Delete the version that was observed."""
        meta, kind = job.metadata, self._mirror.jobs
        path = f"{kind.path(meta.namespace)}/{meta.name}"
        try:
            await self._api.delete(path, uid=meta.uid, version=meta.resource_version)
        except StatusError as error:
            if error.code != 409:
                raise TransientError(str(error)) from error
            await refresh(self._api, kind, path, job)
            raise ConflictError(error.message) from error

    async def create_job(self, job: QuantumJob) -> None:
        """Create it, or see that it is there. Raises RefusedError, NameTakenError, GoneError, TransientError."""
        await create_job(self._api, self._mirror.jobs, job)

    async def policy(self, namespace: str, name: str) -> BackendPolicy | None:
        """The policy, or None."""
        return self._mirror.policies.cache.get(Key(namespace, name))

    async def backends(self) -> tuple[QuantumBackend, ...]:
        """Every backend."""
        return tuple(self._mirror.backends.cache.values())

    async def live_runs(self) -> Mapping[str, int]:
        """How many runs and tasks each backend has under way."""
        return Counter(run.partition("/")[0] for run in self._mirror.jobs.cache.tallies)

    async def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace, read within the last LABELS_SECONDS."""
        known = self._labels.get(namespace)
        if known is None or time.monotonic() - known[0] > LABELS_SECONDS:
            with refusals_as_transient():
                body = await self._api.find(f"{CORE}/namespaces/{namespace}")
            labels = ((body or {}).get("metadata") or {}).get("labels") or {}
            known = self._labels[namespace] = (time.monotonic(), labels)
        return known[1]

    async def replays(self, namespace: str, uid: str) -> tuple[Replay, ...]:
        """The jobs that repeat this one, over or not, as the API server has them now."""
        escaped = re.sub(r"([\\,=])", r"\\\1", uid)
        params = {"fieldSelector": f"spec.replayOf.uid={escaped}", "limit": PAGE}
        found: list[Replay] = []
        more: str | None = ""
        while more is not None:
            with refusals_as_transient():
                page = await self._api.get_metadata(
                    self._mirror.jobs.path(namespace), **params, **({"continue": more} if more else {})
                )
            found += [Replay(meta["creationTimestamp"], meta["uid"]) for meta in map(metadata, page.get("items") or ())]
            more = metadata(page).get("continue") or None
        return tuple(found)

    async def flights(self, namespace: str, policy: str) -> tuple[Flight, ...]:
        """The live attempts of the policy's jobs, as they were seen last."""
        mirror = self._mirror
        live = [job for there in mirror.jobs.cache.tallies.values() for job in there.values()]
        return flights_among(live, namespace, policy, lambda agent, name: mirror.tasks.cache.get(Key(agent, name)))

    async def endings(self, namespace: str, policy: str) -> tuple[Ending, ...]:
        """Of all jobs that were seen."""
        return self._mirror.endings.of(Key(namespace, policy))

    async def earlier(self, job: QuantumJob) -> tuple[QuantumJob, ...]:
        """The jobs with the same input, as the API server has them now; no more than EARLIER of them."""
        digest = job.status.input.sha256 if job.status.input is not None else ""
        params = {"fieldSelector": f"status.input.sha256={digest}", "limit": EARLIER}
        found = []
        with refusals_as_transient():
            page = await self._api.get(self._mirror.jobs.path(job.metadata.namespace), **params)
        for body in page.get("items") or ():
            with suppress(ValidationError):
                found.append(QuantumJob.model_validate(body))
        return same_input(found, job)

    async def config_map_value(self, namespace: str, name: str, key: str) -> str | None:
        """One key of a ConfigMap's text, read now."""
        with refusals_as_transient():
            body = await self._api.find(f"{CORE}/namespaces/{namespace}/configmaps/{name}")
        value = ((body or {}).get("data") or {}).get(key)
        return value if isinstance(value, str) else None

    async def policies(self) -> tuple[BackendPolicy, ...]:
        """Every policy."""
        return tuple(self._mirror.policies.cache.values())

    async def put_policy_status(self, policy: BackendPolicy, status: BackendPolicyStatus) -> bool:
        """Replace the status of the version that was observed, or drop it: a later version is judged anew."""
        try:
            await put_status(self._api, self._mirror.policies, policy, status.to_wire())
        except ConflictError:
            return False
        return True

    async def put_backend_status(self, backend: QuantumBackend, status: QuantumBackendStatus) -> None:
        """Replace the status of the version that was observed, or drop it: a later version is judged anew."""
        try:
            await put_status(self._api, self._mirror.backends, backend, status.to_wire())
        except ConflictError:
            return
