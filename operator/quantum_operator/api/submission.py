"""What a submission says of itself: the key that makes it count once, and what it is found by later."""

from typing import Annotated

from pydantic import Field

from quantum_operator.api.meta import ApiModel, Cel, ObjectName

_QUALIFIED = "[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"

MOST_TAGS = 16

IdempotencyKey = Annotated[str, Field(min_length=1, max_length=128)]
CorrelationId = Annotated[str, Field(min_length=1, max_length=63, pattern=f"^{_QUALIFIED}$")]
"""It can be the value of a label."""

TagKey = Annotated[str, Field(min_length=1, max_length=63)]
TagValue = Annotated[str, Field(max_length=256)]
Tags = Annotated[
    dict[TagKey, TagValue],
    Field(
        max_length=MOST_TAGS,
        description="Whatever its owner wants to know of the job later; on its runs, as annotations, and at providers, "
        "as tags.",
    ),
    Cel(
        f"self.all(key, key.matches('^{_QUALIFIED}$'))",
        "a tag's key is letters, digits, '-', '_' and '.', and begins and ends with a letter or digit",
    ),
]


class ReplayOf(ApiModel):
    """The job that this one repeats: its replays are counted (a policy's maxReplaysPerHour), else nothing."""

    name: Annotated[ObjectName, Field(description="The job's name, in the same namespace.")]
    uid: Annotated[str, Field(min_length=1, max_length=64, description="The job's UID.")]
