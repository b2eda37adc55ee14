"""Two operators as processes, against a real API server: one works, and the other takes over from it.

The runs' pods stay pending: there is no node. Each operator has a user of its own, so that the audit log tells them
apart.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.testing import builders
from support.clusterworld import manifest, serve_crds
from support.objects import apply_all, objects
from support.operators import OperatorProcess, grant
from testcluster import BuiltCluster, Cluster
from testcluster.audit import AuditEvent
from testcluster.processes import eventually

JOBS = 30
SECONDS = 30.0
EXPIRY_SECONDS = 60.0
HAND_OVER_SECONDS = 9.0
"""Less than it takes until a lease expires whose holder is gone."""
USERS = ("operator-one", "operator-two")


class Pair:
    """Two operators of one namespace: the first of them leads."""

    def __init__(self, cluster: BuiltCluster, namespace: str, folder: Path, ending: ExitStack) -> None:
        self.cluster, self.namespace, self._ending = cluster, namespace, ending
        self.backend = f"aer-{namespace}"
        self.apply(manifest(builders.backend(self.backend), ""), manifest(builders.policy(self.backend), namespace))
        self.since = cluster.audit_position()
        self.one, self.two = (self.start(user, folder) for user in USERS)

    def start(self, user: str, folder: Path) -> OperatorProcess:
        """An operator, once it leads or waits."""
        grant(self.cluster, self.namespace, user)
        config, log = self.cluster.kubeconfig_for(user), folder / f"{user}.log"
        process = OperatorProcess(config, self.namespace, log, **self.lease(folder, user))
        self._ending.callback(process.kill)
        assert eventually(lambda: leads(process) or waits(process), 10), process.said()
        return process

    def lease(self, folder: Path, user: str) -> dict[str, str]:
        """The settings of the lease: one for both, and for each a file of its own."""
        return {"LEASE": f"{self.namespace}/quantum", "LEASE_FILE": str(folder / f"{user}.lease")}

    def apply(self, *bodies: dict[str, Any]) -> None:
        """Create these."""
        apply_all(self.cluster, bodies)

    def submit(self, first: int, count: int) -> None:
        """Create so many jobs, whose names are numbers."""
        jobs = (builders.job(f"bell-{number:02}") for number in range(first, first + count))
        self.apply(*(manifest(job, self.namespace) for job in jobs))

    def submit_until_one_works(self) -> None:
        """Create all jobs, and return when the first operator has made some runs and not all."""
        submitting = threading.Thread(target=self.submit, args=(0, JOBS))
        submitting.start()
        self._ending.callback(submitting.join)
        assert eventually(lambda: len(self.created(USERS[0])) > 3, SECONDS), self.one.said()

    def created(self, *users: str) -> list[str]:
        """The runs that these have created."""
        run_created = ("jobs", "create", 201)
        return [one.name for one in self.writes(*users) if (one.resource, one.verb, one.code) == run_created]

    def cut_off(self) -> set[str]:
        """The runs whose creation was not answered, for who asked was killed: the API server may have made them."""
        asked = [one for one in self.writes(*USERS) if (one.resource, one.verb) == ("jobs", "create")]
        return {one.name for one in asked if one.code not in (201, 409)}

    def run_names(self) -> set[str]:
        """The runs that there are."""
        return {one["metadata"]["name"] for one in objects(self.cluster, "jobs", self.namespace)}

    def runs(self) -> int:
        """How many runs there are."""
        return len(self.run_names())

    def writes(self, *users: str) -> list[AuditEvent]:
        """What these have written, or tried to, oldest first."""
        asked = sorted(self.cluster.audit_events(self.since), key=lambda one: one.at)
        return [one for one in asked if one.is_write and one.user in users]

    def other_goes_on(self) -> None:
        """The second operator makes the runs that are missing, and those of jobs that come now."""
        self.submit(JOBS, 5)
        assert eventually(lambda: self.runs() == JOBS + 5, SECONDS), self.two.said()
        assert eventually(lambda: bool(self.created(USERS[1])), SECONDS), self.two.said()

    def assert_each_job_ran_once(self) -> None:
        """Every job has one run, which one operator created, and one attempt on record."""
        # A run is there a little before the audit log has who created it.
        assert eventually(lambda: self.run_names() <= {*self.created(*USERS), *self.cut_off()}, SECONDS)
        created = self.created(*USERS)
        assert len(created) == len(set(created))
        assert set(created) <= self.run_names()
        found = objects(self.cluster, "quantumjobs", self.namespace)
        attempts = [one["status"]["plan"]["steps"][0]["attempts"] for one in found]
        assert [len(one) for one in attempts] == [1] * self.runs()


def leads(process: OperatorProcess) -> bool:
    """Whether it has begun to work."""
    return "leading: " in process.said()


def waits(process: OperatorProcess) -> bool:
    """Whether it waits for the other."""
    return "waiting for the lease held by " in process.said()


@pytest.fixture
def pair(api_server: Cluster, namespace: str, tmp_path: Path) -> Iterator[Pair]:
    """The first leads, the second waits and is healthy; nobody else is there."""
    if not isinstance(api_server, BuiltCluster):
        pytest.skip("a given cluster's audit log is its owner's")
    serve_crds(api_server)
    with ExitStack() as ending:
        pair = Pair(api_server, namespace, tmp_path, ending)
        assert leads(pair.one)
        assert not waits(pair.one)
        assert waits(pair.two)
        assert not leads(pair.two)
        assert pair.two.is_healthy()
        yield pair
    api_server.kubectl("delete", "quantumbackend", pair.backend, "--wait=false")


def test_a_follower_writes_nothing(pair: Pair) -> None:
    """Not even to the Lease: it looks, and says for whom it waits."""
    pair.submit(0, JOBS)
    assert eventually(lambda: pair.runs() == JOBS, SECONDS)
    pair.assert_each_job_ran_once()
    assert pair.writes(USERS[1]) == []
    assert pair.two.said().count("waiting for") == 1
    assert "warning" not in pair.one.said() + pair.two.said()


def test_a_paused_leader_writes_nothing_once_another_leads(pair: Pair) -> None:
    """Stopped in the midst of its work, and woken past its lease with work to do: it ends, and says why."""
    pair.submit_until_one_works()
    pair.one.pause()
    paused = time.monotonic()
    assert eventually(lambda: leads(pair.two), EXPIRY_SECONDS), pair.two.said()
    assert time.monotonic() - paused > 5
    pair.other_goes_on()
    assert pair.one.wake() == 1
    last = json.loads(pair.one.said().splitlines()[-1])
    assert (last["level"], last["message"][:36]) == ("critical", "ends, so that one operator works and")
    assert "traceback" not in pair.one.said()
    # A request whose beginning had left before the pause is on record as well, and as refused.
    done = [one for one in pair.writes(*USERS) if one.user == USERS[1] or one.code in range(200, 300)]
    taken = next(index for index, one in enumerate(done) if one.user == USERS[1])
    assert [one for one in done[taken:] if one.user == USERS[0]] == []
    pair.assert_each_job_ran_once()


def test_a_leader_that_dies_is_taken_over_from(pair: Pair) -> None:
    """Killed in the midst of its work: its lease expires, and the jobs go on."""
    pair.submit_until_one_works()
    pair.one.kill()
    assert eventually(lambda: leads(pair.two), EXPIRY_SECONDS), pair.two.said()
    pair.other_goes_on()
    pair.assert_each_job_ran_once()


def test_a_leader_that_is_told_to_end_hands_over(pair: Pair) -> None:
    """In the midst of its work, within seconds: every write of it is answered before another begins."""
    pair.submit_until_one_works()
    told = time.monotonic()
    assert pair.one.terminate() == 0
    assert eventually(lambda: leads(pair.two), HAND_OVER_SECONDS - (time.monotonic() - told)), pair.two.said()
    pair.other_goes_on()
    users = [one.user for one in pair.writes(*USERS)]
    assert set(users[users.index(USERS[1]) :]) == {USERS[1]}
    assert "expire" not in pair.one.said()
    pair.assert_each_job_ran_once()


def test_a_follower_ends_when_it_is_told_to(pair: Pair) -> None:
    """Without having written, and the leader goes on."""
    assert pair.two.terminate() == 0
    pair.submit(0, 3)
    assert eventually(lambda: pair.runs() == 3, SECONDS)
    assert pair.writes(USERS[1]) == []


def test_a_leader_that_is_started_again_goes_on(pair: Pair, tmp_path: Path) -> None:
    """Killed, and started in the same place, as a container is: its own lease is not waited for."""
    pair.submit_until_one_works()
    pair.two.pause()
    pair.one.kill()
    assert pair.one.said().count("leading: ") == 1
    pair.one = pair.start(USERS[0], tmp_path)
    assert eventually(lambda: pair.one.said().count("leading: ") == 2, HAND_OVER_SECONDS), pair.one.said()
    assert eventually(lambda: pair.runs() == JOBS, SECONDS), pair.one.said()
    assert pair.writes(USERS[1]) == []
    pair.assert_each_job_ran_once()
