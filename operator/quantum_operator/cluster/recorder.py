"""The port Recorder: core/v1 Events on QuantumJobs and policies, written behind the loop's back."""

import asyncio
import logging
import os
import secrets
from datetime import UTC, datetime

from quantum_operator.api.meta import API_VERSION
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import CORE, Api, Json, StatusError
from quantum_operator.cluster.labels import correlated
from quantum_operator.decide.observed import Tell
from quantum_operator.ports.errors import TransientError

log = logging.getLogger(__name__)

COMPONENT = "quantum-operator"
BACKLOG = 1000
"""Events that wait to be written; where there are more, the cluster is too slow for them and they are dropped."""


class ClusterRecorder:
    """Events of a cluster; implements the port Recorder."""

    def __init__(self, api: Api) -> None:
        """Write by `api`, while `run` runs."""
        self._api = api
        self._queue: asyncio.Queue[Json] = asyncio.Queue(BACKLOG)

    async def tell(self, about: QuantumJob | BackendPolicy, event: Tell) -> None:
        """Have the event written soon, and its reason logged; no job waits for that."""
        log.info("%s", event.reason)
        try:
            self._queue.put_nowait(event_body(about, event, datetime.now(UTC)))
        except asyncio.QueueFull:
            meta = about.metadata
            log.warning("event %s of %s %s/%s is dropped", event.reason, about.kind, meta.namespace, meta.name)

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            body = await self._queue.get()
            try:
                await self._api.post(f"{CORE}/namespaces/{body['metadata']['namespace']}/events", body)
            except (StatusError, TransientError) as error:
                log.warning("event %s is lost: %s", body["reason"], error)
            finally:
                self._queue.task_done()

    async def flush(self) -> None:
        """Wait until everything told so far is written."""
        await self._queue.join()


def event_body(about: QuantumJob | BackendPolicy, event: Tell, now: datetime) -> Json:
    """A core/v1 Event, as `kubectl describe` shows it.

    Its time is in whole seconds. So that events of one second are listed in the order they were told in, the name
    has the time too, in nanoseconds, as Kubernetes' own events have it; what follows keeps two writers' names apart.
    """
    meta = about.metadata
    instant = int(now.timestamp()) * 1_000_000_000 + now.microsecond * 1000
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{meta.name[:200].rstrip('-.')}.{instant:016x}{secrets.token_hex(4)}",
            "namespace": meta.namespace,
            "annotations": correlated(about) if isinstance(about, QuantumJob) else {},
        },
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": about.kind,
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
            "resourceVersion": meta.resource_version,
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:1024],
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": os.environ.get("HOSTNAME", COMPONENT),
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
