"""An agent as it runs in a cluster: its image, installed by its chart as docs/providers.md says.

`make agents` runs this, and `make test` does not: the images take minutes to build.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from support import braketdevice, braketserver, ibmserver
from support.agentchart import NAME
from support.agents import finishing
from support.braketserver import BraketServer
from support.clusterworld import serve_crds
from support.ibmserver import IbmServer
from support.ourimages import agent_image
from support.providersdoc import way
from support.reader import Reader
from testcluster import BuiltCluster, Cluster

PYTHON = ("/opt/venv/bin/python", "-P", "-c")
SDKS = "import importlib.util as u, os; print(u.find_spec({other!r}), u.find_spec('pip'), os.access('/opt', os.W_OK))"
CONFINED = """
import os, pathlib
from quantum_operator.agent.confined import confine
places = ("/tmp", "/dev/shm", "/dev/mqueue", "/run/quantum-operator/compiler")
lines = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
print({line[2] for line in lines if line[1] in places}, os.listdir("/tmp"), confine())
"""
"""What file systems it may write, which files are left, and whether a process may give sockets up."""

END = "import os, signal; os.kill(1, signal.SIGTERM)"
FOUND = """
import json, os, pathlib
secrets = [one.encode() for one in {secrets!r}]
pids = [int(one) for one in os.listdir('/proc') if one.isdigit()]
processes = {{one: pathlib.Path('/proc', str(one), 'cmdline').read_bytes() for one in pids}}
del processes[os.getpid()]
found = []
for folder, inside, names in os.walk('/'):
    if folder == '/':
        inside[:] = [one for one in inside if one not in ('proc', 'sys', 'usr', 'opt')]
    for path in (pathlib.Path(folder, name) for name in names):
        if not path.is_file() or not os.access(path, os.R_OK):
            continue
        if path.name == 'token' or any(one in path.read_bytes() for one in secrets):
            found.append(str(path))
environment = [one for one in secrets if any(one in value.encode() for value in os.environ.values())]
print(json.dumps([sorted(found), len(environment), {{pid: b'agent.shop' in one for pid, one in processes.items()}}]))
"""
"""Which files that it can read hold a token or a secret; how many secrets are in the environment; the processes."""


@dataclass(frozen=True)
class Provider:
    """A provider on this machine, as a pod reaches it."""

    server: IbmServer | BraketServer
    device: str
    waiting: Callable[[], Iterable[str]]
    other: str
    """A module of another vendor's SDK."""
    settings: dict[str, str]
    charged: Callable[[], int]
    """What the job cost, in millionths."""


@contextmanager
def ibm(host: str) -> Iterator[Provider]:
    with IbmServer(host=host) as server:
        waiting = lambda: [one.id for one in server.jobs.values() if one.status == "Queued"]  # noqa: E731
        yield Provider(server, ibmserver.DEVICE, waiting, "braket", server.settings(), server.charged_micros)


@contextmanager
def braket(host: str) -> Iterator[Provider]:
    moto = ThreadedMotoServer(host, port=0, verbose=False)
    moto.start()
    try:
        _, port = moto.get_host_and_port()
        with BraketServer(f"http://{host}:{port}", host=host) as server:
            server.session_token = None
            waiting = lambda: [one.arn for one in server.all_tasks.values() if one.status == "QUEUED"]  # noqa: E731
            price = way("braket").document("backend.yaml")["spec"]["price"]
            task, shot = price["perRunMicros"], price["perShotMicros"]
            settings = server.settings(priceMicrosPerTask=str(task), priceMicrosPerShot=str(shot))
            yield Provider(
                server, braketdevice.DEVICE, waiting, "qiskit_ibm_runtime", settings, lambda: task + 1000 * shot
            )
    finally:
        moto.stop()


PROVIDERS = {"ibm": ibm, "braket": braket}
SECRETS = {"ibm": (ibmserver.API_KEY,), "braket": (braketserver.ACCESS_KEY, braketserver.SECRET_KEY)}


class Installed:
    """The agent's pod, once a job of its provider may be run."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._cluster = reader, reader.cluster
        self._place = f"--namespace={reader.page.agent}"

    def rollout(self) -> None:
        """Return once it is ready."""
        self._cluster.kubectl("rollout", "status", f"deployment/{NAME}", self._place, "--timeout=240s")

    def run(self, container: str, program: str) -> str:
        """What a program prints in one of its containers."""
        place = (f"deployment/{NAME}", self._place, f"--container={container}")
        return self._cluster.kubectl("exec", *place, "--", *PYTHON, program).stdout

    def said(self) -> str:
        """What its containers logged."""
        place = (f"deployment/{NAME}", self._place, "--all-containers", "--prefix")
        return self._cluster.kubectl("logs", *place).stdout

    def restarts(self) -> dict[str, int]:
        """How often each of its containers was started again."""
        (pod,) = self._reader.get("pods", self._reader.page.agent)
        return {one["name"]: one["restartCount"] for one in pod["status"]["containerStatuses"]}


@pytest.mark.parametrize("adapter", sorted(PROVIDERS))
def test_an_agent_s_pod_runs_a_job(cluster: Cluster, namespace: str, tmp_path: Path, adapter: str) -> None:
    """Restricted, with one vendor's SDK, its Secret from the kubelet alone, and a compiler that ended right before."""
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("a provider's server on this machine is reached from the tests' own cluster only")
    serve_crds(cluster)
    image = agent_image(adapter)
    cluster.load_image(image.archive)
    with ExitStack() as ending, PROVIDERS[adapter](cluster.host_address) as provider:
        server = provider.server
        reader = Reader(cluster, namespace, tmp_path, ending, way(adapter))
        plain = {key: text for key, text in provider.settings.items() if key not in reader.page.secret}
        reader.set_up(
            provider.settings,
            provider.device,
            5,
            *(f"--set-string=settings.{key}={text}" for key, text in plain.items()),
            *(f"--set=image.repository={image.repository}", f"--set=image.tag={image.tag}"),
            *("--set=pollSeconds=1", "--set=healthSeconds=1"),
        )
        pod = Installed(reader)
        pod.rollout()
        reader.start_operator()
        pod.run("compiler", END)
        with finishing(provider.waiting, server.finish):
            job = reader.run_job()
        said = pod.said()
        assert job["status"]["phase"] == "Succeeded", said
        assert job["status"]["cost"]["micros"] == provider.charged() > 0
        assert server.submissions() == 1
        assert [one for one in SECRETS[adapter] if one in said] == []
        assert pod.run("agent", SDKS.format(other=provider.other)) == "None None False\n"
        assert pod.restarts() == {"agent": 0, "compiler": 1}
        assert_apart(pod, SECRETS[adapter])


def assert_apart(pod: Installed, secrets: tuple[str, ...]) -> None:
    """Where programs are compiled no file, and nothing else, is the account's, and of what compiled nothing is left."""
    found = {name: json.loads(pod.run(name, FOUND.format(secrets=secrets))) for name in ("agent", "compiler")}
    assert found["compiler"] == [[], 0, {"1": True}]
    kinds, left = pod.run("compiler", CONFINED).strip().split("} ")
    assert set(kinds.strip("{").split(", ")) == {"'tmpfs'", "'mqueue'"}
    assert left == "[] True"
    files, environment, processes = found["agent"]
    assert len([one for one in files if "/credentials/" in one]) >= len(secrets), files
    assert "/run/secrets/kubernetes.io/serviceaccount/token" in files
    assert (environment, processes) == (0, {"1": False})
