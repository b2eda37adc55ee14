"""From the pydantic types to structural OpenAPI schemas, the form that a CustomResourceDefinition takes.

References are inlined, what is optional is merely absent (no `nullable`, no `anyOf`), and whatever the API server
would refuse or leave without a bound is an error here, when the schema is made.
"""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeAlias, TypeGuard, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from quantum_operator.api.constraints import (
    Notes,
    Place,
    need_cap,
    unwrap,
)
from quantum_operator.api.meta import ApiModel, Cel

Schema: TypeAlias = dict[str, Any]
"""A structural OpenAPI v3 schema, as JSON."""

RULES = "x-kubernetes-validations"


def resource_schema(model: type[ApiModel]) -> Schema:
    """The schema of a resource's root: its spec is required, its status never is.

    Raises UnsupportedTypeError where a type can't be expressed, or a string, list or map has no cap.
    """
    root = Place(model.__name__)
    return {
        "type": "object",
        "description": _doc(model),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "The version of the schema of this object."},
            "kind": {"type": "string", "description": "The kind of this object."},
            "metadata": {"type": "object"},
            "spec": _value(model.model_fields["spec"].annotation, (), root.child(".spec")),
            "status": _value(model.model_fields["status"].annotation, (), Place(f"{root.path}.status", status=True)),
        },
    }


def walk(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema inside `schema` with its path (`spec.pubs[].shots`, `spec.labels{}`), parents first."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from walk(schema["additionalProperties"], f"{path}{{}}")


def _object(model: type[ApiModel], place: Place) -> Schema:
    properties: Schema = {}
    required = []
    for name, info in model.model_fields.items():
        wire_name = info.alias or name
        properties[wire_name] = _field(info, place.child(f".{wire_name}"))
        if info.is_required():
            required.append(wire_name)
    schema: Schema = {"type": "object", "description": _doc(model)}
    if required:
        schema["required"] = required
    schema["properties"] = properties
    _add_rules(schema, getattr(model, "cel_rules", ()))
    return schema


def _field(info: FieldInfo, place: Place) -> Schema:
    schema = _value(info.annotation, info, place)
    if info.description:
        schema["description"] = info.description
    if not place.status and (default := _default(info, schema, place)) is not None:
        schema["default"] = default
    return schema


def _default(info: FieldInfo, schema: Schema, place: Place) -> object:
    """The default as JSON; None where there is none.

    A model's is `{}`, for the defaults inside it then apply; but where the model has rules the API server checks them
    on the default as it stands.
    """
    default = info.get_default(call_default_factory=True, validated_data={})
    match default:
        case None:
            return None
        case ApiModel():
            if "required" in schema or default != type(default)():
                raise place.error("the default of a model must be the model without arguments")
            return default.to_wire() if RULES in schema else {}
        case tuple():
            return list(default)
        case bool() | int() | float() | str() | dict():
            return default
    if default is PydanticUndefined:
        return None
    raise place.error(f"a default of type {type(default).__name__} is not supported")


def _value(annotation: Any, metadata: Any, place: Place) -> Schema:
    annotation, notes = unwrap(annotation, Notes(), metadata, place)
    origin = get_origin(annotation)
    if origin is Literal:
        schema = _enum(annotation, place)
    elif origin is tuple:
        schema = _list(annotation, notes, place)
    elif origin is dict:
        schema = _map(annotation, notes, place)
    elif _is_model(annotation):
        schema = _object(annotation, place)
    else:
        schema = _scalar(annotation, notes, place)
    _add_rules(schema, notes.rules)
    return schema


def _enum(annotation: Any, place: Place) -> Schema:
    values = get_args(annotation)
    if not all(isinstance(value, str) for value in values):
        raise place.error("only literals of text are supported")
    return {"type": "string", "enum": list(values)}


def _list(annotation: Any, notes: Notes, place: Place) -> Schema:
    item, *rest = get_args(annotation)
    if rest != [...]:
        raise place.error("only tuples of one type and any length are supported")
    need_cap("list", notes, place)
    schema: Schema = {"type": "array", **notes.list_type, "items": _value(item, (), place.child("[]"))}
    return schema | _present(minItems=notes.min_length, maxItems=notes.max_length)


def _map(annotation: Any, notes: Notes, place: Place) -> Schema:
    key_type, value_type = get_args(annotation)
    need_cap("map", notes, place)
    key, key_notes = unwrap(key_type, Notes(), (), place)
    if key is not str or key_notes.pattern is not None:
        raise place.error("the keys of a map must be text, limited by length alone")
    need_cap("map's key", key_notes, place)
    schema: Schema = {"type": "object", "additionalProperties": _value(value_type, (), place.child("{}"))}
    schema |= _present(minProperties=notes.min_length, maxProperties=notes.max_length)
    if not place.status:
        # No keyword limits keys. A status needs no rule: the operator writes it, from these same types.
        _add_rules(schema, [_key_rule(key_notes.min_length or 0, key_notes.max_length)])
    return schema


def _key_rule(shortest: int, longest: int | None) -> Cel:
    return Cel(
        f"self.all(key, size(key) >= {shortest} && size(key) <= {longest})",
        f"a key has {shortest} to {longest} characters",
    )


def _scalar(annotation: Any, notes: Notes, place: Place) -> Schema:
    if annotation is bool:
        return {"type": "boolean"}
    if annotation is int or annotation is float:
        least, most = _exact(notes.minimum), _exact(notes.maximum)
        schema = {"type": "integer" if annotation is int else "number"} | _present(minimum=least, maximum=most)
        # The API server drops the fraction of a bound before it compares it with an integer: 0 passes 0.5.
        _add_rules(schema, [Cel(f"self >= {least!r}", f"must be at least {least}")] * isinstance(least, float))
        _add_rules(schema, [Cel(f"self <= {most!r}", f"must be at most {most}")] * isinstance(most, float))
        return schema
    if annotation is str:
        need_cap("string", notes, place)
        if notes.format and not place.status:
            raise place.error("a format is supported in a status only: a manifest's are checked by pattern")
        return {"type": "string"} | _present(
            format=notes.format, minLength=notes.min_length, maxLength=notes.max_length, pattern=notes.pattern
        )
    raise place.error(f"the type {annotation!r} is not supported")


def _exact(bound: float | None) -> float | None:
    """A whole bound as an integer, which every YAML reader reads alike."""
    return int(bound) if bound is not None and bound == int(bound) else bound


def _present(**keywords: object) -> Schema:
    return {name: value for name, value in keywords.items() if value is not None}


def _add_rules(schema: Schema, rules: Iterable[Cel]) -> None:
    rendered = [
        {"rule": rule.rule, "message": rule.message}
        | {
            name: value
            for name, value in (
                ("messageExpression", rule.message_expression),
                ("fieldPath", rule.field_path),
                ("reason", rule.reason),
            )
            if value
        }
        for rule in rules
    ]
    if rendered:
        schema[RULES] = [*schema.get(RULES, ()), *rendered]


def _is_model(annotation: Any) -> TypeGuard[type[ApiModel]]:
    return inspect.isclass(annotation) and issubclass(annotation, ApiModel)


def _doc(model: type[ApiModel]) -> str:
    return " ".join((inspect.getdoc(model) or "").split())
