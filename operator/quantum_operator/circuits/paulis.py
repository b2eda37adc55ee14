"""Observables as sums of Pauli strings, and the groups of strings that one measurement basis serves."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from quantum_operator.api.task import Observable, PauliTerm
from quantum_operator.circuits.errors import RefusedError

Pauli = tuple[tuple[int, str], ...]
"""A Pauli string: (qubit of the program, letter X, Y or Z), by qubit; the empty tuple is the identity."""


@dataclass(frozen=True)
class Group:
    """Strings that commute qubit by qubit: in the letters of `basis` all of them can be read at once."""

    basis: Mapping[int, str]
    strings: tuple[Pauli, ...]

    @property
    def qubits(self) -> tuple[int, ...]:
        """The program's qubits that are measured, ascending."""
        return tuple(sorted(self.basis))


def read_observable(observable: Observable, width: int, field: str) -> dict[Pauli, float]:
    """The coefficient of each Pauli string, equal strings added up.

    Raises RefusedError for a term that names a qubit twice or one that the program (`width` qubits) lacks.
    """
    found: dict[Pauli, float] = {}
    for index, term in enumerate(observable.terms):
        where = f"{field}.terms[{index}]"
        _check_term(term, width, where)
        pairs = zip(term.qubits, term.pauli, strict=True)
        pauli = tuple(sorted((qubit, letter) for qubit, letter in pairs if letter != "I"))
        found[pauli] = found.get(pauli, 0.0) + term.coefficient
    return found


def _check_term(term: PauliTerm, width: int, where: str) -> None:
    if len(term.pauli) != len(term.qubits):
        message = f"pauli {term.pauli!r} has {len(term.pauli)} letters for {len(term.qubits)} qubits; give one for each"
        raise RefusedError("InvalidObservable", message, f"{where}.pauli")
    if len(set(term.qubits)) != len(term.qubits):
        message = f"{list(term.qubits)} names a qubit twice; multiply its letters first"
        raise RefusedError("InvalidObservable", message, f"{where}.qubits")
    if any(qubit >= width for qubit in term.qubits):
        message = f"{list(term.qubits)}: the program has {width} qubits, 0 to {width - 1}; choose from these"
        raise RefusedError("InvalidObservable", message, f"{where}.qubits")


def group_commuting(strings: Iterable[Pauli]) -> tuple[Group, ...]:
    """Qubit-wise commuting groups, greedily: each string joins the first group that it fits, long strings first.

    The identity is in none. The same strings give the same groups, in whatever order they come.
    """
    bases: list[dict[int, str]] = []
    members: list[list[Pauli]] = []
    for pauli in sorted({one for one in strings if one}, key=lambda one: (-len(one), one)):
        for basis, group in zip(bases, members, strict=True):
            if all(basis.get(qubit, letter) == letter for qubit, letter in pauli):
                basis.update(pauli)
                group.append(pauli)
                break
        else:
            bases.append(dict(pauli))
            members.append([pauli])
    return tuple(Group(basis, tuple(group)) for basis, group in zip(bases, members, strict=True))


def shots_for_precision(observables: Sequence[Mapping[Pauli, float]], groups: Sequence[Group], precision: float) -> int:
    """Shots for each group that guarantee a standard error of at most `precision` for every observable.

    One shot of a group gives an observable's part X = sum c_t (±1), which lies within ±B with B = sum |c_t|. So its
    variance is at most B², and its sample variance over n shots at most B² n / (n - 1). Groups are independent, so
    both the true and the reported standard error stay below sqrt(sum B² / (n - 1)), which n = 1 + ceil(sum B² / ε²)
    holds at or below ε.
    """
    worst = max((sum(bound(one, group) ** 2 for group in groups) for one in observables), default=0.0)
    return 1 + math.ceil(worst / precision**2)


def bound(observable: Mapping[Pauli, float], group: Group) -> float:
    """The largest absolute value of the observable's part in this group."""
    return sum(abs(observable.get(pauli, 0.0)) for pauli in group.strings)
