"""Breakers and the switch for all QPUs against a real API server: an operator, an agent, and a provider with moods.

Pods of simulators' runs are on no node: a stand-in says of them what a kubelet would.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.testing import builders
from support.clusterworld import manifest, serve_crds_of_our_own
from support.explained import otherwise
from support.loopback import DEVICE, PRICE_MICROS
from support.moody import known_by, provider
from support.objects import named, objects
from support.sites import Json, Site
from testcluster import BuiltCluster, Cluster
from testcluster.processes import eventually

SECONDS = 150.0
JOBS = 50


class Place:
    """A tenant's namespace whose policy prefers a provider's device and has a simulator as well."""

    def __init__(self, cluster: BuiltCluster, folder: Path, ending: ExitStack) -> None:
        self.namespace = f"test-{secrets.token_hex(4)}"
        cluster.kubectl("create", "namespace", self.namespace)
        ending.callback(lambda: cluster.kubectl("delete", "namespace", self.namespace, "--wait=false"))
        self.site = Site(cluster, self.namespace, folder, ending)
        self.simulator = f"sim-{self.namespace}"
        run = {"nodeSelector": {"quantum-operator.dev/node": "none"}, "memory": "256Mi"}
        self.site.apply(manifest(builders.backend(self.simulator, run=run), ""))
        ending.callback(lambda: cluster.kubectl("delete", "quantumbackend", self.simulator, "--ignore-not-found"))
        self.moods, port = ending.enter_context(provider())
        self.site.offer("moody", DEVICE, {"perRunMicros": PRICE_MICROS}, limits={"maxConcurrentRuns": 1000})
        self.policy()
        self.operator = self.site.start_operator()
        self.site.start_agent("moody", {"port": str(port)})
        kubelet = [sys.executable, "-m", "support.standin", str(cluster.kubeconfig), self.namespace, "0.1"]
        standing_in = subprocess.Popen(kubelet, stderr=subprocess.DEVNULL)
        ending.callback(standing_in.wait)
        ending.callback(standing_in.kill)
        where = (f"quantumbackend/{self.site.backend}", "--timeout=60s")
        cluster.kubectl("wait", "--for=condition=Ready", *where)

    def policy(self, **spec: Any) -> None:
        """Say what the policy is otherwise than by default."""
        self.site.apply(manifest(builders.policy(self.site.backend, self.simulator, **spec), self.namespace))

    def switch(self, **spec: Any) -> None:
        """Change the policy's spec."""
        self.site.kubectl("patch", "bpol", "default", "--type=merge", "--patch", json.dumps({"spec": spec}))

    def submit(self, count: int) -> None:
        """Create so many jobs at once."""
        jobs = [manifest(builders.job(f"bell-{secrets.token_hex(4)}"), self.namespace) for _ in range(count)]
        self.site.apply(*jobs)

    def jobs(self) -> list[Json]:
        """All jobs, each with a status."""
        return [{"status": {}} | one for one in objects(self.site.cluster, "quantumjobs", self.namespace)]

    def ends(self) -> list[tuple[str, str]]:
        """Status and reason of the condition Complete of every job that has it."""
        conditions = [one for job in self.jobs() for one in job["status"].get("conditions", [])]
        return [(one["status"], one["reason"]) for one in conditions if one["type"] == "Complete"]

    def until(self, condition: Callable[[], Any]) -> None:
        """Return once this holds."""
        assert eventually(condition, SECONDS), (
            f"{self.said()}\n{self.site.kubectl('get', 'bpol,qjob', '--output=wide')}"
        )

    def breaker(self) -> Json:
        """The device's breaker, as the policy's status has it."""
        status = named(self.site.cluster, "backendpolicies", "default", self.namespace).get("status", {})
        return next((one for one in status.get("breakers", []) if one["backend"] == self.site.backend), {"state": ""})

    def said(self) -> str:
        """The operator's log."""
        return self.operator.said()[-4000:]


@pytest.fixture
def place(api_server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    serve_crds_of_our_own(api_server)
    found = known_by(tmp_path / "path")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(found), *filter(None, sys.path)]))
    with ExitStack() as ending:
        yield Place(api_server, tmp_path, ending)


def test_a_breaker_opens_jobs_go_on_elsewhere_and_it_closes_again(place: Place) -> None:
    """The device fails every second task. An operator that is started anew finds the breaker as it was."""
    place.moods.fails = 2
    rule = {"failurePercent": 50, "minimumAttempts": 4, "windowSeconds": 600, "openSeconds": 600, "probes": 1}
    place.policy(breaker=rule)
    place.submit(8)
    place.until(lambda: place.breaker()["state"] == "Open")
    place.until(lambda: "BreakerOpened" in events_of(place))
    opened = place.breaker()
    assert opened["attempts"] >= 4
    assert 2 * opened["failures"] >= opened["attempts"]
    place.operator.kill()
    assert place.breaker() == opened
    shown = place.site.kubectl("get", "bpol", "default", "--output=wide")
    assert f"{place.site.backend} is open, {opened['failures']} of {opened['attempts']} attempts failed" in shown
    place.operator = place.site.start_operator("operator-2")
    place.until(lambda: place.ends() == [("True", "Succeeded")] * 8)
    place.moods.fails = 0
    place.switch(breaker={**rule, "openSeconds": 5})
    # It is probed until it works again; what is submitted meanwhile goes to the simulator.
    place.until(lambda: place.submit(1) is None and place.breaker()["state"] == "Closed")
    place.until(lambda: set(place.ends()) == {("True", "Succeeded")} and len(place.ends()) == len(place.jobs()))
    before = len(place.moods.submitted)
    place.submit(4)
    place.until(lambda: len(place.ends()) == len(place.jobs()))
    assert len(place.moods.submitted) == before + 4
    backends = {one["status"]["backend"] for one in place.jobs()}
    assert backends == {place.site.backend, place.simulator}
    charged = sum(one["status"]["cost"]["micros"] for one in place.jobs())
    assert charged == place.moods.charged()
    place.until(lambda: place.site.ledger() == (charged, 0))
    assert otherwise(place.jobs()) == {}


@pytest.mark.parametrize("how", [pytest.param("Drain", marks=pytest.mark.matrix), "Cancel"])
def test_all_qpus_are_turned_off_with_fifty_jobs_in_flight_and_every_job_completes(place: Place, how: str) -> None:
    """Not one submission follows once the policy says so, and what was charged is on record, and on the ledger.

    Nor does a job wait for a task that is held: what the provider has forgotten is settled when somebody finds it.
    """
    place.moods.holds = True
    place.policy(onDisabled=how)
    place.submit(JOBS)
    place.until(lambda: len(place.moods.submitted) >= JOBS // 2)
    place.switch(quantumEnabled=False)
    place.site.kubectl("wait", "--for=condition=QuantumEnabled=False", "bpol/default", "--timeout=60s")
    submitted, since = len(place.moods.submitted), time.monotonic()
    place.submit(5)
    if how == "Drain":
        place.moods.forgotten = set(list(place.moods.tasks)[:1])
        place.until(lambda: len(place.ends()) >= 5 + JOBS - submitted + 1)
        place.moods.holds = False
    place.until(lambda: len(place.ends()) == JOBS + 5)
    find_forgotten(place)
    assert set(place.ends()) == {("True", "Succeeded")}
    assert [moment for moment in place.moods.submitted if moment > since] == []
    jobs = place.jobs()
    fell = [one["status"]["result"]["fallback"] for one in jobs if "fallback" in one["status"]["result"]]
    assert {(one["kind"], one["from"], one["to"], one["class"]) for one in fell} == {
        ("Simulator", place.site.backend, place.simulator, "QuantumDisabled")
    }
    drained = [one for one in jobs if one["status"]["backend"] == place.site.backend]
    assert len(drained) + len(fell) == JOBS + 5, [one["status"] for one in jobs if one not in drained]
    assert (len(drained) > 0) == (how == "Drain")
    assert sum(one["status"]["cost"]["micros"] for one in jobs) == place.moods.charged() > 0
    place.until(lambda: place.site.ledger() == (place.moods.charged(), 0))
    assert otherwise(jobs) == {}
    assert "QuantumDisabled" in events_of(place)
    assert "QuantumDisabled" in place.site.kubectl("get", "qjob", "--output=wide")


def find_forgotten(place: Place) -> None:
    """Say of each held task that the provider has it after all."""
    held = [one for one in place.site.tasks() if one["status"].get("state") == "Held"]
    assert len(held) == len(place.moods.forgotten)
    place.until(lambda: place.site.ledger()[1] == len(held) * PRICE_MICROS)
    place.moods.forgotten = set()
    for one in held:
        found = one["status"]["providerId"]
        place.site.resolve(one["metadata"]["name"], "--adopt", found, "--why", "seen in the console")
    over = lambda: all(one["status"].get("state") != "Held" for one in place.site.tasks())  # noqa: E731
    place.until(lambda: over() and place.site.ledger()[1] == 0)


def events_of(place: Place) -> str:
    """The events on policies."""
    return place.site.kubectl("get", "events", "--field-selector=involvedObject.kind=BackendPolicy")
