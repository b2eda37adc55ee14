"""Our images in real pods: as nobody, with a read-only root file system, and with what each may have."""

import json
from typing import Any

import pytest

from quantum_operator.api.run import Outcome
from support.ourimages import operator_image, runner_image
from support.runs import BELL3, encoded, job, qasm3, sample, spec
from testcluster import Cluster, images
from testcluster.manifests import pod

MEGABYTE = 10**6


def run_to_end(cluster: Cluster, namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """Run a pod; returns how its container ended."""
    name = manifest["metadata"]["name"]
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(manifest))
    over = "--for=jsonpath={.status.containerStatuses[0].state.terminated}"
    cluster.kubectl("wait", "-n", namespace, f"pod/{name}", over, "--timeout=120s")
    status = json.loads(cluster.kubectl("get", "-n", namespace, f"pod/{name}", "--output=json").stdout)["status"]
    ended: dict[str, Any] = status["containerStatuses"][0]["state"]["terminated"]
    return ended


def probe(image: str, program: str) -> dict[str, Any]:
    """A pod that runs a Python program in one of our images."""
    manifest = pod("probe", image, "-c", program)
    manifest["spec"]["containers"][0]["command"] = ["/opt/venv/bin/python"]
    return manifest


def test_a_run_leaves_its_outcome(cluster: Cluster, namespace: str) -> None:
    """The runner's image, given a Bell pair, an empty /tmp and nothing else, leaves the counts in its message."""
    image = runner_image()
    cluster.load_image(image.archive)
    data = encoded(job(qasm3(BELL3), sample(shots=1000)))
    content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "input"}, "data": {"in": data.decode()}}
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(content))
    manifest = pod("run-1", image.reference, "--input=/input/in", "--termination=/dev/termination-log")
    (container,) = manifest["spec"]["containers"]
    container["env"] = [{"name": "QUANTUM_OPERATOR_RUN", "value": json.dumps(spec(data).to_wire())}]
    container["volumeMounts"] = [{"name": "tmp", "mountPath": "/tmp"}, {"name": "input", "mountPath": "/input"}]
    manifest["spec"] |= {
        "automountServiceAccountToken": False,
        "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "input", "configMap": {"name": "input"}}],
    }
    ended = run_to_end(cluster, namespace, manifest)
    assert ended["exitCode"] == 0, ended
    (pub,) = Outcome.model_validate_json(ended["message"]).pubs
    assert pub.samples is not None
    assert set(pub.samples[0].registers[0].counts) == {"00", "11"}


@pytest.mark.parametrize("name", ["operator", "runner"])
def test_an_image_has_no_more_than_its_part(cluster: Cluster, namespace: str, name: str) -> None:
    """The operator can't import a quantum SDK, a run can't import a Kubernetes client, and neither has pip."""
    present, absent = ["kopf", "lightkube"], ["qiskit", "qiskit_aer", "numpy"]
    image = operator_image() if name == "operator" else runner_image()
    if name == "runner":
        present, absent = absent, present
    cluster.load_image(image.archive)
    program = (
        "import os; from importlib.util import find_spec; "
        f"present = [find_spec(name) for name in {present!r}]; "
        "assert all(os.path.exists(spec.cached) for spec in present), 'no byte-code'; "
        f"assert not any(map(find_spec, {[*absent, 'pip']!r})); "
        "print(os.getuid(), os.access('/opt/venv', os.W_OK))"
    )
    ended = run_to_end(cluster, namespace, probe(image.reference, program))
    said = cluster.kubectl("logs", "-n", namespace, "probe").stdout
    assert (ended["exitCode"], said) == (0, "65532 False\n")


@pytest.mark.usefixtures("cluster")
def test_the_operator_is_small() -> None:
    """The operator's image adds fewer than 100 MB to the one that it is built on."""
    assert operator_image().archive.stat().st_size - images.base().stat().st_size < 100 * MEGABYTE
