"""What an agent believes of its compiler's answers: little, for who made them read programs that may be hostile.

An answer is of this form, about this task and this device, or it is none. What it says of the task itself is the
word of a process that had nothing but that task, and concerns nobody else; what it may cost, the ceiling bounds.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.api.run import Outcome
from quantum_operator.ports.adapter import Device, Prepared

MAX_CIRCUITS: Final = 100_000
MAX_SHOTS: Final = 1_000_000_000

Shots = Annotated[int, Field(ge=1, le=MAX_SHOTS)]


class WrongAnswerError(ValueError):
    """It is not an answer to what was asked."""


@dataclass(frozen=True)
class Compiled:
    """The circuits in the provider's form, and bytes that nobody but the compiler reads."""

    prepared: Prepared
    kept: bytes


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Finished(_Answer):
    outcome: str


class _Circuits(_Answer):
    device: str
    payload: str
    shots: Annotated[tuple[Shots, ...], Field(min_length=1, max_length=MAX_CIRCUITS)]
    kept: str


Kind = TypeVar("Kind")
_FINISHED = TypeAdapter(_Finished)
_EITHER: TypeAdapter[_Finished | _Circuits] = TypeAdapter(_Finished | _Circuits)


def compiled_of(answer: bytes, task: QuantumTask, device: Device) -> Compiled | bytes:
    """The task's circuits, or the outcome that says why there are none. Raises WrongAnswerError."""
    found = _read(_EITHER, answer)
    if isinstance(found, _Finished):
        return _outcome(found, task)
    if found.device != device.name:
        raise WrongAnswerError(f"its circuits are for {found.device[:100]!r} in place of {device.name!r}")
    return Compiled(Prepared(device.name, _bytes(found.payload), found.shots), _bytes(found.kept))


def outcome_of(answer: bytes, task: QuantumTask) -> bytes:
    """The task's outcome. Raises WrongAnswerError where it is none, or another's."""
    return _outcome(_read(_FINISHED, answer), task)


def _outcome(found: _Finished, task: QuantumTask) -> bytes:
    data = _bytes(found.outcome)
    try:
        outcome = Outcome.model_validate_json(data)
    except ValidationError as error:
        raise WrongAnswerError(f"its outcome is not one: {_first(error)}") from None
    if (outcome.run, outcome.input_sha256) != (task.metadata.name, task.spec.input_sha256):
        raise WrongAnswerError("its outcome is of another task")
    return data


def _read(form: TypeAdapter[Kind], answer: bytes) -> Kind:
    try:
        return form.validate_json(answer)
    except ValidationError as error:
        raise WrongAnswerError(f"its answer is not one: {_first(error)}") from None


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise WrongAnswerError("its answer is not one: what should be Base64 is not") from None


def _first(error: ValidationError) -> str:
    """What is wrong with it, without what it says."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))[:100]}: {first['msg'][:200]}"
