"""What every resource shares: the base model, the markers that the CRD renderer reads, conditions, names.

The pydantic types of this package are the only source of the API. `quantum_operator.api.render` turns them
into CustomResourceDefinitions; nothing else describes a field.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "quantum-operator.dev"
VERSION = "v1alpha1"
API_VERSION: Final = "quantum-operator.dev/v1alpha1"

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

Name = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN)]
Sha256 = Annotated[str, Field(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$")]
Timestamp = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
Micros = Annotated[int, Field(ge=0, le=9_000_000_000_000_000)]
"""An amount of money in millionths of the currency's unit."""


@dataclass(frozen=True)
class Cel:
    """A CEL rule of a field (in `Annotated`) or of a model (in its `cel_rules`), and what it says when it fails.

    `message_expression` is CEL as well; it names the value where a fixed message can't. `reason` makes it another
    error than an invalid value.
    """

    rule: str
    message: str
    message_expression: str = ""
    field_path: str = ""
    reason: Literal["", "FieldValueForbidden", "FieldValueRequired"] = ""


@dataclass(frozen=True)
class ListMap:
    """Marks a list as a map: its items are told apart by these keys, and a duplicate is refused."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class ListSet:
    """Marks a list of scalars as a set: a duplicate is refused."""


@dataclass(frozen=True)
class PrinterColumn:
    """A column of `kubectl get`; `priority` above 0 shows only with `-o wide`."""

    name: str
    type: Literal["string", "integer", "date", "boolean"]
    json_path: str
    priority: int = 0


class ApiModel(BaseModel):
    """Base of every type of the API: frozen, camelCase on the wire, and unknown fields are refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        serialize_by_alias=True,
        ser_json_inf_nan="constants",
    )

    def to_wire(self) -> dict[str, object]:
        """The JSON form as a dict: aliases, and no key for what is absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class OwnerReference(ApiModel):
    """The part of an owner reference that is compared: an owner is the same only by UID."""

    model_config = ConfigDict(extra="ignore")

    kind: str
    name: str
    uid: str
    controller: bool = False


class ObjectMeta(ApiModel):
    """The metadata that decisions read; everything else of Kubernetes' ObjectMeta is ignored."""

    model_config = ConfigDict(extra="ignore")

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()


class Condition(ApiModel):
    """One condition of a status, as in Kubernetes (metav1.Condition)."""

    type: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            description="What the condition is about: Accepted, Scheduled, Running, Complete or Ready.",
        ),
    ]
    status: Annotated[Literal["True", "False", "Unknown"], Field(description="Whether it holds.")]
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            pattern=r"^[A-Za-z]([A-Za-z0-9]*)$",
            description="Why, in one word of the documented list.",
        ),
    ]
    message: Annotated[str, Field(max_length=2048, description="Why, for people.")] = ""
    observed_generation: Annotated[
        int, Field(ge=0, description="The metadata.generation of the object that this was said of.")
    ] = 0
    last_transition_time: Annotated[Timestamp, Field(description="When status last changed.")]
