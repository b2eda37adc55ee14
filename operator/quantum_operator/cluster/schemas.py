"""Whether the cluster's definitions of our resources are those that this operator was built with."""

from quantum_operator.api.meta import GROUP
from quantum_operator.api.render import HASH_ANNOTATION, RESOURCES, schema_hash
from quantum_operator.cluster.api import Api, metadata

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
REMEDY = "run `helm upgrade --install quantum-operator-crds` with the chart of the operator's version"


class SchemaMismatchError(Exception):
    """The definitions are missing or of another version. An old one would drop fields without a word."""


async def check_schemas(api: Api) -> None:
    """Raise SchemaMismatchError, which says what to do, unless all definitions are ours."""
    for resource in RESOURCES:
        name = f"{resource.plural}.{GROUP}"
        found = await api.find(f"{DEFINITIONS}/{name}")
        if found is None:
            raise SchemaMismatchError(f"the CustomResourceDefinition {name} is missing: {REMEDY}")
        there = (metadata(found).get("annotations") or {}).get(HASH_ANNOTATION, "none")
        if there != schema_hash():
            raise SchemaMismatchError(
                f"the CustomResourceDefinition {name} has the schema hash {there}, "
                f"and this operator was built with {schema_hash()}: {REMEDY}"
            )
