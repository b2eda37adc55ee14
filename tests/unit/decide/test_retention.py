"""How long a job stays once it is over."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.retention import expires_in
from unit.decide.observations import NOW, after, deleting, done, placed, running, submitted


def staying(job: QuantumJob, seconds: int | None) -> QuantumJob:
    """The same with so much time to stay."""
    return job.model_copy(update={"spec": job.spec.model_copy(update={"ttl_seconds_after_finished": seconds})})


@pytest.mark.parametrize(
    ("job", "seconds", "now", "expected"),
    [
        (submitted().job, 0, 0, None),
        (placed().job, 0, 0, None),
        (running().job, 0, 1000, None),
        (done().job, None, 10**6, None),
        (done().job, 0, 0, 0.0),
        (done().job, 60, 0, 60.0),
        (done().job, 60, 59.5, 0.5),
        (done().job, 60, 60, 0.0),
        (done().job, 60, 10**6, 0.0),
        (done().job, 60, -10, 70.0),
        (deleting(done()).job, 60, 20, 40.0),
    ],
)
def test_a_job_is_deleted_so_long_after_it_was_over(
    job: QuantumJob, seconds: int | None, now: float, expected: float | None
) -> None:
    """Never before, and never where it does not say so; a clock that was set back gives it more time."""
    assert expires_in(staying(job, seconds), after(now)) == expected


@given(st.integers(0, 31_536_000), st.integers(0, 10**12))
def test_a_time_that_was_waited_for_is_over(seconds: int, microseconds: int) -> None:
    """Whenever it is asked for, and however finely the clock counts."""
    job, now = staying(done().job, seconds), NOW + timedelta(microseconds=microseconds)
    left = expires_in(job, now)
    assert left is not None
    assert 0 <= left <= seconds
    assert expires_in(job, now + timedelta(seconds=left)) == 0
