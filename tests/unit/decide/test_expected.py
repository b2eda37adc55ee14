"""The shape of what pubs give, and what a user expects of it: refused beforehand, and not called a result after."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.run import Outcome
from quantum_operator.decide.expected import misfit, surprise
from quantum_operator.decide.job import decide
from quantum_operator.decide.outcome import mismatch
from quantum_operator.decide.prescan import ProgramFacts, prescan
from quantum_operator.decide.shapes import ShapeError, broadcast, entries, pubs_of, shape_of
from quantum_operator.testing.builders import BELL, BELL_STATE, estimate_job, job
from unit.decide.observations import finished, running, submitted, verdicts

ZZ = {"terms": [{"pauli": "ZZ", "qubits": [0, 1]}]}
AXES = st.lists(st.integers(0, 4), max_size=4).map(tuple)
Wire = dict[str, Any]


def sampling(*pubs: Wire, **spec: Any) -> Any:
    """A job that samples these pubs of `bell`."""
    return job(task={"sample": {"pubs": [{"program": "bell", **pub} for pub in pubs]}}, **spec)


def estimating(pub: Wire, **spec: Any) -> Any:
    """A job that estimates one pub of `bell`."""
    whole = {"program": "bell", "shots": 10, "observables": [ZZ], **pub}
    return job(programs=[{"name": "bell", "qasm3": BELL_STATE}], task={"estimate": {"pubs": [whole]}}, **spec)


def bound(rows: int, shape: list[int] | None = None) -> Wire:
    """The part of a pub with so many bindings of one parameter."""
    values = {"parameterNames": ["a"], "parameterValues": [[1.0]] * rows}
    return values if shape is None else values | {"parameterShape": shape}


# --- shapes ---------------------------------------------------------------------------------------------------------


@given(AXES, AXES)
def test_shapes_broadcast_as_numpys_do(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    """To the same shape, and not at all where NumPy's don't."""
    try:
        expected: tuple[int, ...] | None = tuple(np.broadcast_shapes(one, other))
    except ValueError:
        expected = None
    assert broadcast(one, other) == expected == broadcast(other, one)


@given(AXES)
def test_a_shape_holds_as_many_as_an_array(shape: tuple[int, ...]) -> None:
    """One where it has no axis, none where an axis is empty."""
    assert entries(shape) == np.zeros(shape).size


@pytest.mark.parametrize(
    ("pub", "shape"),
    [
        ({}, ()),
        (bound(1), (1,)),
        (bound(6), (6,)),
        (bound(6, [2, 3]), (2, 3)),
        (bound(6, [6, 1]), (6, 1)),
    ],
)
def test_a_sample_has_the_shape_of_its_bindings(pub: Wire, shape: tuple[int, ...]) -> None:
    """None without any."""
    ((_, one),) = pubs_of(sampling(pub))
    assert shape_of(one) == shape


@pytest.mark.parametrize(
    ("pub", "shape"),
    [
        ({}, (1,)),
        ({"observables": [ZZ] * 3}, (3,)),
        ({"observables": [ZZ] * 3, **bound(3)}, (3,)),
        ({"observables": [ZZ] * 3, **bound(2, [2, 1])}, (2, 3)),
        ({"observables": [ZZ], "observablesShape": [], **bound(4, [2, 2])}, (2, 2)),
        ({"observables": [ZZ] * 4, "observablesShape": [2, 2]}, (2, 2)),
    ],
)
def test_an_estimate_has_the_shape_of_both(pub: Wire, shape: tuple[int, ...]) -> None:
    """Bindings and observables broadcast."""
    ((_, one),) = pubs_of(estimating(pub))
    assert shape_of(one) == shape


@pytest.mark.parametrize(
    ("pub", "field", "said"),
    [
        (bound(6, [4]), "parameterShape", "[4] holds 4, and there are 6"),
        ({"observables": [ZZ] * 2, "observablesShape": [3]}, "observablesShape", "[3] holds 3, and there are 2"),
        ({"observables": [ZZ] * 2, **bound(3)}, "observablesShape", "[3] of the parameter values and [2] of the obs"),
    ],
)
def test_shapes_that_do_not_fit_are_told(pub: Wire, field: str, said: str) -> None:
    """With the field and the numbers."""
    ((_, one),) = pubs_of(estimating(pub))
    with pytest.raises(ShapeError, match=re.escape(said)) as error:
        shape_of(one)
    assert error.value.field == field
    assert said in str(error.value)


# --- registers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "registers"),
    [
        ("qubit[2] q; bit[2] b; bit a; b = measure q;", (("b", 2), ("a", 1))),
        ("qubit q; bit[0] none; bit c = measure q;", (("c", 1),)),
        ("qubit q;", ()),
        ("qubit q; if (true) { bit c; c = measure q; }", None),
    ],
)
def test_registers_are_read_off_the_text(text: str, registers: Any) -> None:
    """In the order of their declaration; not at all where one is declared inside a block."""
    found = prescan(text, "qasm3")
    assert isinstance(found, ProgramFacts)
    assert found.registers == registers


# --- what is expected, beforehand -----------------------------------------------------------------------------------

C2 = {"name": "c", "size": 2}


def accepted(one: Any) -> str:
    """The reason for which the job is refused; empty where it is not."""
    spec = one.spec.model_dump(by_alias=True, exclude_none=True)
    told = verdicts(decide(submitted(**spec)).status).get("Complete", "")
    return told.removeprefix("False/")


@pytest.mark.parametrize(
    ("pubs", "expected", "said"),
    [
        ([{}], [{}], None),
        ([{}], [{"shape": []}], None),
        ([{}], [{"registers": [C2]}], None),
        ([bound(6, [2, 3])], [{"shape": [2, 3], "registers": [C2]}], None),
        ([{}, bound(2)], [{}, {"shape": [2]}], None),
        ([{}], [{}, {}], "spec.expectedOutput.pubs: 2: spec.task has 1 pubs"),
        ([{}, {}], [{}], "spec.expectedOutput.pubs: 1: spec.task has 2 pubs"),
        ([{}], [{"shape": [1]}], "spec.expectedOutput.pubs[0].shape: [1]: spec.task.sample.pubs[0] gives []"),
        ([{}, bound(2)], [{}, {"shape": [3]}], "spec.expectedOutput.pubs[1].shape: [3]: spec.task.sample.pubs[1] gi"),
        ([{}], [{"values": 1}], "spec.expectedOutput.pubs[0].values: 1: sample gives counts"),
        ([{}], [{"registers": []}], "spec.expectedOutput.pubs[0].registers: []: spec.task.sample.pubs[0] gives [c[2]]"),
        ([{}], [{"registers": [{"name": "c", "size": 3}]}], ".registers: [c[3]]: spec.task.sample.pubs[0] gives [c[2"),
        ([{}], [{"registers": [{"name": "d", "size": 2}]}], ".registers: [d[2]]: "),
        ([{}], [{"registers": [C2, {"name": "d", "size": 2}]}], ".registers: [c[2], d[2]]: "),
    ],
)
def test_what_a_sample_can_not_give_is_refused(pubs: list[Wire], expected: list[Wire], said: str | None) -> None:
    """By what its text tells: bindings, registers and their widths."""
    one = sampling(*pubs, expectedOutput={"pubs": expected})
    problem = misfit(one, [(("c", 2),)] * len(pubs))
    assert (problem is None) == (said is None)
    assert said is None or said in str(problem)
    assert accepted(one) == ("" if said is None else "UnexpectedOutput")


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({}, None),
        ({"shape": [2, 3], "values": 6}, None),
        ({"values": 3}, "spec.expectedOutput.pubs[0].values: 3: spec.task.estimate.pubs[0] gives 6; correct one of"),
        ({"shape": [3]}, "spec.expectedOutput.pubs[0].shape: [3]: spec.task.estimate.pubs[0] gives [2, 3]"),
        ({"registers": [C2]}, "spec.expectedOutput.pubs[0].registers: [c[2]]: estimate gives values"),
    ],
)
def test_what_an_estimate_can_not_give_is_refused(expected: Wire, said: str | None) -> None:
    """By the shapes of its values and observables."""
    pub = {"observables": [ZZ] * 3, **bound(2, [2, 1])}
    problem = misfit(estimating(pub, expectedOutput={"pubs": [expected]}), [None])
    assert (problem is None) == (said is None)
    assert said is None or said in str(problem)


def test_registers_that_are_not_known_beforehand_are_let_pass() -> None:
    """A program whose text does not tell them runs; its outcome does."""
    assert misfit(sampling({}, expectedOutput={"pubs": [{"registers": []}]}), [None]) is None


# --- what came ------------------------------------------------------------------------------------------------------


def came(**pub: Any) -> Outcome:
    """An outcome of one pub."""
    fields = {"program": "bell", "shape": [], "shots": 1, **pub}
    return Outcome.model_validate({"run": "run", "inputSha256": "ab" * 32, "pubs": [fields]})


def counted(*registers: tuple[str, int]) -> list[Wire]:
    """The one sample of these registers."""
    named = [{"name": name, "size": size, "counts": {"0" * size: 1}} for name, size in registers]
    return [{"index": 0, "registers": named}]


@pytest.mark.parametrize(
    ("expected", "registers", "said"),
    [
        ({"registers": [C2]}, [("c", 2)], None),
        ({}, [("d", 9)], None),
        ({"registers": [C2]}, [], "spec.expectedOutput.pubs[0].registers: [c[2]]: what came is []"),
        ({"registers": [C2]}, [("c", 1)], "what came is [c[1]]"),
        ({"registers": [C2]}, [("c", 2), ("d", 2)], "what came is [c[2], d[2]]"),
        ({"registers": [C2, {"name": "d", "size": 1}]}, [("d", 1), ("c", 2)], None),
    ],
)
def test_other_registers_than_expected_are_told(
    expected: Wire, registers: list[tuple[str, int]], said: str | None
) -> None:
    """Names and widths count, their order does not."""
    one = sampling({}, expectedOutput={"pubs": [expected]})
    problem = surprise(one, came(samples=counted(*registers)))
    assert (problem is None) == (said is None)
    assert said is None or said in str(problem)


def test_other_shapes_and_numbers_than_expected_are_told() -> None:
    """Should a job be changed under way, what was expected of it holds."""
    outcome = came(shape=[2], values=[1.0, 1.0], standardErrors=[0.0, 0.0])
    assert "shape: [1]: what came is [2]" in str(
        surprise(estimate_job(expectedOutput={"pubs": [{"shape": [1]}]}), outcome)
    )
    assert "values: 1: what came is 2" in str(surprise(estimate_job(expectedOutput={"pubs": [{"values": 1}]}), outcome))


def test_nothing_expected_is_no_surprise() -> None:
    """Whatever came."""
    assert surprise(estimate_job(), came(shape=[9])) is None


# --- the job --------------------------------------------------------------------------------------------------------

OTHER = [{"program": "bell", "shape": [], "shots": 1024, "samples": counted(("d", 3))}]


def test_a_result_of_another_shape_than_expected_is_not_the_jobs() -> None:
    """The job fails and says what came; nothing of it is in the status."""
    decision = decide(finished(running(expectedOutput={"pubs": [{"registers": [C2]}]}), pubs=OTHER))
    assert verdicts(decision.status)["Complete"] == "False/UnexpectedOutput"
    assert decision.status.result is None
    assert decision.status.plan is not None
    assert decision.status.plan.steps[-1].attempts[-1].state == "Failed"


def test_what_is_as_expected_is_the_jobs_result() -> None:
    """And so is any other where nothing is expected."""
    for spec, pubs in (({"expectedOutput": {"pubs": [{"registers": [C2]}]}}, {}), ({}, {"pubs": OTHER})):
        assert verdicts(decide(finished(running(**spec), **pubs)).status)["Complete"] == "True/Succeeded"


@pytest.mark.parametrize("shape", [[1], [2], [1, 1]])
def test_a_result_of_another_shape_than_asked_is_never_the_jobs(shape: list[int]) -> None:
    """Whether or not the user said what to expect."""
    pub = {"program": "bell", "shape": shape, "shots": 1024, "samples": counted(("c", 2)) * entries(shape)}
    decision = decide(finished(running(), pubs=[pub]))
    assert verdicts(decision.status)["Complete"] == "False/InvalidOutcome"
    assert decision.status.result is None


def test_registers_are_the_same_at_every_binding() -> None:
    """Else which of them a result has depends on where one looks."""
    samples = [*counted(("c", 2)), counted(("c", 3))[0] | {"index": 1}]
    problem = mismatch(sampling(bound(2)), came(shape=[2], samples=samples))
    assert problem == "pubs[0]: samples[1]: its registers are others than those of samples[0]"


def test_the_program_is_read_for_what_it_gives() -> None:
    """Two registers, as declared, of the example program and one more."""
    text = BELL.replace("bit[2] c;", "bit[2] c;\nbit spare;")
    spec = {"programs": [{"name": "bell", "qasm3": text}], "expectedOutput": {"pubs": [{"registers": [C2]}]}}
    decision = decide(submitted(**spec))
    assert verdicts(decision.status)["Complete"] == "False/UnexpectedOutput"
    complete = next(one for one in decision.status.conditions if one.type == "Complete")
    assert "gives [c[2], spare[1]]" in complete.message
