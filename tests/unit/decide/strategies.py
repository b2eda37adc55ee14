"""Anything that could be observed: well-typed, whether or not a cluster could bring it about."""

from typing import Any, TypeVar

from hypothesis import strategies as st

from quantum_operator.api.backend import QuantumBackend
from quantum_operator.api.conditions import REASONS, ConditionType
from quantum_operator.api.jobstatus import ArtifactRef, Attempt, Candidate, Demand, Plan, QuantumJobStatus, Step
from quantum_operator.api.meta import ApiModel, Condition
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.assign import Head, Snapshot
from quantum_operator.decide.figures import Request
from quantum_operator.decide.names import shadow_name
from quantum_operator.decide.observed import Assignment, Observed, Primary, RunObserved
from quantum_operator.testing.builders import BELL, BELL_STATE, CREATED, ESTIMATE, SAMPLE, backend, job, policy
from unit.decide.claims import KEY, PAID, claim_of, done, first, succeeded
from unit.decide.observations import NOW

Model = TypeVar("Model", bound=ApiModel)


def typed(model: type[Model], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Model]:
    """Instances of a type with these fields drawn, and every other left out."""
    return st.fixed_dictionaries(fields).map(lambda drawn: model(**drawn))


TIMES = st.sampled_from([CREATED, "2026-01-01T11:59:59Z", "2026-01-01T12:00:00Z", "2027-01-01T00:00:00+02:00"])
BACKEND_NAMES = st.sampled_from(["simulator", "second", "third", "x" * 253])
REASON_NAMES = st.sampled_from(sorted(REASONS))
COUNTS = st.integers(0, 2**53 - 1)
SHA = "ab" * 32
LONG = st.builds(
    lambda unit, length: (unit * length)[:length], st.text("x\n\x00é…", min_size=1), st.integers(1000, 2048)
)
MESSAGES = st.text(max_size=40) | LONG
PRICES = st.none() | st.fixed_dictionaries(
    {"perRunMicros": st.integers(0, 9 * 10**15), "perShotMicros": st.integers(0, 9 * 10**15)}
)
PROGRAMS = st.sampled_from(
    [
        {"qasm3": BELL},
        {"qasm3": BELL_STATE},
        {"qasm3": "nonsense"},
        {"template": {"name": "ghz", "parameters": {"qubits": "7"}}},
        {"template": {"name": "absent"}},
        {"configMapKeyRef": {"name": "programs", "key": "bell"}},
    ]
)
TASKS: st.SearchStrategy[Any] = st.sampled_from(
    [
        SAMPLE,
        ESTIMATE,
        {},
        {"sample": {"pubs": [{"program": "absent"}]}},
        {"sample": {"pubs": [{"program": "bell", "shots": 10**7}] * 64}},
    ]
)
CONDITIONS = st.lists(
    typed(
        Condition,
        type=st.sampled_from([*map(str, ConditionType), "Foreign"]),
        status=st.sampled_from(["True", "False", "Unknown"]),
        reason=REASON_NAMES,
        message=MESSAGES.map(lambda text: text[:300]),
        last_transition_time=TIMES,
    ),
    max_size=3,
    unique_by=lambda one: one.type,
).map(tuple)
CANDIDATES = typed(
    Candidate,
    backend=BACKEND_NAMES,
    verdict=st.sampled_from(["Chosen", "Eligible", "Rejected"]),
    reason=st.just("NotReady"),
    message=st.text(max_size=50),
)
ATTEMPTS = typed(
    Attempt,
    name=st.just("bell-attempt"),
    number=st.integers(1, 12),
    backend=BACKEND_NAMES,
    state=st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Lost"]),
    run_uid=st.sampled_from([None, "run-1", "run-2"]),
    seed=COUNTS,
    created_time=TIMES,
    completion_time=st.none() | TIMES,
)
DEMANDS = typed(Demand, qubits=st.integers(0, 40), shots=COUNTS)
PLANS = typed(
    Plan,
    policy=st.just("default"),
    policy_uid=st.just("uid"),
    policy_generation=COUNTS,
    demand=DEMANDS,
    steps=st.lists(
        typed(
            Step,
            name=st.just("primary"),
            candidates=st.lists(CANDIDATES, max_size=3).map(tuple),
            attempts=st.lists(ATTEMPTS, max_size=4, unique_by=lambda one: one.number).map(tuple),
        ),
        max_size=1,
    ).map(tuple),
)
REFS = st.just(ArtifactRef(name="bell-input", sha256=SHA, bytes=10))
STATUSES = typed(
    QuantumJobStatus,
    conditions=CONDITIONS,
    plan=st.none() | PLANS,
    input=st.none() | REFS,
    shots=st.none() | COUNTS,
)
JOBS: st.SearchStrategy[QuantumJob] = st.builds(
    lambda program, task, limit, status, key: job(
        programs=[{"name": "bell", **program}], task=task, backoffLimit=limit, **key
    ).model_copy(update={"status": status}),
    PROGRAMS,
    TASKS,
    st.integers(0, 10),
    STATUSES,
    st.sampled_from([{}, {"idempotencyKey": KEY}, {"shadowOf": {"name": "first", "uid": "uid-of-first"}}]),
)
CLAIMS = st.builds(
    lambda uid, digest, paid, result: claim_of(
        first(), uid=uid, **({} if digest is None else {"digest": digest}), paid=paid, done=result
    ),
    st.sampled_from(["uid-of-first", "uid-of-team-bell"]),
    st.sampled_from([None, "0" * 64]),
    st.sampled_from([None, PAID]),
    st.sampled_from([None, done()]),
)
HOLDERS = st.none() | STATUSES.map(lambda status: first().model_copy(update={"status": status}))
BACKENDS: st.SearchStrategy[QuantumBackend] = st.builds(
    lambda name, qubits, ready, limit, price, memory: backend(
        name,
        qubits=qubits,
        ready=ready,
        limits={"maxConcurrentRuns": limit, "maxShots": 10**6},
        run={"memory": memory},
        price=price,
    ),
    BACKEND_NAMES,
    st.integers(1, 40),
    st.sampled_from([True, False, None]),
    st.integers(1, 3),
    PRICES,
    st.sampled_from(["2Gi", "0", "1m", "9" * 30 + "Ti"]),
)
OUTCOMES = st.sampled_from(
    [
        b"",
        b"{}",
        b"\xff",
        b'{"run":"bell-attempt","inputSha256":"%s"}' % SHA.encode(),
        b'{"run":"bell-attempt","inputSha256":"%s","pubs":[{"program":"bell","shape":[],"shots":1,"samples":[{"index":0,'
        b'"registers":[{"name":"c","size":2,"counts":{"00":1}}]}]}]}' % SHA.encode(),
        b'{"run":"bell-attempt","inputSha256":"%s","pubs":[{"program":"bell","shape":[1],"shots":1,"values":[NaN],'
        b'"standardErrors":[1e999]}]}' % SHA.encode(),
        b'{"run":"bell-attempt","inputSha256":"%s","pubs":[{"program":"bell","shape":[1],"shots":1,"values":[0.5],'
        b'"standardErrors":[0.1]}],"threads":-5,"durationsMilliseconds":{"execute":9007199254740991}}' % SHA.encode(),
        b'{"run":"bell-attempt","inputSha256":"%s","error":{"reason":"InternalError","message":"m"}}' % SHA.encode(),
        b'{"run":"bell-attempt","inputSha256":"%s","error":{"reason":"InvalidProgram","message":"\\u0000"}}'
        % SHA.encode(),
    ]
)
RUNS = st.builds(
    RunObserved,
    name=st.just("bell-attempt"),
    uid=st.sampled_from(["run-1", "run-2"]),
    state=st.sampled_from(["Pending", "Running", "Finished"]),
    message=MESSAGES,
    outcome=st.none() | OUTCOMES,
    failure=st.sampled_from(["", "OOMKilled", "Evicted", "x" * 3000]),
)
ASSIGNMENTS = st.builds(
    Assignment,
    job_uid=st.just("uid-of-team-bell"),
    demand=DEMANDS | st.just(Demand(qubits=2, shots=1024)) | st.just(Demand(qubits=2, shots=1000)),
    verdict=st.sampled_from(["Assigned", "Waiting", "Impossible"]),
    reason=st.sampled_from(["Assigned", "AllBackendsBusy", "NoEligibleBackend"]),
    message=MESSAGES,
    backend=BACKEND_NAMES,
    candidates=st.lists(CANDIDATES, max_size=20).map(tuple),
    candidates_total=st.integers(0, 100),
)


SHARING = policy(
    shadow={"backend": "second", "percent": 100},
    features=[{"name": "deep", "percent": 50, "execution": {"optimizationLevel": 3}}],
)
PRIMARIES = st.none() | st.builds(
    lambda ended, outcome, accepted, truncated: Primary(with_shadow(ended, truncated), accepted, outcome),
    st.just(succeeded()) | HOLDERS.filter(lambda job: job is not None),
    st.none() | OUTCOMES,
    st.sampled_from([None, b"", b"{}"]),
    st.booleans(),
)


def with_shadow(job: QuantumJob, truncated: bool) -> QuantumJob:
    """The job with a shadow on record, and a result of which the status may not have all."""
    result = job.status.result
    cut = result.model_copy(update={"truncated": truncated}) if result is not None else None
    update = {"shadow": shadow_name(job.metadata.name, job.metadata.uid), "result": cut}
    return job.model_copy(update={"status": job.status.model_copy(update=update)})


@st.composite
def observations(draw: st.DrawFn) -> Observed:
    """Anything that one decision could be asked about."""
    return Observed(
        now=NOW,
        job=draw(JOBS),
        policy=draw(st.sampled_from([None, policy(), policy(maxShots=100), SHARING])),
        sources=draw(st.sampled_from([{}, {"bell": None}, {"bell": BELL}, {"bell": ""}, {"bell": "\ud800"}])),
        assignment=draw(st.none() | ASSIGNMENTS),
        run=draw(st.none() | RUNS),
        backend=draw(st.none() | BACKENDS),
        refusal=draw(st.just("") | MESSAGES),
        claim=draw(st.none() | CLAIMS),
        holder=draw(HOLDERS | st.just(succeeded())),
        primary=draw(PRIMARIES),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Anything that one round of assignments could be asked about."""
    policies = st.none() | st.just(policy("simulator", "second").spec) | st.just(policy("x" * 253, "third").spec)
    created = st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])
    count = draw(st.integers(0, 6))
    heads = tuple(
        Head(
            f"uid-{index}",
            draw(created),
            draw(st.integers(-2, 2)),
            "default",
            draw(policies),
            Request(draw(DEMANDS), "team", {}),
        )
        for index in range(count)
    )
    backends = tuple(draw(st.lists(BACKENDS, max_size=4, unique_by=lambda one: one.metadata.name)))
    return Snapshot(heads, backends, draw(st.dictionaries(BACKEND_NAMES, st.integers(0, 4))))
