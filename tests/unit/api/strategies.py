"""Hypothesis strategies: resources that the API server accepts, built from the pydantic types, and damaged ones."""

import copy
import string
from typing import Any, get_args

from hypothesis import strategies as st

from contract.admission_table import ACCEPTED
from quantum_operator.api.backend import (
    AllowedNamespaces,
    BackendLimits,
    Price,
    QuantumBackend,
    QuantumBackendSpec,
    RunTemplate,
    Simulator,
    Target,
    Toleration,
)
from quantum_operator.api.choice import BackendChoice, LabelSelector
from quantum_operator.api.execution import GateNoise, JobExecution, NoiseModel, ReadoutNoise
from quantum_operator.api.meta import ApiModel, ObjectMeta
from quantum_operator.api.policy import BackendPolicy, BackendPolicySpec
from quantum_operator.api.program import ConfigMapKeyRef, Program, Template
from quantum_operator.api.quantumjob import PolicyRef, QuantumJob, QuantumJobSpec
from quantum_operator.api.retry import Change, ChangeReason, Retry
from quantum_operator.api.submission import ReplayOf
from quantum_operator.api.task import (
    EstimatePub,
    EstimateTask,
    Observable,
    PauliTerm,
    SamplePub,
    SampleTask,
    Task,
)


def built(model: type[ApiModel], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Instances of `model` with these fields: `st.builds` would give required ones a second time, by alias."""
    return st.fixed_dictionaries(fields).map(lambda values: model(**values))


MANY = 9_007_199_254_740_991

names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
object_names = st.lists(names, min_size=1, max_size=3).map(".".join)
labels = st.dictionaries(
    names, st.from_regex(r"([A-Za-z0-9][-_.A-Za-z0-9]{0,20})?[A-Za-z0-9]", fullmatch=True), max_size=3
)
metadata = built(ObjectMeta, name=object_names, namespace=names, labels=labels, annotations=labels)
qualified = st.from_regex(r"([A-Za-z0-9][-_.A-Za-z0-9]{0,20})?[A-Za-z0-9]", fullmatch=True)
letters = st.characters(exclude_categories=["Cs"])
texts = st.text(letters, min_size=1, max_size=50)
numbers = st.floats(-1e15, 1e15)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def tuples(strategy: st.SearchStrategy[Any], least: int = 0, most: int = 4) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


references = built(
    ConfigMapKeyRef,
    name=object_names,
    key=st.text(string.ascii_letters + "-._", min_size=1, max_size=20),
    language=st.sampled_from(["qasm3", "qasm2"]),
)
templates = built(
    Template,
    name=names,
    parameters=st.dictionaries(texts, st.text(letters, max_size=50), max_size=3),
)
programs = (
    built(Program, name=names, qasm3=texts)
    | built(Program, name=names, qasm2=texts)
    | built(Program, name=names, config_map_key_ref=references)
    | built(Program, name=names, template=templates)
)
parameter_names = st.text(string.ascii_letters + "θ_0", min_size=1, max_size=5)


@st.composite
def bindings(draw: st.DrawFn) -> dict[str, Any]:
    """Parameters, values for all of them, and maybe a shape; or none of these."""
    found = draw(optional(tuples(parameter_names)))
    if found is None:
        return {}
    rows = draw(tuples(st.tuples(*[numbers] * len(found))))
    return {"parameter_names": found, "parameter_values": rows, "parameter_shape": draw(optional(shapes))}


shapes = tuples(st.integers(1, 10_000))
shots = st.integers(1, 10_000_000)
sample_pubs = st.builds(lambda binding, **rest: SamplePub(**binding, **rest), bindings(), program=names, shots=shots)


@st.composite
def terms(draw: st.DrawFn) -> PauliTerm:
    pauli = draw(st.text("IXYZ", max_size=5))
    qubits = draw(st.tuples(*[st.integers(0, 9_999)] * len(pauli)))
    return PauliTerm(pauli=pauli, qubits=qubits, coefficient=draw(numbers))


observables = built(Observable, terms=tuples(terms(), 1))
exactness: st.SearchStrategy[dict[str, Any]] = st.just({})
sampling = st.builds(lambda shots: {"shots": shots}, shots) | st.builds(
    lambda precision: {"precision": precision}, st.floats(1e-6, 1e3)
)


def estimates(mode: str, effort: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[EstimateTask]:
    pubs = st.builds(
        lambda binding, effort, **rest: EstimatePub(**binding, **effort, **rest),
        bindings(),
        effort,
        program=names,
        observables=tuples(observables, 1),
        observables_shape=optional(shapes),
    )
    return built(EstimateTask, pubs=tuples(pubs, 1), mode=st.just(mode))


tasks = built(Task, sample=built(SampleTask, pubs=tuples(sample_pubs, 1))) | built(
    Task, estimate=estimates("exact", exactness) | estimates("sampled", sampling)
)
ppm = st.integers(0, 1_000_000)
qubits = st.integers(0, 9_999)
gate_names = st.text(string.ascii_lowercase, min_size=1, max_size=5)
gate_noise = built(GateNoise, gate=gate_names, qubits=optional(tuples(qubits, most=2)), depolarizing_ppm=ppm)
readout_noise = built(ReadoutNoise, qubit=optional(qubits), prob_meas1_prep0_ppm=ppm, prob_meas0_prep1_ppm=ppm)
noise_models = built(NoiseModel, gates=tuples(gate_noise, 1), readout=optional(tuples(readout_noise, 1))) | built(
    NoiseModel, readout=tuples(readout_noise, 1)
)
executions = built(
    JobExecution,
    seed=optional(st.integers(0, MANY)),
    compilation=st.sampled_from(["full", "isa"]),
    optimization_level=st.integers(0, 3),
    initial_layout=optional(tuples(qubits, 1)),
    noise=optional(noise_models),
    memory=st.booleans(),
)
change_reasons = st.lists(st.sampled_from(get_args(ChangeReason)), min_size=1, max_size=3, unique=True).map(tuple)
changes = (
    built(Change, reasons=change_reasons, shots=st.integers(1, 10_000_000))
    | built(Change, reasons=change_reasons, optimization_level=st.integers(0, 3))
    | built(Change, reasons=change_reasons, backend=st.just("Other"))
)
jobs = built(
    QuantumJob,
    metadata=metadata,
    spec=built(
        QuantumJobSpec,
        programs=st.lists(programs, min_size=1, max_size=3, unique_by=lambda program: program.name).map(tuple),
        task=tasks,
        execution=executions,
        policy_ref=built(PolicyRef, name=object_names),
        active_deadline_seconds=st.integers(1, 604_800),
        backoff_limit=st.integers(0, 10),
        queue_deadline_seconds=optional(st.integers(1, 2_592_000)),
        idempotency_key=optional(texts),
        correlation_id=optional(qualified),
        retry=optional(built(Retry, on_failure=tuples(changes, 1, 4))),
        replay_of=optional(built(ReplayOf, name=object_names, uid=names)),
        ttl_seconds_after_finished=optional(st.integers(0, 31_536_000)),
        tags=st.dictionaries(qualified, st.text(letters, max_size=50), max_size=3),
    ),
)
selectors = built(LabelSelector, match_labels=st.dictionaries(texts, st.text("ab", max_size=3), min_size=1, max_size=3))
choices = built(BackendChoice, name=object_names) | built(BackendChoice, selector=selectors)
policies = built(
    BackendPolicy,
    metadata=metadata,
    spec=built(BackendPolicySpec, backends=tuples(choices, 1), max_shots=optional(st.integers(1, MANY))),
)
micros = st.integers(0, 9_000_000_000_000_000)
quantities = st.from_regex(r"[0-9]{1,5}(\.[0-9]{1,3})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?", fullmatch=True)
backends = built(
    QuantumBackend,
    metadata=built(ObjectMeta, name=object_names, labels=labels),
    spec=built(
        QuantumBackendSpec,
        target=built(
            Target,
            num_qubits=st.integers(1, 10_000),
            basis_gates=optional(st.lists(gate_names, min_size=1, max_size=3, unique=True).map(tuple)),
            coupling_map=optional(tuples(st.tuples(qubits, qubits), 1)),
        ),
        simulator=built(
            Simulator,
            method=st.sampled_from(["automatic", "statevector"]),
            threads=st.integers(1, 1024),
            noise=optional(noise_models),
        ),
        limits=built(BackendLimits, max_shots=st.integers(1, MANY), max_concurrent_runs=st.integers(1, 100_000)),
        price=optional(
            built(
                Price,
                currency=st.text(string.ascii_uppercase, min_size=3, max_size=3),
                per_run_micros=micros,
                per_shot_micros=micros,
                per_second_micros=micros,
            )
        ),
        run=built(
            RunTemplate,
            image=optional(texts),
            cpu=quantities,
            memory=quantities,
            node_selector=labels,
            tolerations=tuples(
                built(Toleration, key=optional(texts), operator=st.sampled_from([None, "Exists", "Equal"]))
            ),
        ),
        namespaces=built(AllowedNamespaces) | built(AllowedNamespaces, from_=st.just("Selector"), selector=selectors),
    ),
)
resources = jobs | policies | backends

# Python and Go know different versions of Unicode, and escape what they take for unprintable.
familiar = st.characters(max_codepoint=0xFF) | st.sampled_from("θπ𝜃😀\u200b\u2028")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(familiar, max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(familiar, max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn, part: str | None = None) -> dict[str, Any]:
    """A valid manifest in which one value, at any depth of it or of that part of it, is replaced by any JSON."""
    manifest = copy.deepcopy(draw(st.sampled_from(ACCEPTED)).manifest)
    place: Any = manifest[part] if part else manifest
    while True:
        key = draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1))
        inner = place[key]
        if not inner or not isinstance(inner, dict | list) or draw(st.booleans()):
            place[key] = draw(JSON)
            return manifest
        place = inner
