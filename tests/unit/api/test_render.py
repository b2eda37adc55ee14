"""From pydantic types to schemas and CustomResourceDefinitions."""

import json
import subprocess
import sys
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from quantum_operator.api.constraints import UnsupportedTypeError
from quantum_operator.api.meta import ApiModel, Cel, ListMap, ListSet, ObjectMeta
from quantum_operator.api.render import (
    HASH_ANNOTATION,
    RESOURCES,
    custom_resource_definitions,
    schema_hash,
    schemas,
)
from quantum_operator.api.schema import resource_schema, walk

Short = Annotated[str, Field(max_length=5)]
KINDS = [model.__name__ for model in RESOURCES]


class Inner(ApiModel):
    """Something inside."""

    size: Annotated[int, Field(ge=1)] = 1


class Ruled(ApiModel):
    """Something with a rule."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (Cel("self.size > 0", "size is above 0"),)

    size: int = 1
    note: Short | None = None


class Needy(ApiModel):
    """Something without a default for everything."""

    size: int


class Empty(ApiModel):
    """Nothing."""


def spec_of(annotation: Any, default: Any = ..., *, part: str = "spec") -> dict[str, Any]:
    """The schema of a resource's spec (or status) that has one field, `value`, of this type."""
    fields = {"__annotations__": {"value": annotation}, "__module__": __name__, "__doc__": "Holds it."}
    holder = type("Holder", (ApiModel,), fields if default is ... else {**fields, "value": default})
    types = {"metadata": ObjectMeta, "spec": Empty, "status": Empty, part: holder}
    resource = type("Thing", (ApiModel,), {"__annotations__": types, "__module__": __name__, "__doc__": "A thing."})
    schema: dict[str, Any] = resource_schema(resource)["properties"][part]
    return schema


def value_of(annotation: Any, default: Any = ..., *, part: str = "spec") -> dict[str, Any]:
    """The schema of that field."""
    value: dict[str, Any] = spec_of(annotation, default, part=part)["properties"]["value"]
    return value


def test_root_requires_the_spec_and_never_the_status() -> None:
    """The root of a resource requires its spec alone."""
    for schema in schemas().values():
        assert schema["required"] == ["spec"]
        assert "default" not in schema["properties"]["status"]


def test_required_fields_are_those_without_a_default() -> None:
    """A field without a default is required, one with a default is not."""
    assert spec_of(int)["required"] == ["value"]
    assert "required" not in spec_of(int, 5)


def test_optional_means_absent() -> None:
    """An optional field is neither required nor nullable, and has no alternatives."""
    schema = spec_of(Short | None, None)
    assert "required" not in schema
    assert schema["properties"]["value"] == {"type": "string", "maxLength": 5}


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (bool, {"type": "boolean"}),
        (int, {"type": "integer"}),
        (Annotated[int, Field(ge=1, le=9)], {"type": "integer", "minimum": 1, "maximum": 9}),
        (Annotated[float, Field(ge=-1e15, le=1e15)], {"type": "number", "minimum": -(10**15), "maximum": 10**15}),
        (
            Annotated[str, Field(min_length=1, max_length=5, pattern="^a+$")],
            {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^a+$"},
        ),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (
            Annotated[tuple[Short, ...], Field(min_length=1, max_length=2)],
            {
                "type": "array",
                "x-kubernetes-list-type": "atomic",
                "items": {"type": "string", "maxLength": 5},
                "minItems": 1,
                "maxItems": 2,
            },
        ),
        (
            Annotated[tuple[Short, ...], Field(max_length=2), ListSet()],
            {
                "type": "array",
                "x-kubernetes-list-type": "set",
                "items": {"type": "string", "maxLength": 5},
                "maxItems": 2,
            },
        ),
    ],
)
def test_values(annotation: Any, expected: dict[str, Any]) -> None:
    """Every supported type becomes the schema that says the same."""
    assert value_of(annotation) == expected


def test_list_maps_name_their_keys() -> None:
    """A list marked as a map says so, and by which keys."""
    schema = value_of(Annotated[tuple[Inner, ...], Field(max_length=2), ListMap(("size",))])
    assert schema["x-kubernetes-list-type"] == "map"
    assert schema["x-kubernetes-list-map-keys"] == ["size"]


def test_maps_limit_their_keys_by_a_rule() -> None:
    """A map has caps for its entries and, as no keyword limits keys, a rule for those."""
    schema = value_of(Annotated[dict[Short, Short], Field(min_length=1, max_length=3)])
    assert schema["additionalProperties"] == {"type": "string", "maxLength": 5}
    assert (schema["minProperties"], schema["maxProperties"]) == (1, 3)
    assert schema["x-kubernetes-validations"] == [
        {"rule": "self.all(key, size(key) >= 0 && size(key) <= 5)", "message": "a key has 0 to 5 characters"}
    ]


@pytest.mark.parametrize(
    ("default", "annotation", "expected"),
    [
        (7, int, 7),
        (False, bool, False),
        ("a", Short, "a"),
        ((), Annotated[tuple[int, ...], Field(max_length=1)], []),
        (Field(default_factory=dict), Annotated[dict[Short, Short], Field(max_length=1)], {}),
        (Field(default_factory=Inner), Inner, {}),
        (Field(default_factory=Ruled), Ruled, {"size": 1}),
    ],
)
def test_defaults(default: Any, annotation: Any, expected: object) -> None:
    """Defaults are rendered; a model's is empty, unless a rule is checked on it as it stands."""
    assert value_of(annotation, default)["default"] == expected


def test_a_status_has_no_defaults_and_no_rules_for_keys() -> None:
    """A status says what its writer wrote, nothing more."""
    schema = value_of(Annotated[dict[Short, Short], Field(max_length=1)], Field(default_factory=dict), part="status")
    assert "default" not in schema
    assert "x-kubernetes-validations" not in schema


def test_formats_are_for_statuses() -> None:
    """A format is kept in a status and refused elsewhere, where `validate` would have to check it."""
    moment = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
    assert value_of(moment, part="status")["format"] == "date-time"
    with pytest.raises(UnsupportedTypeError, match=r"Thing\.spec\.value: a format"):
        value_of(moment)


def test_rules_of_model_and_field_are_joined() -> None:
    """The rules of a model come first, then those of the field that holds it, with all that each says."""
    extra = Cel("self.size < 9", "small", message_expression="'is ' + self.note", field_path=".size")
    first, second = value_of(Annotated[Ruled, extra])["x-kubernetes-validations"]
    assert first == {"rule": "self.size > 0", "message": "size is above 0"}
    assert second == {
        "rule": "self.size < 9",
        "message": "small",
        "messageExpression": "'is ' + self.note",
        "fieldPath": ".size",
    }


def test_rules_have_reasons() -> None:
    """A rule's reason is rendered where it has one."""
    rules = value_of(Annotated[Ruled, Cel("true", "no", reason="FieldValueForbidden")])["x-kubernetes-validations"]
    assert rules[1]["reason"] == "FieldValueForbidden"


def test_fractional_bounds_are_rules_as_well() -> None:
    """A bound with a fraction is also a rule, for the API server compares integers without the fraction."""
    schema = value_of(Annotated[float, Field(ge=0.5, le=2.5)])
    assert (schema["minimum"], schema["maximum"]) == (0.5, 2.5)
    assert [rule["rule"] for rule in schema["x-kubernetes-validations"]] == ["self >= 0.5", "self <= 2.5"]


def test_descriptions() -> None:
    """A field's description comes from the field, else from the docstring of its model."""
    assert value_of(Inner)["description"] == "Something inside."
    assert value_of(Annotated[Inner, Field(description="This one.")])["description"] == "This one."


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (str, "a string needs max_length"),
        (tuple[int, ...], "a list needs max_length"),
        (dict[Short, int], "a map needs max_length"),
        (Annotated[dict[str, int], Field(max_length=1)], "a map's key needs max_length"),
        (Annotated[dict[int, int], Field(max_length=1)], "the keys of a map must be text"),
        (
            Annotated[dict[Annotated[str, Field(max_length=1, pattern="a")], int], Field(max_length=1)],
            "by length alone",
        ),
        (Annotated[tuple[tuple[int, ...], ...], Field(max_length=1)], r"\[\]: a list needs max_length"),
        (int | Short, "unions are not supported"),
        (tuple[int, int], "only tuples of one type"),
        (Literal[1, 2], "only literals of text"),
        (bytes, "the type <class 'bytes'> is not supported"),
        (Annotated[int, Field(gt=1)], "Gt"),
        (Annotated[Short, Field(max_length=6)], "max_length is given twice"),
        (Annotated[str, Field(max_length=5, pattern=r"^\w+$")], "engines read differently"),
        (Annotated[Short, Field(json_schema_extra={"title": "a"})], "json_schema_extra"),
    ],
)
def test_what_has_no_schema_is_refused(annotation: Any, problem: str) -> None:
    """A type without a cap, or one that no structural schema expresses, is an error that names the field."""
    with pytest.raises(UnsupportedTypeError, match=rf"^Thing\.spec\.value.*{problem}"):
        value_of(annotation)


@pytest.mark.parametrize(
    ("annotation", "default"),
    [(Needy, Needy(size=1)), (Inner, Inner(size=2)), (Annotated[int, Field(ge=1)], complex(1))],
)
def test_defaults_that_can_not_be_rendered_are_refused(annotation: Any, default: object) -> None:
    """A default that is no JSON, or a model that is not its own default, is an error."""
    with pytest.raises(UnsupportedTypeError, match=r"^Thing\.spec\.value: .*default"):
        value_of(annotation, default)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_capped(kind: str) -> None:
    """Every string, list and map of every resource has a cap, but for the three that the API server checks itself."""
    for path, schema in walk(schemas()[kind]):
        if path in {"apiVersion", "kind", "metadata"}:
            continue
        match schema["type"]:
            case "string":
                assert "maxLength" in schema or "enum" in schema, path
            case "array":
                assert "maxItems" in schema, path
            case "object":
                assert "properties" in schema or "maxProperties" in schema, path


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_described(kind: str) -> None:
    """`kubectl explain` has a sentence on every field, but for the metadata, which the API server describes itself."""
    fields = [(path, schema) for path, schema in walk(schemas()[kind]) if not path.endswith(("[]", "{}"))]
    silent = [path for path, schema in fields if not schema.get("description", "").endswith(".")]
    assert silent == ["metadata"]


def test_definitions_can_be_applied() -> None:
    """`kubectl apply` keeps a copy of each definition in an annotation, and annotations have 256 KiB together."""
    for definition in custom_resource_definitions():
        assert len(json.dumps(definition)) < 200 * 1024, definition["metadata"]["name"]


@pytest.mark.parametrize("kind", KINDS)
def test_structural(kind: str) -> None:
    """No resource lets unknown fields in, is nullable, or has alternatives."""
    for path, schema in walk(schemas()[kind]):
        forbidden = {"x-kubernetes-preserve-unknown-fields", "nullable", "anyOf", "oneOf", "allOf", "not", "$ref"}
        assert not forbidden & set(schema), path


@pytest.mark.parametrize("kind", KINDS)
def test_rules_stand_at_the_spec_or_below(kind: str) -> None:
    """No rule stands at the root, where tightening it would block the status of stored objects."""
    assert "x-kubernetes-validations" not in schemas()[kind]


def test_walk_names_every_part() -> None:
    """A walk passes the parts of lists and maps under names of their own, parents first."""
    schema = {
        "properties": {"a": {"items": {"properties": {"b": {}}}}, "c": {"additionalProperties": {"type": "integer"}}}
    }
    assert [path for path, _ in walk(schema)] == ["", "a", "a[]", "a[].b", "c", "c{}"]


def test_unknown_fields_can_not_be_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema that preserves unknown fields is not rendered into a CRD."""
    open_schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    monkeypatch.setattr("quantum_operator.api.render.schemas", lambda: dict.fromkeys(KINDS, open_schema))
    schema_hash.cache_clear()
    with pytest.raises(AssertionError, match="QuantumJob"):
        custom_resource_definitions()


def test_definitions() -> None:
    """A CRD has the names, scope, columns and status subresource that its type gives."""
    job, _, backend, _, ledger = custom_resource_definitions()
    assert job["metadata"]["name"] == "quantumjobs.quantum-operator.dev"
    assert job["spec"]["names"] == {
        "kind": "QuantumJob",
        "listKind": "QuantumJobList",
        "plural": "quantumjobs",
        "singular": "quantumjob",
        "shortNames": ["qjob"],
        "categories": ["quantum"],
    }
    scopes = [one["spec"]["scope"] for one in (job, backend, ledger)]
    assert scopes == ["Namespaced", "Cluster", "Cluster"]
    (version,) = job["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    columns = {column["name"]: column for column in version["additionalPrinterColumns"]}
    assert columns["Phase"] == {"name": "Phase", "type": "string", "jsonPath": ".status.phase"}
    assert columns["Reason"]["priority"] == 1


def test_hash_stands_on_every_definition() -> None:
    """Every CRD carries the hash that an operator computes, and it is the same every time."""
    first = schema_hash()
    schema_hash.cache_clear()
    assert first == schema_hash()
    assert {crd["metadata"]["annotations"][HASH_ANNOTATION] for crd in custom_resource_definitions()} == {first}


def test_hash_tells_schemas_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another schema of any resource gives another hash."""
    before = schema_hash()
    changed = {**schemas(), "BackendPolicy": {"type": "object"}}
    monkeypatch.setattr("quantum_operator.api.render.schemas", lambda: changed)
    schema_hash.cache_clear()
    assert schema_hash() != before
    schema_hash.cache_clear()


def test_a_spec_is_immutable() -> None:
    """What may change in a QuantumJob's spec is said here: all else is in the rule that forbids it."""
    spec = schemas()["QuantumJob"]["properties"]["spec"]
    rules = {rule.get("fieldPath", ""): rule for rule in spec["x-kubernetes-validations"]}
    assert {rule["reason"] for rule in rules.values()} == {"FieldValueForbidden"}
    free = {name for name in spec["properties"] if f"self.{name} == oldSelf.{name}" not in rules[""]["rule"]}
    assert free == {"suspend", "cancel", "approval", "priority", "ttlSecondsAfterFinished", "retention"}
    always = {name for name, schema in spec["properties"].items() if "default" in schema} | set(spec["required"])
    may_be_absent = set(spec["properties"]) - always - free
    assert may_be_absent == {
        "tier",
        "data",
        "providers",
        "schedule",
        "idempotencyKey",
        "correlationId",
        "replayOf",
        "shadowOf",
        "retry",
        "queueDeadlineSeconds",
        "expectedOutput",
        "timeBudgetSeconds",
        "expectedPayoffMicros",
        "budget",
    }
    assert all(f"has(self.{name}) == has(oldSelf.{name})" in rules[""]["rule"] for name in may_be_absent)


def test_the_operator_needs_neither_yaml_nor_cel() -> None:
    """The types, the CRDs and their hash can be had without the libraries that the operator's image lacks."""
    program = (
        "import sys; import quantum_operator.api.generate as generate; generate.files(); "
        "print(*{'celpy', 're2', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
