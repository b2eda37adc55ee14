"""`qjob plan`: what would become of a job, before it is submitted."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer
from lightkube.core.exceptions import ApiError
from lightkube.resources.core_v1 import Namespace as NamespaceResource

from quantum_operator.api.backend import QuantumBackend, QuantumBackendStatus
from quantum_operator.api.conditions import ConditionType
from quantum_operator.api.figures import Candidate, Figures
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cli.errors import FAILED, CommandError
from quantum_operator.cli.kube import Cluster, connect
from quantum_operator.cli.options import DEFAULT_NAMESPACE, Context, Files, Namespace
from quantum_operator.cli.present import approval_of, ledgers, live_attempts, probes_of, runs_of
from quantum_operator.cli.render import columns
from quantum_operator.cli.validate import read_manifests
from quantum_operator.decide.cost import money
from quantum_operator.decide.forecast import Forecast, Present, forecast
from quantum_operator.decide.observed import Observed
from quantum_operator.decide.purse import currencies
from quantum_operator.decide.status import set_condition
from quantum_operator.local.manifests import InvalidManifestsError
from quantum_operator.local.world import LocalWorld, assemble
from quantum_operator.ports.world import Key

NAME_LABEL = "kubernetes.io/metadata.name"
SHADOW = "{0.percent} % of such jobs are run once more on {0.backend}, at what that costs"
TRAFFIC = "the policy splits it by the UID that the job will have; this is for no share in particular"
NOT_FIGURES = ("choice", "shared", "state", "tried")
"""Figures that say nothing beside the verdict's own message."""


@dataclass(frozen=True)
class Planned:
    """A job, what would become of it, what that leaves out, and who has approved it already."""

    job: QuantumJob
    forecast: Forecast
    left_out: tuple[str, ...] = ()
    approved_by: str = ""


def plan(
    files: Files,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Plan against a cluster: its policies, backends and ConfigMaps.")
    ] = False,
    namespace: Namespace = None,
    context: Context = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("--output", "-o", help="For people, or everything as JSON.")
    ] = "text",
) -> None:
    """Say what would become of the QuantumJobs of these files, and submit nothing.

    Which backend each would get, what it may cost there at most, how long it may take, whether somebody has to approve
    it, and why every other backend is passed over, with the figures that this is judged by. It is decided as the
    operator does.

    Without --cluster, policies, ConfigMaps and backends are those of the files and the built-in simulators; a
    provider's device is taken to be ready, no run to be under way and no money to be spent. With it, what the files
    lack comes from the cluster, and what is under way there counts: runs, breakers that are open, money that is spent
    or reserved, and an approval of the very job; as far as you may read that.

    Exit code 0 when every job would have a backend, 1 when one would wait or be refused, 2 when the files can't be
    used.
    """
    manifests = read_manifests(files)
    now = datetime.now(UTC)
    try:
        if cluster or context is not None:
            with connect(context, namespace) as there:
                planned = _in_cluster(there, assemble(manifests, there.namespace), now)
        else:
            planned = _offline(assemble(manifests, namespace or DEFAULT_NAMESPACE), now)
    except InvalidManifestsError as error:
        raise CommandError(str(error)) from error
    if not planned:
        raise CommandError(f"there is no QuantumJob in {', '.join(map(str, files))}; name the file that has the job")
    if output == "json":
        typer.echo(json.dumps({"jobs": [_wire(one) for one in planned]}, indent=2))
    else:
        typer.echo("\n\n".join("\n".join(_lines(one)) for one in planned))
    raise typer.Exit(0 if all(one.forecast.verdict == "Assigned" for one in planned) else FAILED)


def _offline(world: LocalWorld, now: datetime) -> list[Planned]:
    """By the files alone."""
    backends = [_ready(one, now) for one in world.backends.values()]
    return [
        Planned(job, forecast(_observed(now, key, job, world), backends, {NAME_LABEL: key.namespace}))
        for key, job in world.jobs.items()
    ]


def _observed(now: datetime, key: Key, job: QuantumJob, world: LocalWorld) -> Observed:
    policy = world.policies.get(Key(key.namespace, job.spec.policy_ref.name))
    return Observed(now, job, policy=policy, sources=_sources(job, world, {}))


def _in_cluster(cluster: Cluster, world: LocalWorld, now: datetime) -> list[Planned]:
    """By the files, and the cluster for what they lack: a policy or backend in them is as if it were applied."""
    built_in = assemble((), cluster.namespace).backends
    given = {name: _ready(one, now) for name, one in world.backends.items() if built_in.get(name) != one}
    backends = list(({one.metadata.name: one for one in cluster.backends()} | given).values())
    live, left_out = live_attempts(cluster, {key.namespace for key in world.jobs})
    planned = []
    for key, job in world.jobs.items():
        there = Cluster(cluster.client, key.namespace)
        known = {one.metadata.name: one for one in there.policies()}.get(job.spec.policy_ref.name)
        policy = world.policies.get(Key(key.namespace, job.spec.policy_ref.name)) or known
        if policy is not None and known is not None:
            policy = policy.model_copy(update={"status": known.status})
        observed = Observed(now, job, policy=policy, sources=_sources(job, world, _config_maps(there, job, world)))
        books, unread = ledgers(there, currencies([policy.spec] if policy is not None else [], backends), now)
        permit, by = approval_of(there, observed)
        probes = probes_of(policy, key.namespace, live) if policy is not None else {}
        present = Present(runs_of(live), books, probes, permit)
        word = forecast(observed, backends, _labels(cluster, key.namespace), present)
        planned.append(Planned(job, word, (*left_out, *unread), by))
    return planned


def _ready(backend: QuantumBackend, now: datetime) -> QuantumBackend:
    """The backend of a file, which nobody has asked how it is, as if it were ready."""
    conditions = set_condition(
        (), ConditionType.READY, True, "Ready", "taken to be ready", generation=backend.metadata.generation, now=now
    )
    return backend.model_copy(update={"status": QuantumBackendStatus(conditions=conditions)})


def _sources(job: QuantumJob, world: LocalWorld, more: Mapping[str, Mapping[str, str]]) -> dict[str, str | None]:
    refs = {one.name: one.config_map_key_ref for one in job.spec.programs if one.config_map_key_ref is not None}
    maps = {
        ref.name: world.config_maps.get(Key(job.metadata.namespace, ref.name)) or more.get(ref.name) or {}
        for ref in refs.values()
    }
    return {name: maps[ref.name].get(ref.key) for name, ref in refs.items()}


def _config_maps(cluster: Cluster, job: QuantumJob, world: LocalWorld) -> dict[str, dict[str, str]]:
    names = {one.config_map_key_ref.name for one in job.spec.programs if one.config_map_key_ref is not None}
    found = {
        name: cluster.config_map(name) for name in names if Key(job.metadata.namespace, name) not in world.config_maps
    }
    return {name: dict(one.data or {}) for name, one in found.items() if one is not None}


def _labels(cluster: Cluster, namespace: str) -> dict[str, str]:
    """The namespace's labels; only its name where its labels may not be read."""
    try:
        metadata = cluster.client.get(NamespaceResource, namespace).metadata
    except ApiError as error:
        if error.status.code not in (403, 404):
            raise
        return {NAME_LABEL: namespace}
    return {NAME_LABEL: namespace, **(metadata.labels or {} if metadata is not None else {})}


def _wire(one: Planned) -> dict[str, Any]:
    word = one.forecast
    cost = {"ceilingMicros": word.ceiling_micros, "currency": word.currency}
    seconds = {"waitSeconds": word.wait_seconds, "runSeconds": word.run_seconds}
    return {
        "namespace": one.job.metadata.namespace,
        "name": one.job.metadata.name,
        "verdict": word.verdict,
        "reason": word.reason,
        "message": word.message,
        "trafficIsSplit": word.shared_out,
        "shadow": word.shadow.to_wire() if word.shadow is not None else None,
        "features": list(word.features),
        "featuresOfSome": [{"name": feature.name, "percent": feature.percent} for feature in word.perhaps],
        "approvalNeeded": bool(word.approval),
        **({"approvedBy": one.approved_by} if one.approved_by else {}),
        **({"notCounted": list(one.left_out)} if one.left_out else {}),
        **({"backend": word.backend, "cost": cost, "time": seconds} if word.backend else {}),
        "question": word.question.to_wire() if word.question is not None else None,
        "candidates": [candidate.to_wire() for candidate in word.candidates],
        "candidatesTotal": word.candidates_total,
    }


def _lines(one: Planned) -> Iterator[str]:
    word, meta = one.forecast, one.job.metadata
    yield f"{meta.namespace}/{meta.name}: {word.reason}: {word.message}"
    if word.backend:
        rows = [("Backend:", word.backend), ("Cost:", _cost(word)), ("Time:", _time(word))]
        rows += [("Approval:", _approval(one))]
        rows += [("Features:", _features(word))] if word.features or word.perhaps else []
        rows += [("Shadow:", SHADOW.format(word.shadow))] if word.shadow is not None else []
        rows += [("Traffic:", TRAFFIC)] if word.shared_out else []
        yield from columns(rows, indent=2)
    yield from (f"  Without: {told}" for told in one.left_out)
    if word.candidates:
        yield "  Candidates, in the policy's order:"
        table = columns([_row(candidate) for candidate in word.candidates], indent=4)
        for line, candidate in zip(table, word.candidates, strict=True):
            yield line
            yield f"      {figures_told(candidate.figures)}"
    if word.candidates_total > len(word.candidates):
        yield f"    … {word.candidates_total - len(word.candidates)} more"


def _row(candidate: Candidate) -> tuple[str, ...]:
    points = f" (score {candidate.score})" if candidate.score is not None else ""
    return candidate.backend, candidate.verdict, candidate.reason, f"{candidate.message}{points}"


def _cost(word: Forecast) -> str:
    if word.ceiling_micros is None:
        return "nobody can say before"
    return f"at most {money(word.ceiling_micros, word.currency or 'USD')}" if word.ceiling_micros else "nothing"


def _approval(one: Planned) -> str:
    if one.forecast.approval:
        return f"needed: {'; '.join(one.forecast.approval)}"
    return f"given by {one.approved_by}" if one.approved_by else "not needed"


def _features(word: Forecast) -> str:
    """The features that the job has, and those of which its UID will tell."""
    some = ", ".join(f"{one.name} ({one.percent} % of the jobs)" for one in word.perhaps)
    has = ", ".join(word.features)
    return "; ".join([*([has] if has else []), *([f"by its UID perhaps {some}; this is without"] if some else [])])


def _time(word: Forecast) -> str:
    wait = "a queue that nobody can tell" if word.wait_seconds is None else f"a queue of about {word.wait_seconds} s"
    return f"{f'{wait}, then ' if word.wait_seconds != 0 else ''}at most {word.run_seconds} s"


def figures_told(figures: Figures | None) -> str:
    """The figures on one line, as they are called in the status."""
    if figures is None:
        return "no figures on record"
    wire = {name: value for name, value in figures.to_wire().items() if name not in NOT_FIGURES}
    return ", ".join(f"{name} {_told(value)}" for name, value in wire.items()) or "nothing is told of it"


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)
