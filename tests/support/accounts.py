"""Accounts of providers, with all that runs jobs on them: a site, its operator, and an agent that may be killed."""

import json
import secrets
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from support.agents import AgentProcess
from support.apiproxy import ApiProxy
from support.interruptions import InterruptibleBraket, InterruptibleIbm
from support.sites import Json, Site
from testcluster import BuiltCluster
from testcluster.processes import eventually

SECONDS = 150.0
"""How long anything here may take."""

Server = InterruptibleIbm | InterruptibleBraket


def new_name() -> str:
    """The name of a job."""
    return f"bell-{secrets.token_hex(3)}"


class Account:
    """One account. Its provider's time goes on, and what waits in its queue is executed while `executes` is true."""

    def __init__(self, cluster: BuiltCluster, server: Server, folder: Path, ending: ExitStack) -> None:
        namespace = f"test-{secrets.token_hex(4)}"
        cluster.kubectl("create", "namespace", namespace)
        ending.callback(lambda: cluster.kubectl("delete", "namespace", namespace, "--wait=false", "--ignore-not-found"))
        self.server = server
        self.site = Site(cluster, namespace, folder, ending)
        self.site.offer(server.adapter, server.device, server.price)
        self.executes = True
        self.proxies = {
            user: ending.enter_context(ApiProxy(cluster.kubeconfig_for(user)))
            for user in (self.site.user, self.site.operator_user)
        }
        self.site.kubeconfig = lambda user: self.proxies[user].kubeconfig(folder / f"{user}.kubeconfig")
        self._settings = server.settings(timeoutSeconds="3", visibilitySeconds="2")
        with ThreadPoolExecutor() as both:
            starting = both.submit(self.site.start_operator)
            self.agent = self.start_agent()
            self.operator = starting.result()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()
        ending.callback(self.close)

    def close(self) -> None:
        """Let the provider's time stand still."""
        self._over.set()
        self._thread.join()

    def start_agent(self, name: str = "agent") -> AgentProcess:
        """Start the agent, as the one of this name, once that is over."""
        self.agent = self.site.start_agent(self.server.adapter, self._settings, name)
        return self.agent

    def mend(self) -> None:
        """Start again what is dead, whatever a test left; what is submitted is executed."""
        self.executes = True
        if not self.agent.is_healthy():
            self.restart_agent()
        if not self.operator.is_healthy():
            self.restart_operator()

    def restart_agent(self) -> None:
        """Kill the agent, and start it again."""
        self.agent.kill()
        self.start_agent()

    def restart_operator(self) -> None:
        """Kill the operator, and start it again."""
        self.operator.kill()
        self.operator = self.site.start_operator()

    def submit(self, name: str = "", **spec: Any) -> str:
        """Create a job; returns its name."""
        name = name or new_name()
        self.site.submit(name, **spec)
        return name

    def wait_until_over(self, name: str) -> tuple[str, str]:
        """Status and reason of the job's condition Complete, once it has one."""
        self.until(lambda: self.site.condition(name, "Complete")[0] != "", name)
        return self.site.condition(name, "Complete")

    def wait_for_state(self, name: str, *states: str) -> None:
        """Return once the job's task is in one of these states."""
        self.until(lambda: [one["status"].get("state") for one in self.tasks(name)][-1:] in [[s] for s in states], name)

    def until(self, condition: Any, name: str) -> None:
        """Return once the condition holds. It is about the job of this name."""
        assert eventually(condition, SECONDS), self.said(name)

    def told(self, name: str, reasons: Sequence[str]) -> bool:
        """Whether the job's task had a status with one of these reasons: the agent logs all; some last a moment."""
        task = [one["metadata"]["name"] for one in self.tasks(name)]
        lines = [line for line in self.agent.said().splitlines() if task and f"task {task[0]}: " in line]
        return any(f" {reason} " in line for line in lines for reason in reasons)

    def said(self, name: str) -> str:
        """All that may say why something about the job of this name is not as it should be."""
        job = self.site.kubectl("get", "quantumjob", name, "--ignore-not-found", "--output=yaml")
        return "\n".join([self.operator.said(), self.agent.said(), json.dumps(self.tasks(name)), job])

    def tasks(self, name: str) -> list[Json]:
        """The tasks of a job; each has a status."""
        return [{"status": {}} | one for one in self.site.tasks() if one["spec"]["job"]["name"] == name]

    def task(self, name: str) -> Json:
        """The job's one task."""
        (task,) = self.tasks(name)
        return task

    def at_provider(self, name: str) -> tuple[str, ...]:
        """The provider's ids of what was submitted for the job."""
        return self.server.tasks(self.task(name)["spec"]["token"])

    def ending(self, name: str) -> Json:
        """How a job ended, for itself, its agent and the provider: what must not depend on who died on the way."""
        job, task = self.site.job(name)["status"], self.task(name)
        token = task["spec"]["token"]
        attempts = job["plan"]["steps"][-1]["attempts"]
        return {
            "conditions": [(one["type"], one["status"], one["reason"]) for one in job["conditions"]],
            "pubs": job.get("result", {}).get("pubs"),
            "cost": job["cost"],
            "attempts": [(one["number"], one["state"], one["reason"], one["cost"]) for one in attempts],
            "task": (task["status"]["state"], task["status"]["charge"], task["status"].get("duplicates", [])),
            "at_provider": [self.server.state(one) for one in self.server.tasks(token)],
            "submissions": self.server.asked(token),
            "charged": self.server.charged(token),
        }

    @cached_property
    def undisturbed(self) -> Json:
        """How a job ends when nothing happens to it."""
        name = self.undisturbed_name = self.submit()
        assert self.wait_until_over(name) == ("True", "Succeeded"), self.said(name)
        ending = self.ending(name)
        (pub,) = ending["pubs"]
        assert pub["samples"][0]["registers"][0]["counts"] == {"011": 1000}
        assert ending["submissions"] == len(ending["at_provider"]) == 1
        assert ending["charged"] == ending["cost"]["micros"] == ending["task"][1]["micros"] > 0
        return ending

    def assert_as_undisturbed(self, name: str) -> None:
        """The job ends as one to which nothing happens: with its counts, submitted once and paid once."""
        self.wait_until_over(name)
        assert self.ending(name) == self.undisturbed, self.said(name)

    def assert_no_secrets(self, *names: str) -> None:
        """No log, event or status has a secret of the account."""
        said = self.operator.said() + self.agent.said()
        for namespace in (self.site.namespace, self.site.agent_namespace):
            for kind in ("events", "quantumjobs", "quantumtasks", "configmaps"):
                said += self.site.kubectl("get", kind, "--output=json", namespace=namespace)
        said += self.site.kubectl("get", "quantumbackend", self.site.backend, "--output=json")
        assert [secret for secret in self.server.secrets if secret in said] == []
        assert all(name in said for name in names)

    def _go_on(self) -> None:
        before = time.monotonic()
        while not self._over.wait(0.05):
            now = time.monotonic()
            self.server.wait(now - before)
            before = now
            for task in self.server.waiting() if self.executes else ():
                self.server.finish(task)
