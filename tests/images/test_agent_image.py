"""An agent as it runs in a cluster: its image, installed by its chart as docs/providers.md says.

`make agents` runs this, and `make test` does not: the image takes minutes to build.
"""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import ibmserver
from support.agentchart import NAME
from support.agents import finishing
from support.clusterworld import serve_crds
from support.ibmserver import IbmServer
from support.ourimages import agent_image
from support.providersdoc import way
from support.reader import Reader
from testcluster import BuiltCluster, Cluster

PROBE = "import importlib.util as u, os; print(u.find_spec('braket'), u.find_spec('pip'), os.access('/opt', os.W_OK))"


def test_an_agent_s_pod_runs_a_job(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """Restricted, with one vendor's SDK, and with its Secret from the kubelet alone, it gets a job's counts."""
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("a provider's server on this machine is reached from the tests' own cluster only")
    serve_crds(cluster)
    image = agent_image("ibm")
    cluster.load_image(image.archive)
    with ExitStack() as ending, IbmServer(host=cluster.host_address) as server:
        reader = Reader(cluster, namespace, tmp_path, ending, way("ibm"))
        plain = {key: text for key, text in server.settings().items() if key not in reader.page.secret}
        reader.set_up(
            server.settings(),
            ibmserver.DEVICE,
            5,
            *(f"--set-string=settings.{key}={text}" for key, text in plain.items()),
            *(f"--set=image.repository={image.repository}", f"--set=image.tag={image.tag}"),
            *("--set=pollSeconds=1", "--set=healthSeconds=1"),
        )
        place = f"--namespace={reader.page.agent}"
        cluster.kubectl("rollout", "status", f"deployment/{NAME}", place, "--timeout=180s")
        reader.start_operator()
        waiting = lambda: [one.id for one in server.jobs.values() if one.status == "Queued"]  # noqa: E731
        with finishing(waiting, server.finish):
            job = reader.run_job()
        said = cluster.kubectl("logs", f"deployment/{NAME}", place).stdout
        assert job["status"]["phase"] == "Succeeded", said
        assert job["status"]["cost"]["micros"] == server.charged_micros() > 0
        assert server.submissions() == 1
        assert ibmserver.API_KEY not in said
        ran = ("exec", f"deployment/{NAME}", place, "--", "/opt/venv/bin/python", "-c", PROBE)
        assert cluster.kubectl(*ran).stdout == "None None False\n"
        pods = json.loads(cluster.kubectl("get", "pods", place, "--output=json").stdout)["items"]
        assert [one["status"]["containerStatuses"][0]["restartCount"] for one in pods] == [0]
