"""What is kept of each part of an outcome when there is little room for it, and what holds of any outcome."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.jobstatus import ExecutionRecord, RegisterCounts, Result, SampleResult
from quantum_operator.decide.result import CIRCUITS_BYTES, RESULT_BYTES, TEXT_BYTES, VERSIONS_BYTES, record, summarize
from quantum_operator.decide.size import json_bytes
from quantum_operator.testing.builders import job
from unit.decide.test_decide_result import CIRCUIT, ROOM, estimated, outcome_of, register, result_of, sampled


def recorded(**fields: Any) -> tuple[ExecutionRecord, bool]:
    """The record of an outcome with these fields, and whether it is all."""
    return record(outcome_of(**fields)[0])


def samples_of(result: Result, pub: int = 0) -> tuple[SampleResult, ...]:
    """The samples of one pub; fails when it has none."""
    samples = result.pubs[pub].samples
    assert samples is not None
    return samples


def only_register(result: Result) -> RegisterCounts:
    """The one register of the one sample."""
    ((one,),) = (sample.registers for sample in samples_of(result))
    return one


def spread(width: int, count: int = 1000) -> dict[str, int]:
    """So many outcomes of so many bits, each with its own count."""
    return {f"{index:0{width}b}": index + 1 for index in range(count)}


# --- registers ------------------------------------------------------------------------------------------------------


def test_equal_counts_are_kept_in_the_order_of_their_bits() -> None:
    """Of outcomes that came equally often the smallest bit strings are kept, however the run listed them."""
    counts = {f"{index:08b}": 7 for index in range(200)}
    backward = dict(reversed(counts.items()))
    kept = only_register(result_of(sampled(register(counts, 8)))).counts
    assert list(kept) == sorted(counts)[: len(kept)]
    assert only_register(result_of(sampled(register(backward, 8)))).counts == kept


def test_a_register_keeps_its_top_outcome_however_long() -> None:
    """Even where the share of the room is less than one bit string, the most frequent one is kept."""
    result = result_of(sampled(register({"0" * 500: 1, "1" * 500: 2}, 500), entries=60))
    assert result.truncated
    for sample in samples_of(result):
        (one,) = sample.registers
        assert (one.counts, one.distinct) == ({"1" * 500: 2}, 2)


def test_an_outcome_that_never_occurred_is_kept_like_any_other() -> None:
    """A count of 0 is what the run said, and comes last."""
    assert list(only_register(result_of(sampled(register({"00": 0, "11": 5})))).counts.items()) == [
        ("11", 5),
        ("00", 0),
    ]


@pytest.mark.parametrize("memory", [[], ["00"]])
def test_memory_is_only_in_the_artifact(memory: list[str]) -> None:
    """Shot by shot values, none too, are not in a status, which says so; counts are there all the same."""
    result = result_of(sampled(register({"00": 1}, memory=memory)))
    assert only_register(result).counts == {"00": 1}
    assert result.outcome is not None


def test_registers_keep_their_order_and_width() -> None:
    """Names, widths and order are the program's, also of registers of the same name."""
    registers = [register({"0": 1}, 1, "b"), register({"000": 1}, 3, "a"), register({"1": 1}, 1, "b")]
    (sample,) = samples_of(result_of(sampled(*registers)))
    assert [(one.name, one.size) for one in sample.registers] == [("b", 1), ("a", 3), ("b", 1)]


# --- bindings and pubs ----------------------------------------------------------------------------------------------


def test_bindings_are_kept_from_the_first_on() -> None:
    """Where not all bindings fit, those that are kept are the first, with their own index."""
    result = result_of(sampled(*(register({"0" * 64: 1}, 64, f"c{index}") for index in range(20)), entries=60))
    indices = [one.index for one in samples_of(result)]
    assert indices == list(range(len(indices)))
    assert 0 < len(indices) < 60
    assert result.pubs[0].shape == (60,)


def test_pubs_are_kept_from_the_first_on() -> None:
    """Pubs that do not fit are left out at the end, so that a pub keeps its place."""
    pubs = [estimated([float(index)]) | {"program": f"{index:02}" + "x" * 250} for index in range(64)]
    result = result_of(*pubs)
    assert [one.program[:2] for one in result.pubs] == [f"{index:02}" for index in range(len(result.pubs))]
    assert 0 < len(result.pubs) < 64
    assert result.truncated


def test_small_pubs_leave_their_room_to_large_ones() -> None:
    """What the first pubs do not need, the last one has."""
    large = sampled(register(spread(20), 20))
    alone = only_register(result_of(large))
    last = samples_of(result_of(estimated([1.0]), estimated([2.0]), large), 2)[0].registers[0]
    assert len(alone.counts) == 128
    assert len(last.counts) >= 120


def test_no_room_at_all_leaves_the_reference() -> None:
    """With no room for any pub the result still names the artifact that has them."""
    made, data = outcome_of(sampled(register({"00": 1})), estimated([1.0]))
    result, _ = summarize(job(), made, data, 0)
    assert result.pubs == ()
    assert result.truncated
    assert result.outcome is not None
    assert result.outcome.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("value", [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, -1e-17])
def test_values_are_kept_to_the_last_bit(value: float) -> None:
    """A number in the status is the number that was computed, not a rounded one."""
    (pub,) = result_of(estimated([value], [abs(value)])).pubs
    assert pub.values is not None
    assert [one.hex() for one in pub.values] == [value.hex()]
    assert json.loads(json.dumps(pub.to_wire()))["values"][0].hex() == value.hex()


# --- the record -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threads", "kept"), [(-(2**40), 1), (0, 1), (1, 1), (1024, 1024), (1025, 1024), (2**40, 1024)]
)
def test_threads_are_within_their_bounds(threads: int, kept: int) -> None:
    """A number of threads that can't be is stated as the nearest that can, and then the record is not all."""
    found, whole = recorded(threads=threads)
    assert (found.threads, whole) == (kept, threads == kept)


@pytest.mark.parametrize("field", ["engine", "method", "precision"])
@pytest.mark.parametrize(("text", "whole"), [("", True), ("a" * (TEXT_BYTES - 2), True), ("é" * 100, False)])
def test_names_are_cut_to_their_room(field: str, text: str, whole: bool) -> None:
    """Engine, method and precision have 120 bytes of JSON each, quotes included."""
    found, all_of_it = recorded(**{field: text})
    kept = getattr(found, field)
    assert json_bytes(kept) <= TEXT_BYTES
    assert (kept == text) == all_of_it == whole


def test_versions_that_fit_are_kept_by_name() -> None:
    """A version that is too long is left out, and those after it are not."""
    found, whole = recorded(versions={"c": "1", "a": "2", "b": "x" * 253, "B": "y" * 253, "d": "z" * 253})
    assert list(found.versions) == ["B", "a", "b", "c", "d"]
    assert whole
    found, whole = recorded(versions={f"{index:02}": "x" * 250 for index in range(4)} | {"qiskit": "2.6"})
    assert list(found.versions) == ["00", "01", "02", "qiskit"]
    assert not whole
    assert json_bytes(found.versions) <= VERSIONS_BYTES


@pytest.mark.parametrize("count", [0, 1, 32])
def test_circuits_are_kept_from_the_first_on(count: int) -> None:
    """As many circuits as fit, in the order of the programs."""
    circuits = [CIRCUIT | {"program": f"program-{index}"} for index in range(count)]
    found, whole = recorded(circuits=circuits)
    kept = [one.program for one in found.circuits]
    assert kept == [f"program-{index}" for index in range(len(kept))]
    assert whole == (len(kept) == count)
    assert json_bytes([one.to_wire() for one in found.circuits]) <= CIRCUITS_BYTES + 2


def test_seed_and_durations_are_kept_exactly() -> None:
    """The largest seed and the longest durations that can be stated are stated."""
    most = 2**53 - 1
    durations = dict.fromkeys(("load", "parse", "compile", "execute", "postProcess", "total"), most)
    found, whole = recorded(seed=most, durationsMilliseconds=durations)
    assert found.seed == most
    assert found.to_wire()["durationsMilliseconds"] == durations
    assert whole


# --- any outcome ----------------------------------------------------------------------------------------------------

COUNTS = st.dictionaries(st.integers(0, 2**10 - 1).map("{:010b}".format), st.integers(0, 5), max_size=150)
PUBS = st.one_of(
    st.builds(
        lambda counts, registers, entries: sampled(
            *(register(counts, 10, f"c{index}") for index in range(registers)), entries=entries
        ),
        COUNTS,
        st.integers(0, 3),
        st.integers(0, 70),
    ),
    st.lists(st.floats(-1, 1), max_size=300).map(estimated),
)
FEW = settings(max_examples=25, derandomize=True)


@FEW
@given(st.lists(PUBS, max_size=4), st.integers(1_500, ROOM))
def test_what_is_kept_is_the_beginning_of_what_was_given(pubs: list[dict[str, Any]], room: int) -> None:
    """Pubs, bindings, registers and values are beginnings of the outcome's; counts are its most frequent ones."""
    made, data = outcome_of(*pubs)
    result, _ = summarize(job(), made, data, room)
    for kept, pub in zip(result.pubs, made.pubs, strict=False):
        assert (kept.program, kept.shape, kept.shots) == (pub.program, pub.shape, pub.shots)
        assert (kept.values or ()) == (pub.values or ())[: len(kept.values or ())]
        assert (kept.standard_errors or ()) == (pub.standard_errors or ())[: len(kept.values or ())]
        assert (kept.samples is None) == (pub.samples is None)
        for sample, original in zip(kept.samples or (), pub.samples or (), strict=False):
            assert sample.index == original.index
            for one, whole in zip(sample.registers, original.registers, strict=False):
                ranked = sorted(whole.counts.items(), key=lambda item: (-item[1], item[0]))
                assert list(one.counts.items()) == ranked[: len(one.counts)]
                assert one.distinct == len(whole.counts)
                assert bool(one.counts) == bool(whole.counts)


@FEW
@given(st.lists(PUBS, max_size=4))
def test_room_beyond_the_results_budget_changes_nothing(pubs: list[dict[str, Any]]) -> None:
    """A result is within its own budget: a status with nothing else in it keeps no more of it."""
    made, data = outcome_of(*pubs)
    assert summarize(job(), made, data, ROOM) == summarize(job(), made, data, 10 * ROOM)
    result, _ = summarize(job(), made, data, ROOM)
    assert json_bytes([one.to_wire() for one in result.pubs]) <= RESULT_BYTES + 2


@FEW
@given(st.lists(PUBS, max_size=3), st.lists(PUBS, max_size=2))
def test_the_digest_is_of_the_bytes_whatever_fits(pubs: list[dict[str, Any]], more: list[dict[str, Any]]) -> None:
    """Two outcomes have two digests, even where the same is kept of both."""
    names = set()
    for chosen in (pubs, [*pubs, *more]):
        made, data = outcome_of(*chosen)
        result, _ = summarize(job(), made, data, ROOM)
        assert result.outcome_sha256 == hashlib.sha256(data).hexdigest()
        assert [one.program for one in result.pubs] == [one.program for one in made.pubs][: len(result.pubs)]
        names.add(result.outcome_sha256)
    assert len(names) == (2 if more else 1)
