"""What can be wrong with an installation: each check looks at one thing, and has a remedy for what it finds."""

from collections.abc import Callable, Iterator

from lightkube.core.exceptions import ApiError
from lightkube.models.authorization_v1 import (
    ResourceAttributes,
    SelfSubjectAccessReviewSpec,
    SubjectAccessReviewSpec,
)
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.authorization_v1 import SelfSubjectAccessReview, SubjectAccessReview
from lightkube.resources.core_v1 import Pod

from quantum_operator.api.conditions import REASONS, ConditionType
from quantum_operator.api.meta import GROUP
from quantum_operator.api.render import HASH_ANNOTATION, RESOURCES, schema_hash
from quantum_operator.cli.findings import Finding, pod_troubles
from quantum_operator.cli.kube import Cluster
from quantum_operator.decide.status import find_condition

OPERATOR_LABEL, OPERATOR = "app.kubernetes.io/name", "quantum-operator"
"""On the operator's Deployment and its pods."""

NEEDED_BY_OPERATOR = (
    (GROUP, "quantumjobs", "", "watch"),
    (GROUP, "quantumjobs", "status", "update"),
    (GROUP, "quantumjobs", "", "create"),
    (GROUP, "quantumjobs", "", "delete"),
    (GROUP, "quantumtasks", "", "create"),
    ("batch", "jobs", "", "create"),
    ("batch", "jobs", "", "delete"),
    ("", "pods", "log", "get"),
    ("", "configmaps", "", "create"),
    ("", "configmaps", "", "delete"),
    ("", "events", "", "create"),
    ("", "events", "", "list"),
)
"""Group, resource, subresource and verb of what the operator can't work without, where the jobs are."""

NEEDED_EVERYWHERE = (
    (GROUP, "quantumledgers", "", "get"),
    (GROUP, "quantumledgers", "", "create"),
    (GROUP, "quantumledgers", "status", "update"),
)
"""The same of what has no namespace."""

NEEDED_AT_HOME = (
    ("coordination.k8s.io", "leases", "", "create"),
    ("coordination.k8s.io", "leases", "", "get"),
    ("coordination.k8s.io", "leases", "", "update"),
    ("", "configmaps", "", "create"),
    ("", "configmaps", "", "get"),
    ("", "configmaps", "", "update"),
)
"""The same in its own namespace: for the Lease that has the name of its Deployment, and for claims of keys."""

Check = Callable[[Cluster], Iterator[Finding]]


def crds(cluster: Cluster) -> Iterator[Finding]:
    """The CRDs are there, and have this version's schema."""
    for model in RESOURCES:
        name = f"{model.plural}.{GROUP}"
        try:
            found = cluster.client.get(CustomResourceDefinition, name)
        except ApiError as error:
            if error.status.code != 404:
                raise
            yield Finding("CRD", "problem", f"{name} is missing", "helm install quantum-operator-crds from its chart")
            continue
        given = (found.metadata.annotations or {}).get(HASH_ANNOTATION, "none") if found.metadata else "none"
        if given == schema_hash():
            yield Finding("CRD", "ok", f"{name} has this version's schema")
        else:
            problem = f"{name} has schema hash {given[:12]}, this qjob has {schema_hash()[:12]}"
            remedy = "bring the chart quantum-operator-crds, the operator and qjob to the same version"
            yield Finding("CRD", "problem", problem, remedy)


def operator(cluster: Cluster) -> Iterator[Finding]:
    """The operator is deployed and ready, and may do its work."""
    deployments = list(cluster.client.list(Deployment, namespace="*", labels={OPERATOR_LABEL: OPERATOR}))
    if not deployments:
        remedy = "helm install quantum-operator from its chart, or look at its release with helm list -A"
        yield Finding("operator", "problem", "no Deployment of the operator in any namespace", remedy)
    for one in deployments:
        assert one.metadata is not None  # noqa: S101 - what an API server lists has metadata
        name, namespace = one.metadata.name or "", one.metadata.namespace or ""
        wanted = (one.spec.replicas if one.spec else None) or 0
        ready = (one.status.readyReplicas if one.status else None) or 0
        message = f"{namespace}/{name}: {ready} of {wanted} pods are ready"
        if wanted and ready:
            yield Finding("operator", "ok", message)
        else:
            pods = cluster.client.list(Pod, namespace=namespace, labels={OPERATOR_LABEL: OPERATOR})
            causes = "; ".join(trouble for pod in pods for trouble in pod_troubles(pod))
            remedy = f"kubectl -n {namespace} describe deployment {name}, and kubectl -n {namespace} logs deploy/{name}"
            yield Finding("operator", "problem", f"{message}{f': {causes}' if causes else ''}", remedy)
        account = (
            one.spec.template.spec.serviceAccountName if one.spec and one.spec.template.spec else ""
        ) or "default"
        user = f"system:serviceaccount:{namespace}:{account}"
        yield from _operator_rights(cluster, user, cluster.namespace, NEEDED_BY_OPERATOR + NEEDED_EVERYWHERE)
        yield from _operator_rights(cluster, user, namespace, NEEDED_AT_HOME, name)


def rights(cluster: Cluster) -> Iterator[Finding]:
    """The person who asks may submit jobs in the namespace and see the backends."""
    for verb, resource, namespace in (
        ("create", "quantumjobs", cluster.namespace),
        ("get", "quantumjobs", cluster.namespace),
        ("list", "quantumbackends", None),
    ):
        attributes = ResourceAttributes(group=GROUP, resource=resource, verb=verb, namespace=namespace)
        review = cluster.client.create(
            SelfSubjectAccessReview(spec=SelfSubjectAccessReviewSpec(resourceAttributes=attributes))
        )
        where = f" in namespace {namespace}" if namespace else ""
        if review.status is not None and review.status.allowed:
            yield Finding("rights", "ok", f"you may {verb} {resource}{where}")
        else:
            remedy = "ask the cluster's administrator for a role with that right"
            yield Finding("rights", "problem", f"you may not {verb} {resource}{where}", remedy)


def backends(cluster: Cluster) -> Iterator[Finding]:
    """There are backends, and they are ready."""
    found = cluster.backends()
    if not found:
        remedy = "let the operator's chart install its simulators, or create a QuantumBackend"
        yield Finding("backends", "problem", "there is no QuantumBackend", remedy)
    for backend in found:
        ready = find_condition(backend.status.conditions, ConditionType.READY)
        if ready is not None and ready.status == "True":
            yield Finding("backends", "ok", f"{backend.metadata.name} is ready: {ready.message}")
        else:
            why = f"{ready.reason}: {ready.message}" if ready is not None else "nobody has reported its status"
            remedy = "see that the operator runs" if ready is None else REASONS.get(ready.reason, "see the message")
            yield Finding("backends", "problem", f"{backend.metadata.name} is not ready: {why}", remedy)


def policies(cluster: Cluster) -> Iterator[Finding]:
    """The namespace has a policy, and each reaches a backend."""
    found = cluster.policies()
    if not found:
        problem = f"namespace {cluster.namespace} has no BackendPolicy, so no job can run in it"
        yield Finding(
            "policies", "problem", problem, "create one named default, such as manifests/examples/00-policy.yaml"
        )
    for policy in found:
        ready = find_condition(policy.status.conditions, ConditionType.READY)
        if ready is not None and ready.status == "True":
            yield Finding("policies", "ok", f"{policy.metadata.name} {ready.message}")
        else:
            why = f"{ready.reason}: {ready.message}" if ready is not None else "nobody has reported its status"
            remedy = "see that the operator runs" if ready is None else "name a QuantumBackend that exists"
            yield Finding("policies", "problem", f"{policy.metadata.name} is not ready: {why}", remedy)


INSTALLATION: tuple[Check, ...] = (crds, operator, rights, backends, policies)
"""In the order in which things depend on one another."""


def _operator_rights(
    cluster: Cluster, user: str, namespace: str, needed: tuple[tuple[str, str, str, str], ...], name: str = ""
) -> Iterator[Finding]:
    missing = []
    for group, resource, subresource, verb in needed:
        attributes = ResourceAttributes(
            group=group, resource=resource, subresource=subresource, verb=verb, namespace=namespace, name=name
        )
        review = cluster.client.create(
            SubjectAccessReview(spec=SubjectAccessReviewSpec(resourceAttributes=attributes, user=user))
        )
        if review.status is None or not review.status.allowed:
            missing.append(f"{verb} {'/'.join(part for part in (resource, subresource) if part)}")
    if missing:
        problem = f"{user} may not, in namespace {namespace}: {', '.join(missing)}"
        yield Finding("operator", "problem", problem, "install the chart's roles, or add the namespace to its list")
    else:
        yield Finding("operator", "ok", f"{user} has the rights that it needs in namespace {namespace}")
