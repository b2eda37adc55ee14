"""Which job the code at work is about, so that every line of the log can say so without each message doing it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.ports.world import Key

_NOTHING: Mapping[str, str] = MappingProxyType({})
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=_NOTHING)


@contextmanager
def about(key: Key, kind: str = "job") -> Iterator[None]:
    """Inside, the work is about the job, or something else, of this key."""
    token = _about.set({kind: f"{key.namespace}/{key.name}"})
    try:
        yield
    finally:
        _about.reset(token)


def recognized(job: QuantumJob) -> None:
    """The job that the work is about has been read."""
    if job.spec.correlation_id is not None:
        _about.set({**_about.get(), "correlationId": job.spec.correlation_id})


def fields() -> Mapping[str, str]:
    """What a line of the log has besides its message: `job` and, where it has one, `correlationId`."""
    return _about.get()
