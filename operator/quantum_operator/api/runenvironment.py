"""How a RunSpec reaches its run: as JSON in the environment.

Linux takes no environment string of 128 KiB or more, and the RunSpec of a backend with a large noise model and
coupling map is up to twice as long. So it comes in pieces, nearly always one: QUANTUM_OPERATOR_RUN, then
QUANTUM_OPERATOR_RUN_2, QUANTUM_OPERATOR_RUN_3… Their text is ASCII and without `$`, which Kubernetes would expand.
"""

from collections.abc import Mapping
from itertools import count, takewhile
from typing import Final

from quantum_operator.api.run import RunSpec

VARIABLE: Final = "QUANTUM_OPERATOR_RUN"
PIECE: Final = 100_000
"""The longest piece, in bytes: of the 128 KiB some is the variable's name."""


def to_environment(spec: RunSpec) -> dict[str, str]:
    """The variables that a run is started with."""
    text = spec.model_dump_json(by_alias=True, exclude_none=True)
    starts = range(0, len(text), PIECE)
    return {_name(number): text[start : start + PIECE] for number, start in enumerate(starts, 1)}


def from_environment(environment: Mapping[str, str]) -> RunSpec:
    """The RunSpec that these variables hold. Raises pydantic's ValidationError where they hold none."""
    names = takewhile(environment.__contains__, map(_name, count(1)))
    return RunSpec.model_validate_json("".join(environment[name] for name in names))


def _name(number: int) -> str:
    return VARIABLE if number == 1 else f"{VARIABLE}_{number}"
