"""The world that manifests describe: jobs to run, and what they refer to, each in its namespace."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.local.manifests import ConfigMap, InvalidManifestsError, Manifest, ManifestError, load_text
from quantum_operator.ports.world import Key

BUILT_IN_BACKENDS = "backends.yaml"
"""The simulators that come with the package, beside this module."""


@dataclass
class LocalWorld:
    """Everything that the manifests have, by name. Backends are the built-in simulators and the manifests' own."""

    jobs: dict[Key, QuantumJob] = field(default_factory=dict)
    policies: dict[Key, BackendPolicy] = field(default_factory=dict)
    backends: dict[str, QuantumBackend] = field(default_factory=dict)
    config_maps: dict[Key, dict[str, str]] = field(default_factory=dict)


def built_in_backends() -> dict[str, QuantumBackend]:
    """The simulators that come with the package, by name."""
    text = files("quantum_operator.local").joinpath(BUILT_IN_BACKENDS).read_text(encoding="utf-8")
    resources = [manifest.resource for manifest in load_text(text, BUILT_IN_BACKENDS)]
    return {one.metadata.name: one for one in resources if isinstance(one, QuantumBackend)}


def assemble(manifests: Sequence[Manifest], namespace: str) -> LocalWorld:
    """The world of these manifests; what names no namespace is in `namespace`.

    A QuantumBackend of a built-in's name takes its place. Raises InvalidManifestsError when two manifests are the
    same object once the namespace is filled in.
    """
    world = LocalWorld(backends=built_in_backends())
    places: dict[tuple[str, Key], Manifest] = {}
    errors = []
    for manifest in manifests:
        key = _add(world, manifest, namespace)
        kind = type(manifest.resource).__name__
        first = places.setdefault((kind, key), manifest)
        if first is not manifest:
            problem = (
                f"{kind} {key.name} of namespace {key.namespace} is there already, in {first.source}, document "
                f"{first.document}; give one of them another name or namespace"
            )
            errors.append(ManifestError(manifest.source, manifest.document, problem))
    if errors:
        raise InvalidManifestsError(tuple(errors))
    return world


def _add(world: LocalWorld, manifest: Manifest, namespace: str) -> Key:
    resource = manifest.resource
    if isinstance(resource, ConfigMap):
        key = Key(resource.namespace or namespace, resource.name)
        world.config_maps[key] = resource.data
        return key
    key = Key(resource.metadata.namespace or namespace, resource.metadata.name)
    metadata = resource.metadata.model_copy(update={"namespace": key.namespace})
    match resource:
        case QuantumJob():
            world.jobs[key] = resource.model_copy(update={"metadata": metadata})
        case BackendPolicy():
            world.policies[key] = resource.model_copy(update={"metadata": metadata})
        case QuantumBackend():
            world.backends[key.name] = resource
    return key
