"""What `qjob explain` says of jobs that a cluster has."""

from collections.abc import Iterable
from typing import Any

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cli.explain import code_of, repeated


def otherwise(bodies: Iterable[dict[str, Any]]) -> dict[str, object]:
    """The jobs that are over and of which not the same comes out again, byte for byte, each with what does."""
    jobs = [QuantumJob.model_validate(one) for one in bodies if one["status"].get("completionTime")]
    assert jobs, "none is over"
    made = {job.metadata.name: repeated(job) for job in jobs}
    return {name: steps for name, steps in made.items() if code_of(steps) != 0}
