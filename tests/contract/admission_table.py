"""One table of manifests, good and bad, for whoever admits them: the API server, and `validate` without one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

BELL = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n'
PROVIDER = {"agent": "ibm", "device": "ibm_torino"}


@dataclass(frozen=True)
class Row:
    """A manifest, and a part of the text by which it is refused; None where it is accepted."""

    name: str
    manifest: Json
    refused: str | None = None


def job(change: Callable[[Json], object] | None = None, **spec: Any) -> Json:
    """A QuantumJob that samples a Bell state, with `spec` in place of its fields; `change` edits it further."""
    program = {"name": "bell", "qasm3": BELL}
    task = {"sample": {"pubs": [{"program": "bell", "shots": 1000}]}}
    return _changed("QuantumJob", {"programs": [program], "task": task, **spec}, change)


def estimate(change: Callable[[Json], object] | None = None, mode: str = "sampled", **pub: Any) -> Json:
    """A QuantumJob that estimates ZZ, with `pub` in place of fields of its one pub."""
    observable = {"terms": [{"pauli": "ZZ", "qubits": [0, 1]}]}
    pubs = [{"program": "bell", "observables": [observable], **pub}]
    return job(change, task={"estimate": {"mode": mode, "pubs": pubs}})


def policy(change: Callable[[Json], object] | None = None, **spec: Any) -> Json:
    """A BackendPolicy of one named backend, with `spec` in place of its fields."""
    return _changed("BackendPolicy", {"backends": [{"name": "aer"}], **spec}, change)


def backend(change: Callable[[Json], object] | None = None, **spec: Any) -> Json:
    """A QuantumBackend of 30 qubits, with `spec` in place of its fields."""
    return _changed("QuantumBackend", {"target": {"numQubits": 30}, **spec}, change)


def nested(depth: int, make: Callable[[Any], Any]) -> Any:
    """1, wrapped `depth` times by `make`."""
    value: Any = 1
    for _ in range(depth):
        value = make(value)
    return value


def _changed(kind: str, spec: Json, change: Callable[[Json], object] | None) -> Json:
    manifest: Json = {
        "apiVersion": "quantum-operator.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "bell"},
        "spec": spec,
    }
    if change:
        change(manifest)
    return manifest


def _pub(**fields: Any) -> Json:
    return {"sample": {"pubs": [{"program": "bell", **fields}]}}


def _program(**fields: Any) -> list[Json]:
    return [{"name": "bell", **fields}]


def _label(key: str, value: Any) -> Callable[[Json], object]:
    return lambda manifest: manifest["metadata"].update(labels={key: value})


def _named(name: Any) -> Callable[[Json], object]:
    return lambda manifest: manifest["metadata"].update(name=name)


ACCEPTED = (
    Row("a job", job()),
    Row("a job with a name of 253 characters", job(_named("a" * 253))),
    Row("a job with a forged status", job(lambda m: m.update(status={"phase": "Succeeded", "startTime": "today"}))),
    Row("a job with nulls for what is optional", job(execution=None, policyRef={"name": None})),
    Row("a job with a null in a program", job(programs=_program(qasm3=BELL, qasm2=None))),
    Row("a job with labels and annotations", job(_label("example.com/team", "qc_1"))),
    Row("a job with an empty label", job(_label("team", None))),
    Row("a program from a ConfigMap", job(programs=_program(configMapKeyRef={"name": "programs", "key": "a.qasm"}))),
    Row("a program from the library", job(programs=_program(template={"name": "ghz", "parameters": {"qubits": "5"}}))),
    Row("a program as long as may be", job(programs=_program(qasm2="é" * 262_144))),
    Row("parameters", job(task=_pub(parameterNames=["θ", "b"], parameterValues=[[1, 2.5], [-1e15, 1e-7]]))),
    Row("no rows of parameters", job(task=_pub(parameterNames=["a"], parameterValues=[]))),
    Row("whole numbers written with a fraction", job(activeDeadlineSeconds=60.0, backoffLimit=0)),
    Row("an estimate by shots", estimate(shots=100)),
    Row("an estimate by precision", estimate(precision=0.001)),
    Row("an exact estimate", estimate(mode="exact")),
    Row("an offset without qubits", estimate(shots=1, observables=[{"terms": [{"pauli": "", "coefficient": -0.5}]}])),
    Row("a noise model", job(execution={"seed": 7, "noise": {"gates": [{"gate": "cx", "depolarizingPpm": 1000}]}})),
    Row("a key, a correlation id and tags", job(idempotencyKey="é 1", correlationId="00-ab_1.c", tags={"a.b": "x y"})),
    Row(
        "four changes",
        job(
            retry={
                "onFailure": [
                    {"reasons": ["TimeLimitExceeded", "MemoryLimitExceeded"], "shots": 100},
                    {"reasons": ["IncompatibleTarget"], "optimizationLevel": 3},
                    {"reasons": ["TaskRejected"], "backend": "Other"},
                    {"reasons": ["TimeLimitExceeded"], "optimizationLevel": 0},
                ]
            }
        ),
    ),
    Row(
        "an output that is expected",
        job(expectedOutput={"pubs": [{"shape": [], "registers": [{"name": "c", "size": 2}]}]}),
    ),
    Row("an output of which nothing is expected", job(expectedOutput={"pubs": [{}] * 64})),
    Row("a replay that stays for a while", job(replayOf={"name": "bell", "uid": "u"}, ttlSecondsAfterFinished=0)),
    Row("a payload that goes at once", job(retention={"payloadSeconds": 0})),
    Row("as many tags as may be", job(tags={f"{'k' * 61}{number:02}": "v" * 256 for number in range(16)})),
    Row("a policy", policy(maxShots=10)),
    Row("a policy by labels", policy(backends=[{"selector": {"matchLabels": {"tier": "free"}}}])),
    Row("a policy with routing", policy(routing={"weights": {"cost": 2, "time": 1}, "minQpuQubits": 5})),
    Row("a policy with features", policy(features=[{"name": name, "execution": {}} for name in "ab"])),
    Row("a policy with traffic", policy(traffic=[{"backend": "aer", "percent": 90}, {"backend": "b", "percent": 10}])),
    Row("a backend", backend()),
    Row(
        "a GPU", backend(simulator={"device": "GPU"}, run={"resources": {"nvidia.com/gpu": 1}, "runtimeClassName": "n"})
    ),
    Row("a provider's device", backend(adapter="ibm", provider=PROVIDER, price={"perSecondMicros": 1_600_000})),
    Row("a backend with a namespace of its own", backend(lambda m: m["metadata"].update(namespace="elsewhere"))),
    Row(
        "a backend for some namespaces",
        backend(namespaces={"from": "Selector", "selector": {"matchLabels": {"a": ""}}}),
    ),
    Row(
        "a backend with coupling", backend(target={"numQubits": 3, "basisGates": ["cx", "rz"], "couplingMap": [[0, 1]]})
    ),
    Row("a backend with a price", backend(price={"currency": "EUR", "perShotMicros": 9_000_000_000_000_000})),
)

_METADATA = (
    Row("a name in capitals", job(_named("Bell")), "a lowercase RFC 1123 subdomain"),
    Row("a name too long", job(_named("a" * 254)), "must be no more than 253 characters"),
    Row("no name", job(lambda m: m["metadata"].pop("name")), "name or generateName is required"),
    Row("no metadata", job(lambda m: m.pop("metadata")), "name or generateName is required"),
    Row("a bad label", job(_label("team", "a b")), "a valid label must be an empty string"),
    Row("a label too long", job(_label("team", "a" * 64)), "must be no more than 63 bytes"),
    Row("a label's bad key", job(_label("-team", "a")), "name part must consist of"),
    Row("a label's empty key", job(_label("", "a")), "name part must be non-empty"),
    Row("a label's key with slashes", job(_label("a/b/c", "a")), "with an optional DNS subdomain prefix"),
    Row("a label's key with a bad prefix", job(_label("A/b", "a")), "prefix part a lowercase RFC 1123"),
    Row("a label's key without a prefix", job(_label("/b", "a")), "prefix part must be non-empty"),
    Row("a label's key too long", job(_label("b" * 64, "a")), "name part must be no more than 63 bytes"),
    Row("annotations too long", job(lambda m: m["metadata"].update(annotations={"A": "a" * 262_144})), "262144 bytes"),
    Row("a bad annotation", job(lambda m: m["metadata"].update(annotations={"a b": "c"})), "name part must consist of"),
    Row("a bad finalizer", job(lambda m: m["metadata"].update(finalizers=["a b"])), "metadata.finalizers"),
    Row("a number as a label", job(_label("team", 5)), "labels"),
    Row("a number as a name", job(_named(5)), "name"),
    Row("a list as metadata", job(lambda m: m.update(metadata=[])), "metadata"),
    Row("an unknown field of metadata", job(lambda m: m["metadata"].update(nmae="b")), 'unknown field "metadata.nmae"'),
)

_PROGRAMS = (
    Row("no programs", job(programs=[]), "spec.programs in body should have at least 1 items"),
    Row(
        "33 programs", job(programs=[{"name": f"p{n}", "qasm3": BELL} for n in range(33)]), "must have at most 32 items"
    ),
    Row("two sources at once", job(programs=_program(qasm3=BELL, qasm2=BELL)), "a program has exactly one of qasm3"),
    Row("no source", job(programs=_program()), "a program has exactly one of qasm3"),
    Row("an empty source", job(programs=_program(qasm3="")), "should be at least 1 chars long"),
    Row("a program of 1 MiB", job(programs=_program(qasm3="/" * 2**20)), "may not be more than 262144 bytes"),
    Row("a program's name in capitals", job(programs=[{"name": "Bell<\u00a0>", "qasm3": BELL}]), "should match"),
    Row("a program's name and a line feed", job(programs=[{"name": "bell\n", "qasm3": BELL}]), "should match"),
    Row("a program without a name", job(programs=[{"qasm3": BELL}]), "Required value"),
    Row("programs of one name", job(programs=_program(qasm3=BELL) * 3), 'Duplicate value: {"name":"bell"}'),
    Row("a number for a program", job(programs=[5]), "must be an object for an array of list-type map"),
    Row("null for a program", job(programs=[None]), "must be of type object"),
    Row("a map for the programs", job(programs={"bell": BELL}), 'unknown field "spec.programs.bell"'),
    Row("text for the programs", job(programs="bell"), "must be of type array"),
    Row("a number for a source", job(programs=_program(qasm3=5)), "must be of type string"),
    Row(
        "17 parameters of a template",
        job(programs=_program(template={"name": "a", "parameters": {f"p{n}": "" for n in range(17)}})),
        "must have at most 16 items",
    ),
    Row(
        "a template's parameter without a name",
        job(programs=_program(template={"name": "a", "parameters": {"": "b"}})),
        "a key has 1 to 63 characters",
    ),
    Row(
        "a number for a template's parameter",
        job(programs=_program(template={"name": "a", "parameters": {"b": 5}})),
        "must be of type string",
    ),
    Row(
        "a language of its own",
        job(programs=_program(configMapKeyRef={"name": "a", "key": "b", "language": "quil"})),
        'supported values: "qasm3", "qasm2"',
    ),
    Row(
        "a number for a language",
        job(programs=_program(configMapKeyRef={"name": "a", "key": "b", "language": 3})),
        "supported values",
    ),
    Row(
        "a path for a ConfigMap's key",
        job(programs=_program(configMapKeyRef={"name": "a", "key": "../b"})),
        "should match",
    ),
)

_TASKS = (
    Row("no task", job(lambda m: m["spec"].pop("task")), "spec.task: Required value"),
    Row("an empty task", job(task={}), "a task has exactly one of sample and estimate"),
    Row("two tasks", job(task={**_pub(), **estimate(shots=1)["spec"]["task"]}), "a task has exactly one of"),
    Row("no shots", job(task=_pub(shots=0)), "should be greater than or equal to 1"),
    Row("too many shots", job(task=_pub(shots=10_000_001)), "should be less than or equal to 10000000"),
    Row("more shots than 64 bits hold", job(task=_pub(shots=2**70)), "must be of type integer"),
    Row("a fraction of a shot", job(task=_pub(shots=0.5)), "must be of type integer"),
    Row("text for shots", job(task=_pub(shots="1000")), "must be of type integer"),
    Row("true for shots", job(task=_pub(shots=True)), "must be of type integer"),
    Row("a list for shots", job(task=_pub(shots=[1])), "must be of type integer"),
    Row("a map for shots", job(task=_pub(shots={"a": 1})), ".shots.a"),
    Row("rows too short", job(task=_pub(parameterNames=["a", "b"], parameterValues=[[1, 2], [1]])), "every row of"),
    Row("values without names", job(task=_pub(parameterValues=[[1]])), "parameterValues needs parameterNames"),
    Row("names without values", job(task=_pub(parameterNames=["a"])), "parameterNames needs parameterValues"),
    Row(
        "a value out of bounds",
        job(task=_pub(parameterNames=["a"], parameterValues=[[-2e15]])),
        "greater than or equal to -1e+15",
    ),
    Row(
        "whole numbers out of bounds",
        job(task=_pub(parameterNames=["a"], parameterValues=[[2 * 10**15]])),
        "less than or equal to 1000000000000000",
    ),
    Row("text for a value", job(task=_pub(parameterNames=["a"], parameterValues=[["π"]])), "must be of type number"),
    Row("a parameter with a space", job(task=_pub(parameterNames=["a b"], parameterValues=[[1]])), "should match"),
    Row("neither shots nor precision", estimate(), "exactly one of shots and precision"),
    Row("both shots and precision", estimate(shots=1, precision=0.1), "exactly one of shots and precision"),
    Row("shots of an exact estimate", estimate(mode="exact", shots=1), "with mode exact it has neither"),
    Row("a precision too fine", estimate(precision=1e-9), "should be greater than or equal to 1e-06"),
    Row("a precision of 0", estimate(precision=0), "must be at least 1e-06"),
    Row("a precision too coarse", estimate(precision=1001), "should be less than or equal to 1000"),
    Row(
        "a Pauli string too short",
        estimate(shots=1, observables=[{"terms": [{"pauli": "Z", "qubits": [0, 1]}]}]),
        "pauli has one letter for each of qubits",
    ),
    Row(
        "a Pauli string without qubits",
        estimate(shots=1, observables=[{"terms": [{"pauli": "Z"}]}]),
        "pauli has one letter",
    ),
    Row(
        "a letter that is no Pauli",
        estimate(shots=1, observables=[{"terms": [{"pauli": "ZA", "qubits": [0, 1]}]}]),
        "should match",
    ),
    Row("no observables", estimate(shots=1, observables=[]), "should have at least 1 items"),
    Row("a mode of its own", estimate(mode="fast", shots=1), 'supported values: "sampled", "exact"'),
    Row("too many dimensions", job(task=_pub(parameterShape=[1] * 9)), "must have at most 8 items"),
)

_REST = (
    Row("no spec", job(lambda m: m.pop("spec")), "spec: Required value"),
    Row("text for the spec", job(lambda m: m.update(spec="bell")), "spec in body must be of type object"),
    Row("a list for the spec", job(lambda m: m.update(spec=[])), "spec in body must be of type object"),
    Row("unknown fields", job(shots=5, execution={"sed": 1}), 'unknown field "spec.execution.sed"'),
    Row("an unknown field at the root", job(lambda m: m.update(sepc={})), 'unknown field "sepc"'),
    Row("an unknown field of a forged status", job(lambda m: m.update(status={"done": True})), "status.done"),
    Row("5,000 nested maps", job(bomb=nested(5000, lambda inner: {"a": inner})), 'unknown field "spec.bomb"'),
    Row("5,000 nested lists", job(bomb=nested(5000, lambda inner: [inner])), 'unknown field "spec.bomb"'),
    Row(
        "5,000 nested maps for a number",
        job(backoffLimit=nested(5000, lambda inner: {"a": inner})),
        "spec.backoffLimit.a",
    ),
    Row(
        "5,000 nested lists for a number",
        job(backoffLimit=nested(5000, lambda inner: [inner])),
        "must be of type integer",
    ),
    Row("a compilation of its own", job(execution={"compilation": "fast"}), 'supported values: "full", "isa"'),
    Row("a noise model without noise", job(execution={"noise": {}}), "at least one of gates and readout"),
    Row("a seed below zero", job(execution={"seed": -1}), "should be greater than or equal to 0"),
    Row("text for a switch", job(execution={"memory": "yes"}), "must be of type boolean"),
    Row("a budget of no time", job(timeBudgetSeconds=0), "should be greater than or equal to 1"),
    Row("a deadline of no time", job(activeDeadlineSeconds=0), "should be greater than or equal to 1"),
    Row(
        "a retry with nothing to change",
        job(retry={"onFailure": [{"reasons": ["TimeLimitExceeded"]}]}),
        "spec.retry.onFailure[0]: Invalid value: a change has exactly one of shots, optimizationLevel and backend",
    ),
    Row(
        "a retry with two changes in one",
        job(retry={"onFailure": [{"reasons": ["TimeLimitExceeded"], "shots": 1, "backend": "Other"}]}),
        "spec.retry.onFailure[0]: Invalid value: a change has exactly one of shots, optimizationLevel and backend",
    ),
    Row(
        "a retry for no reason",
        job(retry={"onFailure": [{"reasons": [], "shots": 1}]}),
        "spec.retry.onFailure[0].reasons: Invalid value: 0: spec.retry.onFailure[0].reasons in body should have at "
        "least 1 items",
    ),
    Row(
        "a retry of what no parameter helps",
        job(retry={"onFailure": [{"reasons": ["Cancelled"], "shots": 1}]}),
        'spec.retry.onFailure[0].reasons[0]: Unsupported value: "Cancelled": supported values: "CeilingExceeded"',
    ),
    Row("an output without pubs", job(expectedOutput={"pubs": []}), "should have at least 1 items"),
    Row(
        "a register without bits",
        job(expectedOutput={"pubs": [{"registers": [{"name": "c", "size": 0}]}]}),
        "should be greater than or equal to 1",
    ),
    Row(
        "a register twice",
        job(expectedOutput={"pubs": [{"registers": [{"name": "c", "size": 1}] * 2}]}),
        'Duplicate value: {"name":"c"}',
    ),
    Row("a replay of nothing", job(replayOf={}), "spec.replayOf.name: Required value"),
    Row("a time to stay below zero", job(ttlSecondsAfterFinished=-1), "should be greater than or equal to 0"),
    Row("a payload gone before", job(retention={"payloadSeconds": -1}), "should be greater than or equal to 0"),
    Row("a payload for years", job(retention={"payloadSeconds": 31_536_001}), "less than or equal to 31536000"),
    Row("a retention of nothing", job(retention={}), "spec.retention.payloadSeconds: Required value"),
    Row("an empty key", job(idempotencyKey=""), "should be at least 1 chars long"),
    Row("a key too long", job(idempotencyKey="k" * 129), "may not be more than 128 bytes"),
    Row("a correlation id that is no label", job(correlationId="a b"), "should match"),
    Row("a correlation id too long", job(correlationId="a" * 64), "may not be more than 63 bytes"),
    Row("a tag with a space", job(tags={"a b": "c"}), "a tag's key is letters, digits"),
    Row("a tag with a line feed", job(tags={"a\n": "c"}), "a tag's key is letters, digits"),
    Row("a tag's key too long", job(tags={"a" * 64: "c"}), "a key has 1 to 63 characters"),
    Row("a tag too long", job(tags={"a": "c" * 257}), "may not be more than 256 bytes"),
    Row("17 tags", job(tags={f"t{n}": "" for n in range(17)}), "must have at most 16 items"),
    Row("a policy's name in capitals", job(policyRef={"name": "Default"}), "should match"),
    Row(
        "a choice by name and label",
        policy(backends=[{"name": "a", "selector": {"matchLabels": {"b": "c"}}}]),
        "exactly one of name and selector",
    ),
    Row("a choice by nothing", policy(backends=[{}]), "exactly one of name and selector"),
    Row(
        "a choice by no label",
        policy(backends=[{"selector": {"matchLabels": {}}}]),
        "should have at least 1 properties",
    ),
    Row(
        "a choice by a label without a key",
        policy(backends=[{"selector": {"matchLabels": {"": "b"}}}]),
        "a key has 1 to 317",
    ),
    Row("a policy without backends", policy(backends=[]), "should have at least 1 items"),
    Row("weights of nothing", policy(routing={"weights": {}}), "at least one weight is above 0"),
    Row("a weight of more", policy(routing={"weights": {"cost": 101}}), "should be less than or equal to 100"),
    Row(
        "two features of one name",
        policy(features=[{"name": "a", "execution": {}}] * 2),
        'Duplicate value: {"name":"a"}',
    ),
    Row(
        "a feature of more jobs than all", policy(features=[{"name": "a", "percent": 101, "execution": {}}]), "percent"
    ),
    Row("two shares of one", policy(traffic=[{"backend": "a", "percent": 1}] * 2), 'Duplicate value: {"backend":"a"}'),
    Row("a resource of no domain", backend(run={"resources": {"gpus": 1}}), "has a name with a domain"),
    Row("no GPU", backend(run={"resources": {"nvidia.com/gpu": 0}}), "should be greater than or equal to 1"),
    Row("a backend of no qubits", backend(target={"numQubits": 0}), "should be greater than or equal to 1"),
    Row("a backend without a target", backend(lambda m: m["spec"].pop("target")), "spec.target: Required value"),
    Row("a provider's adapter without a provider", backend(adapter="ibm"), "provider goes with another adapter"),
    Row("a simulator with a provider", backend(provider=PROVIDER), "provider goes with another adapter"),
    Row("a provider without a price", backend(adapter="ibm", provider=PROVIDER), "a provider's device needs a price"),
    Row("an adapter of no name", backend(adapter="IBM", provider=PROVIDER, price={}), "should match"),
    Row("gates twice", backend(target={"numQubits": 1, "basisGates": ["x", "h", "x", "x"]}), 'Duplicate value: "x"'),
    Row("an edge of three", backend(target={"numQubits": 3, "couplingMap": [[0, 1, 2]]}), "must have at most 2 items"),
    Row(
        "a selector without from",
        backend(namespaces={"selector": {"matchLabels": {"a": "b"}}}),
        "selector goes with from",
    ),
    Row("from without a selector", backend(namespaces={"from": "Selector"}), "selector goes with from"),
    Row("a number for CPUs", backend(run={"cpu": 2}), "must be of type string"),
    Row("a quantity of its own", backend(run={"memory": "2 GB"}), "should match"),
    Row(
        "several errors at once",
        job(backoffLimit=-1, activeDeadlineSeconds=0, policyRef={"name": ""}, task={}),
        "a task has",
    ),
)

REFUSED = (*_METADATA, *_PROGRAMS, *_TASKS, *_REST)
