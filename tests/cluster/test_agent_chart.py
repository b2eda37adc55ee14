"""What the agents' chart renders, as Helm renders it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from quantum_operator.agent.settings import AgentSettings
from support.agents import AGENT, AGENT_CLUSTER_WIDE
from support.operators import rights_of
from testcluster import Cluster, ClusterError

CHART = Path(__file__).parents[2] / "charts/quantum-operator-agent"
GROUP = "quantum-operator.dev"
GIVEN = ("--set=adapter=ibm", "--set=backends={ibm-fez,ibm-kingston}")
NAME = "quantum-operator-agent"
Object = dict[str, Any]


def render(cluster: Cluster, *options: str) -> list[Object]:
    """The objects of the chart, for a release `a` in namespace `lab`."""
    arguments = ["template", "a", str(CHART), "--namespace=lab", f"--api-versions={GROUP}/v1alpha1"]
    return [one for one in yaml.safe_load_all(cluster.helm(*arguments, *options).stdout) if one]


def of_kind(objects: list[Object], kind: str) -> Object:
    """The one object of a kind."""
    (found,) = (one for one in objects if one["kind"] == kind)
    return found


def pod(objects: list[Object]) -> Object:
    """The spec of the agent's pod."""
    spec: Object = of_kind(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(objects: list[Object], name: str = "agent") -> Object:
    """The agent's container, or another one of its pod."""
    (found,) = (one for one in pod(objects)["containers"] if one["name"] == name)
    return dict(found)


def environment(objects: list[Object]) -> dict[str, str]:
    """The agent's environment variables."""
    return {one["name"]: one["value"] for one in container(objects)["env"]}


def mounted(objects: list[Object], path: str, name: str = "agent") -> Object:
    """The volume that is mounted at a path of the agent's container, or another one."""
    (mount,) = (one for one in container(objects, name)["volumeMounts"] if one["mountPath"] == path)
    (volume,) = (one for one in pod(objects)["volumes"] if one["name"] == mount["name"])
    return dict(volume)


def test_the_chart_is_linted(api_server: Cluster) -> None:
    """`helm lint --strict` has nothing to say."""
    assert "0 chart(s) failed" in api_server.helm("lint", "--strict", str(CHART)).stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set=backends={b}",), "adapter is needed"),
        (("--set=adapter=ibm",), "backends is needed"),
        ((*GIVEN, "--set=backends={''}"), "don't meet the specifications of the schema"),
        ((*GIVEN, "--set=setting.instance=x"), "don't meet the specifications of the schema"),
        ((*GIVEN, "--set=settings.token=x"), "don't meet the specifications of the schema"),
        ((*GIVEN, "--set=settings.secretAccessKey=x"), "don't meet the specifications of the schema"),
        ((*GIVEN, "--set=pollSeconds=0"), "don't meet the specifications of the schema"),
    ],
)
def test_what_makes_no_sense_is_refused(api_server: Cluster, options: tuple[str, ...], words: str) -> None:
    """Without adapter or backends, misspelled, or with a credential among the values."""
    with pytest.raises(ClusterError, match=words):
        render(api_server, *options)


def test_the_definitions_come_first(api_server: Cluster) -> None:
    """A cluster that lacks our API is refused with the name of the chart to install first."""
    with pytest.raises(ClusterError, match="install the chart quantum-operator-crds first"):
        api_server.helm("template", "a", str(CHART), *GIVEN)


def test_the_pod_is_restricted(api_server: Cluster) -> None:
    """Both containers meet the restricted standard, and their root file systems are read-only."""
    spec = pod(render(api_server, *GIVEN, "--set=credentialsSecret=account"))
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert all(set(volume) <= {"name", "emptyDir", "configMap", "secret", "projected"} for volume in spec["volumes"])
    assert [one["name"] for one in spec["containers"]] == ["agent", "compiler"]
    for one in spec["containers"]:
        assert one["securityContext"]["readOnlyRootFilesystem"] is True
        assert one["securityContext"]["allowPrivilegeEscalation"] is False
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in one["resources"]["limits"]


def test_who_compiles_has_nothing_of_the_account_s(api_server: Cluster) -> None:
    """Neither Secret, token, settings nor proxy: a socket, a folder for temporary files, and limits of its own."""
    given = (
        "--set=credentialsSecret=account",
        "--set=proxy.https=http://proxy.test:3128",
        "--set=caBundle.configMap=c",
    )
    objects = render(api_server, *GIVEN, *given, "--set-string=compiler.resources.limits.memory=3Gi")
    spec, compiler, agent = pod(objects), container(objects, "compiler"), container(objects)
    folder = str(Path(environment(objects)["QUANTUM_AGENT_COMPILER_SOCKET"]).parent)
    assert {one["mountPath"] for one in compiler["volumeMounts"]} == {"/tmp", folder}
    in_memory = [mounted(objects, path, "compiler")["emptyDir"] for path in ("/tmp", folder)]
    assert [one["medium"] for one in in_memory] == ["Memory", "Memory"]  # else a program could have the pod evicted
    assert all(one["sizeLimit"] for one in in_memory)
    assert mounted(objects, "/tmp", "compiler") != mounted(objects, "/tmp")
    assert not {"envFrom", "ports"} & set(compiler)
    assert (compiler["workingDir"], compiler["env"]) == ("/", [{"name": "HOME", "value": "/"}])
    assert compiler["image"] == agent["image"]
    socket = environment(objects)["QUANTUM_AGENT_COMPILER_SOCKET"]
    writable = (folder, "/tmp", "/dev/shm", "/dev/mqueue")
    assert compiler["args"] == [f"--socket={socket}", *(f"--scratch={one}" for one in writable)]
    assert compiler["resources"]["limits"] == {"cpu": "2", "memory": "3Gi"}
    assert (spec["automountServiceAccountToken"], spec["shareProcessNamespace"]) == (False, False)
    skipped = of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert (
        skipped["eks.amazonaws.com/skip-containers"] == skipped["azure.workload.identity/skip-containers"] == "compiler"
    )


def test_the_agent_alone_has_a_token(api_server: Cluster) -> None:
    """As the kubelet would mount it, and what it shares with its compiler it can't write."""
    objects = render(api_server, *GIVEN)
    volume = mounted(objects, "/var/run/secrets/kubernetes.io/serviceaccount")
    assert [next(iter(one)) for one in volume["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    folder = Path(environment(objects)["QUANTUM_AGENT_COMPILER_SOCKET"]).parent
    assert mounted(objects, str(folder)) == mounted(objects, str(folder), "compiler")
    (shared,) = (one for one in container(objects)["volumeMounts"] if one["mountPath"] == str(folder))
    assert shared["readOnly"] is True


def test_its_environment_is_an_agent_s(api_server: Cluster) -> None:
    """The agent reads from its environment what the values say."""
    objects = render(
        api_server, *GIVEN, "--set=credentialsSecret=account", "--set-json=pollSeconds=2.5", "--set=healthSeconds=86400"
    )
    found = AgentSettings.from_environment(environment(objects))
    assert (found.namespace, found.adapter, found.lease) == ("lab", "ibm", ("lab", NAME))
    assert (found.poll_seconds, found.health_seconds, found.log_level) == (2.5, 86400, "info")
    assert mounted(objects, str(found.credentials))["secret"] == {"secretName": "account", "defaultMode": 0o440}
    assert mounted(objects, str(found.settings))["configMap"] == {"name": NAME}
    assert "emptyDir" in mounted(objects, str(Path(found.lease_file).parent))


def test_settings_are_files_and_texts(api_server: Cluster) -> None:
    """Each setting is a key of the ConfigMap, as it was given."""
    given = ("--set-string=settings.priceMicrosPerSecond=1600000", "--set=settings.instance=crn:v1::")
    assert of_kind(render(api_server, *GIVEN, *given), "ConfigMap")["data"] == {
        "instance": "crn:v1::",
        "priceMicrosPerSecond": "1600000",
    }
    assert not of_kind(render(api_server, *GIVEN), "ConfigMap")["data"]


def test_without_a_secret_none_is_mounted(api_server: Cluster) -> None:
    """As on AWS, which may give the pod an identity by its ServiceAccount."""
    objects = render(api_server, *GIVEN, "--set=serviceAccount.annotations.role=r")
    assert AgentSettings.from_environment(environment(objects)).credentials is None
    assert "credentials" not in [one["name"] for one in pod(objects)["volumes"]]
    assert of_kind(objects, "ServiceAccount")["metadata"]["annotations"] == {"role": "r"}


def test_the_agent_has_the_rights_it_uses(api_server: Cluster) -> None:
    """Exactly those that agents are tested with, the status of its own backends, and its own Lease."""
    objects = render(api_server, *GIVEN)
    role, cluster_role = of_kind(objects, "Role"), of_kind(objects, "ClusterRole")
    assert rights_of(role["rules"]) == rights_of(AGENT)
    assert rights_of(cluster_role["rules"]) == rights_of(AGENT_CLUSTER_WIDE)
    assert role["metadata"]["namespace"] == "lab"
    by_name = {
        (one["resources"][0], tuple(one["resourceNames"]))
        for one in (*role["rules"], *cluster_role["rules"])
        if one["resources"] != ["customresourcedefinitions"] and "resourceNames" in one
    }
    assert by_name == {("quantumbackends/status", ("ibm-fez", "ibm-kingston")), ("leases", (NAME,))}
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": "lab"}
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        assert of_kind(objects, kind)["subjects"] == [account]


def test_accounts_share_nothing_without_a_namespace(api_server: Cluster) -> None:
    """What has no namespace is named by the release's."""
    assert of_kind(render(api_server, *GIVEN), "ClusterRole")["metadata"]["name"] == f"{NAME}:lab"


def test_of_several_agents_one_may_be_evicted_at_a_time(api_server: Cluster) -> None:
    """A single one may be at any time: a budget would keep its node from being drained."""
    assert "PodDisruptionBudget" not in [one["kind"] for one in render(api_server, *GIVEN)]
    objects = render(api_server, *GIVEN, "--set=replicas=2")
    budget, deployment = of_kind(objects, "PodDisruptionBudget"), of_kind(objects, "Deployment")
    assert deployment["spec"]["replicas"] == 2
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]


def test_the_image_is_the_adapter_s(api_server: Cluster) -> None:
    """Unless another is given, by tag or by digest."""
    assert container(render(api_server, *GIVEN))["image"] == f"{NAME}-ibm:0.1.0"
    digest = f"sha256:{'0' * 64}"
    other = ("--set=image.repository=r.test/q", "--set=image.tag=x")
    assert container(render(api_server, *GIVEN, *other))["image"] == "r.test/q:x"
    assert (
        container(render(api_server, *GIVEN, *other, f"--set=image.digest={digest}"))["image"] == f"r.test/q@{digest}"
    )


def test_the_network_s_own_ways_reach_the_agent(api_server: Cluster) -> None:
    """A proxy, which is never between it and the API server, and a CA bundle, for both of Python's HTTP libraries."""
    options = ("--set=proxy.https=http://proxy.test:3128", "--set=caBundle.configMap=corporate")
    objects = render(api_server, *GIVEN, *options)
    found = environment(objects)
    assert (found["HTTPS_PROXY"], found["NO_PROXY"]) == ("http://proxy.test:3128", "$(KUBERNETES_SERVICE_HOST)")
    assert found["SSL_CERT_FILE"] == found["REQUESTS_CA_BUNDLE"]
    assert mounted(objects, str(Path(found["SSL_CERT_FILE"]).parent))["configMap"]["name"] == "corporate"


def test_its_network_policy_selects_it(api_server: Cluster) -> None:
    """It lets out DNS and the given ports, and in what asks for its health."""
    objects = render(api_server, *GIVEN, "--set=networkPolicy.ports={443}")
    policy = of_kind(objects, "NetworkPolicy")["spec"]
    labels = of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["ingress"] == [{"ports": [{"port": "health"}]}]
    assert [one["port"] for rule in policy["egress"] for one in rule["ports"]] == [53, 53, 443]
    off = render(api_server, *GIVEN, "--set=networkPolicy.enabled=false")
    assert "NetworkPolicy" not in [one["kind"] for one in off]
