"""The test cluster's control plane: what the other tests of a cluster rely on."""

import json

import pytest

from testcluster import BuiltCluster, Cluster
from testcluster.manifests import pod


@pytest.fixture
def built(api_server: Cluster) -> BuiltCluster:
    """A cluster of our own making."""
    if not isinstance(api_server, BuiltCluster):
        pytest.skip("a given cluster's audit log and processes are its owner's")
    return api_server


class TestApi:
    """A control plane without a node."""

    def test_reports_the_version_it_was_built_from(self, built: BuiltCluster) -> None:
        """Server and client say 1.36.3, so that version checks of charts and clients see the truth."""
        version = json.loads(built.kubectl("version", "-o", "json").stdout)
        assert version["serverVersion"]["gitVersion"] == version["clientVersion"]["gitVersion"] == "v1.36.3"
        assert (version["serverVersion"]["major"], version["serverVersion"]["minor"]) == ("1", "36")

    def test_makes_namespaces(self, api_server: Cluster, namespace: str) -> None:
        """A new namespace exists, enforces the restricted standard, and has its service account."""
        found = json.loads(api_server.kubectl("get", "namespace", namespace, "-o", "json").stdout)
        assert found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        assert api_server.kubectl("get", "serviceaccount", "default", "-n", namespace).returncode == 0

    def test_refuses_an_unrestricted_pod(self, api_server: Cluster, namespace: str) -> None:
        """A pod that may run as root is refused, with the standard's name."""
        manifest = pod("root", "docker.io/local/any:1", securityContext={"runAsUser": 0})
        refused = api_server.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(manifest), check=False)
        assert refused.returncode != 0
        assert 'violates PodSecurity "restricted' in refused.stderr

    def test_knows_its_users_apart(self, api_server: Cluster, namespace: str) -> None:
        """A user has the rights that were given to a group of theirs, and no others."""
        api_server.kubectl("create", "rolebinding", "team", "--clusterrole=view", "--group=team", "-n", namespace)
        ask = ("auth", "can-i", "list", "pods", "-n", namespace)
        assert api_server.kubectl(*ask, user="alice", groups=["team"]).stdout.strip() == "yes"
        assert api_server.kubectl(*ask, user="alice", check=False).stdout.strip() == "no"

    def test_admission_policies_are_served_as_stable(self, api_server: Cluster) -> None:
        """Validating and mutating admission policies are both there in version v1."""
        listed = api_server.kubectl("api-resources", "--api-group=admissionregistration.k8s.io", "-o", "name").stdout
        assert "validatingadmissionpolicies.admissionregistration.k8s.io" in listed
        served = api_server.kubectl("get", "--raw", "/apis/admissionregistration.k8s.io/v1").stdout
        assert "mutatingadmissionpolicies" in served

    def test_counts_who_wrote_what(self, built: BuiltCluster, namespace: str) -> None:
        """The audit log has each write of a user once, with its answer; a refused one was not read for its name."""
        built.kubectl("create", "rolebinding", "edit", "--clusterrole=edit", "--user=bob", "-n", namespace)
        begin = built.audit_position()
        built.kubectl("create", "configmap", "kept", "-n", namespace, user="bob")
        built.kubectl("create", "namespace", "refused", user="bob", check=False)
        written = [event for event in built.audit_events(since=begin) if event.user == "bob" and event.is_write]
        assert [(e.verb, e.resource, e.name, e.code) for e in written] == [
            ("create", "configmaps", "kept", 201),
            ("create", "namespaces", "", 403),
        ]

    def test_runs_helm(self, api_server: Cluster) -> None:
        """Helm reaches the cluster and has no release in a fresh namespace."""
        assert json.loads(api_server.helm("list", "--all-namespaces", "--output=json").stdout) == []
