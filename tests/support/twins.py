"""Two operators and two agents of one account, as processes: of each kind one leads, and the other stands by."""

import json
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from quantum_operator.testing import builders
from support.accounts import new_name
from support.clusterworld import manifest
from support.interruptions import InterruptibleBraket
from support.objects import objects
from support.operators import Watching
from support.sites import ASYMMETRIC, Json, Site
from testcluster import BuiltCluster
from testcluster.audit import Position
from testcluster.processes import eventually

SECONDS = 240.0
"""How long anything here may take."""

Kind = Literal["operator", "agent"]


class Twins:
    """All four are started at once. Of what the provider has, it executes as many tasks as it is let."""

    def __init__(self, cluster: BuiltCluster, server: InterruptibleBraket, folder: Path, ending: ExitStack) -> None:
        namespace = f"test-{secrets.token_hex(4)}"
        cluster.kubectl("create", "namespace", namespace)
        ending.callback(lambda: cluster.kubectl("delete", "namespace", namespace, "--wait=false"))
        self.server, self.executes = server, 0
        self.site = Site(cluster, namespace, folder, ending)
        self.site.offer(server.adapter, server.device, server.price)
        self._settings = server.settings(timeoutSeconds="3", visibilitySeconds="2")
        self.processes: dict[str, Watching] = {}
        with ThreadPoolExecutor() as at_once:
            for name, process in [
                (name, at_once.submit(self._started, name))
                for name in ("operator-1", "agent-1", "agent-2", "operator-2")
            ]:
                self.processes[name] = process.result()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()
        ending.callback(self._close)

    def start(self, name: str) -> None:
        """Start the process of this name again, as its kubelet does."""
        self.processes[name] = self._started(name)

    def leader(self, kind: Kind) -> str:
        """The name of the one that holds the Lease; empty where none of the processes has said so yet."""
        there = self.site.agent_namespace
        lease = self.site.kubectl("get", "lease", kind, "--output=json", "--ignore-not-found", namespace=there)
        holder = json.loads(lease)["spec"]["holderIdentity"] if lease else ""
        said = f"leading: {holder} holds"
        return next((name for name, one in self.processes.items() if holder and said in one.said()), "")

    def wait_for_leader(self, kind: Kind, *, other_than: str = "") -> str:
        """The name of the one that leads, once it does."""
        assert eventually(lambda: self.leader(kind) not in ("", other_than), SECONDS), self.said()
        return self.leader(kind)

    def submit(self, count: int) -> None:
        """Create so many jobs at once, of three qubits, of which 0 and 1 are flipped."""
        task = {"sample": {"pubs": [{"program": "p", "shots": 100}]}}
        programs = [{"name": "p", "qasm3": ASYMMETRIC}]
        jobs = [builders.job(new_name(), programs=programs, task=task) for _ in range(count)]
        items = [manifest(job, self.site.namespace) for job in jobs]
        self.site.apply(*items)

    def completed(self) -> list[Json]:
        """The jobs that have their counts."""
        found = objects(self.site.cluster, "quantumjobs", self.site.namespace)
        ends = {one["metadata"]["name"]: _ending(one) for one in found}
        assert set(ends.values()) <= {("", ""), ("True", "Succeeded")}, ends
        return [one for one in found if ends[one["metadata"]["name"]] == ("True", "Succeeded")]

    def wait_until_completed(self, count: int) -> None:
        """Return once so many jobs have their counts."""
        assert eventually(lambda: len(self.completed()) >= count, SECONDS), f"{len(self.completed())}; {self.said()}"

    def assert_each_was_paid_once(self, count: int) -> None:
        """So many jobs have the right counts, and the provider has had one submission for each, and no other."""
        completed = self.completed()
        assert [one["status"]["result"]["pubs"][0]["samples"][0]["registers"][0]["counts"] for one in completed] == [
            {"011": 100}
        ] * count
        tasks = self.site.tasks()
        asked = sorted(request["clientToken"] for request in self.server.requests)
        assert asked == sorted(task["spec"]["token"] for task in tasks), self.said()
        assert len(self.server.all_tasks) == len(set(asked)) == count
        assert sum(one["status"]["cost"]["micros"] for one in completed) == self.server.charged_micros()
        assert self.on_the_ledger() == (self.server.charged_micros(), 0), self.said()

    def on_the_ledger(self) -> tuple[int, int]:
        """What is spent and reserved for this account's device, in millionths, over all months."""
        ledgers = objects(self.site.cluster, "quantumledgers")
        entries = [
            sum(
                entry["micros"]
                for one in ledgers
                for entry in one.get("status", {}).get(kind, ())
                if entry["backend"] == self.site.backend
            )
            for kind in ("totals", "reservations")
        ]
        return entries[0], entries[1]

    def first_write_since(self, position: Position) -> float:
        """After how many seconds an operator wrote something other than the Lease."""
        users, but = {self.site.operator_user}, {"leases", "events"}
        asked = self.site.cluster.audit_events(position)
        written = [one.at for one in asked if one.is_write and one.user in users and one.resource not in but]
        return min((at - position.at).total_seconds() for at in written)

    def take_over_from(self, name: str) -> None:
        """Kill the operator that leads; the other one goes on. Prints how long that takes."""
        self.processes[name].kill()
        position, killed = self.site.cluster.audit_position(), time.monotonic()
        other = self.wait_for_leader("operator", other_than=name)
        leading = time.monotonic() - killed
        assert eventually(lambda: self._wrote(position), SECONDS), self.said()
        written = self.first_write_since(position)
        print(f"\n{name} was killed: {other} had the Lease after {leading:.1f} s, and wrote after {written:.1f} s")

    def said(self) -> str:
        """All logs."""
        return "\n".join(f"--- {name}\n{one.said()}" for name, one in self.processes.items())

    def _wrote(self, position: Position) -> bool:
        try:
            return self.first_write_since(position) > 0
        except ValueError:
            return False

    def _started(self, name: str) -> Watching:
        if name.startswith("operator"):
            return self.site.start_operator(name)
        return self.site.start_agent(self.server.adapter, self._settings, name)

    def _close(self) -> None:
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        before, done = time.monotonic(), 0
        while not self._over.wait(0.05):
            now = time.monotonic()
            self.server.wait(now - before)
            before = now
            for task in self.server.waiting()[: max(0, self.executes - done)]:
                self.server.finish(task)
                done += 1


def _ending(job: Json) -> tuple[str, str]:
    conditions = job.get("status", {}).get("conditions", [])
    return next(((one["status"], one["reason"]) for one in conditions if one["type"] == "Complete"), ("", ""))
