"""Checks a manifest without a cluster, as the API server would on `kubectl apply`, and in the same words.

Imports CEL, which the operator's image lacks: only the command line and the laptop's shell use it.
"""

from typing import Any

from quantum_operator.api.admission.duplicates import check_duplicates
from quantum_operator.api.admission.fielderror import FieldError, field_error
from quantum_operator.api.admission.intake import take_in
from quantum_operator.api.admission.metadata import check_metadata, decode_metadata
from quantum_operator.api.admission.rules import check_rules
from quantum_operator.api.admission.values import check_values
from quantum_operator.api.meta import API_VERSION
from quantum_operator.api.render import RESOURCES, Resource, schemas
from quantum_operator.api.schema import Schema

_BLOCKS_RULES = {
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
}
_RULES_BLOCKED = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


class InvalidResourceError(ValueError):
    """A manifest that the API server would refuse; `errors` says why, each with the field's path."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


def validate(manifest: dict[str, Any]) -> Resource:
    """The resource that the API server would make of `manifest`: defaults filled in, a given status dropped.

    Raises InvalidResourceError with the API server's errors. `manifest` is JSON (text, numbers, lists, dicts) of
    any depth, and is not changed.
    """
    kinds = {model.__name__: model for model in RESOURCES}
    model = kinds.get(str(manifest.get("kind")))
    if model is None or manifest.get("apiVersion") != API_VERSION:
        raise InvalidResourceError((_no_match(manifest, sorted(kinds)),))
    schema = schemas()[model.__name__]
    metadata, errors = decode_metadata(manifest.get("metadata"))
    content, unknown = take_in({**manifest, "metadata": {}}, schema)
    content.pop("status", None)
    errors += (FieldError("UnknownField", path, f'unknown field "{path}"') for path in unknown)
    errors = errors or _check(metadata, content, schema)
    if errors:
        raise InvalidResourceError(tuple(errors))
    kept = {name: metadata[name] for name in ("name", "namespace", "labels", "annotations") if name in metadata}
    if not model.namespaced:
        kept.pop("namespace", None)
    return model.model_validate({**content, "metadata": {"name": "", **kept}})


def _check(metadata: Schema, content: Schema, schema: Schema) -> list[FieldError]:
    errors = [*check_metadata(metadata), *check_values(content, schema), *check_duplicates(content, schema)]
    if any(error.reason in _BLOCKS_RULES for error in errors):
        return [*errors, field_error("FieldValueInvalid", "", _RULES_BLOCKED, None)]
    return [*errors, *check_rules(content, schema)]


def _no_match(manifest: dict[str, Any], kinds: list[str]) -> FieldError:
    version, kind = manifest.get("apiVersion"), manifest.get("kind")
    known = f"{', '.join(kinds)} of {API_VERSION}"
    return FieldError("Malformed", "kind", f"no kind {kind!r} in version {version!r}: known are {known}")
