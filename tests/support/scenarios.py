"""Lives of jobs, to be played on a stage whatever goes wrong: each step waits for what is there, and for no event."""

import secrets
from collections.abc import Callable
from typing import Any

from support.clusterworld import RUNNING, Json, terminated
from support.stage import Play, Stage, View

Scenario = Callable[[Stage, str], Play]
"""Given a stage and the name of a job that is not there yet, the play."""


def new_name(scenario: str) -> str:
    """A name that no job, policy or backend has."""
    return f"{scenario}-{secrets.token_hex(3)}"


def success(stage: Stage, name: str) -> Play:
    """A job, with a policy and a backend of its own, has its result."""
    stage.add_backend(name)
    yield lambda _: stage.backend_reason(name)
    stage.add_policy(name, name)
    yield lambda view: reason_of(view.policies[name])
    stage.submit(name, policyRef={"name": name})
    yield from run(stage, name, 1)
    yield from succeed(stage, name, 1)


def retry(stage: Stage, name: str) -> Play:
    """A job's first run is lost, and the second one has the result."""
    stage.submit(name)
    pod = yield pod_of(name, 1)
    stage.kubelet(pod, "Failed", terminated(code=137, reason="Error"), reason="Evicted")
    yield from succeed(stage, name, 2)


def too_large(stage: Stage, name: str, *backends: str, **policy: Any) -> Play:
    """A job's run is too large for the first of two backends; the second one takes it, by this policy."""
    for one in (name, f"{name}-larger"):
        stage.add_backend(one)
        yield lambda _, one=one: stage.backend_reason(one)
    stage.add_policy(name, *backends, **policy)
    yield lambda view: reason_of(view.policies[name])
    stage.submit(name, policyRef={"name": name})
    yield from run(stage, name, 1)
    pod = yield pod_of(name, 1)
    stage.kubelet(pod, "Failed", terminated(code=137, reason="OOMKilled"))
    yield from succeed(stage, name, 2)


def reroute(stage: Stage, name: str) -> Play:
    """A job's first run is too large for its backend, and another backend of its policy has the result."""
    yield from too_large(stage, name, name, f"{name}-larger")


def fallback(stage: Stage, name: str) -> Play:
    """A job's run is too large for the backend of its policy, which has a simulator to fall back to."""
    link = {"causes": ["Infrastructure"], "to": "Simulator", "backends": [{"name": f"{name}-larger"}]}
    yield from too_large(stage, name, name, fallback=[link])


def suspension(stage: Stage, name: str) -> Play:
    """A job is suspended while it runs, and resumed."""
    stage.submit(name)
    yield from run(stage, name, 1)
    stage.change(name, suspend=True)
    yield lambda view: view.condition(name, "Suspended") == "Suspended"
    stage.change(name, suspend=False)
    yield from succeed(stage, name, 2)


def cancellation(stage: Stage, name: str) -> Play:
    """A job is cancelled while it runs."""
    stage.submit(name)
    yield from run(stage, name, 1)
    stage.change(name, cancel=True)
    yield lambda view: view.is_over(name) and not view.runs_of(name)


def deletion(stage: Stage, name: str) -> Play:
    """A job is deleted while it runs."""
    stage.submit(name)
    yield from run(stage, name, 1)
    stage.delete(name)
    yield lambda view: view.is_over(name)


def removal(stage: Stage, name: str) -> Play:
    """A job's namespace is deleted while it runs."""
    stage.submit(name)
    yield from run(stage, name, 1)
    stage.delete_namespace()
    yield lambda view: view.is_over(name)


def life(stage: Stage, name: str) -> Play:
    """A job has its result, unless somebody ends it before."""
    stage.submit(name)
    seen = yield lambda view: view
    while not seen.is_over(name):
        for pod in seen.pods_of(name):
            if pod["status"]["phase"] == "Pending":
                stage.kubelet(pod, "Running", RUNNING)
            elif seen.condition(name, "Running") == "RunStarted" and seen.artifacts_of(name):
                stage.kubelet(pod, "Succeeded", terminated(stage.outcome(pod, seen)))
        seen = yield lambda view: view
    yield lambda view: view.runs_have_ended(name)


def run(stage: Stage, name: str, number: int) -> Play:
    """The job's pod of this number runs, and the job says so."""
    pod = yield pod_of(name, number)
    stage.kubelet(pod, "Running", RUNNING)
    yield lambda view: view.condition(name, "Running") == "RunStarted"


def succeed(stage: Stage, name: str, number: int) -> Play:
    """The job's pod of this number ends well, and so does the job."""
    pod = yield pod_of(name, number)
    seen = yield lambda view: view
    stage.kubelet(pod, "Succeeded", terminated(stage.outcome(pod, seen)))
    yield lambda view: view.is_over(name) and view.runs_have_ended(name)


def pod_of(name: str, number: int) -> Callable[[View], Json | None]:
    """A pod of the job's run of this number, once it is there."""

    def find(view: View) -> Json | None:
        return next((pod for pod in view.pods_of(name) if f"-{number}-" in pod["metadata"]["name"]), None)

    return find


def reason_of(body: Json) -> Any:
    """What a policy says of itself."""
    return (body.get("status") or {}).get("conditions")


SCENARIOS: dict[str, Scenario] = {
    "success": success,
    "retry": retry,
    "reroute": reroute,
    "fallback": fallback,
    "suspension": suspension,
    "cancellation": cancellation,
    "deletion": deletion,
}
