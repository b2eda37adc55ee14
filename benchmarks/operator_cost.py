"""What the operator itself costs: CPU time for 10,000 jobs over that for 1,000, and its memory at 10,000.

Real are the API server, the controller manager, whose Job controller makes the pods, and the operator, with the rights
and the lease that its chart gives it. No node is: a stand-in says of every pod that it executes and, a second later,
that it succeeded, with an outcome that is in order; no circuit is simulated. The jobs are alike (a Bell pair), are
created as fast as the API server takes them, and wait for a backend that takes `--limit` of them at a time.

Each side has an operator, a namespace and a backend of its own. CPU time counts from before the first job is created
to when the last is complete, user and system, of the operator's process alone; memory is what is resident then (VmRSS)
and the most that ever was (VmHWM).
"""

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from quantum_operator.testing import builders
from support.clusterworld import manifest, serve_crds
from support.operators import OperatorProcess, grant
from support.restclient import Json, RestClient
from support.usage import Usage
from testcluster import BuiltCluster

OURS = "/apis/quantum-operator.dev/v1alpha1"
RUN_SECONDS = 1.0


@dataclass(frozen=True)
class Cost:
    """What an operator used for so many jobs, and how long they took."""

    jobs: int
    cpu_seconds: float
    seconds: float
    usage: Usage

    def __str__(self) -> str:
        each = 1000 * self.cpu_seconds / self.jobs
        memory = f"{self.usage.resident_mib:.0f} MiB resident, at most {self.usage.peak_mib:.0f} MiB"
        pace = f"{self.jobs / self.seconds:.1f} jobs/s"
        return f"{self.jobs:6} jobs: {self.cpu_seconds:.1f} s of CPU, {each:.2f} ms a job; {memory}; {pace}"


def measure(cluster: BuiltCluster, jobs: int, limit: int) -> Cost:
    """Have so many jobs run in a namespace of their own."""
    namespace = f"cost-{jobs}"
    client = RestClient(cluster.kubeconfig)
    client.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    cluster.kubectl("wait", "-n", namespace, "--for=create", "serviceaccount/default", "--timeout=30s")
    backend = manifest(builders.backend(namespace, limits={"maxConcurrentRuns": limit}), "")
    client.request("POST", f"{OURS}/quantumbackends", backend)
    place = f"{OURS}/namespaces/{namespace}"
    client.request("POST", f"{place}/backendpolicies", manifest(builders.policy(namespace), namespace))
    grant(cluster, namespace, namespace)
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        stand_in = [sys.executable, "-m", "support.standin", str(cluster.kubeconfig), namespace, str(RUN_SECONDS)]
        ending.callback(subprocess.Popen(stand_in).kill)
        lease = {"LEASE": f"{namespace}/operator", "LEASE_FILE": str(folder / "lease")}
        kubeconfig = cluster.kubeconfig_for(namespace)
        operator = OperatorProcess(kubeconfig, namespace, folder / "operator.log", **lease)
        ending.callback(operator.terminate)
        cluster.kubectl("wait", "--for=condition=Ready", f"quantumbackend/{namespace}", "--timeout=60s")
        started, before = time.monotonic(), Usage.of(operator.pid)
        client.create_all(f"{place}/quantumjobs", (bell(f"bell-{number}", namespace) for number in range(jobs)))
        client.wait_until_complete(f"{place}/quantumjobs", jobs, operator.require)
        after = Usage.of(operator.pid)
        return Cost(jobs, after.cpu_seconds - before.cpu_seconds, time.monotonic() - started, after)


def bell(name: str, namespace: str) -> Json:
    """A job as a user writes it."""
    return manifest(builders.job(name), namespace)


def main() -> None:
    """Run both sides and print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="the jobs of the larger side (default: 10000)")
    parser.add_argument("--base", type=int, help="the jobs of the smaller side (default: a tenth of --jobs)")
    parser.add_argument(
        "--limit", type=int, default=100, help="the backend's maxConcurrentRuns (default: 100, its own)"
    )
    options = parser.parse_args()
    with BuiltCluster.session() as cluster:
        serve_crds(cluster)
        sides = []
        for jobs in (options.base or options.jobs // 10, options.jobs):
            sides.append(measure(cluster, jobs, options.limit))
            print(sides[-1], flush=True)
    base, full = sides
    ratio, aim = full.cpu_seconds / base.cpu_seconds, 1.05 * full.jobs / base.jobs
    print(f"CPU time: {ratio:.2f} times for {full.jobs / base.jobs:g} times the jobs (aim: at most {aim:g})")
    print(f"memory at {full.jobs} jobs: at most {full.usage.peak_mib:.0f} MiB (aim: at most 250)")


if __name__ == "__main__":
    main()
