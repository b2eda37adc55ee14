"""Reading a run's outcome. It comes from a sandbox that ran a stranger's program: it is believed in nothing."""

import math

from pydantic import ValidationError

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import Outcome, OutcomePub, OutcomeRegister


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
    sample, estimate = job.spec.task.sample, job.spec.task.estimate
    asked = [pub.program for pub in sample.pubs] if sample else []
    asked += [pub.program for pub in estimate.pubs] if estimate else []
    given = [pub.program for pub in outcome.pubs]
    if asked != given:
        return f"the outcome's pubs are of the programs {given}, the job's of {asked}"
    check = _sampled if sample is not None else _estimated
    for index, pub in enumerate(outcome.pubs):
        problem = check(pub)
        if problem is not None:
            return f"pubs[{index}]: {problem}"
    return None


def _sampled(pub: OutcomePub) -> str | None:
    if pub.samples is None or pub.values is not None or pub.standard_errors is not None:
        return "sample gives samples and nothing else"
    for sample in pub.samples:
        for register in sample.registers:
            if not _are_bits(register):
                return f"samples[{sample.index}]: register {register.name!r}: its keys are not of {register.size} bits"
    return None


def _are_bits(register: OutcomeRegister) -> bool:
    return all(len(bits) == register.size and not bits.strip("01") for bits in register.counts)


def _estimated(pub: OutcomePub) -> str | None:
    values, errors = pub.values, pub.standard_errors
    if values is None or errors is None or pub.samples is not None:
        return "estimate gives values with standard errors and nothing else"
    if len(values) != len(errors):
        return f"{len(values)} values with {len(errors)} standard errors"
    return None if all(map(math.isfinite, (*values, *errors))) else "a value is not a finite number"
