"""Deterministic names of what belongs to a job. They carry its UID, so that a namesake never shares them."""

import hashlib

NAME_LIMIT = 63
"""Pod names and label values derive from a run's name; both end at 63 characters."""


def _tag(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:10]


def _child(job: str, suffix: str) -> str:
    return f"{job[: NAME_LIMIT - len(suffix) - 1].rstrip('-.')}-{suffix}".replace(".", "-")


def run_name(job: str, uid: str, number: int) -> str:
    """The name of the run of attempt `number`."""
    return _child(job, f"{_tag(uid)}-{number}")


def shadow_name(job: str, uid: str) -> str:
    """The name of the job's shadow."""
    return _child(job, f"{_tag(uid)}-shadow")


def artifact_name(job: str, uid: str, digest: str) -> str:
    """The name of an artifact of the job, by its SHA-256."""
    return _child(job, f"{_tag(uid)}-{digest[:12]}")


def token_for(uid: str, number: int) -> str:
    """The token of attempt `number`'s submission: the same whoever asks for it, and nobody else's."""
    return f"qo-{hashlib.sha256(f'token/{uid}/{number}'.encode()).hexdigest()[:48]}"


def seed_for(uid: str) -> int:
    """The seed of a job that gave none: derived from its UID, below 2**53."""
    return int.from_bytes(hashlib.sha256(f"seed/{uid}".encode()).digest()[:8], "big") >> 11
