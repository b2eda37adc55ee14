"""A job's work on a device in two halves: Aer stands in for the device, and sees only what a device would."""

import io
from typing import Any

import pytest
from qiskit import qpy
from qiskit_aer import AerSimulator

from quantum_operator.api.backend import Simulator, Target
from quantum_operator.api.jobstatus import Durations
from quantum_operator.api.run import JobInput, RunLimits, RunSpec
from quantum_operator.circuits.errors import RefusedError
from quantum_operator.circuits.execute import Finished, execute
from quantum_operator.circuits.keep import keep, kept
from quantum_operator.circuits.remote import Collected, assemble, collect

ASYMMETRIC = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[1] late;\nbit[2] early;\nx q[0];\nry(1.0) q[1];\n'
    "cx q[1], q[2];\nlate[0] = measure q[0];\nearly[0] = measure q[1];\nearly[1] = measure q[2];\n"
)
STATE = 'OPENQASM 3.0;\ninclude "stdgates.inc";\ninput angle a;\nqubit[2] q;\nry(a) q[0];\ncx q[0], q[1];\ns q[1];\n'
LINE = Target(num_qubits=5, basis_gates=("rz", "sx", "x", "cx"), coupling_map=((0, 1), (1, 2), (2, 3), (3, 4)))
ANY = Target(num_qubits=5)
SHOTS = 40_000


def job(source: str, task: dict[str, Any], **execution: Any) -> JobInput:
    programs = [{"name": "p", "language": "qasm3", "source": source}]
    return JobInput.model_validate({"programs": programs, "task": task, "execution": execution})


SAMPLE = job(ASYMMETRIC, {"sample": {"pubs": [{"program": "p", "shots": SHOTS}]}})
TERMS = [{"terms": [{"pauli": pauli, "qubits": [0, 1]}]} for pauli in ("ZZ", "XX", "XY", "ZI")]
ESTIMATE = job(
    STATE,
    {
        "estimate": {
            "pubs": [
                {
                    "program": "p",
                    "parameterNames": ["a"],
                    "parameterValues": [[0.3]],
                    "observables": TERMS,
                    "shots": SHOTS,
                }
            ]
        }
    },
)


def spec(target: Target) -> RunSpec:
    limits = RunLimits(memory_bytes=2**31, wall_seconds=60)
    return RunSpec(
        run="run-1", input_sha256="0" * 64, seed=7, backend="b", target=target, simulator=Simulator(), limits=limits
    )


def device(collected: Collected, shots: int | None = None) -> list[dict[str, int]]:
    """What a device without noise gives: bit strings over all bits, without the spaces between registers."""
    circuits = qpy.load(io.BytesIO(collected.qpy))
    counts = []
    for number, (circuit, asked) in enumerate(zip(circuits, collected.shots, strict=True)):
        found = AerSimulator(seed_simulator=number + 1).run(circuit, shots=shots or asked).result().get_counts()
        counts.append({bits.replace(" ", ""): count for bits, count in found.items()})
    return counts


def both(asked: JobInput, target: Target) -> tuple[Finished, Finished]:
    return (
        assemble(asked, spec(target), device(collect(asked, spec(target))), lambda _: None),
        execute(asked, spec(target), lambda _: None),
    )


@pytest.mark.parametrize("target", [LINE, ANY], ids=["a line of few gates", "any gate, any pair"])
def test_samples_are_those_of_a_simulator(target: Target) -> None:
    """Each bit in its register, whatever qubit it was measured on."""
    remote, local = both(SAMPLE, target)
    assert remote.compiled[0].record == local.compiled[0].record
    for ours, theirs in zip(remote.pubs[0].samples[0].registers, local.pubs[0].samples[0].registers, strict=True):
        assert (ours.name, ours.size) == (theirs.name, theirs.size)
        assert sum(ours.counts.values()) == SHOTS
        for bits in {*ours.counts, *theirs.counts}:
            assert abs(ours.counts.get(bits, 0) - theirs.counts.get(bits, 0)) < 6 * SHOTS**0.5


@pytest.mark.parametrize("target", [LINE, ANY], ids=["a line of few gates", "any gate, any pair"])
def test_estimates_are_those_of_a_simulator(target: Target) -> None:
    """In every basis, with the standard errors that the counts have."""
    remote, local = both(ESTIMATE, target)
    ours, theirs = remote.pubs[0], local.pubs[0]
    assert ours.shape == theirs.shape
    for value, other, error in zip(ours.values, theirs.values, ours.standard_errors, strict=True):
        assert abs(value - other) < 6 * max(error, 1e-3)
    assert any(abs(value) > 0.2 for value in ours.values[1:3])


@pytest.mark.parametrize("asked", [SAMPLE, ESTIMATE], ids=["sample", "estimate"])
def test_a_device_gets_its_own_gates_and_qubits(asked: JobInput) -> None:
    """Changes of basis are in the device's gates as well, and every bit is in a register."""
    circuits = qpy.load(io.BytesIO(collect(asked, spec(LINE)).qpy))
    for circuit in circuits:
        assert circuit.num_qubits == 5
        assert {one.name for one in circuit.data} <= {*LINE.basis_gates, "measure", "barrier"}
        assert all(circuit.find_bit(bit).registers for bit in circuit.clbits)
        assert not circuit.parameters


@pytest.mark.parametrize("asked", [SAMPLE, ESTIMATE], ids=["sample", "estimate"])
def test_what_was_made_before_gives_the_same(asked: JobInput) -> None:
    """With how long that took; where it was not kept, it is made again."""
    collected = collect(asked, spec(LINE))
    counts = device(collected)
    made, spent = kept(keep(collected.made, Durations(compile=5)))
    assert made is not None
    assert spent == Durations(compile=5)
    begun: list[str] = []
    first = assemble(asked, spec(LINE), counts, begun.append, made)
    assert begun == ["execute", "post_process"]
    assert kept(b"") == kept(b"no pickle") == (None, Durations())
    again = assemble(asked, spec(LINE), counts, begun.append)
    assert begun[2:] == ["parse", "compile", "execute", "post_process"]
    assert (first.pubs, first.methods) == (again.pubs, again.methods)
    assert [one.record for one in first.compiled] == [one.record for one in again.compiled]
    assert [one.layout for one in first.compiled] == [one.layout for one in again.compiled]


def test_what_is_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would have to travel with every request."""
    monkeypatch.setattr("quantum_operator.circuits.keep.MOST_BYTES", 100)
    assert keep(collect(SAMPLE, spec(LINE)).made, Durations()) == b""


def test_the_same_job_gives_the_same_circuits() -> None:
    """A submission that is repeated under one token must be the same."""
    assert collect(ESTIMATE, spec(LINE)) == collect(ESTIMATE, spec(LINE))


def test_fewer_shots_than_asked_are_told() -> None:
    """They are paid for, and counts; the pub says how many there are."""
    few = device(collect(SAMPLE, spec(ANY)), shots=100)
    (pub,) = assemble(SAMPLE, spec(ANY), few, lambda _: None).pubs
    assert pub.shots == 100


@pytest.mark.parametrize(
    "counts",
    [[], [{}], [{"000": SHOTS + 1}], [{"00": SHOTS}], [{"00x": SHOTS}], [{"000": SHOTS}] * 2],
    ids=["none", "empty", "too many shots", "too narrow", "no bits", "of two circuits"],
)
def test_counts_of_something_else_are_refused(counts: list[dict[str, int]]) -> None:
    with pytest.raises(RefusedError):
        assemble(SAMPLE, spec(ANY), counts, lambda _: None)


@pytest.mark.parametrize(
    "asked",
    [
        job(STATE.replace("input angle a;\n", "").replace("ry(a)", "ry(1)"), {
            "estimate": {"mode": "exact", "pubs": [{"program": "p", "observables": TERMS}]}
        }),
        job(ASYMMETRIC, {"sample": {"pubs": [{"program": "p", "shots": 10}]}}, memory=True),
    ],
    ids=["exact values", "memory"],
)  # fmt: skip
def test_what_only_a_simulator_gives_is_refused(asked: JobInput) -> None:
    with pytest.raises(RefusedError, match="choose a simulator"):
        collect(asked, spec(ANY))
