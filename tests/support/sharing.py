"""A life of several jobs that share a run, on a stage; what they ended with, and what they had twice or left behind."""

import json
import re

from support.calls import is_shared, subject_of
from support.clusterworld import RUNNING, Json, terminated
from support.scenarios import reason_of
from support.stage import Play, Stage, View, timeless

COUNT = 4


def members_of(group: str) -> list[str]:
    """The names of a group's jobs."""
    return [f"{group}-m{number}" for number in range(COUNT)]


class Sharing:
    """The life of one group: its first job keeps the backend busy until the others wait, who then share a run."""

    def __init__(self, stage: Stage, group: str) -> None:
        self.stage, self.group, self.members = stage, group, members_of(group)
        self.last: View | None = None
        """How everything was when all had ended, before they were deleted."""

    def play(self) -> Play:
        """The life."""
        stage, group = self.stage, self.group
        stage.add_backend(group, maxConcurrentRuns=1, maxBatchJobs=50)
        yield lambda _: stage.backend_reason(group)
        stage.add_policy(group, group)
        yield lambda view: reason_of(view.policies[group])
        first, *others = self.members
        stage.submit(first, policyRef={"name": group})
        yield self.pods
        for name in others:
            stage.submit(name, policyRef={"name": group})
        yield lambda view: all(view.condition(one, "Scheduled") for one in others)
        yield from self._execute()
        for name in self.members:
            stage.delete(name)
        yield lambda view: not any(self.left(view))

    def _execute(self) -> Play:
        seen = yield self._goes_on
        while not self._is_over(seen):
            for pod in self.pods(seen):
                if pod["status"]["phase"] == "Pending":
                    self.stage.kubelet(pod, "Running", RUNNING)
                elif pod["status"]["phase"] == "Running":
                    self.stage.kubelet(pod, "Succeeded", terminated(self.stage.outcome(pod, seen)))
            seen = yield self._goes_on
        self.last = seen

    def _goes_on(self, view: View) -> View | None:
        """The view where there is something to do, or all is over."""
        busy = any(one["status"]["phase"] in ("Pending", "Running") for one in self.pods(view))
        return view if busy or self._is_over(view) else None

    def _is_over(self, view: View) -> bool:
        jobs_are = all(one in view.jobs and view.condition(one, "Complete") for one in self.members)
        return jobs_are and all("completionTime" in one.get("status", {}) for one in self.runs(view))

    def runs(self, view: View) -> list[Json]:
        """The runs of the group."""
        return [one for one in view.runs if _belongs(one, self.group)]

    def pods(self, view: View) -> list[Json]:
        """Their pods."""
        runs = {one["metadata"]["uid"] for one in self.runs(view)}
        return [one for one in view.pods if one["metadata"]["ownerReferences"][0]["uid"] in runs]

    def left(self, view: View) -> list[str]:
        """Everything that there is of the group."""
        bodies = [*view.jobs.values(), *view.runs, *view.artifacts, *view.pods]
        return [one["metadata"]["name"] for one in bodies if _belongs(one, self.group)] + [
            one["metadata"]["name"] for one in self.pods(view)
        ]

    def attempts(self) -> list[Json]:
        """What the jobs have on record of their attempts."""
        return [one for name in self.members if self.last for one in _attempts(self.last.jobs[name])]

    def ending(self) -> Json:
        """What each job ended with; not how often it was tried, nor together with whom."""
        jobs = self.last.jobs if self.last else {}
        return {name[-2:]: self._ending(jobs[name]) if name in jobs else {} for name in self.members}

    def _ending(self, job: Json) -> Json:
        status = timeless(job["status"])
        for step in status["plan"]["steps"]:
            step["attempts"] = [one["state"] for one in step["attempts"]][-1:]
            step["candidates"] = [one["backend"] for one in step["candidates"]]
        text = json.dumps(status, sort_keys=True).replace(self.group, "JOB").replace(self.stage.namespace, "NAMESPACE")
        text = re.sub(r"JOB(-m[0-9])-[0-9a-f]{10}-[0-9a-f]+", r"JOB\1-RUN", text)
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID", text)
        normal: Json = json.loads(re.sub(r'"outcomeSha256": "[0-9a-f]{64}"', '"outcomeSha256": "SHA"', text))
        return normal

    def problems(self, stuck: frozenset[str]) -> list[str]:
        """What a job of the group had twice or left behind, or has no word for."""
        created = self.stage.proxy.created(self.group, "jobs")
        problems = [f"{self.group} never ended: {self.left(self.stage.view())}"] if self.group in stuck else []
        if len(set(created)) < len(created):
            problems.append(f"twice: {created}")
        if self.stage.operator.exit_code:
            problems.append(f"the operator ended with {self.stage.operator.exit_code}")
        if self.last is None:
            return problems
        tries = {name: _attempts(self.last.jobs[name]) for name in self.members}
        recorded = {one.get("batch", one["name"]) for some in tries.values() for one in some}
        if not set(created) <= recorded:
            problems.append(f"created {sorted(set(created) - recorded)}, which none has on record")
        for name, some in tries.items():
            if [one["reason"] for one in some] not in (["Succeeded"], ["RunAlone", "Succeeded"]):
                problems.append(f"{name} was tried so: {some}")
        return problems


def _attempts(job: Json) -> list[Json]:
    return [one for step in job["status"]["plan"]["steps"] for one in step["attempts"]]


def _belongs(body: Json, group: str) -> bool:
    owners = body["metadata"].get("ownerReferences") or ()
    name = owners[0]["name"] if is_shared(body) and owners else body["metadata"]["name"]
    return subject_of(name) == group
