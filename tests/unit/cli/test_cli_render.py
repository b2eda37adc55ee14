"""Results as text and as a picture."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import Outcome
from quantum_operator.api.task import EstimatePub, Observable, SamplePub
from quantum_operator.cli.axes import observable_at, observable_text, parameters_at, places
from quantum_operator.cli.describe import story
from quantum_operator.cli.plot import plot
from quantum_operator.cli.render import (
    BARS,
    BINDINGS,
    ROWS,
    columns,
    histogram,
    result_lines,
    shorten,
    top_counts,
    value_and_error,
)
from quantum_operator.testing import builders

COUNTS = st.dictionaries(st.text("01", min_size=3, max_size=3), st.integers(1, 1000), min_size=1)


def sampled(*counts: dict[str, int], shape: tuple[int, ...] = (), shots: int = 0) -> dict[str, Any]:
    """A pub's samples: these counts, one binding after the other."""
    size = len(next(iter(counts[0])))
    samples = [
        {"index": index, "registers": [{"name": "c", "size": size, "counts": one}]} for index, one in enumerate(counts)
    ]
    return {"program": "bell", "shape": shape, "shots": shots or sum(counts[0].values()), "samples": samples}


def estimated(
    values: list[float], errors: list[float], shape: tuple[int, ...] = (), shots: int = 100
) -> dict[str, Any]:
    """A pub's expectation values."""
    return {"program": "bell", "shape": shape, "shots": shots, "values": values, "standardErrors": errors}


def outcome(*pubs: dict[str, Any]) -> Outcome:
    """An outcome of these pubs."""
    return Outcome.model_validate({"run": "bell-1", "inputSha256": "0" * 64, "pubs": pubs})


def sampling(**pub: Any) -> QuantumJob:
    """A job that samples one pub."""
    return builders.job(task={"sample": {"pubs": [{"program": "bell", **pub}]}})


def estimating(**pub: Any) -> QuantumJob:
    """A job that estimates one pub."""
    given = {"program": "bell", "shots": 100, "observables": [{"terms": [{"pauli": "Z", "qubits": [0]}]}], **pub}
    return builders.job(task={"estimate": {"pubs": [given]}})


def test_columns_align() -> None:
    """Each column is as wide as its widest cell, and no line ends in blanks."""
    assert columns([("a", "bb", ""), ("ccc", "d", "e")], indent=2) == ["  a    bb", "  ccc  d   e"]
    assert columns([]) == []


def test_a_histogram_is_sorted_and_complete() -> None:
    """The most frequent outcome comes first, with the longest bar, its count and its share."""
    lines = histogram({"00": 250, "11": 750}, 1000, bar="#")
    assert lines == [f"11  {'#' * 40}  750  75.0 %", f"00  {'#' * 13}{' ' * 27}  250  25.0 %"]


def test_a_histogram_says_what_it_leaves_out() -> None:
    """Beyond the first sixteen outcomes only the sum of their shots is told."""
    counts = {f"{number:05b}": 2 if number == 3 else 1 for number in range(20)}
    lines = histogram(counts, 21)
    assert len(lines) == BARS + 1
    assert lines[0].startswith("00011")
    assert lines[-1] == "… other outcomes: 4 shots"


def test_no_outcome_is_said() -> None:
    """A register without any count is no error."""
    assert histogram({}, 0) == ["no outcome"]


@given(COUNTS)
def test_every_bar_is_seen(counts: dict[str, int]) -> None:
    """Every outcome has a bar, no bar is longer than that of a more frequent one, and counts are not changed."""
    lines = histogram(counts, sum(counts.values()), bar="#", limit=100)
    assert len(lines) == len(counts)
    bars = [line.count("#") for line in lines]
    assert min(bars) >= 1
    assert bars == sorted(bars, reverse=True)
    shown = {line.split()[0]: int(line.split()[2].replace(",", "")) for line in lines}
    assert shown == counts


def test_equal_counts_are_in_the_order_of_their_bits() -> None:
    """What is equally frequent is ordered by its bits, so that the same result always reads the same."""
    assert top_counts({"11": 5, "00": 5, "01": 7}, 2) == [("01", 7), ("00", 5)]


def test_long_bits_are_shortened() -> None:
    """A register of many bits shows both ends and its length."""
    assert shorten("01" * 20) == "01" * 20
    assert shorten("0" * 50 + "1" * 50) == "0" * 14 + "…" + "1" * 14 + " (100 bits)"


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (0.70711, 0.0141, ("0.707", "± 0.014")),
        (-1.0, 0.0, ("-1.000000", "0")),
        (123.456, 12.0, ("123", "± 12")),
        (0.5, 2e-7, ("0.50000000", "± 0.00000020")),
        (-0.0004, 0.02, ("0.000", "± 0.020")),
        (0.5, float("inf"), ("0.500000", "inf")),
    ],
)
def test_values_show_the_digits_that_their_errors_leave(value: float, error: float, shown: tuple[str, str]) -> None:
    """A value has as many digits as two of its standard error."""
    assert value_and_error(value, error) == shown


def test_samples_name_program_register_and_shots() -> None:
    """A result of counts has a heading that says what was counted."""
    lines = result_lines(sampling().spec, outcome(sampled({"00": 3, "11": 5})), bar="#")
    assert lines[0] == "bell: register c, 8 shots"
    assert lines[1].startswith("  11  ")


def test_bindings_show_their_parameters() -> None:
    """The counts at each binding carry the parameter values they were taken at, up to the first eight."""
    job = sampling(parameterNames=["a", "b"], parameterValues=[[0.5, number] for number in range(10)])
    lines = result_lines(job.spec, outcome(sampled(*[{"0": 1}] * 10, shape=(10,))))
    assert lines[2] == "bell at a=0.5, b=1: register c, 1 shots"
    assert lines[-1] == f"bell: … {10 - BINDINGS} more bindings: see the whole outcome"


def test_values_have_observables_and_parameters() -> None:
    """A table of expectation values has every entry of the broadcast: parameters down, observables across."""
    job = estimating(
        parameterNames=["a"],
        parameterValues=[[0.25], [0.5]],
        parameterShape=[2, 1],
        observables=[{"terms": [{"pauli": "Z", "qubits": [0]}]}, {"terms": [{"pauli": "XY", "qubits": [2, 1]}]}],
    )
    lines = result_lines(job.spec, outcome(estimated([1, 2, 3, 4], [0.1] * 4, shape=(2, 2))))
    assert lines == [
        "bell: 100 shots for each group of commuting terms",
        "  PARAMETERS  OBSERVABLE  VALUE  STANDARD ERROR",
        "  a=0.25      Z0          1.00   ± 0.10",
        "  a=0.25      X2·Y1       2.00   ± 0.10",
        "  a=0.5       Z0          3.00   ± 0.10",
        "  a=0.5       X2·Y1       4.00   ± 0.10",
    ]


def test_exact_values_and_their_rest() -> None:
    """Values without shots are exact, and beyond 64 only their number is told."""
    job = estimating(parameterNames=["a"], parameterValues=[[0.0]] * 70)
    lines = result_lines(job.spec, outcome(estimated([0.0] * 70, [0.0] * 70, shape=(70,), shots=0)))
    assert lines[0] == "bell: exact"
    assert lines[-1] == f"  … {70 - ROWS} more values: see the whole outcome"


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ([("ZZ", (0, 1), 1.0)], "Z0·Z1"),
        ([("Z", (3,), -1.0)], "-Z3"),
        ([("X", (0,), 0.5), ("", (), -1.25)], "0.5 X0 - 1.25"),
        ([("", (), 1.0)], "1"),
        ([("X" * 20, tuple(range(20)), 1.0)], "·".join(f"X{qubit}" for qubit in range(20))[:39] + "…"),
    ],
)
def test_observables_read_as_sums(terms: list[tuple[str, tuple[int, ...], float]], text: str) -> None:
    """An observable is written as people write it, and cut when it is long."""
    wire = [{"pauli": pauli, "qubits": qubits, "coefficient": weight} for pauli, qubits, weight in terms]
    assert observable_text(Observable.model_validate({"terms": wire})) == text


@given(st.lists(st.integers(1, 4), max_size=4))
def test_places_are_in_c_order(shape: list[int]) -> None:
    """The places of a shape are all there, each once, the last axis fastest."""
    found = places(shape)
    assert found == sorted(set(found))
    assert len(found) == len(set(found))
    size = 1
    for one in shape:
        size *= one
    assert len(found) == size


def test_operands_broadcast_at_the_last_axis() -> None:
    """A scalar-like axis repeats, and an operand of fewer axes aligns at the last one."""
    pub = EstimatePub.model_validate(
        {
            "program": "p",
            "parameterNames": ["a"],
            "parameterValues": [[1.0], [2.0]],
            "parameterShape": [2, 1],
            "observables": [{"terms": [{"pauli": letter, "qubits": [0]}]} for letter in "XYZ"],
            "shots": 1,
        }
    )
    assert [(parameters_at(pub, place), observable_at(pub, place)) for place in places((2, 3))] == [
        *(("a=1", f"{letter}0") for letter in "XYZ"),
        *(("a=2", f"{letter}0") for letter in "XYZ"),
    ]
    assert parameters_at(SamplePub(program="p"), ()) == ""


def test_a_plot_has_every_register_and_value(tmp_path: Path) -> None:
    """The picture of counts has the outcomes, that of values their observables and parameters."""
    plot(sampling(), outcome(sampled({"00": 3, "11": 5})), tmp_path / "counts.svg")
    counts = (tmp_path / "counts.svg").read_text()
    assert all(text in counts for text in (">00<", ">11<", "team/bell", "counts of 8"))
    job = estimating(parameterNames=["a"], parameterValues=[[0.5]])
    plot(job, outcome(estimated([0.5], [0.1], shape=(1,))), tmp_path / "values.svg")
    values = (tmp_path / "values.svg").read_text()
    assert "a=0.5, Z0" in values
    assert "standard error" in values


def test_the_same_result_makes_the_same_picture(tmp_path: Path) -> None:
    """A picture has no date and no random identifier."""
    for name in ("one", "two"):
        plot(sampling(), outcome(sampled({"00": 3, "11": 5})), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_picture_says_what_it_leaves_out(tmp_path: Path) -> None:
    """Panels, outcomes and values for which there is no room are counted."""
    many = {f"{number:06b}": 1 for number in range(40)}
    job = sampling(parameterNames=["a"], parameterValues=[[0.0]] * 14)
    plot(job, outcome(sampled(many, *[{"000000": 40}] * 13, shape=(14,))), tmp_path / "counts.svg")
    text = (tmp_path / "counts.svg").read_text()
    assert "2 more are not shown" in text
    assert "counts of 40; 8 in other outcomes" in text
    job = estimating(parameterNames=["a"], parameterValues=[[0.0]] * 70)
    plot(job, outcome(estimated([0.0] * 70, [0.0] * 70, shape=(70,))), tmp_path / "values.svg")
    assert "6 more values are not shown" in (tmp_path / "values.svg").read_text()


def test_what_is_expected_of_a_job_is_described() -> None:
    """Pub by pub, and what is left out is anything."""
    registers = [{"name": "c", "size": 2}]
    pubs = [{"shape": [], "registers": registers}, {}, {"values": 3}]
    lines = story(builders.job(expectedOutput={"pubs": pubs}), ())
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith("Expected:")] == [
        "shape [], c[2]; anything; 3 values"
    ]
