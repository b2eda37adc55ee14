"""Noise: it acts where it is said to, and is refused where it would do nothing."""

import pytest

from support.distributions import p_value
from support.runs import BELL3, GIBIBYTE, counts, finish, observable, refusal, sample, spec
from support.runs import estimate as estimate_task
from support.runs import qasm2 as program2
from support.runs import qasm3 as program3

FLIP = """OPENQASM 2.0; include "qelib1.inc"; qreg q[3]; creg c[3];
x q[0]; cx q[0],q[1]; cx q[1],q[0]; cz q[1],q[2]; measure q->c;"""


def gate(name: str, ppm: int, qubits: list[int] | None = None) -> dict[str, object]:
    return {"gate": name, "depolarizingPpm": ppm, **({} if qubits is None else {"qubits": qubits})}


def readout(one_for_zero: int, zero_for_one: int, qubit: int | None = None) -> dict[str, object]:
    entry: dict[str, object] = {"probMeas1Prep0Ppm": one_for_zero, "probMeas0Prep1Ppm": zero_for_one}
    return entry if qubit is None else {**entry, "qubit": qubit}


def test_depolarizing_noise_has_its_strength() -> None:
    """After a CX with depolarizing probability p, the pair is fully mixed with probability p."""
    source = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; x q[0]; cx q[0], q[1]; c = measure q;'
    noise = {"gates": [gate("cx", 400_000)]}
    found = counts(finish(program3(source), sample(shots=8000), noise=noise).pubs[0])
    assert p_value(found, {"11": 0.7, "00": 0.1, "01": 0.1, "10": 0.1}) > 0.001


def test_readout_noise_is_not_mirrored() -> None:
    """Reading 1 for 0 and 0 for 1 have the probabilities that they are given, each on its own qubit."""
    source = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; x q[1]; c = measure q;'
    noise = {"readout": [readout(100_000, 300_000), readout(0, 200_000, 1)]}
    found = counts(finish(program3(source), sample(shots=8000), noise=noise).pubs[0])
    assert p_value(found, {"10": 0.72, "11": 0.08, "00": 0.18, "01": 0.02}) > 0.001


def test_noise_on_a_gate_that_is_not_there_is_refused() -> None:
    """ECR noise on a program of CX does nothing, so it is refused, and the compiled circuit's gates are named."""
    error = refusal(program3(BELL3), sample(), noise={"gates": [gate("ecr", 10_000)]})
    assert (error.reason, error.field) == ("NoiseHasNoEffect", "spec.execution.noise")
    assert "cx, h" in error.message


def test_noise_on_other_qubits_is_refused() -> None:
    """Noise on qubits where the gate is not used, or readout noise on a qubit that is not read, touches nothing."""
    error = refusal(program3(BELL3), sample(), noise={"gates": [gate("cx", 10_000, [1, 2])]})
    assert error.reason == "NoiseHasNoEffect"
    error = refusal(program3(BELL3), sample(), noise={"readout": [readout(1, 1, 5)]})
    assert error.reason == "NoiseHasNoEffect"


def test_noise_is_matched_after_compiling() -> None:
    """On a target of other gates, the gate as written is gone: noise on it is refused, noise on the target's acts."""
    target = {"numQubits": 2, "basisGates": ["rz", "sx", "x", "cz"]}
    assert refusal(program3(BELL3), sample(), spec(target=target), noise={"gates": [gate("cx", 1)]}).reason == (
        "NoiseHasNoEffect"
    )
    noise = {"gates": [gate("cz", 1_000_000)]}
    found = counts(finish(program3(BELL3), sample(shots=2000), spec(target=target), noise=noise).pubs[0])
    assert len(found) == 4


def test_measure_is_no_gate() -> None:
    """Depolarizing noise on measure is refused, and readout noise named as the way."""
    error = refusal(program3(BELL3), sample(), noise={"gates": [gate("measure", 1), gate("h", 1)]})
    assert (error.reason, error.field) == ("NoiseHasNoEffect", "spec.execution.noise.gates[0].gate")
    assert "noise.readout" in error.message


def test_the_most_specific_entry_counts() -> None:
    """An entry with exactly these qubits beats one with them reversed, and that one beats the entry without qubits."""
    noise = {"gates": [gate("cx", 1_000_000), gate("cx", 0, [0, 1]), gate("cz", 0)]}
    found = counts(finish(program2(FLIP), sample(shots=100), noise=noise).pubs[0])
    assert found == {"010": 100}, "cx on (1, 0) takes the reversed entry"
    noise = {"gates": [gate("cx", 0, [0, 1]), gate("cx", 1_000_000, [1, 0])]}
    assert len(counts(finish(program2(FLIP), sample(shots=100), noise=noise).pubs[0])) == 4


def test_noise_reaches_into_branches() -> None:
    """A gate inside a block of control flow is noisy like any other."""
    source = """OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c;
    x q[0]; c[0] = measure q[0]; if (c[0]) { y q[1]; } c[1] = measure q[1];"""
    found = counts(finish(program3(source), sample(shots=4000), noise={"gates": [gate("y", 1_000_000)]}).pubs[0])
    assert p_value(found, {"01": 0.5, "11": 0.5}) > 0.001


def test_the_backends_own_noise_may_be_without_effect() -> None:
    """The backend's noise model is its own: a program that it does not touch still runs."""
    run = spec(simulator={"noise": {"gates": [gate("ecr", 10_000)]}})
    assert sum(counts(finish(program3(BELL3), sample(shots=10), run).pubs[0]).values()) == 10


def test_the_jobs_noise_replaces_the_backends() -> None:
    """With noise of its own a job runs under that alone."""
    run = spec(simulator={"noise": {"readout": [readout(1_000_000, 1_000_000)]}})
    assert set(counts(finish(program3(BELL3), sample(), run, noise={"gates": [gate("h", 0)]}).pubs[0])) == {"00", "11"}


def test_noise_of_the_targets_qubits_follows_the_layout() -> None:
    """Noise names the target's qubits: a program laid out on qubit 3 has qubit 3's readout errors."""
    source = "OPENQASM 3.0; qubit q; bit c; c = measure q;"
    noise = {"readout": [readout(1_000_000, 0, 3)]}
    done = finish(program3(source), sample(shots=20), spec(target={"numQubits": 5}), noise=noise, initial_layout=[3])
    assert counts(done.pubs[0]) == {"1": 20}


def test_exact_under_noise_beyond_memory_is_refused() -> None:
    """A density matrix of 12 qubits does not fit beside Python in 256 MiB, and the refusal says how much it takes."""
    source = 'OPENQASM 3.0; include "stdgates.inc"; qubit[12] q; h q; cx q[0:10], q[1:11];'
    task = estimate_task([observable(("Z" * 12, range(12), 1.0))], mode="exact")
    error = refusal(program3(source), task, spec(memory=GIBIBYTE // 4), noise={"gates": [gate("h", 1000)]})
    assert error.reason == "MemoryLimitExceeded"
    assert "256M" in error.message


@pytest.mark.parametrize("method", ["density_matrix", "statevector", "stabilizer", "automatic"])
def test_every_method_has_the_same_noise(method: str) -> None:
    """Trajectories, density matrices and tableaus agree on what the noise is."""
    noise = {"gates": [gate("cx", 300_000)], "readout": [readout(50_000, 0)]}
    run = spec(simulator={"method": method})
    found = counts(finish(program3(BELL3), sample(shots=4000), run, noise=noise).pubs[0])
    clean = {"00": 0.425, "11": 0.425, "01": 0.075, "10": 0.075}
    expected = {
        "00": clean["00"] * 0.95**2,
        "01": clean["00"] * 0.95 * 0.05 + clean["01"] * 0.95,
        "10": clean["00"] * 0.95 * 0.05 + clean["10"] * 0.95,
    }
    expected["11"] = 1 - sum(expected.values())
    assert p_value(found, expected) > 0.001
