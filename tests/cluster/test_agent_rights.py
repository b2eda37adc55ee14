"""Who may do what around an agent: its own token and a tenant's, asked of a real API server."""

import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.api.jobstatus import ArtifactRef
from quantum_operator.api.quantumtask import TaskCeiling
from quantum_operator.cluster.tasks import task_manifest
from quantum_operator.decide.observed import StartTask
from quantum_operator.testing import builders
from support.agentchart import AGENT, NAME, kubeconfig_of_agent
from support.clusterworld import manifest, serve_crds
from testcluster import Cluster, ClusterError
from testcluster.processes import eventually

CHARTS = Path(__file__).parents[2] / "charts"
Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody with a kubeconfig of their own: an agent with its token, or a user."""

    cluster: Cluster
    kubeconfig: Path

    def kubectl(self, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess[str]:  # noqa: A002
        """Run kubectl as them, whether it succeeds or not."""
        return self.cluster.run("kubectl", *arguments, input=input, kubeconfig=self.kubeconfig, check=False)

    def is_refused(self, *arguments: str, body: Json | None = None) -> bool:
        """Whether the API server forbids it; an AssertionError where it fails for another reason."""
        done = self.kubectl(*arguments, input=None if body is None else json.dumps(body))
        assert done.returncode == 0 or "Forbidden" in done.stderr, done.stderr
        return done.returncode != 0


@dataclass(frozen=True)
class Account:
    """An account's namespace with its Secret, its backend and a task, and its agent, as the chart makes it."""

    namespace: str
    backend: str
    agent: Person

    @property
    def here(self) -> str:
        """The option for its namespace."""
        return f"--namespace={self.namespace}"


def task(namespace: str, name: str = "bell-1", *, job_namespace: str = "team", uid: str = "uid-of-bell") -> Json:
    """A QuantumTask as the operator makes it."""
    job = builders.job("bell", namespace=job_namespace, uid=uid)
    ceiling = TaskCeiling(micros=1, currency="USD", seconds=1)
    ref = ArtifactRef(name="bell", sha256="0" * 64, bytes=2)
    action = StartTask(name, namespace, "qpu", "device", ref, 1, "token-of-bell", ceiling, queue_seconds=60)
    return task_manifest(job, action, "{}")


def create(cluster: Cluster, body: Json) -> None:
    """Create it as the administrator."""
    cluster.kubectl("create", "-f", "-", input=json.dumps(body))


def install(cluster: Cluster, adapter: str, ending: ExitStack) -> Account:
    """An account, installed by Helm."""
    namespace = f"{adapter}-{secrets.token_hex(4)}"
    backend = f"qpu-{namespace}"
    cluster.kubectl("create", "namespace", namespace)
    ending.callback(cluster.kubectl, "delete", "namespace", namespace, "--wait=false")
    cluster.kubectl("create", "secret", "generic", "account", "--from-literal=token=t", f"--namespace={namespace}")
    provider = {"agent": namespace, "device": "device"}
    offered = builders.backend(backend, ready=None, adapter=adapter, provider=provider, price={"perShotMicros": 1})
    create(cluster, manifest(offered, ""))
    ending.callback(cluster.kubectl, "delete", "quantumbackend", backend)
    values = (f"--set=adapter={adapter}", f"--set=backends={{{backend}}}", "--set=credentialsSecret=account")
    cluster.helm("install", adapter, str(AGENT), f"--namespace={namespace}", *values)
    ending.callback(cluster.helm, "uninstall", adapter, f"--namespace={namespace}")
    body = task(namespace)
    body["metadata"].pop("finalizers")  # nobody is there to take it off
    create(cluster, body)
    return Account(namespace, backend, Person(cluster, kubeconfig_of_agent(cluster, namespace)))


@pytest.fixture(scope="module")
def accounts(api_server: Cluster) -> Iterator[tuple[Account, Account]]:
    """Two accounts of two providers."""
    serve_crds(api_server)
    with ExitStack() as ending:
        yield install(api_server, "ibm", ending), install(api_server, "braket", ending)


@pytest.fixture(scope="module")
def user_roles(api_server: Cluster) -> Iterator[None]:
    """What the operator's chart lets view, edit and admin have."""
    options = ("--namespace=roles", "--show-only=templates/userroles.yaml", "--set=requireCRDs=false")
    rendered = api_server.helm("template", "rights", str(CHARTS / "quantum-operator"), *options).stdout
    api_server.kubectl("apply", "-f", "-", input=rendered)
    yield
    api_server.kubectl("delete", "-f", "-", input=rendered)


@pytest.fixture(params=["edit", "admin"])
def tenant(request: pytest.FixtureRequest, api_server: Cluster, namespace: str, user_roles: None) -> Person:
    """Somebody with the role in a namespace that runs jobs."""
    role, user = request.param, f"{request.param}-of-{namespace}"
    binding = ("create", "rolebinding", role, f"--clusterrole={role}", f"--user={user}", f"--namespace={namespace}")
    api_server.kubectl(*binding)
    person = Person(api_server, api_server.kubeconfig_for(user))
    # Aggregation is the work of a controller, which may be a moment behind.
    asked = ("auth", "can-i", "create", "quantumjobs", f"--namespace={namespace}")
    assert eventually(lambda: person.kubectl(*asked).stdout.strip() == "yes", 30)
    return person


def with_status(cluster: Cluster, kind: str, name: str, status: Json, *place: str, **spec: Any) -> Json:
    """The object as it is, with another status, and other fields of its spec."""
    found: Json = json.loads(cluster.kubectl("get", kind, name, "--output=json", *place).stdout)
    return {**found, "status": status, "spec": {**found["spec"], **spec}}


REPLACE_STATUS = ("replace", "--subresource=status", "-f", "-")


def test_an_agent_reads_no_secret(accounts: tuple[Account, Account]) -> None:
    """Not even its own account's: the kubelet mounts that."""
    mine, other = accounts
    for place in (mine.here, other.here, "--namespace=kube-system"):
        assert mine.agent.is_refused("get", "secret", "account", place)
        assert mine.agent.is_refused("get", "secrets", place)
    assert mine.agent.is_refused("get", "secrets", "--all-namespaces")


def test_an_agent_sees_its_own_tasks_and_no_jobs(accounts: tuple[Account, Account]) -> None:
    """A task of another agent is none of its business, and a QuantumJob of nobody's agent."""
    mine, other = accounts
    assert not mine.agent.is_refused("get", "quantumtask", "bell-1", mine.here)
    assert mine.agent.is_refused("get", "quantumtask", "bell-1", other.here)
    assert mine.agent.is_refused("get", "quantumtasks", other.here)
    assert mine.agent.is_refused("get", "quantumtasks", "--all-namespaces")
    for place in (mine.here, other.here, "--all-namespaces"):
        assert mine.agent.is_refused("get", "quantumjobs", place)
    assert mine.agent.is_refused("get", "configmap", "kube-root-ca.crt", other.here)


def test_an_agent_makes_and_changes_no_task(accounts: tuple[Account, Account]) -> None:
    """It can't have its account pay for what the operator did not ask for, nor lose what was asked."""
    mine, _ = accounts
    for one in accounts:
        assert mine.agent.is_refused("create", "-f", "-", body=task(one.namespace, "forged"))
        cancel = ("--type=merge", '--patch={"spec":{"cancel":true}}')
        assert mine.agent.is_refused("patch", "quantumtask", "bell-1", one.here, *cancel)
        assert mine.agent.is_refused("delete", "quantumtask", "bell-1", one.here)
    assert mine.agent.is_refused("create", "-f", "-", body=manifest(builders.job("bell"), mine.namespace))


def test_an_agent_writes_the_status_of_its_tasks_and_nothing_else_of_them(
    api_server: Cluster, accounts: tuple[Account, Account]
) -> None:
    """What else such a write brings is dropped."""
    mine, other = accounts
    written = with_status(api_server, "quantumtask", "bell-1", {"state": "Queued"}, mine.here, cancel=True)
    assert not mine.agent.is_refused(*REPLACE_STATUS, body=written)
    found = json.loads(api_server.kubectl("get", "quantumtask", "bell-1", mine.here, "--output=json").stdout)
    assert (found["status"]["state"], found["spec"]["cancel"]) == ("Queued", False)
    foreign = with_status(api_server, "quantumtask", "bell-1", {"state": "Queued"}, other.here)
    assert mine.agent.is_refused(*REPLACE_STATUS, body=foreign)


def test_an_agent_writes_the_status_of_its_backend_only(api_server: Cluster, accounts: tuple[Account, Account]) -> None:
    """Another account's backend would take jobs that its agent can't run, or none at all."""
    mine, other = accounts
    for one, refused in ((mine, False), (other, True)):
        body = with_status(api_server, "quantumbackend", one.backend, {"queueLength": 7})
        assert mine.agent.is_refused(*REPLACE_STATUS, body=body) is refused
    change = ("--type=merge", '--patch={"spec":{"price":{"perShotMicros":0}}}')
    assert mine.agent.is_refused("patch", "quantumbackend", mine.backend, *change)
    assert not mine.agent.is_refused("get", "quantumbackends")


def test_an_agent_holds_its_own_lease_only(accounts: tuple[Account, Account]) -> None:
    """In its namespace, by name; to create one can't be bound to a name."""
    mine, other = accounts
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NAME}}
    metadata = {"name": NAME, "namespace": mine.namespace}
    assert not mine.agent.is_refused("create", "-f", "-", body={**lease, "metadata": metadata})
    assert not mine.agent.is_refused("get", "lease", NAME, mine.here)
    assert mine.agent.is_refused("get", "lease", "another", mine.here)
    elsewhere = {"name": NAME, "namespace": other.namespace}
    assert mine.agent.is_refused("create", "-f", "-", body={**lease, "metadata": elsewhere})


@pytest.mark.parametrize(
    "right", ["create pods", "create pods/exec", "create serviceaccounts/token", "update configmaps"]
)
def test_an_agent_can_t_become_another(accounts: tuple[Account, Account], right: str) -> None:
    """It runs no pod, which could mount a Secret, makes no token, and changes no ConfigMap that is there."""
    mine, _ = accounts
    assert mine.agent.kubectl("auth", "can-i", *right.split(), mine.here).stdout.strip() == "no"


def test_there_is_one_account_in_a_namespace(api_server: Cluster, accounts: tuple[Account, Account]) -> None:
    """A second release there would take the first one's tasks to another account: Helm refuses it."""
    mine, _ = accounts
    values = ("--set=adapter=braket", "--set=backends={another}")
    with pytest.raises(ClusterError, match="exists and cannot be imported into the current release"):
        api_server.helm("install", "second", str(AGENT), mine.here, *values)


def test_the_pod_is_admitted_as_restricted(api_server: Cluster, accounts: tuple[Account, Account]) -> None:
    """A namespace that enforces the restricted standard would take the agent's pod."""
    mine, _ = accounts
    deployment = json.loads(api_server.kubectl("get", "deployment", NAME, mine.here, "--output=json").stdout)
    place = f"restricted-{secrets.token_hex(4)}"
    api_server.kubectl("create", "namespace", place)
    api_server.kubectl("label", "namespace", place, "pod-security.kubernetes.io/enforce=restricted")
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": deployment["spec"]["template"]["spec"]}
    pod["spec"] |= {"serviceAccountName": "default"}
    body = {**pod, "metadata": {"name": "agent", "namespace": place}}
    assert eventually(lambda: api_server.kubectl("get", "sa", "default", "-n", place, check=False).returncode == 0, 30)
    api_server.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(body))
    api_server.kubectl("delete", "namespace", place, "--wait=false")


def test_a_tenant_reaches_no_agent(accounts: tuple[Account, Account], tenant: Person, api_server: Cluster) -> None:
    """They can't read, make, change or cancel what is in an agent's namespace, nor say how a task ended."""
    for one in accounts:
        assert tenant.is_refused("get", "quantumtasks", one.here)
        assert tenant.is_refused("get", "quantumtask", "bell-1", one.here)
        assert tenant.is_refused("create", "-f", "-", body=task(one.namespace, "forged"))
        cancel = ("--type=merge", '--patch={"spec":{"cancel":true}}')
        assert tenant.is_refused("patch", "quantumtask", "bell-1", one.here, *cancel)
        assert tenant.is_refused("delete", "quantumtask", "bell-1", one.here)
        ended = with_status(api_server, "quantumtask", "bell-1", {"state": "Succeeded"}, one.here)
        assert tenant.is_refused(*REPLACE_STATUS, body=ended)
        assert tenant.is_refused("get", "secret", "account", one.here)
        assert tenant.is_refused("get", "configmap", NAME, one.here)


def test_a_tenant_makes_no_task_at_home(tenant: Person, namespace: str) -> None:
    """QuantumTasks are nobody's to write but the operator's: not even admin has them in its own namespace."""
    assert tenant.is_refused("get", "quantumtasks", f"--namespace={namespace}")
    assert tenant.is_refused("create", "-f", "-", body=task(namespace))


def test_what_is_uninstalled_leaves_no_right(api_server: Cluster) -> None:
    """Neither in the namespace nor in the cluster."""
    with ExitStack() as ending:
        account = install(api_server, "ibm", ending)
        assert not account.agent.is_refused("get", "quantumbackends")
        listed = api_server.kubectl("get", "clusterrole", "--output=name").stdout
        assert f"{NAME}:{account.namespace}" in listed
    assert f"{NAME}:{account.namespace}" not in api_server.kubectl("get", "clusterrole", "--output=name").stdout
