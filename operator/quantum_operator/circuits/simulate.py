"""Simulating one bound circuit with Aer."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from qiskit.circuit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from quantum_operator.api.backend import Simulator
from quantum_operator.circuits.errors import RefusedError, quote

MEBIBYTE: Final = 1024 * 1024
RESIDENT_BYTES: Final = 160 * MEBIBYTE
"""What Python, Qiskit and Aer take before a state is allocated (measured: 115 MiB)."""


class Engine(Protocol):
    """What executes bound circuits, one at a time. `methods` are the methods that were really used."""

    methods: set[str]

    def on(self, qubits: Sequence[int]) -> None:
        """The circuits from here on act on these qubits of the target."""

    def run(
        self,
        circuit: QuantumCircuit,
        *,
        method: str,
        seed: int,
        shots: int = 1,
        noise: NoiseModel | None = None,
        memory: bool = False,
        exact: bool = False,
    ) -> dict[str, Any]:
        """The data of one circuit: `counts` by hexadecimal value, and what else the engine gives.

        `exact`: the circuit saves values, and nothing of it may be left out.
        """


class AerEngine:
    """Aer as a backend configures it.

    Every circuit is a run of its own, with a seed of its own: in a batch Aer derives other seeds.
    """

    def __init__(self, simulator: Simulator, memory_bytes: int) -> None:
        """Raises RefusedError where the machine has no such device."""
        self.methods: set[str] = set()
        have = AerSimulator().available_devices()
        if simulator.device not in have:
            raise RefusedError(
                "IncompatibleTarget",
                f"the backend simulates on a {simulator.device} (its spec.simulator.device), and Aer finds only "
                f"{', '.join(have)}; give spec.run an image with Aer for GPUs, and resources that have one",
                "spec.simulator.device",
            )
        self._aer = AerSimulator(
            device=simulator.device,
            precision=simulator.precision,
            max_parallel_threads=simulator.threads,
            max_parallel_experiments=1,
            max_memory_mb=max(1, (memory_bytes - RESIDENT_BYTES) // MEBIBYTE),
        )

    def on(self, qubits: Sequence[int]) -> None:
        """Where the circuits are on the target makes no difference: noise is of dense positions."""

    def run(
        self,
        circuit: QuantumCircuit,
        *,
        method: str,
        seed: int,
        shots: int = 1,
        noise: NoiseModel | None = None,
        memory: bool = False,
        exact: bool = False,
    ) -> dict[str, Any]:
        """Aer's data of one circuit: `counts` by hexadecimal value, `memory` in shot order, saved values by label.

        Raises RefusedError when the state would not fit the memory or the method does not know a gate.
        """
        # Where Aer leaves idle qubits out, a saved value is of others than it should be, and wrong (seen with 0.18.2).
        job = self._aer.run(
            circuit,
            shots=shots,
            seed_simulator=seed,
            method=method,
            noise_model=noise,
            memory=memory,
            enable_truncation=not exact,
        )
        result = job.result().results[0]
        if not result.success:
            raise _failure(str(result.status), method)
        self.methods.add(str(result.metadata["method"]))
        data: dict[str, Any] = result.data.to_dict()
        return data


def _failure(status: str, method: str) -> Exception:
    if "Insufficient memory" in status:
        needed = status.partition("Required memory:")[2].strip()
        return RefusedError(
            "MemoryLimitExceeded",
            f"the circuit's state does not fit the run's memory (needed: {quote(needed)}); use fewer qubits, a larger "
            "backend, or a method that suits the circuit",
        )
    if "invalid instructions" in status or "invalid parameters" in status:
        return RefusedError(
            "IncompatibleTarget",
            f"simulation method {method!r} can't run the circuit: {quote(status.partition('contains ')[2])}; "
            "choose a backend with method automatic or statevector",
        )
    return RuntimeError(f"Aer failed: {quote(status)}")
