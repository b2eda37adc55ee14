"""Manifests in files: what people write, checked as the API server would, without one.

Every error names the file and the document, and all files are read before any error is raised.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from quantum_operator.api.admission.fielderror import FieldError, field_error
from quantum_operator.api.admission.metadata import check_metadata, decode_metadata
from quantum_operator.api.ledger import QuantumLedger
from quantum_operator.api.meta import API_VERSION
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.render import RESOURCES, Resource
from quantum_operator.api.validate import InvalidResourceError, validate
from quantum_operator.local.safeyaml import MAX_BYTES, UnreadableYamlError, documents

MAX_OBJECT_BYTES = 1_500_000
"""The longest object as JSON. An API server takes little more, and answers the rest with an internal error."""

MAX_CONFIG_MAP_BYTES = 1_048_576

_KINDS = tuple(model.__name__ for model in RESOURCES if model not in (QuantumTask, QuantumLedger))
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True)
class ConfigMap:
    """A ConfigMap's text, by key; jobs take their programs from it."""

    name: str
    namespace: str
    data: dict[str, str]


Loaded: TypeAlias = Resource | ConfigMap


@dataclass(frozen=True)
class Manifest:
    """A resource, and where it was written: the file, and the number of the document in it."""

    source: str
    document: int
    resource: Loaded


@dataclass(frozen=True)
class ManifestError:
    """One thing that is wrong with one document, or with a file as a whole (`document` is None)."""

    source: str
    document: int | None
    message: str

    def __str__(self) -> str:
        place = self.source if self.document is None else f"{self.source}, document {self.document}"
        return f"{place}: {self.message}"


class InvalidManifestsError(ValueError):
    """Manifests that can't be used; `errors` has every reason, in the order of the files."""

    def __init__(self, errors: tuple[ManifestError, ...]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


def load(paths: Iterable[Path]) -> list[Manifest]:
    """Every resource of these files, and of the .yaml, .yml and .json files right inside these folders.

    Raises InvalidManifestsError, which lists all that is wrong in all of them.
    """
    found: list[Manifest | ManifestError] = []
    for path in paths:
        for file in sorted(child for child in path.iterdir() if child.suffix in _SUFFIXES) if path.is_dir() else [path]:
            found += _read(file)
    return _checked(found)


def load_text(text: str, source: str) -> list[Manifest]:
    """Every resource of this text; `source` names it in errors. Raises InvalidManifestsError."""
    return _checked(_parse(text, source))


def _read(path: Path) -> Iterator[Manifest | ManifestError]:
    try:
        with path.open("rb") as file:
            # One byte more than is allowed tells that there is more.
            text = file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        yield ManifestError(str(path), None, error.strerror or str(error))
    except UnicodeDecodeError as error:
        yield ManifestError(str(path), None, f"not UTF-8: {error.reason} at byte {error.start}")
    else:
        yield from _parse(text, str(path))


def _parse(text: str, source: str) -> Iterator[Manifest | ManifestError]:
    count = 0
    try:
        for document in documents(text):
            count = document.number
            try:
                yield Manifest(source, count, _load(document.content))
            except InvalidResourceError as error:
                yield from (ManifestError(source, count, str(reason)) for reason in error.errors)
    except UnreadableYamlError as error:
        yield ManifestError(source, count + 1, str(error))


def _load(content: Any) -> Loaded:
    if not isinstance(content, dict):
        raise _refusal("", "a manifest is a map with apiVersion, kind and metadata")
    size = len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))
    if size > MAX_OBJECT_BYTES:
        problem = f"the object has {size} bytes, at most {MAX_OBJECT_BYTES} are allowed: put programs into ConfigMaps"
        raise _refusal("", problem)
    version, kind = content.get("apiVersion"), content.get("kind")
    if kind == "ConfigMap" and version == "v1":
        return _config_map(content)
    expected = "v1" if kind == "ConfigMap" else API_VERSION if kind in _KINDS else None
    if expected is None:
        remedy = f"only {', '.join(_KINDS)} and ConfigMap are read here; give the rest to kubectl"
        raise _refusal("kind", f"kind {_shown(kind)} of apiVersion {_shown(version)} is not known: {remedy}")
    if version != expected:
        raise _refusal("apiVersion", f"apiVersion {_shown(version)} has no {kind}: write apiVersion: {expected}")
    return validate(content)


def _config_map(content: dict[str, Any]) -> ConfigMap:
    metadata, errors = decode_metadata(content.get("metadata"))
    errors += (
        FieldError("UnknownField", str(name), f"unknown field {_shown(name)}")
        for name in content
        if name not in {"apiVersion", "kind", "metadata", "data", "immutable"}
    )
    data = content.get("data") or {}
    errors += check_metadata(metadata) if not errors else ()
    errors += _check_data(data)
    if errors:
        raise InvalidResourceError(tuple(errors))
    return ConfigMap(metadata.get("name", ""), metadata.get("namespace", ""), data)


def _check_data(data: Any) -> Iterator[FieldError]:
    if not isinstance(data, dict):
        yield FieldError("Malformed", "data", "data must be a map of text")
        return
    for key, value in data.items():
        if not _KEY.fullmatch(key):
            problem = "a key has 1 to 253 letters, digits, '-', '_' and '.'"
            yield field_error("FieldValueInvalid", f"data[{key}]", problem, key)
        if not isinstance(value, str):
            yield FieldError("Malformed", f"data[{key}]", f"data[{key}] must be text: in YAML, write it in quotes")
    size = sum(len(text.encode()) for entry in data.items() for text in entry if isinstance(text, str))
    if size > MAX_CONFIG_MAP_BYTES:
        yield field_error("FieldValueTooLong", "data", f"may not be more than {MAX_CONFIG_MAP_BYTES} bytes")


def _refusal(field: str, problem: str) -> InvalidResourceError:
    return InvalidResourceError((FieldError("Malformed", field, problem),))


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]


def _checked(found: Iterable[Manifest | ManifestError]) -> list[Manifest]:
    manifests: dict[tuple[str, str, str], Manifest] = {}
    errors = []
    for entry in found:
        if isinstance(entry, ManifestError):
            errors.append(entry)
            continue
        key, name = _identity(entry.resource)
        first = manifests.setdefault(key, entry)
        if first is not entry:
            problem = f"{key[0]} {name} is there already, in {first.source}, document {first.document}"
            errors.append(ManifestError(entry.source, entry.document, problem))
    if errors:
        raise InvalidManifestsError(tuple(errors))
    return list(manifests.values())


def _identity(resource: Loaded) -> tuple[tuple[str, str, str], str]:
    meta = resource if isinstance(resource, ConfigMap) else resource.metadata
    return (type(resource).__name__, meta.namespace, meta.name), meta.name
