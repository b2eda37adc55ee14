"""`helm test`: runs a Bell pair through the installation. Standard library only; the address and rights are a pod's."""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "/apis/quantum-operator.dev/v1alpha1"
BELL = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
SHOTS = 1000


def manifests(name: str, backend: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A policy that allows one backend, and a job of a Bell pair under that policy; both are called `name`."""
    common = {"apiVersion": "quantum-operator.dev/v1alpha1", "metadata": {"name": name}}
    policy = {**common, "kind": "BackendPolicy", "spec": {"backends": [{"name": backend}], "maxShots": SHOTS}}
    spec = {
        "policyRef": {"name": name},
        "programs": [{"name": "bell", "qasm3": BELL}],
        "task": {"sample": {"pubs": [{"program": "bell", "shots": SHOTS}]}},
        "execution": {"seed": 7},
    }
    return policy, {**common, "kind": "QuantumJob", "spec": spec}


def complete(job: dict[str, Any]) -> dict[str, Any] | None:
    """The job's terminal condition; None until it is over."""
    for condition in job.get("status", {}).get("conditions", []):
        if condition["type"] == "Complete" and condition["status"] != "Unknown":
            found: dict[str, Any] = condition
            return found
    return None


def request(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the API server, and return its answer. Raises HTTPError."""
    server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    asked = urllib.request.Request(  # noqa: S310 - the scheme is a constant
        server + path,
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}", "Content-Type": "application/json"},
    )
    handlers = [
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))),
        urllib.request.ProxyHandler({}),
    ]
    with urllib.request.build_opener(*handlers).open(asked, timeout=30) as answer:
        received: dict[str, Any] = json.load(answer)
    return received


def main() -> int:
    """Create, wait, delete; returns the exit status."""
    name, namespace = os.environ["NAME"], os.environ["NAMESPACE"]
    base = f"{API}/namespaces/{namespace}"
    policy, job = manifests(name, os.environ["BACKEND"])
    try:
        remove(base, name)  # a test that was killed may have left them
        request("POST", f"{base}/backendpolicies", policy)
        submit(f"{base}/quantumjobs", job)
        return wait(f"{base}/quantumjobs/{name}", float(os.environ["TIMEOUT_SECONDS"]))
    except urllib.error.HTTPError as error:
        print(f"the API server answered {error.code} to {error.url}: {error.read().decode()}", file=sys.stderr)
        return 1
    finally:
        remove(base, name)


def submit(path: str, job: dict[str, Any]) -> None:
    """Create the job. The API server refuses one whose policy it has not seen yet, which takes it a moment."""
    for seconds in (0.5, 1.0, 2.0, 4.0):
        try:
            request("POST", path, job)
        except urllib.error.HTTPError as error:
            if error.code not in (403, 422):
                raise
            time.sleep(seconds)
        else:
            return
    request("POST", path, job)


def remove(base: str, name: str) -> None:
    """Delete the job and the policy where they are there."""
    for plural in ("quantumjobs", "backendpolicies"):
        try:
            request("DELETE", f"{base}/{plural}/{name}")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise


def wait(path: str, seconds: float) -> int:
    """Wait until the job at `path` is over, and say how it ended; returns the exit status."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = request("GET", path)
        over = complete(job)
        if over:
            print(f"Complete is {over['status']}: {over['reason']}: {over.get('message', '')}")
            return 0 if over["status"] == "True" else 1
        time.sleep(1)
    conditions = json.dumps(job.get("status", {}).get("conditions", []))
    print(f"not over after {seconds:.0f} s; its conditions: {conditions}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
