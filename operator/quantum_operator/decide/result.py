"""From a run's outcome to the status: all of it when it is small, else the top of it and the artifact's name."""

import hashlib
import heapq
from collections.abc import Iterable

from quantum_operator.api.jobstatus import (
    ArtifactRef,
    CircuitRecord,
    ExecutionRecord,
    PubResult,
    RegisterCounts,
    Result,
    SampleResult,
)
from quantum_operator.api.meta import ApiModel
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import Outcome, OutcomePub, OutcomeRegister
from quantum_operator.decide.names import artifact_name
from quantum_operator.decide.size import clip, json_bytes

RESULT_BYTES = 12_000
"""What the results of all pubs may take of a status."""

CIRCUITS_BYTES = 4_000
VERSIONS_BYTES = 1_000
TEXT_BYTES = 120

TOP_COUNTS = 128
SAMPLES_KEPT = 64
REGISTERS_KEPT = 64
VALUES_KEPT = 256


def summarize(job: QuantumJob, outcome: Outcome, data: bytes, room: int) -> tuple[Result, ExecutionRecord]:
    """The status' result and record of execution, in `room` bytes, of an outcome that answers the job.

    The result names an artifact exactly when something of the outcome is not in it: what did not fit, and all counts
    and values of a confidential job.
    """
    execution, whole = record(outcome)
    digest = hashlib.sha256(data).hexdigest()
    ref = ArtifactRef(name=artifact_name(job.metadata.name, job.metadata.uid, digest), sha256=digest, bytes=len(data))
    frame = Result(truncated=True, outcome_sha256=digest, outcome=ref)
    left = min(RESULT_BYTES, room - _size(execution) - _size(frame))
    pubs: list[PubResult] = []
    for index, pub in enumerate(() if is_confidential(job) else outcome.pubs):
        kept, complete = _pub(pub, left // (len(outcome.pubs) - index))
        left -= _size(kept)
        if left < 0:
            break
        pubs.append(kept)
        whole = whole and complete
    truncated = not whole or len(pubs) < len(outcome.pubs)
    result = Result(pubs=tuple(pubs), truncated=truncated, outcome_sha256=digest, outcome=ref if truncated else None)
    return result, execution


def is_confidential(job: QuantumJob) -> bool:
    """Whether the job's results are for those alone who may read its artifacts."""
    return job.spec.data is not None and job.spec.data.class_ == "confidential"


def shortfall(job: QuantumJob, outcome: Outcome) -> str:
    """Where a device took fewer shots than a pub asks for, in words; empty where none did."""
    sample, estimate = job.spec.task.sample, job.spec.task.estimate
    asked: list[int | None] = [pub.shots for pub in sample.pubs] if sample is not None else []
    asked += [pub.shots for pub in estimate.pubs] if estimate is not None else []
    short = [
        f"pubs[{index}] has {pub.shots} of {shots} shots"
        for index, (pub, shots) in enumerate(zip(outcome.pubs, asked, strict=True))
        if shots is not None and pub.shots < shots
    ]
    more = f" and {len(short) - 1} more pubs have too few" if len(short) > 1 else ""
    return f"{short[0]}{more}" if short else ""


def record(outcome: Outcome) -> tuple[ExecutionRecord, bool]:
    """With what the outcome was made, and whether that is all of it."""
    engine, method, precision = (clip(text, TEXT_BYTES) for text in (outcome.engine, outcome.method, outcome.precision))
    threads = min(max(outcome.threads, 1), 1024)
    versions = _versions(outcome.versions)
    circuits = _circuits(outcome.circuits)
    kept = ExecutionRecord(
        seed=outcome.seed,
        engine=engine,
        method=method,
        precision=precision,
        threads=threads,
        versions=versions,
        durations_milliseconds=outcome.durations_milliseconds,
        circuits=circuits,
    )
    said = (outcome.engine, outcome.method, outcome.precision, outcome.threads, outcome.versions, outcome.circuits)
    return kept, said == (engine, method, precision, threads, versions, circuits)


def _versions(versions: dict[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name in sorted(versions):
        if json_bytes({**kept, name: versions[name]}) <= VERSIONS_BYTES:
            kept[name] = versions[name]
    return kept


def _circuits(circuits: tuple[CircuitRecord, ...]) -> tuple[CircuitRecord, ...]:
    kept: list[CircuitRecord] = []
    left = CIRCUITS_BYTES
    for circuit in circuits:
        left -= _size(circuit)
        if left < 0:
            break
        kept.append(circuit)
    return tuple(kept)


def _pub(pub: OutcomePub, budget: int) -> tuple[PubResult, bool]:
    """What of one pub goes into about `budget` bytes, and whether that is all of it."""
    kept = PubResult(program=pub.program, shape=pub.shape, shots=pub.shots)
    budget -= _size(kept) + len(',"standardErrors":[],"values":[]')
    if pub.samples is not None:
        samples, whole = _samples(pub, budget)
        return kept.model_copy(update={"samples": samples}), whole
    values, errors = pub.values or (), pub.standard_errors or ()
    room = _fitting((f"{value},{error}," for value, error in zip(values, errors, strict=True)), budget, VALUES_KEPT)
    update = {"values": values[:room], "standard_errors": errors[:room]}
    return kept.model_copy(update=update), room == len(values)


def _samples(pub: OutcomePub, budget: int) -> tuple[tuple[SampleResult, ...], bool]:
    asked = (pub.samples or ())[:SAMPLES_KEPT]
    samples: list[SampleResult] = []
    whole = len(asked) == len(pub.samples or ())
    for index, sample in enumerate(asked):
        share = budget // (len(asked) - index) - _size(SampleResult(index=sample.index, registers=()))
        registers = [_register(one, share // len(sample.registers)) for one in sample.registers[:REGISTERS_KEPT]]
        one = SampleResult(index=sample.index, registers=tuple(kept for kept, _ in registers))
        budget -= _size(one)
        if budget < 0:
            return tuple(samples), False
        samples.append(one)
        whole = whole and len(registers) == len(sample.registers) and all(complete for _, complete in registers)
    return tuple(samples), whole


def _register(register: OutcomeRegister, budget: int) -> tuple[RegisterCounts, bool]:
    """The register's most frequent outcomes, at least one of them, and whether those are all."""
    kept = RegisterCounts(name=register.name, size=register.size, counts={}, distinct=len(register.counts))
    top = heapq.nsmallest(TOP_COUNTS, register.counts.items(), key=lambda item: (-item[1], item[0]))
    room = max(1, _fitting((f'"{bits}":{count},' for bits, count in top), budget - _size(kept), TOP_COUNTS))
    whole = room >= len(register.counts) and register.memory is None
    return kept.model_copy(update={"counts": dict(top[:room])}), whole


def _fitting(texts: Iterable[str], budget: int, most: int) -> int:
    """How many of `texts`, from the first on, go into `budget` bytes: at most `most`."""
    fit = 0
    for text in texts:
        budget -= len(text)
        if budget < 0 or fit == most:
            break
        fit += 1
    return fit


def _size(part: ApiModel) -> int:
    return json_bytes(part.to_wire()) + len(",")
