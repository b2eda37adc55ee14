"""The test cluster's node: pods that really run."""

import json
import socket
from typing import Any

import pytest

from testcluster import BuiltCluster, Cluster, images
from testcluster.manifests import job, pod
from testcluster.processes import eventually

_ASK_API = """
import os, ssl, urllib.request
account = "/var/run/secrets/kubernetes.io/serviceaccount/"
host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
request = urllib.request.Request(f"https://{host}:{port}/api/v1/namespaces/" + open(account + "namespace").read())
request.add_header("Authorization", "Bearer " + open(account + "token").read())
context = ssl.create_default_context(cafile=account + "ca.crt")
print(urllib.request.urlopen(request, context=context).status)
"""
# A pod is ready a moment before its server listens, and a service a moment before it leads there.
_FETCH = """
import sys, time, urllib.request
for _ in range(100):
    try:
        print(urllib.request.urlopen(sys.argv[1]).status)
        break
    except OSError:
        time.sleep(0.2)
"""


def apply(cluster: Cluster, namespace: str, *manifests: dict[str, Any]) -> None:
    """Apply manifests."""
    for manifest in manifests:
        cluster.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(manifest))


@pytest.fixture(scope="module")
def busybox(cluster: Cluster) -> str:
    """The tag of the busybox image, which is on the node."""
    cluster.load_image(images.busybox())
    return images.BUSYBOX_TAG


@pytest.fixture(scope="module")
def python(cluster: Cluster) -> str:
    """The tag of an image with Python, which is on the node."""
    cluster.load_image(images.base())
    return images.BASE_TAG


def test_restricted_job_completes(cluster: Cluster, namespace: str, busybox: str) -> None:
    """A job whose pod may do nothing completes, and kubectl logs has what it wrote."""
    apply(cluster, namespace, job("hello", busybox, "echo", "hello"))
    cluster.kubectl("wait", "-n", namespace, "job/hello", "--for=condition=Complete", "--timeout=60s")
    assert cluster.kubectl("logs", "-n", namespace, "job/hello").stdout == "hello\n"


def test_pod_reaches_the_api(cluster: Cluster, namespace: str, python: str) -> None:
    """A pod with the address of its environment and its account's token and CA gets a verified answer."""
    account = f"--serviceaccount={namespace}:default"
    cluster.kubectl("create", "rolebinding", "view", "--clusterrole=view", account, "-n", namespace)
    apply(cluster, namespace, job("ask", python, "python3", "-c", _ASK_API))
    cluster.kubectl("wait", "-n", namespace, "job/ask", "--for=condition=Complete", "--timeout=60s")
    assert cluster.kubectl("logs", "-n", namespace, "job/ask").stdout == "200\n"


def test_pod_reaches_a_service(cluster: Cluster, namespace: str, python: str) -> None:
    """A pod gets an answer from another pod through a service's address."""
    server = pod("server", python, "python3", "-m", "http.server", "8080", "--directory", "/etc")
    server["metadata"]["labels"] = {"app": "server"}
    apply(cluster, namespace, server)
    cluster.kubectl("expose", "pod", "server", "-n", namespace, "--port=80", "--target-port=8080")
    cluster.kubectl("wait", "-n", namespace, "pod/server", "--for=condition=Ready", "--timeout=60s")
    address = cluster.kubectl("get", "service", "server", "-n", namespace, "-o", "jsonpath={.spec.clusterIP}").stdout
    apply(cluster, namespace, job("client", python, "python3", "-c", _FETCH, f"http://{address}/debian_version"))
    cluster.kubectl("wait", "-n", namespace, "job/client", "--for=condition=Complete", "--timeout=60s")
    assert cluster.kubectl("logs", "-n", namespace, "job/client").stdout == "200\n"


def test_runs_commands_in_pods(cluster: Cluster, namespace: str, busybox: str) -> None:
    """A command in a running pod runs as the pod's user."""
    apply(cluster, namespace, pod("idle", busybox, "sleep", "600", terminationGracePeriodSeconds=0))
    cluster.kubectl("wait", "-n", namespace, "pod/idle", "--for=condition=Ready", "--timeout=60s")
    assert cluster.kubectl("exec", "-n", namespace, "idle", "--", "/bin/busybox", "id", "-u").stdout == "65532\n"


def test_crashing_pod_restarts_each_second(cluster: Cluster, namespace: str, busybox: str) -> None:
    """A container that keeps failing is started again within seconds, so that tests of restarts are short."""
    apply(cluster, namespace, pod("crash", busybox, "false", restartPolicy="Always"))
    count = "jsonpath={.status.containerStatuses[0].restartCount}"

    def restarted_thrice() -> bool:
        shown = cluster.kubectl("get", "pod", "crash", "-n", namespace, "-o", count).stdout
        return int(shown or 0) >= 3

    assert eventually(restarted_thrice, 30)


def test_evicts_pods(cluster: Cluster, namespace: str, busybox: str) -> None:
    """An eviction through the API ends the pod."""
    apply(cluster, namespace, pod("victim", busybox, "sleep", "600", terminationGracePeriodSeconds=0))
    cluster.kubectl("wait", "-n", namespace, "pod/victim", "--for=condition=Ready", "--timeout=60s")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "victim"}}
    path = f"/api/v1/namespaces/{namespace}/pods/victim/eviction"
    cluster.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))
    cluster.kubectl("wait", "-n", namespace, "pod/victim", "--for=delete", "--timeout=60s")


def test_pod_reaches_a_server_of_the_test(cluster: Cluster, namespace: str, python: str) -> None:
    """A pod reaches what a test serves at the host's address, as a fake provider would be."""
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("a given cluster's pods may be on another machine")
    with socket.create_server((cluster.host_address, 0)) as server:
        port = server.getsockname()[1]
        connect = f"import socket; socket.create_connection(('{cluster.host_address}', {port})).sendall(b'hello')"
        apply(cluster, namespace, job("client", python, "python3", "-c", connect))
        server.settimeout(60)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(5) == b"hello"
