"""What a job is refused for: in which order, and in words that name the field, the value and the remedy."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_operator.api.conditions import REASONS
from quantum_operator.api.expected import ExpectedOutput
from quantum_operator.decide import accept as accepting
from quantum_operator.decide.accept import Acceptance, accept
from quantum_operator.decide.complaint import Complaint
from quantum_operator.decide.job import WAIT_SECONDS, decide
from quantum_operator.decide.observed import Observed
from quantum_operator.decide.replay import Replay
from quantum_operator.testing.builders import BELL, BELL_STATE, CREATED, policy
from unit.decide.observations import kinds, submitted, verdicts
from unit.decide.test_replay import over

Spec = dict[str, Any]
PHYSICAL = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[1] c;\nx $7;\nc[0] = measure $7;\n'
MAPPED = {"name": "mapped", "configMapKeyRef": {"name": "programs", "key": "bell.qasm"}}
ZZ = {"pauli": "ZZ", "qubits": [0, 1]}


def program(text: str, name: str = "bell") -> Spec:
    """An inline OpenQASM 3 program."""
    return {"name": name, "qasm3": text}


def sampling(name: str = "bell", **pub: Any) -> Spec:
    """A pub that samples this program."""
    return {"program": name, **pub}


def estimating(term: Spec, name: str = "bell") -> Spec:
    """A pub that estimates one term of this program."""
    return {"program": name, "shots": 10, "observables": [{"terms": [term]}]}


def refused(**spec: Any) -> Complaint:
    """The complaint about a job of this spec; fails when there is none."""
    found = accept(submitted(**spec))
    assert isinstance(found, Complaint), found
    return found


# --- the order ------------------------------------------------------------------------------------------------------


class Sampled:
    """A job that samples, to be given defects: each adds what one rule objects to and nothing else."""

    def __init__(self) -> None:
        self.programs = [program(BELL)]
        self.pubs = [sampling()]
        self.policy: Any = policy()
        self.expected: ExpectedOutput | None = None

    def without_policy(self) -> None:
        self.policy = None

    def without_config_map(self) -> None:
        self.programs.append(MAPPED)

    def with_an_empty_program(self) -> None:
        self.programs.append(program("", "empty"))

    def with_an_unknown_program(self) -> None:
        self.pubs.append(sampling("unknown"))

    def with_an_invalid_program(self) -> None:
        self.programs.append(program("hello", "invalid"))

    def without_measurements(self) -> None:
        self.programs.append(program(BELL_STATE, "state"))
        self.pubs.append(sampling("state"))

    def with_another_shape(self) -> None:
        self.pubs.append(sampling(parameterNames=["a"], parameterValues=[[1], [2]], parameterShape=[3]))

    def with_another_output(self) -> None:
        self.expected = ExpectedOutput.model_validate({"pubs": [{"shape": [9]}]})

    def with_physical_qubits(self) -> None:
        self.programs.append(program(PHYSICAL, "physical"))

    def over_the_policys_shots(self) -> None:
        self.pubs[0] = sampling(shots=1_000_000)
        if self.policy is not None:
            self.policy = policy(maxShots=999_999)

    def too_large(self) -> None:
        self.programs += [program(BELL + "//" + "x" * 250_000, f"large-{index}") for index in range(4)]

    def observed(self) -> Observed:
        """The job with the defects it was given."""
        # Built past validation: an API server would not let an empty text in.
        one = submitted(programs=[each for each in self.programs if each.get("qasm3") != ""], task={})
        task = one.job.spec.task.model_validate({"sample": {"pubs": self.pubs}})
        programs = tuple(
            one.job.spec.programs[0].model_validate(each)
            if each.get("qasm3") != ""
            else one.job.spec.programs[0].model_copy(update={"name": each["name"], "qasm3": ""})
            for each in self.programs
        )
        update = {"programs": programs, "task": task, "expected_output": self.expected}
        spec = one.job.spec.model_copy(update=update)
        return replace(one, job=one.job.model_copy(update={"spec": spec}), policy=self.policy)


Defect = tuple[Callable[[Sampled], None], str, str]
DEFECTS: list[Defect] = [
    (Sampled.without_policy, "PolicyNotFound", "'default'"),
    (Sampled.without_config_map, "ConfigMapNotFound", "'bell.qasm'"),
    (Sampled.with_an_empty_program, "InvalidProgram", "(empty)"),
    (Sampled.with_an_unknown_program, "UnknownProgram", "'unknown'"),
    (Sampled.with_an_invalid_program, "InvalidProgram", "(invalid)"),
    (Sampled.without_measurements, "NoMeasurements", "'state'"),
    (Sampled.with_another_shape, "InvalidParameters", "[3] holds 3"),
    (Sampled.with_another_output, "UnexpectedOutput", "[9]"),
    (Sampled.with_physical_qubits, "UnsupportedConstruct", "(physical)"),
    (Sampled.over_the_policys_shots, "OverPolicyLimit", "999999"),
    (Sampled.too_large, "InputTooLarge", "split the job"),
]
"""What may be wrong with a job that samples, in the order in which it is told."""


def named(defect: Defect) -> str:
    return defect[0].__name__


def found_with(*defects: Defect) -> Complaint:
    """The complaint about a job with these defects."""
    one = Sampled()
    for spoil, _, _ in defects:
        spoil(one)
    found = accept(one.observed())
    assert isinstance(found, Complaint), found
    return found


@pytest.mark.parametrize("defect", DEFECTS, ids=named)
def test_one_defect_is_told(defect: Defect) -> None:
    """A job with one thing wrong hears of that, and one with nothing wrong is accepted."""
    found = found_with(defect)
    assert found.reason == defect[1]
    assert defect[2] in found.message
    assert isinstance(accept(Sampled().observed()), Acceptance)


@pytest.mark.parametrize(("first", "second"), list(combinations(DEFECTS, 2)), ids=named)
def test_of_two_defects_the_first_is_told(first: Defect, second: Defect) -> None:
    """What is missing comes before what is wrong, programs before what is asked of them, limits last."""
    found = found_with(second, first)
    assert found.reason == first[1]
    assert first[2] in found.message


def test_of_all_defects_the_first_is_told() -> None:
    """Repaired one by one, the complaints come in the order of the rules."""
    told = [found_with(*DEFECTS[index:]).reason for index in range(len(DEFECTS))]
    assert told == [reason for _, reason, _ in DEFECTS]


def test_the_first_of_several_pubs_is_told() -> None:
    """Of two pubs that are wrong in the same way, the first is named."""
    task = {"sample": {"pubs": [sampling(), sampling("one"), sampling("two")]}}
    assert refused(task=task).message.startswith("spec.task.sample.pubs[1].program: 'one'")


def test_the_first_of_several_programs_is_told() -> None:
    """Of two programs that can't be read, the first is named, with its place among the job's programs."""
    programs = [program(BELL), program("hello", "second"), program("hello", "third")]
    assert refused(programs=programs).message.startswith("spec.programs[1] (second): ")


def test_width_is_told_before_a_qubit_named_twice() -> None:
    """A term that is wrong in both ways hears of the qubits that there are."""
    task = {"estimate": {"pubs": [estimating({"pauli": "ZZ", "qubits": [9, 9]})]}}
    assert "has 2 qubits, 0 to 1" in refused(programs=[program(BELL_STATE)], task=task).message


# --- the words ------------------------------------------------------------------------------------------------------

WORDS: list[tuple[str, Spec, tuple[str, str, str]]] = [
    (
        "UnknownProgram",
        {"task": {"sample": {"pubs": [sampling("ghz")]}}},
        ("spec.task.sample.pubs[0].program", "'ghz'", "the job's programs are bell; name one of these"),
    ),
    (
        "ProgramTooLarge",
        {"programs": [program(BELL + "//" + "é" * 200_000)]},
        ("spec.programs[0]", "bytes", "shorten it or split it into several programs"),
    ),
    ("InvalidProgram", {"programs": [program(BELL + "}\n")]}, ("spec.programs[0] (bell): line 8", "'}'", "remove it")),
    (
        "InvalidProgram",
        {"programs": [program("OPENQASM 3.0;\nbit[2] c;\n")]},
        ("spec.programs[0] (bell)", "no qubits", "declare a qubit register"),
    ),
    (
        "UnsupportedConstruct",
        {"programs": [program(BELL + "@keep\n")]},
        ("spec.programs[0] (bell): line 8", "'@name'", "remove it"),
    ),
    (
        "UnsupportedConstruct",
        {"programs": [program(PHYSICAL)]},
        ("spec.programs[0] (bell)", "$n", "set spec.execution.compilation to isa, or declare a qubit register"),
    ),
    (
        "InvalidTemplate",
        {"programs": [{"name": "bell", "template": {"name": "ghz", "parameters": {"qubits": "many"}}}]},
        ("spec.programs[0] (bell)", "'many'", "it is a whole number from"),
    ),
    (
        "InvalidTemplate",
        {"programs": [{"name": "bell", "template": {"name": "gzh"}}]},
        ("spec.programs[0] (bell)", "'gzh'", "there are "),
    ),
    (
        "NoMeasurements",
        {"programs": [program(BELL_STATE)]},
        ("spec.task.sample.pubs[0].program", "'bell'", "add measurements, or ask for observables with estimate"),
    ),
    (
        "MeasuredEstimate",
        {"task": {"estimate": {"pubs": [estimating(ZZ)]}}},
        ("spec.task.estimate.pubs[0].program", "'bell'", "remove them, or use sample"),
    ),
    (
        "InvalidObservable",
        {
            "programs": [program(BELL_STATE)],
            "task": {"estimate": {"pubs": [estimating({"pauli": "Z", "qubits": [2]})]}},
        },
        ("spec.task.estimate.pubs[0].observables[0].terms[0].qubits", "[2]", "0 to 1; choose from these"),
    ),
    (
        "InvalidObservable",
        {
            "programs": [program(BELL_STATE)],
            "task": {"estimate": {"pubs": [estimating({"pauli": "XY", "qubits": [1, 1]})]}},
        },
        ("spec.task.estimate.pubs[0].observables[0].terms[0].qubits", "[1, 1]", "multiply its letters first"),
    ),
    (
        "InvalidParameters",
        {"task": {"sample": {"pubs": [sampling(parameterNames=["a"], parameterValues=[[1]], parameterShape=[2])]}}},
        ("spec.task.sample.pubs[0].parameterShape", "[2] holds 2", "correct the shape"),
    ),
    (
        "UnexpectedOutput",
        {"expectedOutput": {"pubs": [{}, {}]}},
        ("spec.expectedOutput.pubs", "2", "describe each in turn"),
    ),
    (
        "InputTooLarge",
        {"programs": [program(BELL + "//" + "x" * 250_000, name) for name in ("bell", "b", "c", "d")]},
        ("spec", "bytes of programs and task", "split the job into 2 or more"),
    ),
]
ELSEWHERE: list[tuple[str, Callable[[], Observed], tuple[str, str, str]]] = [
    (
        "PolicyNotFound",
        lambda: replace(submitted(policyRef={"name": "gold"}), policy=None),
        ("spec.policyRef.name", "'gold'", "create it or name another"),
    ),
    ("ProfileNotFound", lambda: submitted(execution={"profile": "x"}), ("spec.execution.profile", "'x'", "add it")),
    (
        "ConfigMapNotFound",
        lambda: submitted(programs=[program(BELL), MAPPED]),
        ("spec.programs[1].configMapKeyRef", "'bell.qasm'", "create it"),
    ),
    (
        "OverPolicyLimit",
        lambda: replace(submitted(), policy=policy(name="small", maxShots=100)),
        ("spec.task", "1024 shots", "BackendPolicy 'small' allows 100; ask for fewer shots or bindings"),
    ),
    (
        "TooManyReplays",
        lambda: replace(
            submitted(replayOf={"name": "first", "uid": "u"}),
            policy=policy(maxReplaysPerHour=1),
            replays=(Replay(CREATED, "another"),),
        ),
        ("spec.replayOf", "'first'", "replay it again after 2026-01-01T01:00:00Z"),
    ),
    (
        "TimeBudgetExceeded",
        lambda: submitted(timeBudgetSeconds=86_400, schedule={"notBefore": "2026-01-03T00:00:00Z"}),
        ("spec.timeBudgetSeconds", "86400", "give it more time, or let it start earlier"),
    ),
    (
        "InvalidProgram",
        lambda: replace(submitted(programs=[MAPPED]), sources={"mapped": ""}),
        ("spec.programs[0] (mapped)", "is empty", "write its text"),
    ),
    ("TooManyReplays", lambda: over(3, 3), ("spec.replayOf", "'first'", "replay it again after")),
]
TOLD = [(reason, submitted(**spec), words) for reason, spec, words in WORDS] + [
    (reason, make(), words) for reason, make, words in ELSEWHERE
]


@pytest.mark.parametrize(("reason", "observed", "words"), TOLD, ids=[f"{row[0]}-{row[2][2][:20]}" for row in TOLD])
def test_a_refusal_names_field_value_and_remedy(reason: str, observed: Observed, words: tuple[str, str, str]) -> None:
    """The message begins with the field, then has the value, and ends with what to do."""
    found = accept(observed)
    assert isinstance(found, Complaint)
    assert found.reason == reason
    field, value, remedy = words
    assert found.message.startswith(field)
    assert value in found.message
    assert found.message.index(remedy) > found.message.index(value)
    assert "\n" not in found.message


def test_no_refusal_is_left_out() -> None:
    """The tables have every reason that accepting a job can give, and each is in the reference."""
    source = ast.parse(inspect.getsource(accepting))
    given_here = {
        node.args[0].value
        for node in ast.walk(source)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Complaint"
        and isinstance(node.args[0], ast.Constant)
    }
    told = {reason for reason, _, _ in TOLD}
    assert given_here <= told
    assert told <= set(REASONS)


@pytest.mark.parametrize(("reason", "observed"), [row[:2] for row in TOLD], ids=[row[0] for row in TOLD])
def test_a_refusal_ends_the_job_unless_it_can_pass(reason: str, observed: Observed) -> None:
    """What may still come is waited for and looked for again; anything else is the end. Both are told once."""
    decision = decide(observed)
    waits = reason in ("PolicyNotFound", "ProfileNotFound", "ConfigMapNotFound")
    assert verdicts(decision.status)["Accepted"] == f"False/{reason}"
    assert verdicts(decision.status).get("Complete") == (None if waits else f"False/{reason}")
    assert decision.look_again == (WAIT_SECONDS if waits else None)
    assert kinds(decision) == [reason]
    assert (decision.status.completion_time is None) == waits
    assert decision.status.input is None


def test_what_was_missing_may_come() -> None:
    """A job that waited for its policy and its ConfigMap is accepted once both are there."""
    waiting = replace(submitted(programs=[MAPPED], task={"sample": {"pubs": [sampling("mapped")]}}), policy=None)
    told = []
    for observed in (waiting, replace(waiting, policy=policy())):
        found = accept(observed)
        assert isinstance(found, Complaint)
        told.append(found.reason)
    assert told == ["PolicyNotFound", "ConfigMapNotFound"]
    assert isinstance(accept(replace(waiting, policy=policy(), sources={"mapped": BELL})), Acceptance)


# --- whatever is asked ----------------------------------------------------------------------------------------------

TEXTS = st.sampled_from([BELL, BELL_STATE, PHYSICAL, "", "hello", "@a", "OPENQASM 3.0;", BELL + "x $3;", "\x00é\ud800"])
JOBS = st.builds(
    lambda texts, names, sample: (
        {f"p{index}": text for index, text in enumerate(texts)},
        {"sample": {"pubs": [sampling(name) for name in names]}}
        if sample
        else {"estimate": {"pubs": [estimating({"pauli": "XZ", "qubits": [0, len(name)]}, name) for name in names]}},
    ),
    st.lists(TEXTS, min_size=1, max_size=3),
    st.lists(st.sampled_from(["p0", "p1", "p2", "none"]), min_size=1, max_size=3),
    st.booleans(),
)


@given(JOBS, st.sampled_from([None, 1, 2000]), st.booleans())
def test_any_job_is_accepted_or_told_why(job: tuple[dict[str, str], Spec], limit: int | None, there: bool) -> None:
    """Accepting never raises: there is a complaint about a field, or an input whose demand is within the policy."""
    sources, task = job
    refs = [{"name": name, "configMapKeyRef": {"name": "programs", "key": name}} for name in sources]
    observed = replace(submitted(programs=refs, task=task), sources=sources, policy=policy(maxShots=limit))
    found = accept(observed if there else replace(observed, policy=None))
    if isinstance(found, Complaint):
        assert found.reason in REASONS
        assert found.message.startswith("spec")
        assert found.waits == (not there)
        found.message.encode()
    else:
        assert limit is None or found.demand.shots <= limit
        assert found.demand.qubits >= 1
        assert not found.demand.physical
