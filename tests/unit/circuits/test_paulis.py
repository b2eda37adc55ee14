"""Observables and their groups."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_operator.api.task import Observable
from quantum_operator.circuits.errors import RefusedError
from quantum_operator.circuits.paulis import Pauli, bound, group_commuting, read_observable, shots_for_precision

paulis = st.dictionaries(st.integers(0, 5), st.sampled_from("XYZ"), max_size=4).map(lambda d: tuple(sorted(d.items())))
sums = st.dictionaries(paulis, st.floats(-3, 3, allow_nan=False), max_size=12)


def made(*terms: tuple[str, list[int], float]) -> Observable:
    listed = [{"pauli": pauli, "qubits": qubits, "coefficient": weight} for pauli, qubits, weight in terms]
    return Observable.model_validate({"terms": listed})


@settings(deadline=None)
@given(st.lists(paulis, max_size=30))
def test_groups_are_measurable_and_complete(strings: list[Pauli]) -> None:
    """Every string but the identity is in exactly one group, whose basis has the string's letters."""
    groups = group_commuting(strings)
    members = [pauli for group in groups for pauli in group.strings]
    assert sorted(members) == sorted({pauli for pauli in strings if pauli})
    for group in groups:
        assert all(group.basis[qubit] == letter for pauli in group.strings for qubit, letter in pauli)
        assert set(group.qubits) == {qubit for pauli in group.strings for qubit, _ in pauli}


@settings(deadline=None)
@given(st.permutations([((0, "X"),), ((1, "Z"),), ((0, "X"), (1, "Z")), ((0, "Z"),), ((0, "Y"), (2, "Y")), ()]))
def test_groups_do_not_depend_on_order(strings: list[Pauli]) -> None:
    """The same strings make the same groups, so that seeds by group mean the same."""
    assert group_commuting(strings) == group_commuting(sorted(strings))


@settings(max_examples=50, deadline=None)
@given(st.lists(sums, min_size=1, max_size=4), st.floats(1e-3, 1.0))
def test_shots_guarantee_the_precision(observables: list[dict[Pauli, float]], precision: float) -> None:
    """With the shots given, even the largest possible sample variance stays at or below the precision."""
    groups = group_commuting(pauli for one in observables for pauli in one)
    shots = shots_for_precision(observables, groups, precision)
    for one in observables:
        worst = sum(bound(one, group) ** 2 for group in groups)
        assert worst == 0 or math.sqrt(worst / (shots - 1)) <= precision * (1 + 1e-9)


def test_equal_strings_add_up() -> None:
    """Terms that are the same string, however written, have one coefficient."""
    observable = made(("XZ", [0, 2], 1.5), ("ZX", [2, 0], 0.5), ("XIZ", [0, 1, 2], -1.0), ("I", [1], 4.0))
    assert read_observable(observable, 3, "f") == {((0, "X"), (2, "Z")): 1.0, (): 4.0}


@pytest.mark.parametrize(
    ("terms", "field", "says"),
    [
        ([("Z", [0], 1.0), ("Z", [3], 1.0)], "f.terms[1].qubits", "0 to 2"),
        ([("ZZ", [1, 1], 1.0)], "f.terms[0].qubits", "twice"),
        ([("ZZ", [1], 1.0)], "f.terms[0].pauli", "one for each"),
    ],
)
def test_terms_that_do_not_fit_are_named(terms: list[tuple[str, list[int], float]], field: str, says: str) -> None:
    """A qubit that the program lacks, one named twice or one too few is refused by field, with what would be right."""
    with pytest.raises(RefusedError) as refused:
        read_observable(made(*terms), 3, "f")
    assert refused.value.reason == "InvalidObservable"
    assert refused.value.field == field
    assert says in refused.value.message
