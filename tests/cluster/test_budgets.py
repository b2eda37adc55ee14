"""Many jobs against a cap, on a real API server, with an operator that is killed again and again: none is over.

The provider's part is a stand-in's, who charges every task that it is given its whole ceiling.
"""

import json
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quantum_operator.api.ledger import QuantumLedger
from quantum_operator.cli.app import app
from quantum_operator.testing import builders
from support.clusterworld import Json, manifest, serve_crds_of_our_own
from support.explained import otherwise
from support.forkedoperator import ForkedOperator
from support.operators import grant_everywhere
from support.standinagent import OURS, Rest, StandInAgent, offer
from testcluster import BuiltCluster, Cluster
from testcluster.processes import eventually

SECONDS = 120.0
USER = "operator-of-budgets"
JOBS, FITS = 200, 37
SHOTS = 100
COST = SHOTS * 3
"""What a job costs at three micro-units a shot."""

CAP = FITS * COST + COST - 1
"""Room for so many, and for all but a micro-unit of another one."""


class Bank:
    """A namespace with jobs of two policies, a device with a cap of its own, and the month's ledger."""

    def __init__(self, cluster: BuiltCluster, folder: Path) -> None:
        self.cluster, self._folder, tag = cluster, folder, secrets.token_hex(4)
        self.namespace, self.agents, self.backend = f"test-{tag}", f"test-{tag}-agent", f"qpu-{tag}"
        for name in (self.namespace, self.agents):
            cluster.kubectl("create", "namespace", name)
        self.client = Rest(cluster.kubeconfig)
        offer(self.client, self.backend, self.agents, "qpu", budget={"limitMicros": CAP})
        for name, on_exceeded in (("waits", "Wait"), ("fails", "Fail")):
            one = builders.policy(self.backend, name=name, onExceeded=on_exceeded)
            self.client.request("POST", self.path("backendpolicies"), manifest(one, self.namespace))
        self.agent = StandInAgent(self.client, self.agents, 0.05)
        watched = f"{self.namespace},{self.agents}"
        self.operator = ForkedOperator(cluster.kubeconfig_for(USER), watched, folder / "operator.log")

    def close(self) -> None:
        """End everything, and remove it."""
        self.operator.kill()
        try:
            self.agent.close()
        finally:
            self.client.close()
        self.cluster.kubectl("delete", "quantumbackend", self.backend)
        self.cluster.kubectl("delete", "namespace", self.namespace, self.agents, "--wait=false")

    def path(self, plural: str) -> str:
        """The path of the namespace's objects of a kind."""
        return f"{OURS}/namespaces/{self.namespace}/{plural}"

    def submit(self, count: int) -> None:
        """Create so many jobs, half of them under each policy."""
        task = {"sample": {"pubs": [{"program": "bell", "shots": SHOTS}]}}
        jobs = [
            builders.job(f"job-{number}", task=task, policyRef={"name": "waits" if number % 2 else "fails"})
            for number in range(count)
        ]
        self.client.create_all(self.path("quantumjobs"), [manifest(job, self.namespace) for job in jobs])

    def jobs(self) -> list[Json]:
        """All jobs as they are."""
        found: list[Json] = self.client.request("GET", self.path("quantumjobs"))["items"]
        return found

    def plan(self) -> Json:
        """What `qjob plan` says of one more job."""
        file = self._folder / "planned.json"
        task = {"sample": {"pubs": [{"program": "bell", "shots": SHOTS}]}}
        planned = builders.job("planned", task=task, policyRef={"name": "waits"})
        file.write_text(json.dumps(manifest(planned, self.namespace)), encoding="utf-8")
        here = {"KUBECONFIG": str(self.cluster.kubeconfig), "NO_PROXY": "*"}
        done = CliRunner().invoke(app, ["plan", str(file), "--cluster", "-o", "json"], env=here)
        found: Json = json.loads(done.stdout)["jobs"][0]
        return found

    def ledger(self) -> tuple[int, int]:
        """What of the month's money is spent and reserved on the device."""
        name = f"usd-{datetime.now(UTC):%Y-%m}"
        if not self.cluster.kubectl("get", "quantumledger", name, "--ignore-not-found").stdout:
            return 0, 0
        status = QuantumLedger.model_validate(self.client.request("GET", f"{OURS}/quantumledgers/{name}")).status
        spent = sum(one.micros for one in status.totals if one.backend == self.backend)
        return spent, sum(one.micros for one in status.reservations if one.backend == self.backend)


@pytest.fixture
def bank(api_server: Cluster, tmp_path: Path) -> Iterator[Bank]:
    """A bank of its own."""
    serve_crds_of_our_own(api_server)
    grant_everywhere(api_server, USER)
    made = Bank(api_server, tmp_path)
    yield made
    made.close()


def standing(job: Json) -> tuple[str, str, str]:
    """The policy of a job, the reason why it is over or waits, and the message."""
    conditions = {one["type"]: one for one in job.get("status", {}).get("conditions", [])}
    last = conditions.get("Complete") or conditions.get("Scheduled") or {"reason": "", "message": ""}
    return job["spec"]["policyRef"]["name"], last["reason"], last["message"]


def test_two_hundred_jobs_against_a_cap_that_fits_thirty_seven(bank: Bank) -> None:
    """Exactly 37 spend, and never one micro-unit over; the others fail or wait, as their policy says, and say why.

    The operator is killed five times on the way: once money is reserved, and while it is spent.
    """
    bank.submit(JOBS)
    most = 0
    for spent in (0, 6, 14, 22, 30):

        def far_enough(least: int = spent) -> bool:
            nonlocal most
            most = max(most, sum(bank.ledger()))
            return len(bank.agent.submitted) >= least and sum(bank.ledger()) > 0

        assert eventually(far_enough, SECONDS), bank.operator.said()
        bank.operator.restart()

    def settled() -> bool:
        nonlocal most
        most = max(most, sum(bank.ledger()))
        reasons = Counter(standing(one)[1] for one in bank.jobs())
        return reasons["Succeeded"] == FITS and set(reasons) == {"Succeeded", "BudgetExhausted", "BudgetExceeded"}

    assert eventually(settled, SECONDS), (Counter(standing(one)[:2] for one in bank.jobs()), bank.operator.said())
    assert eventually(lambda: bank.ledger() == (FITS * COST, 0), SECONDS), bank.ledger()
    assert most <= CAP
    assert bank.agent.charged == FITS * COST
    assert Counter(bank.agent.submitted.values()) == {1: FITS}
    found = bank.jobs()
    assert sum(one["status"].get("cost", {}).get("micros", 0) for one in found) == FITS * COST
    for policy, reason, message in map(standing, found):
        assert reason in ("Succeeded", {"waits": "BudgetExhausted", "fails": "BudgetExceeded"}[policy])
        assert reason == "Succeeded" or f"the budget of QuantumBackend {bank.backend} is" in message
    assert otherwise(found) == {}


def test_what_waits_goes_on_when_there_is_more_money(bank: Bank) -> None:
    """A larger budget is seen at once, and as many as it fits go on."""
    bank.submit(2 * FITS + 10)
    waits = lambda: sum(standing(one)[1] == "BudgetExhausted" for one in bank.jobs())  # noqa: E731
    reasons = lambda: {standing(one)[1] for one in bank.jobs()}  # noqa: E731
    told = {"Succeeded", "BudgetExhausted", "BudgetExceeded"}
    assert eventually(lambda: bank.ledger() == (FITS * COST, 0) and reasons() <= told, SECONDS), bank.operator.said()
    left = waits()
    plan = bank.plan()
    assert (plan["reason"], [one["reason"] for one in plan["candidates"]]) == ("BudgetExhausted", ["OverBudget"])
    change = json.dumps({"spec": {"budget": {"limitMicros": CAP + 5 * COST}}})
    bank.cluster.kubectl("patch", "quantumbackend", bank.backend, "--type=merge", "--patch", change)
    assert eventually(lambda: bank.ledger() == ((FITS + 5) * COST, 0), SECONDS), bank.operator.said()
    assert waits() == left - 5
    change = json.dumps({"spec": {"budget": {"limitMicros": 100 * CAP}}})
    bank.cluster.kubectl("patch", "quantumbackend", bank.backend, "--type=merge", "--patch", change)
    assert bank.plan()["backend"] == bank.backend
