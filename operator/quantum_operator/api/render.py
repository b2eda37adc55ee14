"""The CustomResourceDefinitions, rendered from the pydantic types, and the hash that tells one schema from another."""

import hashlib
import json
from functools import cache
from typing import TypeAlias

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.ledger import QuantumLedger
from quantum_operator.api.meta import GROUP, VERSION, PrinterColumn
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.schema import Schema, resource_schema, walk

HASH_ANNOTATION = "quantum-operator.dev/schema-hash"
"""On every CRD; an operator refuses to start where it finds another value than its own `schema_hash()`."""

Resource: TypeAlias = QuantumJob | BackendPolicy | QuantumBackend | QuantumTask | QuantumLedger
ResourceType: TypeAlias = (
    type[QuantumJob] | type[BackendPolicy] | type[QuantumBackend] | type[QuantumTask] | type[QuantumLedger]
)

RESOURCES: tuple[ResourceType, ...] = (QuantumJob, BackendPolicy, QuantumBackend, QuantumTask, QuantumLedger)
"""The kinds that are served, each with a CRD of its own."""

_PRESERVE = "x-kubernetes-preserve-unknown-fields"


@cache
def schemas() -> dict[str, Schema]:
    """The structural schema of each kind's objects. Shared: not to be changed."""
    return {model.__name__: resource_schema(model) for model in RESOURCES}


def custom_resource_definitions() -> list[Schema]:
    """Every CRD as JSON, in the order of `RESOURCES`, with the schema hash in its annotations."""
    return [_definition(spec) for spec in _specs()]


@cache
def schema_hash() -> str:
    """The SHA-256, in hexadecimal, of the canonical JSON of all CRDs' specs."""
    canonical = json.dumps(_specs(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _definition(spec: Schema) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{spec['names']['plural']}.{GROUP}",
            "annotations": {HASH_ANNOTATION: schema_hash()},
        },
        "spec": spec,
    }


def _specs() -> list[Schema]:
    return [_spec(model, schemas()[model.__name__]) for model in RESOURCES]


def _spec(resource: ResourceType, schema: Schema) -> Schema:
    kind = resource.__name__
    for path, part in walk(schema):
        if _PRESERVE in part:
            raise AssertionError(f"{kind}.{path}: {_PRESERVE} lets anything in, however deep")
    return {
        "group": GROUP,
        "names": {
            "kind": kind,
            "listKind": f"{kind}List",
            "plural": resource.plural,
            "singular": kind.lower(),
            "shortNames": list(resource.short_names),
            "categories": ["quantum"],
        },
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "versions": [
            {
                "name": VERSION,
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                **_selectable(resource),
                "additionalPrinterColumns": [_column(column) for column in resource.printer_columns],
                "schema": {"openAPIV3Schema": schema},
            }
        ],
    }


def _selectable(resource: ResourceType) -> Schema:
    """The fields by which objects can be listed, where the kind has such."""
    paths: tuple[str, ...] = getattr(resource, "selectable_fields", ())
    return {"selectableFields": [{"jsonPath": path} for path in paths]} if paths else {}


def _column(column: PrinterColumn) -> Schema:
    rendered: Schema = {"name": column.name, "type": column.type, "jsonPath": column.json_path}
    return rendered | ({"priority": column.priority} if column.priority else {})
