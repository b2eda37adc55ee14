"""Pods and jobs that the restricted standard admits, as manifests."""

from typing import Any

# What the restricted standard asks for, and a read-only root besides.
_POD_SECURITY = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
_CONTAINER_SECURITY = {
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


def pod(name: str, image: str, *arguments: str, **spec: Any) -> dict[str, Any]:
    """A pod that the restricted standard admits."""
    container = {"name": "main", "image": image, "args": arguments, "imagePullPolicy": "Never"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": _POD_SECURITY,
            "containers": [{**container, "securityContext": _CONTAINER_SECURITY}],
            **spec,
        },
    }


def job(name: str, image: str, *arguments: str) -> dict[str, Any]:
    """A job of one such pod."""
    template = {"spec": pod(name, image, *arguments)["spec"]}
    metadata = {"name": name}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}
