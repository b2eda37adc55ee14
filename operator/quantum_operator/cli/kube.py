"""The cluster as the commands see it: reads through lightkube, and every refusal as a message for a person."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import httpx2
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.resources.core_v1 import ConfigMap, Event, Pod
from lightkube.types import PatchType
from pydantic import ValidationError
from yaml import YAMLError

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.ledger import QuantumLedger
from quantum_operator.api.meta import GROUP, VERSION
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask, TaskResolution
from quantum_operator.cli.errors import FAILED, CommandError

JOB_NAME_LABEL = "batch.kubernetes.io/job-name"
"""On every pod of a batch/v1 Job, by Kubernetes itself."""

OTHER = "see `qjob doctor`"
"""The remedy of a refusal that has none of its own."""

Resource = TypeVar("Resource", QuantumJob, BackendPolicy, QuantumBackend, QuantumTask, QuantumLedger)


@cache
def resource_class(model: type[Resource]) -> Any:
    """The resource of lightkube for one of our kinds."""
    make = create_namespaced_resource if model.namespaced else create_global_resource
    return make(GROUP, VERSION, model.__name__, model.plural)


class Cluster:
    """Reads of one cluster, in one namespace."""

    def __init__(self, client: Client, namespace: str) -> None:
        """Read through `client`."""
        self.client = client
        self.namespace = namespace

    def job(self, name: str) -> QuantumJob:
        """The job. Raises CommandError when there is none."""
        try:
            found = self.client.get(resource_class(QuantumJob), name, namespace=self.namespace)
        except ApiError as error:
            if error.status.code == 404:
                raise CommandError(
                    f"no QuantumJob {name!r} in namespace {self.namespace!r}; "
                    "`kubectl get quantumjobs -A` lists all there are",
                    code=FAILED,
                ) from error
            raise
        return parse(QuantumJob, found)

    def change(self, name: str, **spec: object) -> QuantumJob:
        """Change fields of a job's spec; returns it as it is then. Raises CommandError when there is no such job."""
        try:
            patched = self.client.patch(
                resource_class(QuantumJob),
                name,
                {"spec": spec},
                namespace=self.namespace,
                patch_type=PatchType.MERGE,
            )
        except ApiError as error:
            if error.status.code == 404:
                return self.job(name)
            raise
        return parse(QuantumJob, patched)

    def task(self, name: str) -> QuantumTask:
        """The QuantumTask. Raises CommandError when there is none."""
        try:
            return parse(QuantumTask, self.client.get(resource_class(QuantumTask), name, namespace=self.namespace))
        except ApiError as error:
            if error.status.code == 404:
                raise CommandError(
                    f"no QuantumTask {name!r} in namespace {self.namespace!r}; give the agent's namespace with -n",
                    code=FAILED,
                ) from error
            raise

    def resolve(self, name: str, resolution: TaskResolution) -> None:
        """Put a resolution on a held task."""
        spec = {"spec": {"resolution": resolution.to_wire()}}
        kind = resource_class(QuantumTask)
        self.client.patch(kind, name, spec, namespace=self.namespace, patch_type=PatchType.MERGE)

    def create(self, job: dict[str, Any]) -> bool:
        """Create a job of the namespace; False where one of that name is there."""
        try:
            self.client.create(resource_class(QuantumJob).from_dict(job), namespace=self.namespace)
        except ApiError as error:
            if error.status.code == 409:
                return False
            raise
        return True

    def policies(self) -> list[BackendPolicy]:
        """The policies of the namespace."""
        found = self.client.list(resource_class(BackendPolicy), namespace=self.namespace)
        return [parse(BackendPolicy, one) for one in found]

    def backends(self) -> list[QuantumBackend]:
        """Every backend."""
        return [parse(QuantumBackend, one) for one in self.client.list(resource_class(QuantumBackend))]

    def ledgers(self) -> list[QuantumLedger]:
        """Every ledger."""
        return [parse(QuantumLedger, one) for one in self.client.list(resource_class(QuantumLedger))]

    def run_pods(self, run: str) -> list[Pod]:
        """The pods of a run, the oldest first."""
        pods = self.client.list(Pod, namespace=self.namespace, labels={JOB_NAME_LABEL: run})
        return sorted(pods, key=lambda pod: str(pod.metadata and pod.metadata.creationTimestamp))

    def events(self, uid: str) -> list[Event]:
        """The events of the object of this UID, the oldest first."""
        events = self.client.list(Event, namespace=self.namespace, fields={"involvedObject.uid": uid})
        return sorted(events, key=lambda event: str(event.lastTimestamp or event.eventTime or event.firstTimestamp))

    def log(self, pod: str, *, follow: bool) -> Iterator[str]:
        """The lines of a pod's log, without their ends."""
        return self.client.log(pod, namespace=self.namespace, follow=follow, newlines=False)

    def config_map(self, name: str) -> ConfigMap | None:
        """A ConfigMap, or None."""
        try:
            return self.client.get(ConfigMap, name, namespace=self.namespace)
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise


def parse(model: type[Resource], found: Any) -> Resource:
    """An answer of the API server as one of our types."""
    try:
        return model.model_validate(found.to_dict())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CommandError(
            f"{model.__name__} {found.metadata.name}: {where}: {first['msg']}; the cluster has another version of "
            "quantum-operator: install the same version of qjob",
            code=FAILED,
        ) from error


@contextmanager
def connect(context: str | None, namespace: str | None) -> Iterator[Cluster]:
    """The cluster of this context of the kubeconfig. Inside, what goes wrong with it becomes a CommandError."""
    try:
        config = KubeConfig.from_env().get(context)
        assert config is not None  # noqa: S101 - `get` answers None only for a default, and none was given
        client = Client(config=config)
    except (AttributeError, ConfigError, KeyError, OSError, TypeError, YAMLError) as error:
        raise CommandError(f"{_kubeconfig_problem(error)}; see `kubectl config get-contexts`") from error
    with client, explained(config.cluster.server):
        yield Cluster(client, namespace or config.namespace or "default")


@contextmanager
def explained(server: str) -> Iterator[None]:
    """Turn what the API server or the network answers into a CommandError."""
    try:
        yield
    except httpx2.HTTPStatusError as error:
        raise CommandError(_refusal(error), code=FAILED) from error
    except httpx2.HTTPError as error:
        raise CommandError(
            f"the API server {server} can't be reached: {error or type(error).__name__}; "
            "check the context (`kubectl config current-context`) and `kubectl version`",
            code=FAILED,
        ) from error


def said(error: httpx2.HTTPStatusError) -> str:
    """What the API server said when it refused. An API that it does not serve is a 404 in plain text."""
    return error.status.message or "" if isinstance(error, ApiError) else error.response.text.strip()


def _refusal(error: httpx2.HTTPStatusError) -> str:
    remedies: Mapping[int, str] = {
        401: "sign in to the cluster again",
        403: "ask the cluster's administrator for that right",
        404: "install the CRDs of quantum-operator, or see `qjob doctor`",
    }
    code = error.response.status_code
    return f"the API server answers {code} {error.response.reason_phrase}: {said(error)}; {remedies.get(code, OTHER)}"


def _kubeconfig_problem(error: Exception) -> str:
    source = os.environ.get("KUBECONFIG", "~/.kube/config")
    if isinstance(error, ConfigError):
        return f"kubeconfig {source}: {error}"
    return f"kubeconfig {source} can't be used: {type(error).__name__}: {error}"
