"""Circuits that nobody here wrote: 25 of the package mqt.bench, by different algorithms."""

import warnings
from dataclasses import dataclass
from functools import cached_property

from mqt.bench import BenchmarkLevel, get_benchmark
from qiskit import qasm2, qasm3
from qiskit.circuit import QuantumCircuit

from support.distributions import (
    Distribution,
    exact_distribution,
    register_distribution,
    reversed_bits,
    total_variation,
)

DYNAMIC = frozenset({"if_else", "while_loop", "for_loop", "reset"})
APART = 0.1
"""From this total variation on, two distributions are told apart by a few thousand shots."""

NAMES: tuple[tuple[str, int, str], ...] = (
    ("bmw_quark_cardinality", 5, "qasm3"),
    ("bmw_quark_copula", 6, "qasm2"),
    ("bv", 7, "qasm3"),
    ("dj", 9, "qasm3"),
    ("draper_qft_adder", 6, "qasm2"),
    ("dynamic_qft", 4, "qasm3"),
    ("dynamic_qft", 7, "qasm3"),
    ("full_adder", 8, "qasm3"),
    ("ghz", 10, "qasm2"),
    ("ghz_dynamic", 3, "qasm3"),
    ("ghz_dynamic", 4, "qasm3"),
    ("graphstate", 7, "qasm3"),
    ("grover", 4, "qasm3"),
    ("hhl", 5, "qasm2"),
    ("multiplier", 8, "qasm3"),
    ("qftentangled", 6, "qasm2"),
    ("qnn", 6, "qasm3"),
    ("qpeexact", 7, "qasm2"),
    ("qpeinexact", 9, "qasm2"),
    ("qwalk", 4, "qasm3"),
    ("randomcircuit", 7, "qasm2"),
    ("vqe_real_amp", 11, "qasm3"),
    ("vqe_su2", 6, "qasm2"),
    ("vqe_two_local", 8, "qasm2"),
    ("wstate", 12, "qasm3"),
)
"""Algorithm, size and the language to export to. OpenQASM 2 has no dynamic circuits.

Left out are ghz_dynamic from 5 qubits on, whose conditions have an operator (`^`) that can't be run, and iqpe, which
is of 2 qubits whatever the size.
"""


@dataclass(frozen=True)
class BenchCircuit:
    """One circuit, its source in a language, and its exact distribution, which comes from the circuit itself."""

    algorithm: str
    name: str
    language: str
    circuit: QuantumCircuit

    @cached_property
    def source(self) -> str:
        """The circuit as text."""
        return str((qasm3 if self.language == "qasm3" else qasm2).dumps(self.circuit))

    @cached_property
    def distribution(self) -> Distribution:
        """Over all classical bits, bit 0 rightmost."""
        return exact_distribution(self.circuit)

    @property
    def registers(self) -> dict[str, Distribution]:
        """The exact distribution of each classical register."""
        places = {one.name: [self.circuit.find_bit(bit).index for bit in one] for one in self.circuit.cregs}
        return {name: register_distribution(self.distribution, places[name]) for name in places}

    @property
    def is_dynamic(self) -> bool:
        """Whether it decides or resets on the way."""
        return any(one.operation.name in DYNAMIC for one in self.circuit.data)

    @property
    def asymmetric(self) -> dict[str, Distribution]:
        """The registers where reading the bits from the wrong end shows, each read so."""
        turned = {name: reversed_bits(right) for name, right in self.registers.items()}
        return {name: wrong for name, wrong in turned.items() if apart(wrong, self.registers[name])}

    @property
    def undecided(self) -> dict[str, Distribution]:
        """The registers where it shows if no measurement decides anything, with their distributions then."""
        bare = self.circuit.copy_empty_like()
        for one in self.circuit.data:
            if one.operation.name != "if_else":
                bare.append(one)
        without = BenchCircuit(self.algorithm, self.name, self.language, bare).registers
        return {name: wrong for name, wrong in without.items() if apart(wrong, self.registers[name])}


def apart(one: Distribution, other: Distribution) -> bool:
    """Whether a few thousand shots tell these apart for sure."""
    return total_variation(one, other) > APART


def bench_circuits() -> list[BenchCircuit]:
    """All of NAMES."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            BenchCircuit(name, f"{name.replace('_', '-')}-{size}", language, made(name, size))
            for name, size, language in NAMES
        ]


def made(name: str, size: int) -> QuantumCircuit:
    """The package's own circuit, not compiled for anything."""
    return get_benchmark(name, BenchmarkLevel.INDEP, size)
