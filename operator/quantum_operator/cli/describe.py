"""`qjob describe`: a job's story, and what to do next."""

from collections.abc import Iterator, Sequence

import typer

from quantum_operator.api.conditions import REASONS, ConditionType
from quantum_operator.api.expected import ExpectedPub
from quantum_operator.api.jobstatus import Step
from quantum_operator.api.program import Program
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.shadow import Comparison
from quantum_operator.cli.approve import figures
from quantum_operator.cli.options import Context, Folder, JobName, Namespace
from quantum_operator.cli.outcomes import outcome_in_status
from quantum_operator.cli.render import columns, pubs_of, result_lines
from quantum_operator.cli.run import bar
from quantum_operator.cli.sources import EventLine, open_source
from quantum_operator.decide.change import told


def describe(name: JobName, namespace: Namespace = None, context: Context = None, folder: Folder = None) -> None:
    """Tell a job's story, and what to do next.

    What it asks, which backends could run it and why, its attempts, its result, and its events.
    """
    with open_source(name, folder, context, namespace) as source:
        job = source.job()
        events = source.events(job)
    typer.echo("\n".join(story(job, events)))


def story(job: QuantumJob, events: Sequence[EventLine]) -> list[str]:
    """The whole story, line by line."""
    sections = (_summary(job), _conditions(job), _approval(job), _plan(job), _result(job), _events(events), _next(job))
    return [line for section in sections for line in section]


def advice(job: QuantumJob) -> list[tuple[str, str]]:
    """The reasons for which the job does not go on or has failed, and what each means."""
    reasons = {
        one.reason: REASONS.get(one.reason, one.message)
        for one in job.status.conditions
        if one.status == "False" and one.type != ConditionType.RUNNING
    }
    return list(reasons.items())


def _summary(job: QuantumJob) -> Iterator[str]:
    spec, status = job.spec, job.status
    pubs = len(pubs_of(spec))
    task = "sample" if spec.task.sample is not None else "estimate"
    rows = [
        ("Name:", job.metadata.name),
        ("Namespace:", job.metadata.namespace),
        ("UID:", job.metadata.uid),
        ("Created:", job.metadata.creation_timestamp),
        ("Phase:", status.phase or "not seen by the operator yet"),
        *_submission(job),
        ("Policy:", spec.policy_ref.name),
        *_terms(job),
        ("Programs:", ", ".join(f"{one.name} ({_origin(one)})" for one in spec.programs)),
        ("Task:", f"{task}, {pubs} {'pub' if pubs == 1 else 'pubs'}{_shots(job)}"),
        ("Limits:", _limits(job)),
    ]
    if spec.expected_output is not None:
        rows.append(("Expected:", "; ".join(map(_expected, spec.expected_output.pubs))))
    if status.fallback is not None:
        fell = status.fallback
        rows.append(("Fallback:", f"{fell.kind}, from {fell.from_ or 'no backend'}: {fell.class_}, {fell.reason}"))
    if status.result_of is not None:
        of = status.result_of
        rows.append(("Result of:", f"job {of.name}, run {of.run} on {of.backend}, which cost {of.cost.text}"))
    if status.comparison is not None:
        rows.append(("Compared:", _comparison(status.comparison)))
    if status.cost is not None:
        rows.append(("Cost:", status.cost.text))
    if status.execution is not None:
        record = status.execution
        rows.append(("Engine:", f"{record.engine}, {record.method}, {record.precision}, seed {record.seed}"))
        rows.append(("Versions:", ", ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))))
        rows += [
            (
                "Circuit:",
                f"{one.program}: {one.qubits} qubits, depth {one.depth}, {one.two_qubit_gates} two-qubit gates",
            )
            for one in record.circuits
        ]
    yield from columns(rows)


def _comparison(found: Comparison) -> str:
    """How a shadow's result compares, on one line."""
    far = [
        f"pubs[{one.index}] by {(one.distance_ppm or 0) / 1_000_000:.4f}"
        if one.deviation_thousandths is None
        else f"pubs[{one.index}] by {one.deviation_thousandths / 1000:.2f} standard errors"
        for one in found.pubs
    ]
    level = f"at a significance of {found.significance_ppm / 1_000_000:g}"
    return "; ".join([f"with {found.backend}: {found.differ} of {found.tests} tests differ {level}", *far])


def _terms(job: QuantumJob) -> Iterator[tuple[str, str]]:
    spec = job.spec
    if spec.tier is not None:
        yield "Tier:", spec.tier
    if spec.data is not None:
        yield "Data:", ", ".join([spec.data.class_, *(f"in {one}" for one in spec.data.regions or ())])
    if spec.providers is not None:
        yield "Providers:", ", ".join(spec.providers)


def _limits(job: QuantumJob) -> str:
    spec = job.spec
    whole = f", {spec.time_budget_seconds} s in all" if spec.time_budget_seconds is not None else ""
    return f"{spec.active_deadline_seconds} s a run, {spec.backoff_limit} retries of lost runs{whole}"


def _expected(pub: ExpectedPub) -> str:
    """What one pub is to give."""
    words = [f"shape {list(pub.shape)}"] if pub.shape is not None else []
    words += [f"{one.name}[{one.size}]" for one in pub.registers or ()]
    words += [f"{pub.values} values"] if pub.values is not None else []
    return ", ".join(words) or "anything"


def _submission(job: QuantumJob) -> Iterator[tuple[str, str]]:
    spec = job.spec
    if spec.idempotency_key is not None:
        yield "Key:", repr(spec.idempotency_key)
    if spec.correlation_id is not None:
        yield "Correlation:", spec.correlation_id
    if spec.replay_of is not None:
        yield "Replay of:", f"job {spec.replay_of.name}, UID {spec.replay_of.uid}"
    if spec.shadow_of is not None:
        yield "Shadow of:", f"job {spec.shadow_of.name}, UID {spec.shadow_of.uid}"
    if job.status.shadow is not None:
        yield "Shadow:", f"job {job.status.shadow}"
    if spec.tags:
        yield "Tags:", ", ".join(f"{key}={value}" for key, value in sorted(spec.tags.items()))


def _origin(program: Program) -> str:
    if program.template is not None:
        return f"template {program.template.name}"
    if program.config_map_key_ref is not None:
        return f"ConfigMap {program.config_map_key_ref.name}"
    return "qasm3" if program.qasm3 is not None else "qasm2"


def _shots(job: QuantumJob) -> str:
    return f", {job.status.shots:,} shots in all" if job.status.shots is not None else ""


def _conditions(job: QuantumJob) -> Iterator[str]:
    if job.status.conditions:
        yield "Conditions:"
        rows = [(one.type, one.status, one.reason, one.last_transition_time) for one in job.status.conditions]
        texts = [one.message for one in job.status.conditions]
        for line, text in zip(columns(rows, indent=2), texts, strict=True):
            yield f"{line}  {text}".rstrip()


def _approval(job: QuantumJob) -> Iterator[str]:
    if job.status.approval is not None:
        yield "Approval:"
        yield from columns(figures(job.status.approval), indent=2)


def _plan(job: QuantumJob) -> Iterator[str]:
    plan = job.status.plan
    if plan is None:
        return
    demand = plan.demand
    shots = f" and {demand.shots:,} shots" if demand.shots else ""
    yield f"Plan: by policy {plan.policy} (generation {plan.policy_generation}), for {demand.qubits} qubits{shots}"
    if plan.features:
        yield f"  Features: {', '.join(plan.features)}"
    for step in plan.steps:
        yield from _step(job, step)


def _step(job: QuantumJob, step: Step) -> Iterator[str]:
    yield f"  Step {step.name}, candidates in order of preference:"
    yield from columns([(one.backend, one.verdict, one.reason, one.message) for one in step.candidates] or [], indent=4)
    if step.candidates_total > len(step.candidates):
        yield f"    … {step.candidates_total - len(step.candidates)} more"
    if step.attempts:
        yield "  Attempts:"
        rows = [
            (
                f"{one.number}",
                one.name,
                one.backend,
                f"{one.state}{told(job, one.changes)}",
                f"{one.start_time or one.created_time} to {one.completion_time or 'now'}"
                + (f", submitted {one.submitted_time}" if one.submitted_time else ""),
                f"{one.reason}: {one.message}" if one.message else one.reason,
            )
            for one in step.attempts
        ]
        yield from columns(rows, indent=4)


def _result(job: QuantumJob) -> Iterator[str]:
    result = job.status.result
    if result is None:
        return
    yield "Result:"
    yield from (f"  {line}" for line in result_lines(job.spec, outcome_in_status(job, result), bar=bar()))
    if result.truncated:
        removed = job.status.payload_removed_time
        more = f"the rest was removed at {removed}" if removed else f"`qjob result {job.metadata.name}` has all"
        yield f"  The status has the top of it; {more}."


def _events(events: Sequence[EventLine]) -> Iterator[str]:
    if events:
        yield "Events:"
        yield from columns([(one.time, one.type, one.reason, one.message) for one in events], indent=2)


def _next(job: QuantumJob) -> Iterator[str]:
    found = advice(job)
    if found:
        yield "What to do:"
        yield from (f"  {reason}: {text}" for reason, text in found)
