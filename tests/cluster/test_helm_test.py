"""The whole installation from the charts and the images, on a node: `helm test` runs a Bell pair through it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ourimages import operator_image, runner_image
from testcluster import BuiltCluster, Cluster

ROOT = Path(__file__).parents[2]
HOME = "helm-test"


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster of its own, with a node, on which both charts are installed and the operator is available."""
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("a given cluster's definitions and simulators are its owner's")
    operator, runner = operator_image(), runner_image()
    with BuiltCluster.session() as own:
        own.start_node()
        own.load_image(operator.archive)
        own.load_image(runner.archive)
        own.helm("install", "q-crds", str(ROOT / "charts/quantum-operator-crds"))
        own.kubectl("create", "namespace", HOME)
        own.kubectl("label", "namespace", HOME, "pod-security.kubernetes.io/enforce=restricted")
        own.helm(
            *("install", "q", str(ROOT / "charts/quantum-operator"), f"--namespace={HOME}"),
            *(f"--set=image.repository={operator.repository}", f"--set=image.tag={operator.tag}"),
            *(f"--set=runs.image.repository={runner.repository}", f"--set=runs.image.tag={runner.tag}"),
        )
        own.kubectl("rollout", "status", "deployment/q-quantum-operator", f"--namespace={HOME}", "--timeout=120s")
        yield own


def test_helm_test_passes_and_cleans_up(installed: Cluster) -> None:
    """A job runs to its end in a restricted namespace with the chart's own rights, and nothing of the test stays."""
    done = installed.helm("test", "q", f"--namespace={HOME}", "--logs", "--timeout=5m")
    assert "Complete is True: Succeeded" in done.stdout
    left = installed.kubectl("get", "quantumjobs,backendpolicies,jobs,role", f"--namespace={HOME}", "--output=name")
    assert left.stdout == ""


def test_the_operator_runs_without_writing_to_its_image(installed: Cluster) -> None:
    """The operator has not been restarted, and its file system is read-only to it."""
    path = "{.items[0].status.containerStatuses[0].restartCount}"
    selector = "--selector=app.kubernetes.io/name=quantum-operator"
    pods = installed.kubectl("get", "pods", f"--namespace={HOME}", selector, f"--output=jsonpath={path}")
    assert pods.stdout == "0"
