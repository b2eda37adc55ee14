"""A namespace whose jobs the API server governs by the operator's chart, and people with rights in it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from support.objects import apply_all, until_allowed
from support.restclient import MERGE, RestClient
from testcluster import Cluster
from testcluster.processes import eventually

Json = dict[str, Any]
CHART = Path(__file__).parents[2] / "charts/quantum-operator"
TEMPLATES = ("admission", "children", "userroles")
GROUP = "quantum-operator.dev"
RBAC = "rbac.authorization.k8s.io"
BELL: Json = {"name": "bell", "template": {"name": "bell"}}
SUBMITTER = "submitter"


class Person:
    """Somebody with a certificate of the cluster's, and what the API server answers them."""

    def __init__(self, name: str, kubeconfig: Path, namespace: str) -> None:
        self.name, self.kubeconfig, self._namespace = name, kubeconfig, namespace

    @cached_property
    def _client(self) -> RestClient:
        return RestClient(self.kubeconfig)

    def close(self) -> None:
        """Close the connection to the API server."""
        self._client.close()

    def path(self, plural: str, group: str = f"{GROUP}/v1alpha1") -> str:
        """Where the namespace's objects are."""
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        return f"{root}/namespaces/{self._namespace}/{plural}"

    def create(self, body: Json, plural: str = "quantumjobs", group: str = f"{GROUP}/v1alpha1", **options: str) -> Json:
        """Create an object; the answer, which is a Status where it is refused."""
        query = "&".join(f"{key}={value}" for key, value in options.items())
        return self._client.ask("POST", f"{self.path(plural, group)}?{query}", body)[1]

    def patch(self, job: str, body: Json, **options: str) -> Json:
        """Patch a job; the answer."""
        query = "&".join(f"{key}={value}" for key, value in options.items())
        return self._client.ask("PATCH", f"{self.path('quantumjobs')}/{job}?{query}", body, MERGE)[1]

    def job(self, name: str) -> Json:
        """A job as it is."""
        return self._client.request("GET", f"{self.path('quantumjobs')}/{name}")

    def decide(self, job: str, decision: str = "Approved", **other: Any) -> Json:
        """Decide on what the job asks for, in one's own name unless `other` says otherwise; the answer."""
        asked = self.job(job).get("status", {}).get("approval", {}).get("digest", "0" * 64)
        approval = {"decision": decision, "by": self.name, "digest": asked, **other}
        return self.patch(job, {"spec": {"approval": approval}})


class Governed:
    """The namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.release = f"gov-{secrets.token_hex(3)}"
        self.admin = Person("admin", cluster.kubeconfig, namespace)
        self._people = [self.admin]

    @property
    def fullname(self) -> str:
        """Before the names of all that the chart makes."""
        return f"{self.release}-quantum-operator"

    def install(self) -> None:
        """Have the API server enforce what the chart ships, in this namespace."""
        self._rendered = self._render()
        self.cluster.kubectl("apply", "-f", "-", input=self._rendered)

    def uninstall(self) -> None:
        """Have it no longer do so."""
        for one in self._people:
            one.close()
        self.cluster.kubectl("delete", "-f", "-", "--ignore-not-found", "--wait=false", input=self._rendered)

    def person(self, name: str, *roles: str) -> Person:
        """Somebody with these ClusterRoles in the namespace; those of the chart begin with a dash."""
        who = f"{name}-of-{self.namespace}"
        for role in roles:
            full = f"{self.fullname}{role}" if role.startswith("-") else role
            given = (f"--clusterrole={full}", f"--user={who}", f"--namespace={self.namespace}")
            self.cluster.kubectl("create", "rolebinding", f"{name}-{full}", *given)
        self._people.append(Person(who, self.cluster.kubeconfig_for(who), self.namespace))
        return self._people[-1]

    def allow(self, person: Person, verb: str, resource: str, name: str = "", group: str = "") -> None:
        """Have somebody have a right on one object, or on all of a kind."""
        here = {"name": f"right-{secrets.token_hex(4)}", "namespace": self.namespace}
        rule: Json = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        rule |= {"resourceNames": [name]} if name else {}
        role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": here, "rules": [rule]}
        ref = {"apiGroup": RBAC, "kind": "Role", "name": here["name"]}
        who = [{"apiGroup": RBAC, "kind": "User", "name": person.name}]
        binding = {**role, "kind": "RoleBinding", "roleRef": ref, "subjects": who}
        del binding["rules"]
        apply_all(self.cluster, [role, binding])
        until_allowed(self.cluster, person.name, verb, group, resource, self.namespace, name)

    def policy(self, name: str, **spec: Any) -> None:
        """Write a BackendPolicy, as the platform team; returns once the API server has jobs judged by it."""
        body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "BackendPolicy", "metadata": {"name": name}}
        answer = self.admin.create({**body, "spec": {"backends": [{"name": "any"}], **spec}}, "backendpolicies")
        assert answer["kind"] == "BackendPolicy", answer
        probe = job("probe", name)
        unknown = "no BackendPolicy"
        assert eventually(lambda: unknown not in self.admin.create(probe, dryRun="All").get("message", ""), 10), name

    def wait_until_in_force(self, person: Person, policy: str) -> None:
        """Return once each of the policies refuses or stamps what it should: this takes them about a second.

        `policy` is one without `maxShots` below a million, under which the person may submit jobs.
        """
        probe = {"dryRun": "All"}
        self.policy("probe-of-caps", maxShots=1)
        last: list[Json] = []

        def holds() -> bool:
            nobody = person.create(job("probe", "no-such-policy"), **probe)
            over = person.create(job("probe", "probe-of-caps", shots=2), **probe)
            fine = person.create(job("probe", policy), **probe)
            marked = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p", "labels": {f"{GROUP}/p": "p"}}}
            child = self._marker.create(marked, "configmaps", "v1", **probe)
            noted = fine.get("metadata", {}).get("annotations", {})
            changed = self._probe_update()
            last[:] = [nobody, over, fine, child, changed]
            return (
                "no BackendPolicy" in nobody.get("message", "")
                and "spec.maxShots" in over.get("message", "")
                and noted.get(f"{GROUP}/submitter") == person.name
                and bool(noted.get(f"{GROUP}/under-policy"))
                and "for the operator" in child.get("message", "")
                and "stays on record" in changed.get("message", "")
            )

        assert eventually(holds, 60), last

    @cached_property
    def _marker(self) -> Person:
        return self.person("marker", "edit")

    def _probe_update(self) -> Json:
        if self.admin.create(job("for-the-probe", "probe-of-caps", shots=1)).get("kind") == "QuantumJob":
            return {}
        changed = {"metadata": {"annotations": {f"{GROUP}/submitter": "somebody-else"}}}
        return self.admin.patch("for-the-probe", changed, dryRun="All")

    def _render(self) -> str:
        arguments = ["template", self.release, str(CHART), f"--namespace={self.namespace}", "--kube-version=1.36.0"]
        shown = [f"--show-only=templates/{one}.yaml" for one in TEMPLATES]
        values = ("--set=requireCRDs=false", f"--set=watchNamespaces={{{self.namespace}}}")
        return self.cluster.helm(*arguments, *shown, *values).stdout


def job(name: str, policy: str, *, shots: int = 100, annotations: Json | None = None, **spec: Any) -> Json:
    """A job that samples a Bell pair."""
    sampled = {"sample": {"pubs": [{"program": "bell", "shots": shots}]}}
    given = {"programs": [BELL], "task": sampled, "policyRef": {"name": policy}, **spec}
    metadata = {"name": name, **({"annotations": annotations} if annotations else {})}
    return {"apiVersion": f"{GROUP}/v1alpha1", "kind": "QuantumJob", "metadata": metadata, "spec": given}


@contextmanager
def governed(cluster: Cluster) -> Iterator[Governed]:
    """A new namespace whose jobs the API server governs."""
    name = f"governed-{secrets.token_hex(3)}"
    cluster.kubectl("create", "namespace", name)
    one = Governed(cluster, name)
    one.install()
    try:
        yield one
    finally:
        one.uninstall()
        cluster.kubectl("delete", "namespace", name, "--wait=false")
