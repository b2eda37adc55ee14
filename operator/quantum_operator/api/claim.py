"""The claim of an idempotency key: who runs under it, and how that ended. It outlives its job.

It is no resource: in a cluster it is the text of a ConfigMap in the operator's own namespace, on a laptop a file. It
has the same form in both.
"""

from typing import Annotated

from pydantic import Field

from quantum_operator.api.jobstatus import Cost, ExecutionRecord, Result, ResultOf
from quantum_operator.api.meta import ApiModel, ObjectName, Sha256
from quantum_operator.api.submission import IdempotencyKey


class Done(ApiModel):
    """The result under a key: that of the job that ran, and of every job that comes later."""

    of: ResultOf
    result: Result
    execution: ExecutionRecord | None = None


class Claim(ApiModel):
    """One key of one namespace: held by the job of this UID, for a spec of this digest.

    `paid` is the most that may have been paid under the key; `done` is there once there is a result.
    """

    schema_version: Annotated[int, Field(ge=1, le=1_000)] = 1
    namespace: ObjectName
    key: IdempotencyKey
    digest: Sha256
    job: ObjectName
    uid: Annotated[str, Field(max_length=64)]
    paid: Cost | None = None
    done: Done | None = None
