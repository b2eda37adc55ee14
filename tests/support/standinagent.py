"""An agent that submits nothing: it writes of every task what an agent would, and counts what a provider charges.

Each task that is not cancelled is executed once, at its ceiling, and leaves counts of a Bell pair.
"""

import base64
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
from lightkube import KubeConfig
from lightkube.config.client_adapter import user_auth, verify_cluster

from quantum_operator.api.quantumtask import OVER
from quantum_operator.api.run import JobInput
from quantum_operator.testing import builders
from support.clusterworld import Json, manifest

OURS = "/apis/quantum-operator.dev/v1alpha1"


def offer(client: "Rest", name: str, agents: str, device: str, **given: Any) -> None:
    """Create a backend, at three micro-units a shot, that a stand-in agent in the namespace `agents` answers for."""
    provider = {"agent": agents, "device": device}
    offered = builders.backend(name, adapter="standin", provider=provider, price={"perShotMicros": 3}, **given)
    body = manifest(offered, "")
    made = client.request("POST", f"{OURS}/quantumbackends", body)
    status = {**body, "metadata": made["metadata"], "status": offered.status.to_wire()}
    client.request("PUT", f"{OURS}/quantumbackends/{name}/status", status)


class Rest:
    """One user's requests, from any thread. A kind that is not served yet is asked for again."""

    def __init__(self, kubeconfig: Path) -> None:
        config = KubeConfig.from_file(kubeconfig).get()
        assert config is not None
        assert config.user is not None
        tls = verify_cluster(config.cluster, config.user, config.abs_file)
        auth = user_auth(config.user)
        self._client = httpx2.Client(base_url=config.cluster.server, verify=tls, auth=auth, timeout=30, trust_env=False)

    def request(self, method: str, path: str, body: Json | None = None) -> Json:
        """Ask, and return the answer. Raises AssertionError with what was refused."""
        answer = self._client.request(method, path, json=body)
        while answer.status_code == 429:
            time.sleep(0.2)
            answer = self._client.request(method, path, json=body)
        assert answer.is_success, answer.text
        found: Json = answer.json()
        return found

    def create_all(self, path: str, bodies: Iterable[Json]) -> None:
        """Create these, several at once."""
        with ThreadPoolExecutor(8) as threads:
            for _ in threads.map(lambda body: self.request("POST", path, body), bodies):
                pass

    def close(self) -> None:
        """Ask no more."""
        self._client.close()


class StandInAgent:
    """Works in a thread of its own until it is closed."""

    def __init__(self, client: Rest, namespace: str, pause: float) -> None:
        """Take on a task every `pause` seconds in the namespace."""
        self._client, self._namespace, self._pause = client, namespace, pause
        self._tasks = f"{OURS}/namespaces/{namespace}/quantumtasks"
        self.submitted: Counter[str] = Counter()
        """How often each token was."""
        self.charged = 0
        self._over = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it. Raises what went wrong in it."""
        self._over.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._over.wait(self._pause):
                self._step()
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody looks
            self.failure = error

    def _step(self) -> None:
        tasks = self._client.request("GET", self._tasks)["items"]
        for task in [one for one in tasks if one.get("status", {}).get("state", "Pending") not in OVER]:
            if task["spec"]["cancel"]:
                self._say(task, {"state": "Cancelled", "charge": {"micros": 0, "currency": "USD"}})
                continue
            self.submitted[task["spec"]["token"]] += 1
            ceiling = task["spec"]["ceiling"]
            self.charged += ceiling["micros"]
            charge = {"micros": ceiling["micros"], "currency": ceiling["currency"]}
            self._say(task, {"state": "Succeeded", "charge": charge, "outcome": self._outcome(task)})
            return

    def _say(self, task: Json, status: Json) -> None:
        body = {"apiVersion": task["apiVersion"], "kind": task["kind"], "metadata": task["metadata"], "status": status}
        self._client.request("PUT", f"{self._tasks}/{task['metadata']['name']}/status", body)

    def _outcome(self, task: Json) -> Json:
        """Keep what the task left, and return the reference to it."""
        name, spec = task["metadata"]["name"], task["spec"]
        run: Any = type("Run", (), {"run": name, "input_sha256": spec["inputSha256"], "seed": spec["seed"]})
        left = builders.outcome(run, JobInput.model_validate_json(spec["input"]))
        data = left.model_dump_json(by_alias=True, exclude_none=True).encode()
        digest = hashlib.sha256(data).hexdigest()
        body = {
            "metadata": {"name": f"{name}-{digest[:12]}", "namespace": self._namespace},
            "binaryData": {"data": base64.b64encode(data).decode()},
        }
        self._client.request("POST", f"/api/v1/namespaces/{self._namespace}/configmaps", body)
        return {"name": body["metadata"]["name"], "sha256": digest, "bytes": len(data)}  # type: ignore[index]
