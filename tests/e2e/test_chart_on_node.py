"""The installation from the charts: `helm test`, and what it is while it stands."""

from support.installation import OPERATOR_NAMESPACE, RELEASE, Installation
from testcluster.processes import eventually

TESTED = "quantumjobs,backendpolicies,jobs,pods,configmaps,role,rolebinding"


def test_helm_test_passes_and_cleans_up(installation: Installation) -> None:
    """A job runs to its end in a restricted namespace with the chart's own rights, and nothing of the test stays."""
    cluster, place = installation.cluster, f"--namespace={OPERATOR_NAMESPACE}"
    before = cluster.kubectl("get", TESTED, place, "--output=name").stdout
    done = cluster.helm("test", RELEASE, place, "--logs", "--timeout=5m")
    assert "Complete is True: Succeeded" in done.stdout
    assert eventually(lambda: cluster.kubectl("get", TESTED, place, "--output=name").stdout == before, 30)


def test_the_operator_needs_no_more_than_it_has(installation: Installation, home: str) -> None:
    """It writes nothing to its image, is refused nothing by the API server, and runs without an SDK."""
    cluster, restarts = installation.cluster, installation.restarts()
    since = cluster.audit_position()
    installation.run_bell(home)
    asked = installation.asked(since)
    assert len(asked) > 5
    assert [one for one in asked if one.code in (401, 403)] == []
    (pod,) = installation.get("pods", OPERATOR_NAMESPACE)
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    program = "import importlib.util as u; print(u.find_spec('qiskit'))"
    run = ("exec", pod["metadata"]["name"], f"--namespace={OPERATOR_NAMESPACE}", "--")
    assert cluster.kubectl(*run, "/opt/venv/bin/python", "-c", program).stdout == "None\n"
    assert installation.restarts() == restarts
