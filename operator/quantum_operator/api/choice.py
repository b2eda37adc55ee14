"""How a policy names backends: one by its name, or all that have certain labels."""

from typing import Annotated, ClassVar

from pydantic import Field

from quantum_operator.api.meta import ApiModel, Cel, ObjectName

LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


class LabelSelector(ApiModel):
    """Matches objects that have all of these labels."""

    match_labels: Annotated[
        dict[LabelKey, LabelValue],
        Field(min_length=1, max_length=16, description="The labels, each with the value that it must have."),
    ]


class BackendChoice(ApiModel):
    """Backends in the policy's order: one by `name`, or all that match `selector` (by name, among themselves)."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "has(self.name) != has(self.selector)",
            "a choice of backends has exactly one of name and selector",
        ),
    )

    name: Annotated[ObjectName | None, Field(description="The name of a QuantumBackend.")] = None
    selector: LabelSelector | None = None
