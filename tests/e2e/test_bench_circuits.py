"""Real input: circuits of mqt.bench go through the cluster, and their counts are those of quantum mechanics.

`make science` runs all 25 of them, and `make test` every fifth.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from quantum_operator.api.program import MAX_PROGRAM_BYTES
from support.benchcircuits import BenchCircuit, bench_circuits
from support.distributions import holm, p_value, reversed_bits
from support.installation import QJOB, Installation, condition, job

SHOTS = 4000
Counts = dict[str, dict[str, int]]


@pytest.fixture(scope="module")
def all_circuits() -> list[BenchCircuit]:
    """The circuits, as the package makes them."""
    return bench_circuits()


@pytest.fixture(scope="module")
def circuits(all_circuits: list[BenchCircuit], request: pytest.FixtureRequest) -> list[BenchCircuit]:
    """Those that are run: all, or every fifth of those with decisions, and of those without."""
    if request.config.getoption("--circuits") == "all":
        return all_circuits
    decided = [one for one in all_circuits if one.undecided]
    return [*decided[::5], *[one for one in all_circuits if not one.undecided][::5]]


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


def test_the_circuits_are_as_many_and_as_different_as_is_claimed(all_circuits: list[BenchCircuit]) -> None:
    """25, of 3 to 12 qubits, 12 or more not symmetric under bit reversal, 4 or more dynamic, in both languages."""
    assert len({one.name for one in all_circuits}) == len(all_circuits) == 25
    assert len({one.algorithm for one in all_circuits}) >= 20
    assert {one.circuit.num_qubits for one in all_circuits} >= {3, 12}
    assert all(3 <= one.circuit.num_qubits <= 12 for one in all_circuits)
    assert sum(bool(one.asymmetric) for one in all_circuits) >= 12
    assert sum(one.is_dynamic for one in all_circuits) >= 4
    assert sum(bool(one.undecided) for one in all_circuits) >= 2
    assert {one.language for one in all_circuits} == {"qasm2", "qasm3"}
    assert max(len(one.source.encode()) for one in all_circuits) <= MAX_PROGRAM_BYTES


def test_counts_come_from_the_exact_distributions(circuits: list[BenchCircuit], counts: dict[str, Counts]) -> None:
    """No register of any circuit is rejected, at 1 % over all of them, and every shot is counted."""
    found: dict[str, float] = {}
    for one in circuits:
        assert set(counts[one.name]) == set(one.registers)
        for name, expected in one.registers.items():
            assert sum(counts[one.name][name].values()) == SHOTS
            found[f"{one.name}/{name}"] = p_value(counts[one.name][name], expected)
    assert len(found) >= len(circuits) >= 6
    assert holm(found) == []


def test_counts_read_from_the_wrong_end_are_rejected(circuits: list[BenchCircuit], counts: dict[str, Counts]) -> None:
    """The control: of every circuit that is not symmetric, so the test above would see an error of order."""
    found = {
        f"{one.name}/{name}": p_value(reversed_bits(counts[one.name][name]), one.registers[name])
        for one in circuits
        for name in one.asymmetric
    }
    assert {name.split("/")[0] for name in found} == {one.name for one in circuits if one.asymmetric}
    assert set(holm(found)) == set(found)


def test_counts_are_not_those_without_decisions(circuits: list[BenchCircuit], counts: dict[str, Counts]) -> None:
    """The other control: the counts of dynamic circuits don't come from the circuits without their branches."""
    found = {
        f"{one.name}/{name}": p_value(counts[one.name][name], wrong)
        for one in circuits
        for name, wrong in one.undecided.items()
    }
    assert found
    assert set(holm(found)) == set(found)
