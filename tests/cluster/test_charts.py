"""The charts on a real API server: installing, what people may then do, upgrading, and what is left when they go."""

import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clusterworld import are_established
from testcluster import BuiltCluster, Cluster, ClusterError
from testcluster.processes import eventually

ROOT = Path(__file__).parents[2]
OPERATOR = ROOT / "charts/quantum-operator"
CRDS = ROOT / "charts/quantum-operator-crds"
HOME = "chart-home"
ACCOUNT = f"system:serviceaccount:{HOME}:q-quantum-operator"
LABEL = "app.kubernetes.io/name=quantum-operator"
PLURALS = ("quantumjobs", "backendpolicies", "quantumbackends")
KINDS = (
    "deployment,replicaset,pod,serviceaccount,configmap,role,rolebinding,networkpolicy,clusterrole,clusterrolebinding,"
    "quantumbackend,poddisruptionbudget"
)


@pytest.fixture(scope="module")
def cluster_of_charts(api_server: Cluster) -> Iterator[Cluster]:
    """A cluster whose definitions are these tests' to change: one of their own, unless one was given."""
    if isinstance(api_server, BuiltCluster):
        with BuiltCluster.session() as own:
            yield own
    else:
        yield api_server


@pytest.fixture(scope="module")
def installed(cluster_of_charts: Cluster) -> Iterator[Cluster]:
    """A cluster with both charts, the operator's in a namespace that holds its pods to the restricted standard."""
    cluster = cluster_of_charts
    install_crds(cluster)
    cluster.kubectl("create", "namespace", HOME)
    cluster.kubectl("label", "namespace", HOME, "pod-security.kubernetes.io/enforce=restricted")
    cluster.helm("install", "q", str(OPERATOR), f"--namespace={HOME}", "--take-ownership")
    yield cluster
    cluster.helm("uninstall", "q", f"--namespace={HOME}", "--ignore-not-found")
    cluster.kubectl("delete", "namespace", HOME, "--wait=false")


@pytest.fixture
def lab(installed: Cluster) -> Iterator[str]:
    """A namespace of people who run jobs."""
    name = f"lab-{secrets.token_hex(4)}"
    installed.kubectl("create", "namespace", name)
    yield name
    installed.kubectl("delete", "namespace", name, "--wait=false")


def install_crds(cluster: Cluster, chart: Path = CRDS) -> None:
    """Install or upgrade the definitions, and wait until the API server serves them."""
    # On a given cluster somebody else may have put them there.
    options = [] if isinstance(cluster, BuiltCluster) else ["--take-ownership", "--force-conflicts"]
    cluster.helm("upgrade", "--install", "q-crds", str(chart), "--namespace=default", *options)
    names = [f"crd/{plural}.quantum-operator.dev" for plural in PLURALS]
    assert eventually(lambda: are_established(cluster, names), 30)


def may(cluster: Cluster, user: str, verb: str, resource: str, namespace: str = "default") -> bool:
    """Whether the user has the right, in the API server's own judgment."""
    plural, _, subresource = resource.partition("/")
    options = [f"--as={user}", f"--namespace={namespace}", *([f"--subresource={subresource}"] if subresource else [])]
    answer = cluster.kubectl("auth", "can-i", verb, plural, *options, check=False)
    assert answer.stdout.strip() in {"yes", "no"}, answer.stderr
    return answer.stdout.strip() == "yes"


def test_the_operator_is_refused_without_the_definitions(cluster_of_charts: Cluster) -> None:
    """On a cluster that lacks the definitions the chart installs nothing, and says what to install first."""
    if not isinstance(cluster_of_charts, BuiltCluster):
        pytest.skip("a given cluster may have the definitions")
    with pytest.raises(ClusterError, match="install the chart quantum-operator-crds first"):
        cluster_of_charts.helm("install", "early", str(OPERATOR))
    assert cluster_of_charts.helm("list", "--all-namespaces", "--output=json").stdout.strip() == "[]"


def test_the_pod_is_admitted(installed: Cluster) -> None:
    """A namespace that enforces the restricted standard takes the operator's pod."""

    def pods() -> list[str]:
        listed = installed.kubectl("get", "pods", f"--namespace={HOME}", "--output=name", "--selector", LABEL)
        return listed.stdout.split()

    assert eventually(lambda: len(pods()) == 1, 30)


def test_the_simulators_are_installed(installed: Cluster) -> None:
    """The API server takes the simulators as they are written."""
    backends = json.loads(installed.kubectl("get", "quantumbackends", "--output=json").stdout)["items"]
    assert {one["metadata"]["name"] for one in backends} >= {"aer-ideal", "aer-noisy"}


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("watch", "quantumjobs"),
        ("update", "quantumjobs/status"),
        ("update", "backendpolicies/status"),
        ("update", "quantumbackends/status"),
        ("create", "jobs.batch"),
        ("get", "pods/log"),
        ("create", "configmaps"),
        ("create", "events"),
        ("list", "events"),
        ("get", "customresourcedefinitions/quantumjobs.quantum-operator.dev"),
    ],
)
def test_the_operator_may(installed: Cluster, verb: str, resource: str) -> None:
    """The operator's account may do its work in any namespace."""
    if "customresourcedefinitions" in resource:
        answer = installed.kubectl("auth", "can-i", verb, resource, f"--as={ACCOUNT}", check=False)
        assert answer.stdout.strip() == "yes"
    else:
        assert may(installed, ACCOUNT, verb, resource)


@pytest.mark.parametrize("verb", ["get", "update"])
def test_the_operator_may_hold_its_own_lease(installed: Cluster, verb: str) -> None:
    """And no other, in its namespace or elsewhere."""
    own = "leases.coordination.k8s.io/q-quantum-operator"
    for lease, namespace, expected in ((own, HOME, "yes"), (f"{own}-x", HOME, "no"), (own, "kube-system", "no")):
        asked = ("auth", "can-i", verb, lease, f"--as={ACCOUNT}", f"--namespace={namespace}")
        assert installed.kubectl(*asked, check=False).stdout.strip() == expected
    assert may(installed, ACCOUNT, "create", "leases.coordination.k8s.io", HOME)


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", "secrets"),
        ("list", "secrets"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("create", "serviceaccounts/token"),
        ("update", "quantumjobs"),
        ("create", "quantumbackends"),
        ("update", "backendpolicies"),
        ("update", "configmaps"),
        ("list", "customresourcedefinitions"),
        ("create", "rolebindings"),
        ("escalate", "clusterroles"),
    ],
)
def test_the_operator_may_not(installed: Cluster, verb: str, resource: str) -> None:
    """The operator's account may not read Secrets, run pods of its own, change what people wrote, or give rights."""
    assert not may(installed, ACCOUNT, verb, resource)


def test_rights_of_people(installed: Cluster, lab: str) -> None:
    """In a namespace, view reads jobs and policies, edit writes jobs, and not even admin writes policies."""
    for role in ("view", "edit", "admin"):
        installed.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}", "-n", lab)
    platform = ("--clusterrole=q-quantum-operator-policies", "--user=platform")
    installed.kubectl("create", "rolebinding", "platform", *platform, "-n", lab)
    expected = {
        "view": {("get", "quantumjobs"), ("get", "backendpolicies")},
        "edit": {("get", "quantumjobs"), ("get", "backendpolicies"), ("create", "quantumjobs")},
        "admin": {("get", "quantumjobs"), ("get", "backendpolicies"), ("create", "quantumjobs")},
        "platform": {("get", "backendpolicies"), ("create", "backendpolicies")},
    }

    def actual(user: str) -> set[tuple[str, str]]:
        asked = [(verb, plural) for verb in ("get", "create") for plural in PLURALS[:2]]
        return {(verb, plural) for verb, plural in asked if may(installed, user, verb, plural, lab)}

    # Aggregation is the work of a controller, which may be a moment behind.
    assert eventually(lambda: actual("admin") == expected["admin"], 30)
    assert {user: actual(user) for user in expected} == expected


def test_an_upgrade_brings_a_changed_definition(installed: Cluster, tmp_path: Path) -> None:
    """A field that a newer chart's definition has is there after `helm upgrade`, and gone again after going back."""
    newer = tmp_path / "chart"
    shutil.copytree(CRDS, newer)
    path = newer / "templates/quantumjobs.yaml"
    text = path.read_text(encoding="utf-8")
    changed = text.replace("    categories:\n", "    categories:\n      - newer\n", 1)
    assert changed != text
    path.write_text(changed, encoding="utf-8")

    def categories() -> list[str]:
        crd = installed.kubectl("get", "crd", "quantumjobs.quantum-operator.dev", "--output=json").stdout
        return list(json.loads(crd)["spec"]["names"]["categories"])

    install_crds(installed, newer)
    assert categories() == ["newer", "quantum"]
    install_crds(installed)
    assert categories() == ["quantum"]


def test_an_upgrade_bounds_the_rights(installed: Cluster, lab: str) -> None:
    """After an upgrade to a list of namespaces the operator may no longer create runs in others."""
    upgrade = ("upgrade", "q", str(OPERATOR), f"--namespace={HOME}")
    try:
        installed.helm(*upgrade, f"--set=watchNamespaces={{{lab}}}")
        assert eventually(lambda: not may(installed, ACCOUNT, "create", "jobs.batch"), 10)
        assert may(installed, ACCOUNT, "create", "jobs.batch", lab)
        assert may(installed, ACCOUNT, "list", "quantumbackends")
    finally:
        installed.helm(*upgrade)


def test_uninstalling_leaves_definitions_and_jobs_only(installed: Cluster, lab: str) -> None:
    """The operator's chart leaves no object of its own, the other one leaves its definitions and what people made."""
    examples = [f"--filename={ROOT / 'manifests/examples' / name}" for name in ("00-policy.yaml", "bell.yaml")]
    apply = ("apply", f"--namespace={lab}", *examples)  # a job is refused whose policy was created just before
    assert eventually(lambda: installed.kubectl(*apply, check=False).returncode == 0, 30)
    installed.helm("uninstall", "q", f"--namespace={HOME}", "--wait", "--timeout=60s")

    def left() -> list[str]:
        options = ("--all-namespaces", "--selector=app.kubernetes.io/instance=q", "--output=name")
        return installed.kubectl("get", KINDS, *options).stdout.split()

    assert eventually(lambda: left() == [], 60), left()
    installed.helm("uninstall", "q-crds", "--namespace=default")
    crds = installed.kubectl("get", "crd", "--output=name").stdout
    assert all(f"/{plural}.quantum-operator.dev" in crds for plural in PLURALS)
    assert installed.kubectl("get", "quantumjob/bell", f"--namespace={lab}", "--output=name").stdout
    # Nobody is there to take a finalizer off: deleting must need nobody.
    installed.kubectl("delete", "quantumjob/bell", f"--namespace={lab}", "--timeout=10s")


def test_left_definitions_are_taken_over(installed: Cluster) -> None:
    """A release of the same name and namespace takes over the definitions that an uninstalled one left."""
    for plural in PLURALS:
        installed.kubectl("get", "crd", f"{plural}.quantum-operator.dev")
    installed.helm("upgrade", "--install", "q-crds", str(CRDS), "--namespace=default")
    assert "deployed" in installed.helm("status", "q-crds", "--namespace=default").stdout
