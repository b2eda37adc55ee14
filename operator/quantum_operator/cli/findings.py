"""What a check finds, and the signs that a pod gives of its troubles."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import httpx2
from lightkube.resources.core_v1 import Pod

from quantum_operator.cli.kube import said


@dataclass(frozen=True)
class Finding:
    """What a check found. Only a problem has a remedy."""

    check: str
    state: Literal["ok", "problem", "unknown"]
    message: str
    remedy: str = ""


def pod_troubles(pod: Pod) -> Iterator[str]:
    """Why a pod does not run: it can't be placed, or a container can't start."""
    name = pod.metadata.name if pod.metadata else ""
    status = pod.status
    for condition in (status.conditions if status else None) or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            yield f"pod {name}: {condition.reason}: {condition.message}"
    for container in (status.containerStatuses if status else None) or ():
        waiting = container.state.waiting if container.state else None
        if waiting is not None and waiting.reason not in {"ContainerCreating", "PodInitializing"}:
            yield f"pod {name}, image {container.image}: {waiting.reason}: {waiting.message or 'no message'}"


def guarded(name: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings of a check. What the person may not read, or nobody serves, is unknown and counts as no problem."""
    try:
        yield from findings
    except httpx2.HTTPStatusError as error:
        if error.response.status_code not in {403, 404}:
            raise
        yield Finding(name, "unknown", f"can't be looked at: {said(error)}")
