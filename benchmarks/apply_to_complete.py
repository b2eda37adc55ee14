"""How much longer a QuantumJob takes than a bare Job: from `kubectl apply` to complete, pair by pair.

Both run the same circuit in the same image with the same resources on the same node. The bare Job is what somebody
without an operator writes: a script that parses, compiles and samples, and prints the counts to its log. The two sides
alternate, and take turns in going first. Printed are the medians, and the median of the pairs' ratios with quartiles.

Kubernetes calls a Job complete a second or two after its pod has ended, while a QuantumJob goes by its pod. So the bare
side is timed twice in each run: to its condition, which is what its user waits for, and to the end of its pod.
"""

import argparse
import json
import statistics
import sys
import time
from typing import Any

from support.installation import Installation, job
from support.ourimages import runner_image
from testcluster import BuiltCluster

PROGRAM = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
SHOTS = 1000
SCRIPT = f"""
from qiskit import qasm3, transpile
from qiskit_aer import AerSimulator
simulator = AerSimulator(seed_simulator=7)
circuit = transpile(qasm3.loads({PROGRAM!r}), simulator, seed_transpiler=7)
print(simulator.run(circuit, shots={SHOTS}).result().get_counts())
"""
COMPLETE = "--for=condition=Complete"
Json = dict[str, Any]


def quantum_job(name: str) -> Json:
    """The circuit as a QuantumJob."""
    programs = [{"name": "bell", "qasm3": PROGRAM}]
    task = {"sample": {"pubs": [{"program": "bell", "shots": SHOTS}]}}
    return job(name, programs=programs, task=task, execution={"seed": 7})


def bare_job(name: str, resources: Json) -> Json:
    """The circuit as a batch/v1 Job, restricted as its namespace asks."""
    container = {
        "name": "main",
        "image": runner_image().reference,
        "command": ["/opt/venv/bin/python", "-c", SCRIPT],
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }


class Bench:
    """One namespace in which both sides run, one at a time."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.namespace = installation.new_namespace()
        self.resources = self._resources()

    def ours(self, number: int) -> float:
        """Seconds until a QuantumJob is complete."""
        start = self._apply(quantum_job(f"q-{number}"))
        self._wait(COMPLETE, f"quantumjob/q-{number}")
        seconds = time.perf_counter() - start
        self._delete(f"quantumjob/q-{number}")
        return seconds

    def bare(self, number: int) -> tuple[float, float]:
        """Seconds until a bare Job is complete, and until its pod has ended."""
        start = self._apply(bare_job(f"b-{number}", self.resources))
        pod = f"--selector=batch.kubernetes.io/job-name=b-{number}"
        self._wait("--for=create", "pod", pod)
        self._wait("--for=jsonpath={.status.phase}=Succeeded", "pod", pod)
        ended = time.perf_counter() - start
        self._wait(COMPLETE, f"job/b-{number}")
        complete = time.perf_counter() - start
        self._delete(f"job/b-{number}")
        return complete, ended

    def _resources(self) -> Json:
        found = self.installation.cluster.kubectl("get", "quantumbackend", "aer-ideal", "--output=json").stdout
        run = json.loads(found)["spec"]["run"]
        amounts = {"cpu": run["cpu"], "memory": run["memory"]}
        return {"requests": amounts, "limits": amounts}

    def _apply(self, body: Json) -> float:
        text, start = json.dumps(body), time.perf_counter()
        self.installation.cluster.kubectl("apply", f"--namespace={self.namespace}", "-f", "-", input=text)
        return start

    def _wait(self, *what: str) -> None:
        self.installation.cluster.kubectl("wait", f"--namespace={self.namespace}", *what, "--timeout=120s")

    def _delete(self, name: str) -> None:
        self.installation.cluster.kubectl("delete", f"--namespace={self.namespace}", name)
        self._wait("--for=delete", "pod", "--all")


def main() -> None:
    """Run the pairs and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20, help="how often each side runs (default: 20)")
    pairs = parser.parse_args().pairs
    with BuiltCluster.session() as cluster:
        cluster.start_node()
        installation = Installation(cluster)
        installation.install()
        bench = Bench(installation)
        bench.ours(0)
        bench.bare(0)
        times = [_pair(bench, number) for number in range(1, pairs + 1)]
    ours = [pair[0] for pair in times]
    complete = [pair[1] for pair in times]
    ended = [pair[2] for pair in times]
    print(f"QuantumJob complete  median {statistics.median(ours):6.3f} s")
    print(f"bare Job complete    median {statistics.median(complete):6.3f} s   {ratio(ours, complete)}")
    print(f"bare Job's pod ended median {statistics.median(ended):6.3f} s   {ratio(ours, ended)}")


def ratio(ours: list[float], theirs: list[float]) -> str:
    """The median of the pairs' ratios, and its quartiles."""
    low, middle, high = statistics.quantiles([one / other for one, other in zip(ours, theirs, strict=True)], n=4)
    return f"ratio {middle:.3f} (quartiles {low:.3f} to {high:.3f}, {len(ours)} pairs)"


def _pair(bench: Bench, number: int) -> tuple[float, float, float]:
    if number % 2:
        complete, ended = bench.bare(number)
        ours = bench.ours(number)
    else:
        ours = bench.ours(number)
        complete, ended = bench.bare(number)
    said = f"pair {number}: QuantumJob {ours:.3f} s, bare Job {complete:.3f} s, its pod {ended:.3f} s"
    print(said, file=sys.stderr, flush=True)
    return ours, complete, ended


if __name__ == "__main__":
    main()
