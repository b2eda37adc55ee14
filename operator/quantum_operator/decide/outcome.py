"""Reading a run's outcome. It comes from a sandbox that ran a stranger's program: it is believed in nothing."""

import math

from pydantic import ValidationError

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import Outcome, OutcomePub, OutcomeRegister, OutcomeSample
from quantum_operator.decide.shapes import Pub, ShapeError, entries, pubs_of, shape_of


def read_outcome(data: bytes) -> Outcome | str:
    """The outcome, or what is wrong with it."""
    try:
        return Outcome.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"the outcome can't be read: {where}: {first['msg']}"


def mismatch(job: QuantumJob, outcome: Outcome) -> str | None:
    """Where a successful outcome does not answer what the job asked, or None: it has a result for every pub."""
    wanted = [pub for _, pub in pubs_of(job)]
    asked = [pub.program for pub in wanted]
    given = [pub.program for pub in outcome.pubs]
    if asked != given:
        return f"the outcome's pubs are of the programs {given}, the job's of {asked}"
    check = _sampled if job.spec.task.sample is not None else _estimated
    for index, (pub, want) in enumerate(zip(outcome.pubs, wanted, strict=True)):
        problem = _shaped(pub, want) or check(pub)
        if problem is not None:
            return f"pubs[{index}]: {problem}"
    return None


def _shaped(pub: OutcomePub, wanted: Pub) -> str | None:
    """It has the shape that bindings and observables make. Who accepted shapes that make none asked for no shape."""
    try:
        shape = shape_of(wanted)
    except ShapeError:
        return None
    return None if pub.shape == shape else f"its shape is {list(pub.shape)}, and {list(shape)} was asked for"


def _sampled(pub: OutcomePub) -> str | None:
    if pub.samples is None or pub.values is not None or pub.standard_errors is not None:
        return "sample gives samples and nothing else"
    if [sample.index for sample in pub.samples] != list(range(entries(pub.shape))):
        return f"{len(pub.samples)} samples are not one for each entry of shape {list(pub.shape)}, in their order"
    for sample in pub.samples:
        if _widths(sample) != _widths(pub.samples[0]):
            return f"samples[{sample.index}]: its registers are others than those of samples[0]"
        for register in sample.registers:
            if not _are_bits(register):
                return f"samples[{sample.index}]: register {register.name!r}: its keys are not of {register.size} bits"
    return None


def _widths(sample: OutcomeSample) -> list[tuple[str, int]]:
    return [(one.name, one.size) for one in sample.registers]


def _are_bits(register: OutcomeRegister) -> bool:
    return all(len(bits) == register.size and not bits.strip("01") for bits in register.counts)


def _estimated(pub: OutcomePub) -> str | None:
    values, errors = pub.values, pub.standard_errors
    if values is None or errors is None or pub.samples is not None:
        return "estimate gives values with standard errors and nothing else"
    if len(values) != entries(pub.shape):
        return f"{len(values)} values are not one for each entry of shape {list(pub.shape)}"
    if len(values) != len(errors):
        return f"{len(values)} values with {len(errors)} standard errors"
    return None if all(map(math.isfinite, (*values, *errors))) else "a value is not a finite number"
