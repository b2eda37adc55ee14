"""What simulating takes: the memory of a state, where its representation tells."""

from quantum_operator.api.backend import Simulator
from quantum_operator.decide.quantities import quantity_bytes

RUNNER_BYTES = 352 * 2**20
"""What a run has beside the state: its supervisor, its slack, and the libraries that are loaded."""

AMPLITUDE_BYTES = {"double": 16, "single": 8}
AMPLITUDES_LOG2 = {"statevector": 1, "density_matrix": 2}
"""How many times the qubits is the logarithm of the amplitudes. Of other methods the circuit decides."""

MOST_LOG2 = 48
MOST = 2**53 - 1


def needed_bytes(simulator: Simulator, qubits: int) -> int | None:
    """What the state of so many qubits takes; None where that depends on the circuit, or is not in a run's memory.

    `automatic` is such a method: a wide circuit of Clifford gates alone is simulated as a stabilizer state.
    """
    factor = AMPLITUDES_LOG2.get(simulator.method)
    if factor is None or simulator.device == "GPU":
        return None
    return min(MOST, AMPLITUDE_BYTES[simulator.precision] << min(MOST_LOG2, factor * qubits))


def state_bytes(memory: str) -> int:
    """What a run that has this quantity of memory has for the state."""
    return min(MOST, max(0, quantity_bytes(memory) - RUNNER_BYTES))
