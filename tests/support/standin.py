"""`python -m support.standin KUBECONFIG NAMESPACE SECONDS`: says of runs' pods what a kubelet would, and runs nothing.

Every pod of the namespace that belongs to a run is said to execute, and so many seconds later to have succeeded, with
an outcome that is in order: the digest of its input, the seed, counts of a Bell pair for every pub.
"""

import base64
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from quantum_operator.api.run import JobInput
from quantum_operator.api.runenvironment import from_environment
from quantum_operator.cluster.labels import JOB_UID
from quantum_operator.testing import builders
from support.clusterworld import RUNNING, terminated
from support.restclient import MERGE, Json, RestClient

WORKERS = 4


class StandIn:
    """The kubelet of pods that no node has."""

    def __init__(self, client: RestClient, namespace: str, seconds: float) -> None:
        self._client, self._place, self._seconds = client, f"/api/v1/namespaces/{namespace}", seconds
        self._created: SimpleQueue[Json] = SimpleQueue()
        self._running: SimpleQueue[tuple[float, Json]] = SimpleQueue()
        self._inputs: dict[str, JobInput] = {}

    def run(self) -> None:
        """Go on until the watch ends."""
        for work in (self._start, self._finish):
            for _ in range(WORKERS):
                threading.Thread(target=work, daemon=True).start()
        known: set[str] = set()
        for pod in self._client.watch(f"{self._place}/pods", labelSelector=JOB_UID):
            if pod["metadata"]["uid"] not in known:
                known.add(pod["metadata"]["uid"])
                self._created.put(pod)

    def _start(self) -> None:
        while True:
            pod = self._created.get()
            self._say(pod, "Running", RUNNING)
            self._running.put((time.monotonic() + self._seconds, pod))

    def _finish(self) -> None:
        while True:
            due, pod = self._running.get()
            time.sleep(max(0.0, due - time.monotonic()))
            self._say(pod, "Succeeded", terminated(self._outcome(pod)))

    def _say(self, pod: Json, phase: str, state: Json) -> None:
        ready = phase == "Running"
        container = {"name": "runner", "image": "x", "imageID": "", "ready": ready, "restartCount": 0, "state": state}
        conditions = [{"type": "Ready", "status": str(ready)}]
        status = {"phase": phase, "conditions": conditions, "containerStatuses": [container]}
        self._client.request("PATCH", f"{self._place}/pods/{pod['metadata']['name']}/status", {"status": status}, MERGE)

    def _outcome(self, pod: Json) -> str:
        """What the runner would leave."""
        spec: dict[str, Any] = pod["spec"]
        run = from_environment({one["name"]: one["value"] for one in spec["containers"][0]["env"]})
        name = next(one["configMap"]["name"] for one in spec["volumes"] if "configMap" in one)
        if run.input_sha256 not in self._inputs:
            kept = self._client.request("GET", f"{self._place}/configmaps/{name}")
            self._inputs[run.input_sha256] = JobInput.model_validate_json(base64.b64decode(kept["binaryData"]["data"]))
        left = builders.outcome(run, self._inputs[run.input_sha256])
        return left.model_dump_json(by_alias=True, exclude_none=True)


if __name__ == "__main__":
    StandIn(RestClient(Path(sys.argv[1])), sys.argv[2], float(sys.argv[3])).run()
