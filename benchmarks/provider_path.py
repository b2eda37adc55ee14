"""Jobs a second through the provider path, over those of the native Job controller on nodes that KWOK plays.

Both sides take the same number of jobs, all created at once by the same client, on one API server, one side after the
other. A QuantumJob goes through the operator, a QuantumTask, the agent of an account and a provider on 127.0.0.1, and
ends with its counts; a bare Job through the Job controller, the scheduler and KWOK, which says at once that its pod
succeeded. Time counts from before the first is created to when the last is complete.

Real are the API server, the controller manager and the scheduler (clients of 500 requests a second, bursts of 1,000),
operator and agent with the rights and leases of their charts, and the compiling of every circuit, twice, in the
agent's limited children. Not real are the nodes, and the provider: it executes nothing, answers at once, and takes
`--rate` submissions a minute.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from quantum_operator.testing import builders
from support.agents import AgentProcess
from support.clusterworld import manifest, serve_crds
from support.loopback import DEVICE, PRICE_MICROS, provider, register
from support.operators import OperatorProcess
from support.restclient import Json, RestClient
from support.sites import Site
from support.usage import Usage
from testcluster import BuiltCluster

OURS = "/apis/quantum-operator.dev/v1alpha1"
NODES = 10
Processes = dict[str, OperatorProcess | AgentProcess]


def bare_job(name: str) -> Json:
    """A Job of one container that does nothing, for KWOK runs none."""
    container = {"name": "main", "image": "busybox", "command": ["true"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template}}


def start(cluster: BuiltCluster, namespace: str, rate: int, limit: int, ending: ExitStack) -> Processes:
    """A site with its operator, an account, its agent and its provider."""
    folder = Path(ending.enter_context(tempfile.TemporaryDirectory()))
    site = Site(cluster, namespace, folder, ending)
    price = {"perRunMicros": PRICE_MICROS}
    site.offer("loopback", DEVICE, price, limits={"maxConcurrentRuns": limit})
    port = ending.enter_context(provider())
    found = register(folder / "path")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(found), *filter(None, sys.path)])
    settings = {"port": str(port), "submissionsPerMinute": str(rate)}
    processes: Processes = {"operator": site.start_operator(), "agent": site.start_agent("loopback", settings)}
    cluster.kubectl("wait", "--for=condition=Ready", f"quantumbackend/{site.backend}", "--timeout=60s")
    return processes


def timed(client: RestClient, path: str, bodies: list[Json]) -> float:
    """Jobs a second: created and complete."""
    started = time.monotonic()
    client.create_all(path, bodies)
    client.wait_until_complete(path, len(bodies))
    return len(bodies) / (time.monotonic() - started)


def main() -> None:
    """Run both sides and print how many jobs each finishes in a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200, help="the jobs of each side (default: 200)")
    parser.add_argument(
        "--rate", type=int, default=1_000_000, help="submissions a minute (default: no limit to speak of)"
    )
    parser.add_argument("--limit", type=int, default=1_000, help="the backend's maxConcurrentRuns (default: 1000)")
    options = parser.parse_args()
    with BuiltCluster.session() as cluster, ExitStack() as ending:
        serve_crds(cluster)
        cluster.start_fake_nodes(NODES)
        client = RestClient(cluster.kubeconfig)
        for namespace in ("native", "ours"):
            cluster.kubectl("create", "namespace", namespace)
            cluster.kubectl("wait", "-n", namespace, "--for=create", "serviceaccount/default", "--timeout=30s")
        native_path = "/apis/batch/v1/namespaces/native/jobs"
        timed(client, native_path, [bare_job("first")])
        native = timed(client, native_path, [bare_job(f"bare-{number}") for number in range(options.jobs)])
        print(f"native Jobs  {native:6.2f} a second", flush=True)
        processes = start(cluster, "ours", options.rate, options.limit, ending)
        path = f"{OURS}/namespaces/ours/quantumjobs"
        timed(client, path, [manifest(builders.job("first"), "ours")])
        before = {name: Usage.of(one.pid) for name, one in processes.items()}
        ours = timed(client, path, [manifest(builders.job(f"bell-{number}"), "ours") for number in range(options.jobs)])
        print(f"QuantumJobs  {ours:6.2f} a second")
        for name, one in processes.items():
            used = Usage.of(one.pid).cpu_seconds - before[name].cpu_seconds
            print(f"             {1000 * used / options.jobs:6.2f} ms of CPU a job in the {name}")
        print(f"ratio {ours / native:.2f} ({options.jobs} jobs on each side; aim: at least 1.0)")


if __name__ == "__main__":
    main()
