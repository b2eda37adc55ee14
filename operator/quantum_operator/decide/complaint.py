"""What is wrong with a job, in words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Complaint:
    """Why a job is not accepted, whether that may still change, and whether it is told only if it does not soon."""

    reason: str
    message: str
    waits: bool = False
    quiet: bool = False
