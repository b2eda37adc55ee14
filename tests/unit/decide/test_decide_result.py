"""From an outcome to the status: what is believed, what is kept, and what is said to be left out."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.jobstatus import ExecutionRecord, Result
from quantum_operator.api.run import Outcome
from quantum_operator.decide.outcome import mismatch, read_outcome
from quantum_operator.decide.result import RESULT_BYTES, shortfall, summarize
from quantum_operator.decide.size import json_bytes
from quantum_operator.testing.builders import BELL, estimate_job, job

ROOM = 25_000
SHA = "ab" * 32
BITS = st.text("01", min_size=1, max_size=40)


def outcome_of(*pubs: dict[str, Any], **fields: Any) -> tuple[Outcome, bytes]:
    """An outcome with these pubs, and its bytes."""
    made = Outcome.model_validate({"run": "run", "inputSha256": SHA, "pubs": pubs, **fields})
    return made, made.model_dump_json(by_alias=True, exclude_none=True).encode()


def sampled(*registers: dict[str, Any], entries: int = 1) -> dict[str, Any]:
    """A pub of program `bell` with these registers at each of so many bindings."""
    samples = [{"index": index, "registers": list(registers)} for index in range(entries)]
    return {"program": "bell", "shape": [entries], "shots": 100, "samples": samples}


def register(counts: dict[str, int], size: int = 2, name: str = "c", **more: Any) -> dict[str, Any]:
    """One register's counts."""
    return {"name": name, "size": size, "counts": counts, **more}


def estimated(values: list[float], errors: list[float] | None = None) -> dict[str, Any]:
    """A pub of program `bell` with these values."""
    return {
        "program": "bell",
        "shape": [len(values)],
        "shots": 100,
        "values": values,
        "standardErrors": errors or values,
    }


def result_of(*pubs: dict[str, Any], room: int = ROOM, **fields: Any) -> Result:
    """The status' result of an outcome with these pubs."""
    made, data = outcome_of(*pubs, **fields)
    return summarize(job(), made, data, room)[0]


WIDE = {f"{index:010b}": index for index in range(1000)}
CIRCUIT = {"program": "bell", "sourceSha256": SHA, "compiledSha256": SHA, "qubits": 2, "depth": 3, "twoQubitGates": 1}


@pytest.mark.parametrize(
    ("pubs", "fields", "truncated"),
    [
        ([sampled(register({"00": 50, "11": 50}))], {}, False),
        ([sampled(register({}))], {}, False),
        ([sampled()], {}, False),
        ([sampled(register({"00": 1}), entries=64)], {}, False),
        ([sampled(register({"00": 1}), entries=65)], {}, True),
        ([sampled(register(dict(list(WIDE.items())[:128]), 10))], {}, False),
        ([sampled(register(dict(list(WIDE.items())[:129]), 10))], {}, True),
        ([sampled(register({"00": 1}, memory=["00"]))], {}, True),
        ([sampled(*(register({"0": 1}, 1, f"c{index}") for index in range(64)))], {}, False),
        ([sampled(*(register({"0": 1}, 1, f"c{index}") for index in range(65)))], {}, True),
        ([estimated([0.5] * 256)], {}, False),
        ([estimated([0.5] * 257)], {}, True),
        ([estimated([])], {}, False),
        ([estimated([-1.2345678901234567e-100] * 256)], {}, True),
        ([sampled(register({"00": 1}))] * 64, {}, False),
        ([sampled(register({"0" * 300: 1}, 300))] * 64, {}, True),
        ([estimated([]) | {"program": "x" * 253}] * 64, {}, True),
        ([], {"circuits": [CIRCUIT] * 5}, False),
        ([], {"circuits": [CIRCUIT] * 32}, True),
        ([], {"versions": {"qiskit": "2.0"}}, False),
        ([], {"versions": {str(index): "x" * 200 for index in range(16)}}, True),
        ([], {"engine": "x" * 200}, True),
        ([], {"threads": 5000}, True),
    ],
)
def test_truncation_is_said_exactly_when_something_is_left_out(
    pubs: list[dict[str, Any]], fields: dict[str, Any], truncated: bool
) -> None:
    """Whatever is not in the status is in the artifact that the result names, and only then is one named."""
    result = result_of(*pubs, **fields)
    assert result.truncated == truncated
    assert (result.outcome is not None) == truncated


def test_the_top_counts_are_kept() -> None:
    """The most frequent outcomes, ties by key, and how many different ones there were."""
    counts = WIDE | {"1111111111": 5, "0000000001": 5}
    result = result_of(sampled(register(counts, 10)))
    assert result.pubs[0].samples is not None
    kept = result.pubs[0].samples[0].registers[0]
    expected = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:128]
    assert list(kept.counts.items()) == expected
    assert kept.distinct == len(counts)


def test_bindings_share_the_room() -> None:
    """Every binding of a sweep keeps its top counts, rather than the first ones all of theirs."""
    result = result_of(sampled(register(WIDE, 10), entries=30))
    samples = result.pubs[0].samples
    assert samples is not None
    assert len(samples) == 30
    assert min(len(one.registers[0].counts) for one in samples) >= 8
    assert all("1111100111" in one.registers[0].counts for one in samples)


def test_pubs_share_the_room() -> None:
    """A large first pub leaves room for those that follow."""
    result = result_of(sampled(register(WIDE, 10), entries=30), estimated([1.0, 2.0]))
    assert result.pubs[1].values == (1.0, 2.0)


def test_values_keep_their_errors() -> None:
    """Of many values as many are kept as of their errors, from the first on."""
    values = [index / 7 for index in range(1000)]
    result = result_of(estimated(values, [value / 2 for value in values]))
    kept, errors = result.pubs[0].values, result.pubs[0].standard_errors
    assert kept is not None
    assert errors is not None
    assert 100 < len(kept) == len(errors)
    assert list(kept) == values[: len(kept)]
    assert result.pubs[0].shape == (1000,)


def test_a_lack_of_room_leaves_out_rather_than_overflows() -> None:
    """However little room there is, what is kept fits it."""
    for room in range(1_200, 6_000, 400):
        made, data = outcome_of(*[sampled(register(WIDE, 10), entries=4)] * 4, circuits=[CIRCUIT])
        result, execution = summarize(job(), made, data, room)
        assert json_bytes({"r": result.to_wire(), "e": execution.to_wire()}) <= room
        assert result.truncated


ANY_REGISTER = st.builds(
    lambda name, size, keys: register({key.rjust(size, "0")[:size]: value for key, value in keys.items()}, size, name),
    st.text(max_size=253),
    st.integers(1, 4096) | st.integers(1, 12),
    st.dictionaries(BITS, st.integers(0, 2**53 - 1), max_size=30),
)
ANY_PUB = st.builds(
    lambda program, shape, pub: {**pub, "program": program, "shape": shape},
    st.text(max_size=253),
    st.lists(st.integers(0, 2**53 - 1), max_size=8),
    st.builds(
        lambda registers, entries: sampled(*registers, entries=entries),
        st.lists(ANY_REGISTER, max_size=4),
        st.integers(0, 80),
    )
    | st.builds(estimated, st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=300)),
)
ANY_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "engine": st.text(max_size=253),
        "method": st.text(max_size=253),
        "threads": st.integers(),
        "versions": st.dictionaries(st.text(max_size=253), st.text(max_size=253), max_size=16),
        "circuits": st.lists(st.builds(lambda name: CIRCUIT | {"program": name}, st.text(max_size=253)), max_size=32),
    },
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(ANY_PUB, max_size=6), st.integers(1, 11), ANY_FIELDS)
def test_any_outcome_fits(pubs: list[dict[str, Any]], times: int, fields: dict[str, Any]) -> None:
    """Whatever a run leaves, result and record are valid, fit their room, and say truthfully what they lack."""
    made, data = outcome_of(*(pubs * times)[:64], **fields)
    result, execution = summarize(job(), made, data, ROOM)
    assert json_bytes(result.to_wire()) <= RESULT_BYTES + 400
    assert json_bytes({"r": result.to_wire(), "e": execution.to_wire()}) <= ROOM
    assert Result.model_validate_json(json.dumps(result.to_wire(), allow_nan=False)) == result
    assert ExecutionRecord.model_validate_json(json.dumps(execution.to_wire())) == execution
    kept = [one.to_wire() for one in result.pubs]
    given_pubs = json.loads(data).get("pubs", [])
    counted = [_with_distinct(pub) for pub in given_pubs]
    circuits = [one.to_wire() for one in execution.circuits]
    same = kept == counted and circuits == json.loads(data).get("circuits", [])
    same = same and execution.versions == made.versions and execution.threads == made.threads
    same = same and (execution.engine, execution.method) == (made.engine, made.method)
    assert result.truncated == (not same)


def _with_distinct(pub: dict[str, Any]) -> dict[str, Any]:
    for sample in pub.get("samples", ()):
        for one in sample["registers"]:
            one["distinct"] = len(one["counts"])
    return pub


def single(*registers: dict[str, Any]) -> dict[str, Any]:
    """A pub without bindings."""
    return sampled(*registers) | {"shape": []}


BELL_PUB = single(register({"00": 50, "11": 50}))


@pytest.mark.parametrize(
    ("pubs", "said"),
    [
        ([BELL_PUB], None),
        ([single(register({}))], None),
        ([], "the outcome's pubs are of the programs"),
        ([BELL_PUB, BELL_PUB], "the outcome's pubs are of the programs"),
        ([BELL_PUB | {"program": "other"}], "the outcome's pubs are of the programs"),
        ([estimated([1.0])], "its shape is [1], and [] was asked for"),
        ([estimated([1.0]) | {"shape": []}], "sample gives samples"),
        ([sampled(register({"00": 1}))], "its shape is [1], and [] was asked for"),
        ([BELL_PUB | {"samples": []}], "0 samples are not one for each entry of shape []"),
        ([BELL_PUB | {"samples": [{"index": 1, "registers": []}]}], "are not one for each entry"),
        ([BELL_PUB | {"samples": [*BELL_PUB["samples"]] * 2}], "2 samples are not one for each entry"),
        ([BELL_PUB | {"values": [1.0]}], "sample gives samples"),
        ([{"program": "bell", "shape": [], "shots": 1}], "sample gives samples"),
        ([single(register({"": 1}))], "its keys are not of 2 bits"),
        ([single(register({"000": 1}))], "its keys are not of 2 bits"),
        ([single(register({"0x": 1}))], "its keys are not of 2 bits"),
        ([single(register({"0 ": 1}))], "its keys are not of 2 bits"),
    ],
)
def test_samples_answer_what_was_asked(pubs: list[dict[str, Any]], said: str | None) -> None:
    """Counts of every pub that was asked, in bit strings of the register's width, and nothing else."""
    problem = mismatch(job(), outcome_of(*pubs)[0])
    assert (problem is None) == (said is None)
    assert said is None or said in str(problem)


@pytest.mark.parametrize(
    ("pub", "said"),
    [
        (estimated([1.0]), None),
        (estimated([1.0], [0.1]), None),
        (estimated([]), "its shape is [0], and [1] was asked for"),
        (estimated([]) | {"shape": [1]}, "0 values are not one for each entry of shape [1]"),
        (estimated([1.0, 2.0]) | {"shape": [1]}, "2 values are not one for each entry of shape [1]"),
        (BELL_PUB | {"shape": [1]}, "estimate gives values"),
        (estimated([1.0]) | {"samples": []}, "estimate gives values"),
        ({"program": "bell", "shape": [1], "shots": 1, "values": [1.0]}, "estimate gives values"),
        (estimated([1.0], [0.1, 0.2]), "1 values with 2 standard errors"),
        (estimated([float("nan")]), "not a finite number"),
        (estimated([1.0], [float("inf")]), "not a finite number"),
    ],
)
def test_values_answer_what_was_asked(pub: dict[str, Any], said: str | None) -> None:
    """Finite values with one error each, and nothing else."""
    problem = mismatch(estimate_job(), outcome_of(pub)[0])
    assert (problem is None) == (said is None)
    assert said is None or said in str(problem)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (b"{}", "run"),
        (b'{"run": "r", "inputSha256": "' + SHA.encode() + b'", "extra": 1}', "extra"),
        (b'{"run": "r", "inputSha256": "nonsense"}', "inputSha256"),
        (
            b'{"run": "r", "inputSha256": "'
            + SHA.encode()
            + b'", "pubs": [{"program": "p", "shape": [-1], "shots": 1}]}',
            "pubs.0.shape",
        ),
    ],
)
def test_what_is_not_an_outcome_is_told_apart(data: bytes, said: str) -> None:
    """Bytes that are no outcome give a message that says where they fail, and raise nothing."""
    found = read_outcome(data)
    assert isinstance(found, str)
    assert said in found


def test_an_outcome_reads_back() -> None:
    """What a run writes is what is read."""
    made, data = outcome_of(BELL_PUB, circuits=[CIRCUIT])
    assert read_outcome(data) == made


def test_the_artifact_is_named_by_the_digest_of_the_bytes() -> None:
    """The artifact's reference has digest and length of the outcome as it was received."""
    made, data = outcome_of(sampled(register(WIDE, 10)))
    padded = b" " + data
    result = summarize(job(), made, padded, ROOM)[0]
    assert result.outcome is not None
    assert (result.outcome.bytes, result.outcome.sha256) == (len(padded), result.outcome_sha256)
    assert BELL not in str(result.to_wire())


@pytest.mark.parametrize(
    ("asked", "taken", "said"),
    [
        ([100], [100], ""),
        ([100], [99], "pubs[0] has 99 of 100 shots"),
        ([100, 50], [100, 49], "pubs[1] has 49 of 50 shots"),
        ([100, 50, 10], [1, 2, 3], "pubs[0] has 1 of 100 shots and 2 more pubs have too few"),
        ([100], [150], ""),
    ],
)
def test_shots_that_a_device_did_not_take_are_told(asked: list[int], taken: list[int], said: str) -> None:
    """The first pub that has too few, and how many more."""
    made, _ = outcome_of(*(sampled() | {"shots": shots} for shots in taken))
    task = {"sample": {"pubs": [{"program": "bell", "shots": shots} for shots in asked]}}
    assert shortfall(job(task=task), made) == said


@pytest.mark.parametrize(
    ("pub", "mode", "said"),
    [
        ({"shots": 4096}, "sampled", "pubs[0] has 100 of 4096 shots"),
        ({"precision": 0.1}, "sampled", ""),
        ({}, "exact", ""),
    ],
)
def test_an_estimate_has_too_few_only_of_what_it_asks_for(pub: dict[str, Any], mode: str, said: str) -> None:
    """Shots follow from a precision, and exact values have none."""
    made, _ = outcome_of(estimated([0.5]))
    asks = {"program": "bell", "observables": [{"terms": [{"pauli": "ZZ", "qubits": [0, 1]}]}], **pub}
    assert shortfall(estimate_job(task={"estimate": {"mode": mode, "pubs": [asks]}}), made) == said
