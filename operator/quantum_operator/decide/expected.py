"""`spec.expectedOutput` against what a pub gives: as far as that is known when the job is accepted, and as it came."""

from collections.abc import Iterable
from dataclasses import dataclass

from quantum_operator.api.expected import ExpectedPub
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import Outcome, OutcomePub
from quantum_operator.decide.shapes import Shape, entries, pubs_of, shape_of
from quantum_operator.decide.size import clip

Registers = tuple[tuple[str, int], ...]

SAID_BYTES = 400
"""What may be said of a list of registers."""


@dataclass(frozen=True)
class Given:
    """What a pub gives; None: it is not known, or there is no such thing."""

    shape: Shape | None
    registers: Registers | None = None
    values: int | None = None


def misfit(job: QuantumJob, registers: Iterable[Registers | None]) -> str | None:
    """Where the job's pubs can't give what is expected, in words, or None; `registers` are of each pub's program.

    Raises ShapeError where a pub has no shape.
    """
    expected, pubs = job.spec.expected_output, pubs_of(job)
    if expected is None:
        return None
    if len(expected.pubs) != len(pubs):
        return f"spec.expectedOutput.pubs: {len(expected.pubs)}: spec.task has {len(pubs)} pubs; describe each in turn"
    sampled = job.spec.task.sample is not None
    for index, (one, (field, pub), known) in enumerate(zip(expected.pubs, pubs, registers, strict=True)):
        where, shape = f"spec.expectedOutput.pubs[{index}]", shape_of(pub)
        if sampled and one.values is not None:
            return f"{where}.values: {one.values}: sample gives counts, and no values; leave it out"
        if not sampled and one.registers is not None:
            return f"{where}.registers: {_listed(_pairs(one))}: estimate gives values, and no counts; leave it out"
        given = Given(shape, known if sampled else None, None if sampled else entries(shape))
        other = _other(one, given)
        if other is not None:
            return f"{where}.{other[0]}: {other[1]}: {field} gives {other[2]}; correct one of the two"
    return None


def surprise(job: QuantumJob, outcome: Outcome) -> str | None:
    """Where an outcome that answers the job is not what is expected, in words, or None."""
    expected = job.spec.expected_output
    for index, (one, pub) in enumerate(zip(expected.pubs if expected else (), outcome.pubs, strict=False)):
        other = _other(one, _came(pub))
        if other is not None:
            return f"spec.expectedOutput.pubs[{index}].{other[0]}: {other[1]}: what came is {other[2]}"
    return None


def _came(pub: OutcomePub) -> Given:
    values = None if pub.values is None else len(pub.values)
    first = pub.samples[0] if pub.samples else None
    registers = None if first is None else tuple((one.name, one.size) for one in first.registers)
    return Given(pub.shape, registers, values)


def _other(expected: ExpectedPub, given: Given) -> tuple[str, str, str] | None:
    """The first field in which the two differ, with what is expected and what is given."""
    if expected.shape is not None and given.shape is not None and expected.shape != given.shape:
        return "shape", f"{list(expected.shape)}", f"{list(given.shape)}"
    if expected.values is not None and given.values is not None and expected.values != given.values:
        return "values", f"{expected.values}", f"{given.values}"
    if expected.registers is not None and given.registers is not None:
        wanted = _pairs(expected)
        if sorted(wanted) != sorted(given.registers):
            return "registers", _listed(wanted), _listed(given.registers)
    return None


def _pairs(expected: ExpectedPub) -> Registers:
    return tuple((one.name, one.size) for one in expected.registers or ())


def _listed(registers: Registers) -> str:
    return clip(f"[{', '.join(f'{name}[{size}]' for name, size in registers)}]", SAID_BYTES)
