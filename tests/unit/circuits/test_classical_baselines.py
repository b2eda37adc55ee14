"""What stands for a device on a circuit that no statevector holds: exact methods, where they suit the circuit."""

import pytest

from quantum_operator.api.figures import Demand
from quantum_operator.decide.figures import Request
from quantum_operator.decide.routing import judge
from quantum_operator.testing import builders
from support.runs import counts, estimate, finish, observable, refusal, sample, spec
from support.runs import qasm3 as program3

WIDTH = 40
CHAIN = "".join(f"cx q[{i}], q[{i + 1}];" for i in range(WIDTH - 1))
CIRCUITS = {"clifford": ("h q[0];", 0.5), "little entangled": ("ry(1.0471975511965976) q[0];", 0.25)}
"""What comes before a chain of CX, and how likely all of its qubits are 1; else all are 0."""

SUITED = [("clifford", "stabilizer"), *((one, "matrix_product_state") for one in CIRCUITS)]


def source(circuit: str, tail: str = "") -> dict[str, object]:
    """The circuit, and what follows it."""
    return program3(f'OPENQASM 3.0; include "stdgates.inc"; qubit[{WIDTH}] q; {CIRCUITS[circuit][0]} {CHAIN} {tail}')


MEASURED = f"bit[{WIDTH}] c; c = measure q;"


@pytest.mark.parametrize(("circuit", "method"), SUITED)
def test_where_the_method_suits_the_circuit_it_is_exact(circuit: str, method: str) -> None:
    """Samples follow the distribution, and expectation values are right to the last digits."""
    run = spec(target={"numQubits": WIDTH}, simulator={"method": method})
    likely = CIRCUITS[circuit][1]
    done = finish(source(circuit, MEASURED), sample(shots=400), run)
    found = counts(done.pubs[0])
    assert found.keys() == {"0" * WIDTH, "1" * WIDTH}
    assert abs(found["1" * WIDTH] - 400 * likely) < 5 * 400**0.5 / 2
    assert done.methods == (method,)
    ends, last = observable(("ZZ", [0, WIDTH - 1], 1.0)), observable(("Z", [WIDTH - 1], 1.0))
    exact = finish(source(circuit), estimate([ends, last], mode="exact"), run)
    assert exact.pubs[0].values == pytest.approx((1.0, 1 - 2 * likely))


def test_where_it_does_not_it_says_so() -> None:
    """A stabilizer takes Clifford gates alone, and a statevector what memory holds: neither gives something else."""
    run = spec(target={"numQubits": WIDTH}, simulator={"method": "stabilizer"})
    assert refusal(source("little entangled", MEASURED), sample(), run).reason == "IncompatibleTarget"
    for method, reason in (("statevector", "TooLittleMemory"), ("stabilizer", None), ("matrix_product_state", None)):
        one = builders.backend(qubits=WIDTH, simulator={"method": method})
        verdict = judge(one, Request(Demand(qubits=WIDTH, shots=1), "team", {}))
        assert (verdict.reason if verdict is not None else None) == reason
