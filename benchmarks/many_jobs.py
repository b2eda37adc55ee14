"""How much sooner a thousand small QuantumJobs are done than a thousand bare Jobs of the same circuit and image.

Both sides are on one real node. The QuantumJobs are for a backend whose runs may be shared (`limits.maxBatchJobs`), and
are created as fast as the API server takes them; timed is from the first creation to the last result. The bare side is
what somebody without an operator has: a Job each. It is measured on `--bare` of them and scaled to as many as the other
side has, which favors it: a thousand Jobs at once are slower each than fifty.
"""

import argparse
import sys
import time

from apply_to_complete import bare_job, quantum_job

from quantum_operator.testing import builders
from support.clusterworld import manifest
from support.installation import Installation
from support.restclient import RestClient
from testcluster import BuiltCluster

OURS = "/apis/quantum-operator.dev/v1alpha1"
RESOURCES = {"cpu": "1", "memory": "1Gi"}


def ours(installation: Installation, jobs: int, runs: int) -> float:
    """Seconds until so many QuantumJobs have their results, on a backend that takes so many runs at a time."""
    namespace, client = installation.new_namespace(), RestClient(installation.cluster.kubeconfig)
    limits = {"maxConcurrentRuns": runs, "maxBatchJobs": 100}
    backend = manifest(builders.backend(namespace, limits=limits, run=RESOURCES), "")
    client.request("POST", f"{OURS}/quantumbackends", backend)
    place = f"{OURS}/namespaces/{namespace}"
    policy = manifest(builders.policy(namespace, name="shared"), namespace)
    client.request("POST", f"{place}/backendpolicies", policy)
    installation.cluster.kubectl("wait", "--for=condition=Ready", f"quantumbackend/{namespace}", "--timeout=60s")
    bodies = [quantum_job(f"q-{number}") for number in range(jobs)]
    for body in bodies:
        body["spec"]["policyRef"] = {"name": "shared"}
    start = time.perf_counter()
    client.create_all(f"{place}/quantumjobs", bodies)
    client.wait_until_complete(f"{place}/quantumjobs", jobs)
    seconds = time.perf_counter() - start
    shared = client.request("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs")["items"]
    print(f"{jobs} QuantumJobs in {seconds:.1f} s, {jobs / seconds:.1f} a second, in {len(shared)} runs", flush=True)
    installation.cluster.kubectl("delete", "namespace", namespace)
    return seconds


def bare(installation: Installation, jobs: int) -> float:
    """Seconds until so many bare Jobs are complete."""
    namespace, client = installation.new_namespace(), RestClient(installation.cluster.kubeconfig)
    place = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    amounts = {"requests": RESOURCES, "limits": RESOURCES}
    start = time.perf_counter()
    client.create_all(place, [bare_job(f"b-{number}", amounts) for number in range(jobs)])
    client.wait_until_complete(place, jobs)
    seconds = time.perf_counter() - start
    print(f"{jobs} bare Jobs in {seconds:.1f} s, {jobs / seconds:.2f} a second", flush=True)
    installation.cluster.kubectl("delete", "namespace", namespace)
    return seconds


def main() -> None:
    """Run both sides, the bare one first, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="how many QuantumJobs (default: 1000)")
    parser.add_argument("--bare", type=int, default=50, help="how many bare Jobs (default: 50)")
    parser.add_argument("--runs", type=int, default=2, help="the backend's maxConcurrentRuns (default: 2)")
    options = parser.parse_args()
    with BuiltCluster.session() as cluster:
        cluster.start_node()
        installation = Installation(cluster)
        installation.install()
        ours(installation, 20, options.runs)
        theirs = bare(installation, options.bare)
        seconds = ours(installation, options.jobs, options.runs)
    scaled = theirs * options.jobs / options.bare
    print(f"ratio {scaled / seconds:.1f}: {options.jobs} bare Jobs would take {scaled:.0f} s (aim: at least 30)")
    print("the bare side is scaled from", options.bare, "Jobs", file=sys.stderr)


if __name__ == "__main__":
    main()
