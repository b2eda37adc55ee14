"""`qjob plan`: what would become of a job, and nothing is submitted."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.cli.present import JOBS_REFUSED, LEDGERS_REFUSED, OWN_JOBS_REFUSED
from quantum_operator.testing import builders
from unit.cli.apiserver import FakeCluster
from unit.cli.conftest import EXAMPLES, GROUP, Commands

DEFAULT = f"{GROUP}/namespaces/default"
QPU: dict[str, Any] = {
    "adapter": "ibm",
    "provider": {"agent": "ibm", "device": "qpu"},
    "price": {"perRunMicros": 300_000, "perShotMicros": 10},
    "limits": {"maxTaskSeconds": 120},
}
GOLD = {"from": "Selector", "selector": {"matchLabels": {"tier": "gold"}}}


def manifest(resource: Any) -> dict[str, Any]:
    """As a person writes it."""
    wire: dict[str, Any] = resource.to_wire()
    wire.pop("status", None)
    wire["metadata"] = {"name": wire["metadata"]["name"]}
    return wire


def written(folder: Path, *resources: Any) -> Path:
    """A folder with a file for each of these."""
    for number, resource in enumerate(resources):
        (folder / f"{number}.json").write_text(json.dumps(manifest(resource)))
    return folder


def test_the_examples_are_planned_without_a_cluster(command: Commands, tmp_path: Path) -> None:
    """Each gets the backend that `qjob run` gives it, and nothing is written anywhere."""
    result = command("plan", EXAMPLES, "-o", "json")
    assert result.exit_code == 0, result.stderr
    found = {one["name"]: one for one in json.loads(result.stdout)["jobs"]}
    assert {name: one["backend"] for name, one in found.items()} == {
        "bell": "aer-ideal",
        "expectation": "aer-ideal",
        "ghz-noisy": "aer-noisy",
        "sweep": "aer-ideal",
    }
    assert found["bell"]["cost"] == {"ceilingMicros": 0, "currency": "USD"}
    assert found["bell"]["time"]["waitSeconds"] == 0


def test_a_plan_says_cost_time_and_every_rejection_with_its_figures(command: Commands, tmp_path: Path) -> None:
    """For people: the choice, what it may cost, and for each other backend why not, by which figures."""
    files = written(
        tmp_path,
        builders.policy("narrow", "qpu", "aer-ideal", routing={"maxCostMicros": 1_000_000}),
        builders.backend("narrow", qubits=1),
        builders.backend("qpu", **QPU),
        builders.job("bell"),
    )
    result = command("plan", files)
    assert result.exit_code == 0, result.stderr
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[:4] == [
        "default/bell: Assigned: assigned to qpu by policy default",
        "Backend:   qpu",
        "Cost:      at most 0.31024 USD",
        "Time:      a queue that nobody can tell, then at most 120 s",
    ]
    assert "narrow     Rejected  TooFewQubits  has 1 qubits, the job needs 2" in lines
    assert "qpu        Chosen    Chosen        first that can take it" in lines
    told = ("kind Hardware", "adapter ibm", "qubits 20", "ceilingMicros 310240")
    assert any(all(part in line for part in told) for line in lines)


def test_a_job_that_no_backend_takes_is_told_so(command: Commands, tmp_path: Path) -> None:
    """With the reason of the job as a whole, and exit code 1."""
    routing = {"maxCostMicros": 10, "minQpuQubits": 3}
    files = written(tmp_path, builders.policy("qpu", routing=routing), builders.backend("qpu", **QPU), builders.job())
    result = command("plan", files)
    assert result.exit_code == 1
    assert "default/bell: NoEligibleBackend: no backend of policy default can run this: qpu: a QPU" in result.stdout
    assert "\n  Backend:" not in result.stdout


@pytest.mark.parametrize(
    ("resources", "verdict", "reason"),
    [
        ([builders.job()], "Waiting", "PolicyNotFound"),
        ([builders.job(), builders.policy(maxShots=1)], "Refused", "OverPolicyLimit"),
        ([builders.job(), builders.policy("absent")], "Waiting", "NoBackends"),
    ],
)
def test_a_job_that_would_wait_or_be_refused(
    command: Commands, tmp_path: Path, resources: list[Any], verdict: str, reason: str
) -> None:
    """The words are the operator's own."""
    result = command("plan", written(tmp_path, *resources), "-o", "json")
    (found,) = json.loads(result.stdout)["jobs"]
    assert (result.exit_code, found["verdict"], found["reason"]) == (1, verdict, reason)


def test_traffic_that_is_split_is_mentioned(command: Commands, tmp_path: Path) -> None:
    """Before a job is submitted it has no UID, and so no share."""
    shares = [{"backend": "aer-ideal", "percent": 50}, {"backend": "aer-noisy", "percent": 50}]
    files = written(tmp_path, builders.policy("aer-noisy", "aer-ideal", traffic=shares), builders.job())
    assert "Traffic:   the policy splits it by the UID" in command("plan", files).stdout


@pytest.mark.parametrize(
    ("key", "told"),
    [({}, "all; by its UID perhaps some (50 % of the jobs); this is without"), ({"idempotencyKey": "k1"}, "all, some")],
)
def test_features_are_told(command: Commands, tmp_path: Path, key: dict[str, str], told: str) -> None:
    """Those that the job has, and those that depend on the UID that it will have: a key tells before."""
    features = [{"name": name, "percent": percent, "execution": {}} for name, percent in (("all", 100), ("some", 50))]
    files = written(tmp_path, builders.policy("aer-ideal", features=features), builders.job(**key))
    assert f"Features:  {told}\n" in command("plan", files).stdout
    (found,) = json.loads(command("plan", files, "-o", "json").stdout)["jobs"]
    some = [] if key else [{"name": "some", "percent": 50}]
    assert (found["features"], found["featuresOfSome"]) == (["all"] if some else ["all", "some"], some)


@pytest.mark.parametrize(
    ("backend", "percent", "told"), [("aer-noisy", 5, True), ("aer-noisy", 0, False), ("aer-ideal", 100, False)]
)
def test_a_shadow_is_told_where_there_may_be_one(
    command: Commands, tmp_path: Path, backend: str, percent: int, told: bool
) -> None:
    """Not of none at all, nor where the job itself goes to the very backend."""
    share = {"backend": backend, "percent": percent}
    files = written(tmp_path, builders.policy("aer-ideal", shadow=share), builders.job())
    assert ("Shadow:    5 % of such jobs are run once more on aer-noisy" in command("plan", files).stdout) is told
    (found,) = json.loads(command("plan", files, "-o", "json").stdout)["jobs"]
    assert found["shadow"] == (share if told else None)


def test_files_without_a_job_can_not_be_planned(command: Commands, tmp_path: Path) -> None:
    """Exit code 2, and what to do."""
    result = command("plan", written(tmp_path, builders.policy()))
    assert result.exit_code == 2
    assert "there is no QuantumJob in" in result.stderr


def test_a_plan_against_a_cluster_reads_what_is_there(command: Commands, cluster: FakeCluster, tmp_path: Path) -> None:
    """Policies, backends with their state, ConfigMaps and the namespace's labels; and nothing is created."""
    cluster.add("/api/v1/namespaces/default", {"metadata": {"name": "default", "labels": {"tier": "gold"}}})
    cluster.add(f"{DEFAULT}/backendpolicies/default", builders.policy("dear", "down", "gold").to_wire())
    for one in (
        builders.backend("dear", namespaces={"from": "Selector", "selector": {"matchLabels": {"tier": "x"}}}),
        builders.backend("down", ready=False),
        builders.backend("gold", namespaces=GOLD),
    ):
        cluster.add(f"{GROUP}/quantumbackends/{one.metadata.name}", one.to_wire())
    source = {"metadata": {"name": "circuits", "namespace": "default"}, "data": {"bell": builders.BELL}}
    cluster.add("/api/v1/namespaces/default/configmaps/circuits", source)
    ref = {"name": "circuits", "key": "bell"}
    files = written(tmp_path, builders.job(programs=[{"name": "bell", "configMapKeyRef": ref}]))
    there = dict(cluster.objects)
    result = command("plan", files, "--cluster", "-o", "json")
    assert result.exit_code == 0, result.stderr + result.stdout
    (found,) = json.loads(result.stdout)["jobs"]
    assert [(one["backend"], one["reason"]) for one in found["candidates"]] == [
        ("dear", "NotShared"),
        ("down", "NotReady"),
        ("gold", "Chosen"),
    ]
    assert found["question"]["policyGeneration"] == 1
    assert cluster.objects == there


def test_a_plan_does_without_labels_that_may_not_be_read(
    command: Commands, cluster: FakeCluster, tmp_path: Path
) -> None:
    """A user without rights on namespaces plans by the namespace's name; a policy of the file is as if applied."""
    cluster.add(f"{GROUP}/quantumbackends/gold", builders.backend("gold", namespaces=GOLD).to_wire())
    cluster.add(f"{GROUP}/quantumbackends/plain", builders.backend("plain").to_wire())
    files = written(tmp_path, builders.policy("gold", "plain"), builders.job())
    cluster.refused = {"/api/v1/namespaces/default": 403}
    result = command("plan", files, "--context", "here", "-o", "json")
    (found,) = json.loads(result.stdout)["jobs"]
    assert (result.exit_code, found["backend"]) == (0, "plain")


def test_a_plan_that_has_to_be_approved_says_so(command: Commands, tmp_path: Path) -> None:
    """With the backend and the cost that somebody would approve, and why; until then the job would wait."""
    rules = {"aboveMicros": 100_000}
    files = written(
        tmp_path, builders.policy("qpu", approval=rules), builders.backend("qpu", **QPU), builders.job("bell")
    )
    result = command("plan", files)
    assert result.exit_code == 1, result.stderr
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[0].startswith("default/bell: AwaitingApproval: waits for approval to run on qpu")
    assert lines[1:3] == ["Backend:   qpu", "Cost:      at most 0.31024 USD"]
    assert lines[4].startswith("Approval:  needed: ")
    (found,) = json.loads(command("plan", files, "-o", "json").stdout)["jobs"]
    assert (found["verdict"], found["backend"], found["approvalNeeded"]) == ("Waiting", "qpu", True)


def jobs_under_way(cluster: FakeCluster, namespace: str, *backends: str) -> None:
    """Jobs of the namespace whose attempts are there; the last two share a run."""
    for number, backend in enumerate(backends):
        attempt = {"name": f"run-{number}", "number": 1, "backend": backend, "state": "Running", "seed": 1}
        attempt |= {"createdTime": "2026-01-01T00:00:10Z"} | ({"batch": "shared"} if number > 1 else {})
        body = builders.job(f"job-{number}", namespace=namespace).to_wire()
        body["status"] = {"plan": {"steps": [{"name": "primary", "attempts": [attempt]}]}}
        cluster.add(f"{GROUP}/namespaces/{namespace}/quantumjobs/job-{number}", body)


def spent(cluster: FakeCluster, micros: int) -> None:
    """The month's ledger, with so much spent by the policy's jobs today."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    total = {"day": day, "namespace": "default", "policy": "default", "backend": "qpu", "kind": "Hardware"}
    status = {"spentMicros": micros, "totals": [total | {"micros": micros, "count": 1}]}
    name = f"usd-{day[:7]}"
    body = {"metadata": {"name": name}, "spec": {"currency": "USD", "month": day[:7]}, "status": status}
    cluster.add(f"{GROUP}/quantumledgers/{name}", body)


def candidates(command: Commands, files: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Each candidate's reason, and all of the plan."""
    result = command("plan", files, "--cluster", "-o", "json")
    (found,) = json.loads(result.stdout)["jobs"]
    return {one["backend"]: one["reason"] for one in found["candidates"]}, found


def test_what_is_under_way_in_the_cluster_counts(command: Commands, cluster: FakeCluster, tmp_path: Path) -> None:
    """Runs, a breaker that is open, probes of another, and money that is spent; what may not be read is told."""
    names = ("qpu", "open", "probed", "busy", "free")
    breaker = {"failurePercent": 50, "minimumAttempts": 1, "windowSeconds": 600, "openSeconds": 60, "probes": 1}
    policy = builders.policy(*names, breaker=breaker, budgets=[{"name": "all", "limitMicros": 310_240}]).to_wire()
    policy["metadata"]["namespace"] = "default"
    counted = {"since": "2026-01-01T00:00:00Z", "attempts": 1, "failures": 1}
    states = [{"backend": "open", "state": "Open"}, {"backend": "probed", "state": "HalfOpen"}]
    policy["status"] = {"breakers": [one | counted for one in states]}
    cluster.add(f"{DEFAULT}/backendpolicies/default", policy)
    limits = {"maxConcurrentRuns": 2}
    for one in (builders.backend("qpu", **QPU), *(builders.backend(name, limits=limits) for name in names[1:])):
        cluster.add(f"{GROUP}/quantumbackends/{one.metadata.name}", one.to_wire())
    jobs_under_way(cluster, "default", "busy", "probed", "free", "free")
    spent(cluster, 1)
    files = written(tmp_path, builders.job())
    there = dict(cluster.objects)
    reasons, found = candidates(command, files)
    given = {"open": "BreakerOpen", "probed": "BreakerProbing", "busy": "Chosen", "free": "Eligible"}
    assert reasons == {"qpu": "OverBudget", **given}
    jobs_under_way(cluster, "other", "busy")
    assert candidates(command, files)[0] == {"qpu": "OverBudget", **given, "busy": "Busy", "free": "Chosen"}
    assert "notCounted" not in found
    cluster.refused = {f"{GROUP}/quantumledgers": 403, f"{GROUP}/quantumjobs": 403}
    reasons, found = candidates(command, files)
    assert reasons["qpu"] == "Chosen"
    assert found["notCounted"] == [JOBS_REFUSED, LEDGERS_REFUSED]
    assert f"  Without: {LEDGERS_REFUSED}\n" in command("plan", files, "--cluster").stdout
    cluster.refused |= {f"{DEFAULT}/quantumjobs": 403}
    assert candidates(command, files)[1]["notCounted"] == [OWN_JOBS_REFUSED, LEDGERS_REFUSED]
    assert cluster.objects.keys() - {f"{GROUP}/namespaces/other/quantumjobs/job-0"} == there.keys()


def test_runs_of_the_job_s_own_namespace_count_where_no_others_may_be_seen(
    command: Commands, cluster: FakeCluster, tmp_path: Path
) -> None:
    """Whichever namespace the user works in."""
    policy = builders.policy("busy", "free", namespace="other").to_wire()
    cluster.add(f"{GROUP}/namespaces/other/backendpolicies/default", policy)
    for name in ("busy", "free"):
        one = builders.backend(name, limits={"maxConcurrentRuns": 1})
        cluster.add(f"{GROUP}/quantumbackends/{name}", one.to_wire())
    jobs_under_way(cluster, "other", "busy")
    cluster.refused = {f"{GROUP}/quantumjobs": 403}
    files = written(tmp_path, builders.job(namespace="other"))
    body = json.loads((files / "0.json").read_text())
    body["metadata"]["namespace"] = "other"
    (files / "0.json").write_text(json.dumps(body))
    reasons, found = candidates(command, files)
    assert reasons == {"busy": "Busy", "free": "Chosen"}
    assert found["notCounted"] == [JOBS_REFUSED]
