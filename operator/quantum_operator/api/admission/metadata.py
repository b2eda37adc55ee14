"""An object's metadata, as k8s.io/apimachinery/pkg/api/validation checks it on creation."""

import re
from collections.abc import Iterator
from typing import Any

from quantum_operator.api.admission.fielderror import FieldError, field_error
from quantum_operator.api.admission.values import type_name
from quantum_operator.api.schema import Schema

_MAX_ANNOTATIONS = 262_144

_TYPES = {
    "annotations": "object",
    "creationTimestamp": "string",
    "deletionGracePeriodSeconds": "integer",
    "deletionTimestamp": "string",
    "finalizers": "array",
    "generateName": "string",
    "generation": "integer",
    "labels": "object",
    "managedFields": "array",
    "name": "string",
    "namespace": "string",
    "ownerReferences": "array",
    "resourceVersion": "string",
    "selfLink": "string",
    "uid": "string",
}
_TEXTS = {"annotations", "labels", "finalizers"}

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_KEY})?"
_LABEL_ERROR = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_SUBDOMAIN_ERROR = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_KEY_ERROR = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_KEY}')"
)
_KEY_EXAMPLE = "(e.g. 'example.com/MyName')"
_VALUE_ERROR = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE}')"
)


def decode_metadata(metadata: Any) -> tuple[Schema, list[FieldError]]:
    """The metadata without nulls, and what keeps it from being read: unknown fields and values of another type."""
    if metadata is None:
        return {}, []
    if not isinstance(metadata, dict):
        return {}, [_malformed("metadata", metadata, "an object")]
    decoded, errors = {}, []
    for name, value in metadata.items():
        path = f"metadata.{name}"
        if name not in _TYPES:
            errors.append(FieldError("UnknownField", path, f'unknown field "{path}"'))
        elif value is not None and type_name(value) != _TYPES[name]:
            errors.append(_malformed(path, value, f"of type {_TYPES[name]}"))
        elif value is not None and name in _TEXTS:
            decoded[name], malformed = _decode_texts(path, value)
            errors += malformed
        elif value is not None:
            decoded[name] = value
    return decoded, errors


def _decode_texts(path: str, value: Any) -> tuple[Any, list[FieldError]]:
    """A map or list of text, in which null stands for ""."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    texts = ["" if value[key] is None else value[key] for key in keys]
    errors = [
        _malformed(f"{path}[{key}]", text, "text (in YAML, write it in quotes)")
        for key, text in zip(keys, texts, strict=True)
        if not isinstance(text, str)
    ]
    return (dict(zip(keys, texts, strict=True)) if isinstance(value, dict) else texts), errors


def _malformed(path: str, value: Any, expected: str) -> FieldError:
    return FieldError("Malformed", path, f"{path} must be {expected}, and is of type {type_name(value)}")


def check_metadata(metadata: Schema) -> Iterator[FieldError]:
    """Names, labels, annotations and finalizers that break Kubernetes' rules, in decoded metadata."""
    name, generate_name = metadata.get("name", ""), metadata.get("generateName", "")
    if generate_name:
        prefix = generate_name[:-2] + "a" if len(generate_name) > 1 and generate_name[-1] == "-" else generate_name
        yield from _invalid("metadata.generateName", generate_name, _subdomain(prefix))
    if name:
        yield from _invalid("metadata.name", name, _subdomain(name))
    elif not generate_name:
        yield field_error("FieldValueRequired", "metadata.name", "name or generateName is required")
    if namespace := metadata.get("namespace"):
        yield from _invalid("metadata.namespace", namespace, _label(namespace))
    for key, value in metadata.get("labels", {}).items():
        yield from _invalid("metadata.labels", key, _qualified_name(key))
        yield from _invalid("metadata.labels", value, _label_value(value))
    annotations = metadata.get("annotations", {})
    for key in annotations:
        yield from _invalid("metadata.annotations", key, _qualified_name(key.lower()))
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _MAX_ANNOTATIONS:
        yield field_error("FieldValueTooLong", "metadata.annotations", f"may not be more than {_MAX_ANNOTATIONS} bytes")
    for finalizer in metadata.get("finalizers", ()):
        yield from _invalid("metadata.finalizers", finalizer, _qualified_name(finalizer))


def _invalid(path: str, value: str, problems: Iterator[str]) -> Iterator[FieldError]:
    for problem in problems:
        yield field_error("FieldValueInvalid", path, problem, value)


def _subdomain(name: str, unit: str = "characters") -> Iterator[str]:
    yield from _too_long(name, 253, unit)
    if not re.fullmatch(_SUBDOMAIN, name):
        yield _SUBDOMAIN_ERROR


def _label(name: str) -> Iterator[str]:
    yield from _too_long(name, 63, "characters")
    if not re.fullmatch(_LABEL, name):
        yield "must not contain dots" if re.fullmatch(_SUBDOMAIN, name) else _LABEL_ERROR


def _label_value(value: str) -> Iterator[str]:
    yield from _too_long(value, 63)
    if not re.fullmatch(_VALUE, value):
        yield _VALUE_ERROR


def _qualified_name(text: str) -> Iterator[str]:
    *prefixes, name = text.split("/")
    if len(prefixes) > 1:
        yield f"a valid label key {_KEY_ERROR} with an optional DNS subdomain prefix and '/' {_KEY_EXAMPLE}"
        return
    if prefixes == [""]:
        yield "prefix part must be non-empty"
    elif prefixes:
        yield from (f"prefix part {problem}" for problem in _subdomain(prefixes[0], "bytes"))
    if not name:
        yield "name part must be non-empty"
    yield from (f"name part {problem}" for problem in _too_long(name, 63))
    if not re.fullmatch(_KEY, name):
        yield f"name part {_KEY_ERROR}"


def _too_long(text: str, most: int, unit: str = "bytes") -> Iterator[str]:
    if len(text.encode()) > most:
        yield f"must be no more than {most} {unit}"
