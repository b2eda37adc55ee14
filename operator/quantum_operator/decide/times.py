"""Timestamps as Kubernetes writes them: RFC 3339, UTC, whole seconds."""

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """`moment` as a timestamp."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(timestamp: str) -> datetime:
    """The moment that a timestamp names. Raises ValueError on anything that is not one."""
    return datetime.fromisoformat(timestamp)
