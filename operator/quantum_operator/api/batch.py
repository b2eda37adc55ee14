"""A batch: one run that carries the small jobs of several QuantumJobs, one after the other.

Each job of it keeps its own seed, limits, outcome and cost, as if it had a run of its own. What a batch does not get
to, or what does not end within its turn, has no outcome in it, and is run alone afterwards.
"""

import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from quantum_operator.api.backend import MAX_BATCH, Simulator, Target
from quantum_operator.api.envelope import EnvelopeError
from quantum_operator.api.jobstatus import Count
from quantum_operator.api.meta import ApiModel, ObjectName, Sha256
from quantum_operator.api.run import MAX_INPUT_BYTES, RunLimits, RunSpec

TURN_SECONDS = 10
"""How long one job of a batch may take before it is run alone."""

BATCH_SECONDS = 60
"""After so long a batch begins with no further job of its own."""

MAX_MEMBER_BYTES = 64 * 1024
"""The longest outcome that a batch carries of one job; whose is longer is run alone."""


class BatchRun(ApiModel):
    """One job of a batch: its run, as it would be alone, and its JobInput as JSON."""

    run: ObjectName
    seed: Count
    wall_seconds: Annotated[int, Field(ge=1)]
    input_sha256: Sha256
    input: Annotated[str, Field(max_length=MAX_INPUT_BYTES)]


class BatchSpec(ApiModel):
    """What all runs of a batch share, and the runs, in the order in which they are carried out."""

    schema_version: Annotated[int, Field(ge=1, le=1_000)] = 1
    backend: ObjectName
    target: Target
    simulator: Simulator
    memory_bytes: Annotated[int, Field(ge=1)]
    runs: Annotated[tuple[BatchRun, ...], Field(min_length=1, max_length=MAX_BATCH)]

    def spec_of(self, one: BatchRun) -> RunSpec:
        """The RunSpec of one of the runs."""
        return RunSpec(
            run=one.run,
            input_sha256=one.input_sha256,
            seed=one.seed,
            backend=self.backend,
            target=self.target,
            simulator=self.simulator,
            limits=RunLimits(memory_bytes=self.memory_bytes, wall_seconds=one.wall_seconds),
        )


def bind(outcomes: Mapping[str, bytes]) -> bytes:
    """The outcomes of a batch as one, by the name of the run; each stays the bytes that its digest is taken of."""
    texts = {name: outcome.decode() for name, outcome in outcomes.items()}
    return json.dumps({"batch": texts}, sort_keys=True, separators=(",", ":")).encode()


def unbind(data: bytes) -> dict[str, bytes]:
    """What `bind` bound. Raises EnvelopeError on anything else."""
    try:
        texts = _BOUND.validate_json(data)["batch"]
    except (ValidationError, KeyError) as error:
        raise EnvelopeError("what the batch left is not the outcomes of its runs") from error
    return {name: text.encode() for name, text in texts.items()}


_BOUND: TypeAdapter[dict[str, dict[str, str]]] = TypeAdapter(dict[str, dict[str, str]])
