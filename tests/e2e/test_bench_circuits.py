"""Real input: 25 circuits of mqt.bench go through the cluster, and their counts are those of quantum mechanics."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.benchcircuits import BenchCircuit, bench_circuits
from support.distributions import holm, p_value, register_distribution, reversed_bits
from support.installation import QJOB, Installation, condition, job

SHOTS = 4000
Counts = dict[str, dict[str, int]]


@pytest.fixture(scope="module")
def circuits() -> list[BenchCircuit]:
    """The circuits, as the package makes them."""
    return bench_circuits()


@pytest.fixture(scope="module")
def counts(installation: Installation, circuits: list[BenchCircuit]) -> Iterator[dict[str, Counts]]:
    """The counts of every register of every circuit, from QuantumJobs."""
    home = installation.new_namespace()
    installation.apply(home, *(submission(one, seed) for seed, one in enumerate(circuits)))
    installation.wait(home, seconds=600)
    done = {one["metadata"]["name"]: one for one in installation.get("quantumjobs", home)}
    ended = {name: condition(one, "Complete") for name, one in done.items()}
    assert {name: said for name, said in ended.items() if said[0] != "True"} == {}
    yield {name: registers(installation, home, name) for name in done}
    installation.cluster.kubectl("delete", "namespace", home, "--wait=false")


def submission(circuit: BenchCircuit, seed: int) -> dict[str, Any]:
    """A QuantumJob that samples the circuit."""
    programs = [{"name": "circuit", circuit.language: circuit.source}]
    task = {"sample": {"pubs": [{"program": "circuit", "shots": SHOTS}]}}
    return job(circuit.name, programs=programs, task=task, execution={"seed": seed})


def registers(installation: Installation, home: str, name: str) -> Counts:
    """All counts by register, as `qjob result` gives them: a status lists only the most frequent."""
    command = (*QJOB, "result", name, f"--namespace={home}", "--output=json")
    (pub,) = json.loads(installation.cluster.run(*command).stdout)["pubs"]
    return {one["name"]: one["counts"] for one in pub["samples"][0]["registers"]}


def test_the_circuits_are_as_many_and_as_different_as_is_claimed(circuits: list[BenchCircuit]) -> None:
    """25, of 3 to 12 qubits, 12 or more not symmetric under bit reversal, 4 or more dynamic, in both languages."""
    assert len({one.name for one in circuits}) == len(circuits) == 25
    assert {one.circuit.num_qubits for one in circuits} >= {3, 12}
    assert all(3 <= one.circuit.num_qubits <= 12 for one in circuits)
    assert sum(one.is_asymmetric for one in circuits) >= 12
    assert sum(one.is_dynamic for one in circuits) >= 4
    assert {one.language for one in circuits} == {"qasm2", "qasm3"}


def test_counts_come_from_the_exact_distributions(circuits: list[BenchCircuit], counts: dict[str, Counts]) -> None:
    """No register of any circuit is rejected at 1 % over all of them; read from the wrong end, the asymmetric are."""
    right: dict[str, float] = {}
    wrong: dict[str, float] = {}
    for one in circuits:
        assert set(counts[one.name]) == set(one.registers)
        for name, positions in one.registers.items():
            expected = register_distribution(one.distribution, positions)
            found = counts[one.name][name]
            assert sum(found.values()) == SHOTS
            right[f"{one.name}/{name}"] = p_value(found, expected)
            if one.is_asymmetric and len(one.registers) == 1:
                wrong[f"{one.name}/{name}"] = p_value(reversed_bits(found), expected)
    assert holm(right) == []
    assert len(wrong) >= 10
    assert set(holm(wrong)) == set(wrong)
