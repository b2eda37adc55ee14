"""A namespace in which jobs live their lives: the operator works, and the test is their users and their kubelet."""

import base64
import json
import re
import secrets
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import httpx2
from lightkube import KubeConfig
from lightkube.config.client_adapter import user_auth, verify_cluster

from quantum_operator.api.batch import BatchSpec, bind
from quantum_operator.api.envelope import seal
from quantum_operator.api.ledger import QuantumLedger, QuantumLedgerStatus
from quantum_operator.api.run import JobInput, RunSpec
from quantum_operator.testing import builders
from support.apiproxy import ApiProxy
from support.calls import subject_of
from support.clusterworld import Json, manifest
from support.forkedoperator import ForkedOperator
from testcluster import Cluster

SECONDS = 60.0
POLL_SECONDS = 0.1
OURS = "/apis/quantum-operator.dev/v1alpha1"

Step: TypeAlias = Callable[["View"], Any]
"""What a play waits for: it goes on with what this gives, once that is true."""

Play: TypeAlias = Generator[Step, Any, None]


@dataclass(frozen=True)
class View:
    """Everything in the namespace, as it is at one moment. `stuck`: the jobs whose plays never ended."""

    jobs: dict[str, Json]
    runs: list[Json]
    pods: list[Json]
    artifacts: list[Json]
    policies: dict[str, Json]
    stuck: frozenset[str] = frozenset()

    def condition(self, name: str, kind: str) -> str:
        """The reason of a job's condition; empty where it is not set."""
        return _reason(self.jobs.get(name, {}), kind)

    def pods_of(self, name: str) -> list[Json]:
        """The pods of a job's runs, the latest run's last."""
        return sorted(_of(name, self.pods), key=_name)

    def runs_of(self, name: str) -> list[Json]:
        """The runs of a job."""
        return _of(name, self.runs)

    def artifacts_of(self, name: str) -> list[Json]:
        """The ConfigMaps of a job."""
        return _of(name, self.artifacts)

    def runs_have_ended(self, name: str) -> bool:
        """Whether Kubernetes says so of all of a job's runs."""
        return all("completionTime" in one.get("status", {}) or _failed(one) for one in self.runs_of(name))

    def is_over(self, name: str) -> bool:
        """Whether a job has ended, or is gone with everything that was its own."""
        if name in self.jobs:
            return bool(self.condition(name, "Complete"))
        return not any(_of(name, kind) for kind in (self.runs, self.pods, self.artifacts))

    def orphans(self) -> list[str]:
        """What belongs to no job that is there."""
        uids = {one["metadata"]["uid"] for one in self.jobs.values()}
        children = [*self.runs, *self.artifacts]
        return [_name(one) for one in children if one["metadata"]["ownerReferences"][0]["uid"] not in uids]


class Stage:
    """A namespace with a policy and a backend that no node's pods are for, and an operator behind a proxy."""

    def __init__(
        self, cluster: Cluster, folder: Path, proxy: ApiProxy, *, beside: str = "", **constants: float
    ) -> None:
        """Have the operator watch one more namespace `beside`, with other `constants` of its shell."""
        self.namespace = f"stage-{secrets.token_hex(4)}"
        self.backend = f"aer-{self.namespace}"
        self.proxy = proxy
        self._backends: list[str] = []
        self._client = _client(cluster.kubeconfig)
        self._post("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self.add_backend(self.backend)
        self.add_policy("default", self.backend)
        log = folder / f"{self.namespace}.log"
        watched = f"{self.namespace},{beside}"
        self.operator = ForkedOperator(proxy.kubeconfig(folder / "proxy.kubeconfig"), watched, log, constants)
        try:
            _until(self._is_ready, "the namespace has no service account, or the operator does not say that it works")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the operator and remove everything."""
        self.operator.kill()
        self.delete_namespace()
        for name in self._backends:
            self._client.delete(f"{OURS}/quantumbackends/{name}")
        self._client.close()

    def add_backend(self, name: str, *, price: Json | None = None, **limits: int) -> None:
        """Create a simulator."""
        self._backends.append(name)
        run = {"nodeSelector": {"quantum-operator.dev/node": "none"}, "memory": "256Mi"}
        given: Json = {"run": run, "limits": limits} | ({"price": price} if price is not None else {})
        self._post(f"{OURS}/quantumbackends", manifest(builders.backend(name, **given), ""))

    def add_policy(self, name: str, *backends: str, **spec: Any) -> None:
        """Create a policy of these backends."""
        policy = builders.policy(*backends, name=name, **spec)
        self._post(self._path("backendpolicies"), manifest(policy, self.namespace))

    def submit(self, name: str, **spec: Any) -> None:
        """Create a job of a Bell pair."""
        given: dict[str, Any] = {"execution": {"seed": 7}, "backoffLimit": 3} | spec
        job = builders.job(name, **given)
        self._post(self._path("quantumjobs"), manifest(job, self.namespace))

    def change(self, name: str, **spec: Any) -> None:
        """Change a job's spec; a no-op where the job is gone."""
        headers = {"Content-Type": "application/merge-patch+json"}
        path = f"{self._path('quantumjobs')}/{name}"
        _allow(self._client.patch(path, content=json.dumps({"spec": spec}), headers=headers), 404)

    def delete(self, name: str) -> None:
        """Delete a job."""
        _allow(self._client.delete(f"{self._path('quantumjobs')}/{name}"), 404)

    def delete_namespace(self) -> None:
        """Delete the namespace; it goes in its own time."""
        _allow(self._client.delete(f"/api/v1/namespaces/{self.namespace}"), 404, 409)

    def backend_reason(self, name: str) -> str:
        """Why a backend is ready; empty where it has not said so yet."""
        return _reason(self._client.get(f"{OURS}/quantumbackends/{name}").json(), "Ready")

    def ledger(self, name: str) -> QuantumLedgerStatus:
        """The ledger of this name."""
        body = _allow(self._client.get(f"{OURS}/quantumledgers/{name}")).json()
        return QuantumLedger.model_validate(body).status

    def kubelet(self, pod: Json, phase: str, state: Json, **status: Any) -> None:
        """Say of a pod what its kubelet would; a no-op where the pod is gone."""
        container = {"name": "runner", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        patch = json.dumps({"status": {"phase": phase, "containerStatuses": [container], **status}})
        headers = {"Content-Type": "application/merge-patch+json"}
        path = f"/api/v1/namespaces/{self.namespace}/pods/{_name(pod)}/status"
        _allow(self._client.patch(path, content=patch, headers=headers), 404, 409)

    def outcome(self, pod: Json, view: View) -> str:
        """What the runner would leave of a pod's run."""
        container, given = pod["spec"]["containers"][0], input_of(pod, view)
        if "--batch" in container["args"]:
            batch = BatchSpec.model_validate_json(given)
            return seal(bind({one.run: left_by(batch.spec_of(one), one.input) for one in batch.runs})).termination
        (variable,) = container["env"]
        return left_by(RunSpec.model_validate_json(variable["value"]), given).decode()

    def view(self) -> View:
        """Everything as it is now."""
        artifacts = [one for one in self._list(f"/api/v1/namespaces/{self.namespace}/configmaps") if _is_owned(one)]
        return View(
            {_name(one): one for one in self._list(self._path("quantumjobs"))},
            self._list(f"/apis/batch/v1/namespaces/{self.namespace}/jobs"),
            self._list(f"/api/v1/namespaces/{self.namespace}/pods"),
            artifacts,
            {_name(one): one for one in self._list(self._path("backendpolicies"))},
        )

    def play(self, plays: Mapping[str, Play]) -> View:
        """Have the plays of these jobs go on side by side until each has ended; returns what is there then.

        A play that does not end is given up after SECONDS without any step of any of them.
        """
        waiting = {name: (play, next(play)) for name, play in plays.items()}
        moved = time.monotonic()
        while waiting and time.monotonic() - moved < SECONDS:
            view = self.view()
            for name, (play, step) in list(waiting.items()):
                found = step(view)
                if found:
                    moved = time.monotonic()
                    _advance(waiting, name, play, found)
            time.sleep(POLL_SECONDS)
        return replace(self.view(), stuck=frozenset(waiting))

    def _is_ready(self) -> bool:
        account = self._client.get(f"/api/v1/namespaces/{self.namespace}/serviceaccounts/default")
        policy = self._client.get(f"{self._path('backendpolicies')}/default")
        return account.is_success and bool(_reason(policy.json(), "Ready"))

    def _path(self, plural: str) -> str:
        return f"{OURS}/namespaces/{self.namespace}/{plural}"

    def _list(self, path: str) -> list[Json]:
        found: list[Json] = _allow(self._client.get(path)).json()["items"]
        return found

    def _post(self, path: str, body: Json) -> None:
        _allow(self._client.post(path, json=body))


def input_of(pod: Json, view: View) -> bytes:
    """What is mounted in a pod."""
    source = next(one["configMap"]["name"] for one in pod["spec"]["volumes"] if "configMap" in one)
    kept = next(one for one in view.artifacts if _name(one) == source)
    return base64.b64decode(kept["binaryData"]["data"])


def left_by(spec: RunSpec, given: str | bytes) -> bytes:
    """The outcome of a run, with this input."""
    left = builders.outcome(spec, JobInput.model_validate_json(given))
    return left.model_dump_json(by_alias=True, exclude_none=True).encode()


def ending(view: View, name: str, backend: str) -> Json:
    """How a job ended, without times, UIDs and names of its own or the stage's: what no disturbance may change."""
    job = view.jobs.get(name)
    found = {
        "status": timeless(job.get("status")) if job is not None else None,
        "runs": sorted(_name(one) for one in _of(name, view.runs)),
        "artifacts": sorted(_name(one) for one in _of(name, view.artifacts)),
    }
    text = (
        json.dumps(found, sort_keys=True)
        .replace(name, "JOB")
        .replace(backend, "BACKEND")
        .replace(backend.removeprefix("aer-"), "NAMESPACE")
    )
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID", text)
    text = re.sub(r"JOB-[0-9a-f]{10}-", "JOB-TAG-", text)
    normal: Json = json.loads(re.sub(r'"outcomeSha256": "[0-9a-f]{64}"', '"outcomeSha256": "SHA"', text))
    return normal


def attempts(view: View, name: str) -> list[str]:
    """The names of the runs that a job has on record."""
    steps = view.jobs.get(name, {}).get("status", {}).get("plan", {}).get("steps", [])
    return [one["name"] for step in steps for one in step.get("attempts", [])]


def _advance(waiting: dict[str, tuple[Play, Step]], name: str, play: Play, found: object) -> None:
    try:
        waiting[name] = (play, play.send(found))
    except StopIteration:
        del waiting[name]


def _client(kubeconfig: Path) -> httpx2.Client:
    config = KubeConfig.from_file(kubeconfig).get()
    assert config is not None
    assert config.user is not None
    tls = verify_cluster(config.cluster, config.user, config.abs_file)
    return httpx2.Client(base_url=config.cluster.server, verify=tls, auth=user_auth(config.user), timeout=30)


def _allow(answer: httpx2.Response, *codes: int) -> httpx2.Response:
    assert answer.is_success or answer.status_code in codes, answer.text
    return answer


def _until(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(POLL_SECONDS)


def _name(body: Json) -> str:
    return str(body["metadata"]["name"])


def _of(name: str, bodies: list[Json]) -> list[Json]:
    return [one for one in bodies if subject_of(_name(one)) == name]


def _is_owned(body: Json) -> bool:
    return bool(body["metadata"].get("ownerReferences"))


def _reason(body: Json, kind: str) -> str:
    conditions = body.get("status", {}).get("conditions") or ()
    return next((str(one["reason"]) for one in conditions if one["type"] == kind), "")


def _failed(run: Json) -> bool:
    return any(one["type"] == "Failed" for one in run.get("status", {}).get("conditions") or ())


def timeless(value: Any) -> Any:
    """The same without times, durations, and the figures of a moment."""
    if isinstance(value, dict):
        timed = ("Time", "usedSeconds", "suspendedSeconds")
        kept = {name: one for name, one in value.items() if not name.endswith(timed)}
        return {name: timeless(one) for name, one in kept.items() if name not in ("now", "figures")}
    return [timeless(one) for one in value] if isinstance(value, list) else value
