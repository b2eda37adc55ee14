"""Shadows on a real API server, with the operator as a process; the provider's part is a stand-in's."""

import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantum_operator.decide.names import shadow_name
from quantum_operator.decide.shadow import draw
from quantum_operator.testing import builders
from support.clusterworld import Json, manifest, serve_crds_of_our_own
from support.explained import otherwise
from support.forkedoperator import ForkedOperator
from support.operators import grant_everywhere
from support.standinagent import OURS, Rest, StandInAgent, offer
from testcluster import BuiltCluster, Cluster
from testcluster.processes import eventually

SECONDS = 60.0
USER = "operator-of-shadows"
JOBS, PERCENT = 5, 50
PAGE = Path(__file__).parents[2] / "docs/routing.md"
QJOB = f"{sys.executable} -m quantum_operator.cli"
(COMMANDS,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


class Stage:
    """A namespace whose policy has jobs run on one device, and half of them once more on another."""

    def __init__(self, cluster: BuiltCluster, folder: Path) -> None:
        self.cluster, tag = cluster, secrets.token_hex(4)
        self.namespace, self.agents = f"test-{tag}", f"test-{tag}-agent"
        self.devices = f"old-{tag}", f"new-{tag}"
        for name in (self.namespace, self.agents):
            cluster.kubectl("create", "namespace", name)
        self.client = Rest(cluster.kubeconfig)
        for name in self.devices:
            offer(self.client, name, self.agents, name)
        shadow = {"backend": self.devices[1], "percent": PERCENT}
        policy = builders.policy(self.devices[0], shadow=shadow)
        self.client.request("POST", self._path("backendpolicies"), manifest(policy, self.namespace))
        self.agent = StandInAgent(self.client, self.agents, 0.01)
        self.operator = ForkedOperator(
            cluster.kubeconfig_for(USER), f"{self.namespace},{self.agents}", folder / "operator.log"
        )

    def close(self) -> None:
        """End everything, and remove it."""
        self.operator.kill()
        try:
            self.agent.close()
        finally:
            self.client.close()
        self.cluster.kubectl("delete", "quantumbackend", *self.devices)
        self.cluster.kubectl("delete", "namespace", self.namespace, self.agents, "--wait=false")

    def submit(self, name: str) -> bool:
        """Create a job, and say whether its UID is one of those that have a shadow."""
        made = self.client.request("POST", self._path("quantumjobs"), manifest(builders.job(name), self.namespace))
        return draw(made["metadata"]["uid"]) < PERCENT

    def follow(self, commands: str) -> str:
        """What these commands of a page say of this namespace."""
        here = f"--namespace {self.namespace}"
        programs = f'kubectl() {{ command kubectl {here} "$@"; }}; qjob() {{ {QJOB} "$@" {here}; }}; '
        return self.cluster.run("sh", "-euc", programs + commands).stdout

    def jobs(self) -> dict[str, Json]:
        """All jobs as they are, by name."""
        found = self.client.request("GET", self._path("quantumjobs"))["items"]
        return {one["metadata"]["name"]: one for one in found}

    def condition(self, job: Json, kind: str) -> str:
        """The reason of a condition; empty while it is not there."""
        found = job.get("status", {}).get("conditions", [])
        return next((str(one["reason"]) for one in found if one["type"] == kind), "")

    def _path(self, plural: str) -> str:
        return f"{OURS}/namespaces/{self.namespace}/{plural}"


@pytest.fixture
def stage(api_server: Cluster, tmp_path: Path) -> Iterator[Stage]:
    """A stage of its own."""
    serve_crds_of_our_own(api_server)
    grant_everywhere(api_server, USER)
    made = Stage(api_server, tmp_path)
    yield made
    made.close()


def test_half_of_the_jobs_run_twice_and_agree(stage: Stage, faults: str) -> None:
    """Those that their UIDs say; each shadow is paid for by itself, compared, and owned by its primary.

    That Kubernetes removes it with that is waited for with `--faults=all` alone: in its first half minute a new kind
    has no garbage collection.
    """
    drawn = [name for name in (f"job-{number}" for number in range(JOBS)) if stage.submit(name)]
    while not drawn:
        drawn = [name for name in (f"job-{secrets.token_hex(4)}",) if stage.submit(name)]

    def over() -> bool:
        return all(stage.condition(one, "Complete") for one in stage.jobs().values())

    assert eventually(over, SECONDS), stage.operator.said()
    jobs = stage.jobs()
    given = {name: one for name, one in jobs.items() if "shadowOf" not in one["spec"]}
    assert set(jobs) - set(given) == {shadow_name(name, given[name]["metadata"]["uid"]) for name in drawn}
    told = stage.follow(COMMANDS.replace(" bell ", f" {drawn[0]} "))
    assert {line.split()[0] for line in told.splitlines() if line.startswith("job-")} == set(jobs) - set(given)
    assert "ResultsAgree" in told
    assert re.search(rf"Shadow of: +job {drawn[0]}, UID", told)
    for name, primary in given.items():
        assert primary["status"]["backend"] == stage.devices[0]
        if name not in drawn:
            assert "shadow" not in primary["status"]
            continue
        shadow = jobs[primary["status"]["shadow"]]
        assert stage.condition(shadow, "Agrees") == "ResultsAgree"
        assert [one["uid"] for one in shadow["metadata"]["ownerReferences"]] == [primary["metadata"]["uid"]]
        assert shadow["status"]["backend"] == stage.devices[1]
        assert shadow["status"]["comparison"]["backend"] == stage.devices[0]
        assert shadow["status"]["input"]["sha256"] == primary["status"]["input"]["sha256"]
        assert shadow["status"]["cost"]["micros"] == primary["status"]["cost"]["micros"] == 3 * 1024
    assert otherwise(jobs.values()) == {}
    assert set(stage.agent.submitted.values()) == {1}
    assert len(stage.agent.submitted) == len(jobs)
    stage.cluster.kubectl("delete", "quantumjob", "--namespace", stage.namespace, *given, "--wait=false")
    assert faults != "all" or eventually(lambda: not stage.jobs(), SECONDS)
