"""How long what a job consists of is kept, apart from the job."""

from typing import Annotated

from pydantic import Field

from quantum_operator.api.meta import ApiModel


class Retention(ApiModel):
    """What is removed some time after the job is over, while the job stays with its status."""

    payload_seconds: Annotated[
        int,
        Field(
            ge=0,
            le=31_536_000,
            description="So many seconds after the job is over, its accepted input, its whole outcome, its runs and "
            "its tasks are removed; their digests, and what of the result is in the status, stay.",
        ),
    ]
