"""What the charts render, as Helm renders it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from quantum_operator.api.render import RESOURCES
from quantum_operator.cli.checks import NEEDED_AT_HOME, NEEDED_BY_OPERATOR
from quantum_operator.cluster.settings import Settings
from support.operators import AT_HOME, CLUSTER_WIDE, NAMESPACED, Rights, rights_of
from testcluster import Cluster, ClusterError

ROOT = Path(__file__).parents[2]
OPERATOR = ROOT / "charts/quantum-operator"
CRDS = ROOT / "charts/quantum-operator-crds"
GROUP = "quantum-operator.dev"
Object = dict[str, Any]

READ = {"get", "list", "watch"}


def render(cluster: Cluster, *options: str) -> list[Object]:
    """The objects of the operator's chart, for a release `q` in namespace `home`."""
    arguments = ["template", "q", str(OPERATOR), "--namespace=home", f"--api-versions={GROUP}/v1alpha1"]
    return [one for one in yaml.safe_load_all(cluster.helm(*arguments, *options).stdout) if one]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    """Those of a kind."""
    return [one for one in objects if one["kind"] == kind]


def deployment(objects: list[Object]) -> Object:
    """The operator's Deployment."""
    (found,) = of_kind(objects, "Deployment")
    return found


def container(objects: list[Object]) -> Object:
    """The operator's container."""
    (found,) = deployment(objects)["spec"]["template"]["spec"]["containers"]
    return dict(found)


def environment(objects: list[Object]) -> dict[str, str]:
    """The operator's environment variables."""
    return {one["name"]: one["value"] for one in container(objects)["env"]}


def pod_specs(objects: list[Object]) -> Iterator[Object]:
    """The spec of every pod that the chart makes."""
    for one in objects:
        if one["kind"] == "Pod":
            yield one["spec"]
        elif "template" in one.get("spec", {}):
            yield one["spec"]["template"]["spec"]


def rights(*roles: Object) -> Rights:
    """The verbs on each group and resource."""
    return rights_of(rule for role in roles for rule in role["rules"])


def named(objects: list[Object], kind: str, name: str) -> Object:
    """The object of a kind and name."""
    (found,) = (one for one in of_kind(objects, kind) if one["metadata"]["name"] == name)
    return found


@pytest.mark.parametrize("chart", [CRDS, OPERATOR], ids=lambda path: path.name)
def test_a_chart_is_linted(api_server: Cluster, chart: Path) -> None:
    """`helm lint --strict` has nothing to say."""
    assert "0 chart(s) failed" in api_server.helm("lint", "--strict", str(chart)).stdout


def test_without_the_definitions_it_says_what_to_install(api_server: Cluster) -> None:
    """A cluster that lacks our API is refused with the name of the chart to install first, unless told otherwise."""
    with pytest.raises(ClusterError, match="install the chart quantum-operator-crds first"):
        api_server.helm("template", "q", str(OPERATOR))
    assert "kind: Deployment" in api_server.helm("template", "q", str(OPERATOR), "--set=requireCRDs=false").stdout


@pytest.mark.parametrize(
    "option",
    [
        "--set=simulator.enabled=true",
        "--set=logLevel=loud",
        "--set=replicas=0",
        "--set=image.digest=abc",
        "--set=watchNamespaces={A}",
        "--set=runs.imagePullSecrets={a}",
        "--set=runs.imagePullSecrets[0].name=a\\,b",
    ],
)
def test_a_wrong_value_is_refused(api_server: Cluster, option: str) -> None:
    """A misspelled value, and one that makes no sense, stop the installation."""
    with pytest.raises(ClusterError, match="values don't meet the specifications of the schema"):
        render(api_server, option)


def test_every_pod_is_restricted(api_server: Cluster) -> None:
    """Every pod that the chart makes meets the restricted standard, and its root file system is read-only."""
    specs = list(pod_specs(render(api_server)))
    assert len(specs) == 2
    for spec in specs:
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all(set(volume) <= {"name", "emptyDir", "configMap"} for volume in spec.get("volumes", []))
        for one in spec["containers"]:
            assert one["securityContext"]["readOnlyRootFilesystem"] is True
            assert one["securityContext"]["allowPrivilegeEscalation"] is False
            assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in one["resources"]["limits"]


def test_never_two_operators_work(api_server: Cluster) -> None:
    """All of them, old and new, want the one Lease that is theirs alone; a new one is ready before an old one ends."""
    objects = render(api_server)
    spec = deployment(objects)["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert Settings.from_environment(environment(objects)).lease == ("home", "q-quantum-operator")
    file = Path(Settings.from_environment(environment(objects)).lease_file)
    (mount,) = (one for one in container(objects)["volumeMounts"] if one["mountPath"] == str(file.parent))
    (volume,) = (one for one in spec["template"]["spec"]["volumes"] if one["name"] == mount["name"])
    assert "emptyDir" in volume
    assert deployment(render(api_server, "--set=replicas=3"))["spec"]["replicas"] == 3
    other = Settings.from_environment(environment(render(api_server, "--set=fullnameOverride=other")))
    assert other.lease == ("home", "other")


def test_of_several_operators_one_may_be_evicted_at_a_time(api_server: Cluster) -> None:
    """A single one may be at any time: a budget would keep its node from being drained."""
    assert of_kind(render(api_server), "PodDisruptionBudget") == []
    objects = render(api_server, "--set=replicas=2")
    (budget,) = of_kind(objects, "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"] == deployment(objects)["spec"]["selector"]


def test_the_operator_has_its_own_lease_and_no_other_and_its_claims(api_server: Cluster) -> None:
    """In its own namespace; only the creation of a Lease can't be bound to a name, and claims are named by a hash."""
    objects = render(api_server, "--set=watchNamespaces={a,home}")
    role = named(objects, "Role", "q-quantum-operator-home")
    assert role["metadata"]["namespace"] == "home"
    assert rights(role) == rights_of(AT_HOME)
    for rule in (one for one in role["rules"] if one["resources"] == ["leases"]):
        assert ("resourceNames" in rule) == (rule["verbs"] != ["create"])
        assert rule.get("resourceNames", ["q-quantum-operator"]) == ["q-quantum-operator"]
    for group, resource, _, verb in NEEDED_AT_HOME:
        assert verb in rights(role)[group, resource]
    binding = named(objects, "RoleBinding", "q-quantum-operator-home")
    assert (binding["metadata"]["namespace"], binding["roleRef"]["name"]) == ("home", role["metadata"]["name"])
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "q-quantum-operator", "namespace": "home"}]


def test_the_operator_is_found_by_its_label(api_server: Cluster) -> None:
    """`qjob doctor` finds Deployment and pods by their name label; the pod of `helm test` does not have it."""
    objects = render(api_server)
    found = deployment(objects)
    assert found["metadata"]["labels"]["app.kubernetes.io/name"] == "quantum-operator"
    assert found["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] == "quantum-operator"
    (test,) = of_kind(objects, "Pod")
    assert test["metadata"]["labels"]["app.kubernetes.io/name"] != "quantum-operator"


def test_the_operator_has_the_rights_it_uses(api_server: Cluster) -> None:
    """The operator's role is exactly what the operator is tested with, and has what `qjob doctor` asks for."""
    found = rights(named(render(api_server), "ClusterRole", "q-quantum-operator"))
    assert found == rights_of([*NAMESPACED, *CLUSTER_WIDE])
    for group, resource, subresource, verb in NEEDED_BY_OPERATOR:
        assert verb in found[group, f"{resource}/{subresource}".rstrip("/")]


def test_no_role_is_broad(api_server: Cluster) -> None:
    """No role has a wildcard, a right on Secrets, on other pods' insides, or to give or borrow rights."""
    objects = render(api_server, "--set=watchNamespaces={a,b}")
    roles = [*of_kind(objects, "Role"), *of_kind(objects, "ClusterRole")]
    assert len(roles) == 12
    for (group, resource), verbs in rights(*roles).items():
        assert "*" not in {group, resource, *verbs}
        assert group in {"", "batch", GROUP, "apiextensions.k8s.io", "coordination.k8s.io"}
        assert resource not in {"secrets", "serviceaccounts", "serviceaccounts/token", "pods/exec", "pods/attach"}
        assert not verbs & {"escalate", "bind", "impersonate"}


def test_a_list_of_namespaces_bounds_the_rights(api_server: Cluster) -> None:
    """With a list, what has a namespace is reached by a Role in each of them, and not by the ClusterRole."""
    objects = render(api_server, "--set=watchNamespaces={a,b}")
    cluster_role = named(objects, "ClusterRole", "q-quantum-operator")
    assert rights(cluster_role) == rights_of(CLUSTER_WIDE)
    (namespaces,) = (rule for rule in cluster_role["rules"] if rule["resources"] == ["namespaces"])
    assert namespaces["resourceNames"] == ["a", "b"]
    own = [role for role in of_kind(objects, "Role") if role["metadata"]["name"] == "q-quantum-operator"]
    assert [role["metadata"]["namespace"] for role in own] == ["a", "b"]
    assert all(rights(role) == rights_of(NAMESPACED) for role in own)
    bindings = [one for one in of_kind(objects, "RoleBinding") if one["metadata"]["name"] == "q-quantum-operator"]
    assert [one["metadata"]["namespace"] for one in bindings] == ["a", "b"]
    for one in bindings:
        account = {"kind": "ServiceAccount", "name": "q-quantum-operator", "namespace": "home"}
        assert one["subjects"] == [account]


def test_definitions_are_read_by_name(api_server: Cluster) -> None:
    """The operator reads our own definitions and no others."""
    rules = named(render(api_server), "ClusterRole", "q-quantum-operator")["rules"]
    (rule,) = (rule for rule in rules if rule["resources"] == ["customresourcedefinitions"])
    assert all(name.endswith(f".{GROUP}") for name in rule["resourceNames"])
    assert len(rule["resourceNames"]) == len(RESOURCES)


def test_nobody_is_given_the_writing_of_policies(api_server: Cluster) -> None:
    """No role that aggregates into view, edit or admin writes policies or backends."""
    for role in of_kind(render(api_server), "ClusterRole"):
        if any("aggregate-to" in label for label in role["metadata"]["labels"]):
            for (_, resource), verbs in rights(role).items():
                assert resource == "quantumjobs" or verbs <= READ
                assert not verbs & {"use", "approve"}


def test_the_api_servers_own_rules_can_be_left_out(api_server: Cluster) -> None:
    """All of them, or those about what runs are made of; by default all are there, each bound by one binding."""

    def enforced(*options: str) -> set[str]:
        objects = render(api_server, *options)
        rules = [one for one in objects if one["kind"].endswith("AdmissionPolicy")]
        bindings = [one for one in objects if one["kind"].endswith("AdmissionPolicyBinding")]
        assert [one["spec"]["failurePolicy"] for one in rules] == ["Fail"] * len(rules)
        assert sorted(one["metadata"]["name"] for one in rules) == sorted(one["spec"]["policyName"] for one in bindings)
        return {one["metadata"]["name"].removeprefix("q-quantum-operator-") for one in rules}

    every = {"submitter", "under-policy", "jobs", "policies", "approvals", "children"}
    assert enforced() == every
    assert enforced("--set=admission.reserveChildren=false") == every - {"children"}
    assert enforced("--set=admission.enabled=false") == set()


def test_the_api_servers_own_rules_are_for_the_namespaces_of_the_list(api_server: Cluster) -> None:
    """With a list of namespaces nothing is enforced in any other."""
    for one in render(api_server, "--set=watchNamespaces={a,b}"):
        if one["kind"].endswith("AdmissionPolicyBinding"):
            (chosen,) = one["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
            assert chosen == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a", "b"]}


def test_an_image_is_given_by_tag_or_digest(api_server: Cluster) -> None:
    """The chart's version is the tag unless one is given; a digest goes before both."""
    assert container(render(api_server))["image"] == "quantum-operator:0.1.0"
    assert container(render(api_server, "--set=image.tag=x"))["image"] == "quantum-operator:x"
    digest = f"sha256:{'0' * 64}"
    given = render(api_server, f"--set=image.digest={digest}", "--set=image.tag=x", "--set=image.repository=r.test/q")
    assert container(given)["image"] == f"r.test/q@{digest}"
    (test,) = of_kind(given, "Pod")
    assert test["spec"]["containers"][0]["image"] == f"r.test/q@{digest}"


def test_placement_reaches_the_pod(api_server: Cluster, tmp_path: Path) -> None:
    """What says where and how the operator's pod runs is in the pod as given."""
    given: Object = {
        "priorityClassName": "high",
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
        "imagePullSecrets": [{"name": "pull"}],
    }
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({**given, "resources": {"limits": {"memory": "1Gi"}}}))
    objects = render(api_server, f"--values={values}")
    spec = deployment(objects)["spec"]["template"]["spec"]
    assert {key: spec[key] for key in given} == given
    assert container(objects)["resources"]["limits"] == {"memory": "1Gi"}


def test_what_runs_are_pulled_with_and_how_much_they_matter_reaches_the_operator(api_server: Cluster) -> None:
    """The operator reads from its environment what the values say of runs, and nothing where they say nothing."""
    pull = ("--set=runs.imagePullSecrets[0].name=one", "--set=runs.imagePullSecrets[1].name=two")
    given = environment(render(api_server, *pull, "--set=runs.priorityClassName=batch"))
    runs = Settings.from_environment(given).runs
    assert (runs.pull_secrets, runs.priority_class) == (("one", "two"), "batch")
    usual = Settings.from_environment(environment(render(api_server)))
    assert (usual.runs.pull_secrets, usual.runs.priority_class) == ((), "")


def test_a_proxy_is_never_between_the_operator_and_the_api_server(api_server: Cluster) -> None:
    """With a proxy, NO_PROXY has the API server's address; without one there is none of the three."""
    assert not {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} & set(environment(render(api_server)))
    found = environment(render(api_server, "--set=proxy.https=http://proxy.test:3128", "--set=proxy.noProxy={.corp}"))
    assert found["HTTPS_PROXY"] == "http://proxy.test:3128"
    assert found["NO_PROXY"] == ".corp,$(KUBERNETES_SERVICE_HOST)"


def test_a_ca_bundle_is_mounted_and_named(api_server: Cluster) -> None:
    """The bundle's file is where SSL_CERT_FILE says."""
    objects = render(api_server, "--set=caBundle.configMap=corporate", "--set=caBundle.key=roots.pem")
    (mount,) = (one for one in container(objects)["volumeMounts"] if one["name"] == "ca")
    assert environment(objects)["SSL_CERT_FILE"] == f"{mount['mountPath']}/roots.pem"
    volumes = deployment(objects)["spec"]["template"]["spec"]["volumes"]
    (volume,) = (one for one in volumes if one["name"] == "ca")
    assert volume["configMap"] == {"name": "corporate", "items": [{"key": "roots.pem", "path": "roots.pem"}]}


def test_runs_are_cut_off_where_asked(api_server: Cluster) -> None:
    """In each listed namespace a policy selects the pods of runs, and allows nothing in either direction."""
    assert [one["metadata"]["namespace"] for one in of_kind(render(api_server), "NetworkPolicy")] == ["home"]
    objects = render(api_server, "--set=runs.networkPolicy.namespaces={a,b}", "--set=networkPolicy.enabled=false")
    policies = of_kind(objects, "NetworkPolicy")
    assert [one["metadata"]["namespace"] for one in policies] == ["a", "b"]
    for one in policies:
        assert one["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert set(one["spec"]) == {"podSelector", "policyTypes"}
        assert one["spec"]["podSelector"]


def test_the_operator_reaches_the_api_server_and_dns(api_server: Cluster) -> None:
    """The operator's own policy opens its health port, DNS and the API server's ports, at its address if given."""
    (policy,) = of_kind(render(api_server, "--set=networkPolicy.apiServerCIDRs={10.0.0.1/32}"), "NetworkPolicy")
    pod_labels = deployment(render(api_server))["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod_labels.items()
    assert policy["spec"]["ingress"] == [{"ports": [{"port": "health"}]}]
    dns, server = policy["spec"]["egress"]
    assert {(one["port"], one["protocol"]) for one in dns["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert {one["port"] for one in server["ports"]} >= {443, 6443}
    assert server["to"] == [{"ipBlock": {"cidr": "10.0.0.1/32"}}]


def test_the_simulators_are_optional(api_server: Cluster) -> None:
    """The two simulators are there unless turned off, and are those of the file."""
    given = list(yaml.safe_load_all((OPERATOR / "files/backends.yaml").read_text(encoding="utf-8")))
    rendered = of_kind(render(api_server), "QuantumBackend")
    assert [(one["metadata"]["name"], one["spec"]) for one in rendered] == [
        (one["metadata"]["name"], one["spec"]) for one in given
    ]
    for one in given:
        labels = named(rendered, "QuantumBackend", one["metadata"]["name"])["metadata"]["labels"]
        assert {**one["metadata"]["labels"], "app.kubernetes.io/instance": "q"}.items() <= labels.items()
    assert of_kind(render(api_server, "--set=simulators.enabled=false"), "QuantumBackend") == []


def test_the_test_runs_where_the_operator_watches(api_server: Cluster) -> None:
    """`helm test` makes its job in the release's namespace, or in the first one of a list that lacks it."""

    def namespace(*options: str) -> str:
        (pod,) = of_kind(render(api_server, *options), "Pod")
        return {one["name"]: str(one["value"]) for one in pod["spec"]["containers"][0]["env"]}["NAMESPACE"]

    assert namespace() == "home"
    assert namespace("--set=watchNamespaces={a,home}") == "home"
    assert namespace("--set=watchNamespaces={a,b}") == "a"
