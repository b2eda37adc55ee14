"""Jobs a second through the provider path, over those of the native Job controller on nodes that KWOK plays.

Both sides take the same number of jobs, all created at once by the same client, on one API server, one side after the
other. A QuantumJob goes through the operator, a QuantumTask, the agent of an account and a provider on 127.0.0.1, and
ends with its counts; a bare Job through the Job controller, the scheduler and KWOK, which says at once that its pod
succeeded. Time counts from before the first is created to when the last is complete.

Real are the API server, the controller manager and the scheduler (clients of 500 requests a second, bursts of 1,000),
operator and agent with the rights and leases of their charts, and the compiling of every circuit, twice, in the
agent's limited children. Not real are the nodes, and the provider: it executes nothing, answers at once, and takes
`--rate` submissions a minute.

With `--share N` QuantumJobs are measured twice: each submitted by itself, and then, at a place of their own, up to N of
them together.
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


def start(
    cluster: BuiltCluster, namespace: str, options: argparse.Namespace, share: int, ending: ExitStack
) -> Processes:
    """A site with its operator, an account, its agent and its provider."""
    folder = Path(ending.enter_context(tempfile.TemporaryDirectory()))
    site = Site(cluster, namespace, folder, ending)
    limits = {"maxConcurrentRuns": options.limit, "maxBatchJobs": share}
    site.offer("loopback", DEVICE, {"perRunMicros": PRICE_MICROS}, limits=limits)
    port = ending.enter_context(provider())
    found = register(folder / "path")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(found), *filter(None, sys.path)])
    settings = {"port": str(port), "submissionsPerMinute": str(options.rate)}
    processes: Processes = {"operator": site.start_operator(), "agent": site.start_agent("loopback", settings)}
    cluster.kubectl("wait", "--for=condition=Ready", f"quantumbackend/{site.backend}", "--timeout=60s")
    return processes


def place(cluster: BuiltCluster, namespace: str) -> None:
    """Create a namespace."""
    cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl("wait", "-n", namespace, "--for=create", "serviceaccount/default", "--timeout=30s")


def timed(client: RestClient, path: str, bodies: list[Json], *, done: int = 0) -> float:
    """Jobs a second: created and complete, where so many others are complete already."""
    started = time.monotonic()
    client.create_all(path, bodies)
    client.wait_until_complete(path, len(bodies) + done)
    return len(bodies) / (time.monotonic() - started)


def bare_jobs(cluster: BuiltCluster, client: RestClient, count: int) -> float:
    """So many bare Jobs, of which one went before."""
    place(cluster, "native")
    path = "/apis/batch/v1/namespaces/native/jobs"
    timed(client, path, [bare_job("first")])
    return timed(client, path, [bare_job(f"bare-{number}") for number in range(count)], done=1)


def quantum_jobs(cluster: BuiltCluster, client: RestClient, options: argparse.Namespace, share: int) -> float:
    """As many QuantumJobs, of which up to `share` may be submitted together; prints what they took."""
    namespace = f"ours-{share}"
    place(cluster, namespace)
    with ExitStack() as ending:
        processes = start(cluster, namespace, options, share, ending)
        path = f"{OURS}/namespaces/{namespace}/quantumjobs"
        timed(client, path, [manifest(builders.job("first"), namespace)])
        before = {name: Usage.of(one.pid) for name, one in processes.items()}
        bodies = [manifest(builders.job(f"bell-{number}"), namespace) for number in range(options.jobs)]
        found = timed(client, path, bodies, done=1)
        tasks = client.request("GET", f"{OURS}/namespaces/{namespace}-agent/quantumtasks")["items"]
        submissions = len({one["status"].get("providerId") for one in tasks}) - 1
        print(f"QuantumJobs  {found:6.2f} a second, up to {share} together, in {submissions} submissions")
        for name, one in processes.items():
            used = Usage.of(one.pid).cpu_seconds - before[name].cpu_seconds
            print(f"             {1000 * used / options.jobs:6.2f} ms of CPU a job in the {name}", flush=True)
    return found


def main() -> None:
    """Run both sides and print how many jobs each finishes in a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200, help="the jobs of each side (default: 200)")
    parser.add_argument(
        "--rate", type=int, default=1_000_000, help="submissions a minute (default: no limit to speak of)"
    )
    parser.add_argument("--limit", type=int, default=1_000, help="the backend's maxConcurrentRuns (default: 1000)")
    parser.add_argument(
        "--share", type=int, default=1, help="the backend's maxBatchJobs, measured besides 1 (default: 1)"
    )
    options = parser.parse_args()
    with BuiltCluster.session() as cluster:
        serve_crds(cluster)
        cluster.start_fake_nodes(NODES)
        client = RestClient(cluster.kubeconfig)
        native = bare_jobs(cluster, client, options.jobs)
        print(f"native Jobs  {native:6.2f} a second", flush=True)
        for share in sorted({1, options.share}):
            found = quantum_jobs(cluster, client, options, share)
            aim = f"{options.jobs} jobs on each side; aim: at least 1.0"
            print(f"ratio {found / native:.2f} ({aim})", flush=True)


if __name__ == "__main__":
    main()
