"""Small jobs for a backend of an account that takes several of them in one submission, and what became of them.

They all wait for a backend before their policy has one, so that one round assigns them all.
"""

import json
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import Any

from quantum_operator.testing import builders
from support.accounts import SECONDS, Account
from support.clusterworld import manifest
from support.interruptions import InterruptibleIbm
from support.objects import objects
from support.sites import Json
from testcluster.processes import eventually

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[3] c;\n'


@dataclass(frozen=True)
class Member:
    """A job that flips these qubits, or can't be compiled."""

    shots: int
    flips: tuple[int, ...] = ()

    @property
    def program(self) -> str:
        """Its program."""
        gates = "".join(f"x q[{one}];\n" for one in self.flips) or "neverheardof q[0];\n"
        return f"{HEAD}{gates}c = measure q;\n"

    @property
    def counts(self) -> dict[str, int] | None:
        """What it has to come to; None: it fails."""
        return {"".join("01"[one in self.flips] for one in (2, 1, 0)): self.shots} if self.flips else None

    @property
    def end(self) -> tuple[str, str]:
        """Status and reason of the condition Complete that it has to have."""
        return ("True", "Succeeded") if self.flips else ("False", "InvalidProgram")


MEMBERS = (Member(100, (0,)), Member(200, (1,)), Member(700, (0, 2)), Member(50))
GOOD = tuple(one for one in MEMBERS if one.flips)


def new_group() -> str:
    """The name of a group; those of its jobs begin with it."""
    return f"group-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class Before:
    """How things were before a group: what comes on top is the group's."""

    spent: int
    tasks: frozenset[str]


class Together:
    """A second backend of an account, with room for one submission of ten jobs at a time."""

    def __init__(self, account: Account) -> None:
        assert isinstance(account.server, InterruptibleIbm)
        self.account, self.server, self.site = account, account.server, account.site
        self.backend = f"{self.site.backend}-together"
        provider = {"agent": self.site.agent_namespace, "device": self.server.device}
        limits = {"maxBatchJobs": 10, "maxConcurrentRuns": 1}
        given = {"adapter": self.server.adapter, "provider": provider, "price": self.server.price, "limits": limits}
        body = manifest(builders.backend(self.backend, qubits=5, ready=None, **given), "")
        body.pop("status", None)
        self.site.apply(body)

    def close(self) -> None:
        """Remove the backend, which has no namespace."""
        self.site.cluster.kubectl("delete", "quantumbackend", self.backend, "--ignore-not-found")

    def submit(self, group: str = "") -> str:
        """Create the jobs of a group at once; returns its name."""
        group = group or new_group()
        self.site.apply(self._policy(group, f"{self.backend}-to-come"))
        items = [self._job(f"{group}-m{number}", group, one) for number, one in enumerate(MEMBERS)]
        self.site.apply(*items)
        self.until(lambda: all(_condition(one, "Scheduled") for one in self.jobs(group)), group)
        self.site.apply(self._policy(group, self.backend))
        return group

    def _policy(self, name: str, backend: str) -> Json:
        return manifest(builders.policy(backend, name=name), self.site.namespace)

    def _job(self, name: str, policy: str, member: Member) -> Json:
        programs = [{"name": "p", "qasm3": member.program}]
        task = {"sample": {"pubs": [{"program": "p", "shots": member.shots}]}}
        job = builders.job(name, programs=programs, task=task, policyRef={"name": policy})
        return manifest(job, self.site.namespace)

    def before(self) -> Before:
        """How things are now, with no job under way."""
        assert eventually(lambda: self.site.ledger()[1] == 0, SECONDS), self.account.said("")
        return Before(self.site.ledger()[0], frozenset(self.server.jobs))

    def jobs(self, group: str) -> list[Json]:
        """The jobs of a group, in order."""
        names = {f"{group}-m{number}" for number in range(len(MEMBERS))}
        there = objects(self.site.cluster, "quantumjobs", self.site.namespace)
        found = [one for one in there if one["metadata"]["name"] in names]
        assert len(found) == len(names)
        return sorted(found, key=lambda one: str(one["metadata"]["name"]))

    def tasks(self, group: str) -> list[Json]:
        """Their tasks, in order; each has a status."""
        found = [{"status": {}} | one for one in self.site.tasks() if one["spec"]["job"]["name"].startswith(group)]
        return sorted(found, key=lambda one: str(one["metadata"]["name"]))

    def states(self, group: str) -> list[str]:
        """The states of their tasks."""
        return [one["status"].get("state", "Pending") for one in self.tasks(group)]

    def at_provider(self, since: Before) -> list[str]:
        """What was submitted since then."""
        return [one for one in self.server.jobs if one not in since.tasks]

    def wait_until_over(self, group: str) -> None:
        """Return once every job of a group has ended."""
        self.until(lambda: all(self.ends(group)), group)

    def ends(self, group: str) -> list[tuple[str, str] | None]:
        """Status and reason of each job's condition Complete."""
        return [_condition(one, "Complete") for one in self.jobs(group)]

    def until(self, condition: Any, group: str) -> None:
        """Return once the condition holds."""
        assert eventually(condition, SECONDS), self.said(group)

    def said(self, group: str) -> str:
        """All that may say why something about a group is not as it should be."""
        jobs = [{one["metadata"]["name"]: one.get("status", {}).get("conditions")} for one in self.jobs(group)]
        tasks = [{one["metadata"]["name"]: one["status"]} for one in self.tasks(group)]
        logs = [self.account.operator.said()[-6000:], self.account.agent.said()[-6000:]]
        return "\n".join([*logs, json.dumps(jobs), json.dumps(tasks)])

    def problems(self, group: str, since: Before) -> list[str]:
        """What is not as it must be of a group that is over, whatever died: each ran once, and was paid once."""
        problems = []
        jobs = self.jobs(group)
        for job, member in zip(jobs, MEMBERS, strict=True):
            end = _condition(job, "Complete")
            if (end, _counts(job)) != (member.end, member.counts):
                problems.append(f"{job['metadata']['name']} is {end} with {_counts(job)}")
        executed = self.executed(since)
        if executed != Counter(one.shots for one in GOOD):
            problems.append(f"executed: {executed}")
        charged = self.charged(since)
        costs = [one["status"]["cost"]["micros"] for one in jobs if "cost" in one["status"]]
        if sum(costs) != charged:
            problems.append(f"the jobs cost {costs}, and {charged} was charged")
        wanted_ledger = (since.spent + charged, 0)
        if not eventually(lambda: self.site.ledger() == wanted_ledger, 20):
            problems.append(f"on the ledger: {self.site.ledger()}, not {wanted_ledger}")
        duplicates = [one["metadata"]["name"] for one in self.tasks(group) if one["status"].get("duplicates")]
        return problems + ([f"duplicates: {duplicates}"] if duplicates else [])

    def executed(self, since: Before) -> Counter[int]:
        """The shots of each circuit that was executed since then."""
        done = [self.server.jobs[one] for one in self.at_provider(since)]
        return Counter(pub[2] for one in done if one.status == "Completed" for pub in one.body["params"]["pubs"])

    def charged(self, since: Before) -> int:
        """What the provider has charged since then."""
        return sum(self.server.micros(self.server.jobs[one].usage) for one in self.at_provider(since))


def _condition(job: Json, kind: str) -> tuple[str, str] | None:
    conditions = job.get("status", {}).get("conditions") or []
    return next(((one["status"], one["reason"]) for one in conditions if one["type"] == kind), None)


def _counts(job: Json) -> dict[str, int] | None:
    pubs = job.get("status", {}).get("result", {}).get("pubs")
    return pubs[0]["samples"][0]["registers"][0]["counts"] if pubs else None
