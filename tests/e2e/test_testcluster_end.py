"""What is left of a test cluster when it is gone: nothing."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from testcluster import BuiltCluster, Cluster, images, sandbox
from testcluster.built import clusters_folder, sweep
from testcluster.network import Network
from testcluster.processes import eventually, start_time
from testcluster.state import State

_START_AND_DIE = """
import os, sys
from pathlib import Path
from testcluster import BuiltCluster
BuiltCluster.start(Path(sys.argv[1]), owned=True).start_node()
os._exit(1)
"""


@pytest.fixture(autouse=True)
def _possible(cluster: Cluster) -> None:
    """Only where the session's own cluster was built can there be a second one."""
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("a given cluster is its owner's to end")


def remains(state: State) -> list[str]:
    """Everything on this machine that belongs to the cluster of `state`, in words."""
    assert state.network is not None
    network = Network(state.network)
    subnets = [f"{prefix}.{network.number}." for prefix in ("10.213", "10.214", "10.215")]
    lines = {
        "mount": Path("/proc/mounts").read_text().splitlines(),
        "route": sandbox.run(["ip", "route"]).splitlines(),
        "link": sandbox.run(["ip", "-brief", "link"]).splitlines(),
        "rule": sandbox.run(["iptables-save"]).splitlines(),
    }
    marks = [str(state.folder), f"{network.link}@", *subnets]
    found = [f"{kind}: {line}" for kind, all_of in lines.items() for line in all_of if any(m in line for m in marks)]
    found += [f"folder: {path}" for path in [state.folder, *sandbox.cgroup_folders(network)] if path.exists()]
    found += [f"process: {p.name}" for p in state.processes if start_time(p.pid) == p.started]
    found += [f"process in its namespaces: {pid}" for pid in _processes_with_hidden_mounts(state.folder)]
    return found


def _processes_with_hidden_mounts(folder: Path) -> list[str]:
    pids = []
    for path in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            mounts = path.read_text()
        except OSError:
            continue
        if str(folder) in mounts:
            pids.append(path.parent.name)
    return pids


def test_nothing_is_left_after_the_end() -> None:
    """Beside the session's cluster a second one runs a pod; after its end no part of it is on the machine."""
    with BuiltCluster.session() as second:
        second.start_node()
        second.load_image(images.busybox())
        image = f"--image={images.BUSYBOX_TAG}"
        second.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=120s")
        second.kubectl("run", "pod", image, "--image-pull-policy=Never", "--", "sleep", "600")
        second.kubectl("wait", "pod/pod", "--for=condition=Ready", "--timeout=60s")
        state = State.load(second.folder)
        kinds = {line.partition(":")[0] for line in remains(state)}
        assert kinds >= {"route", "link", "folder", "process", "process in its namespaces"}
    assert remains(state) == []


def test_a_killed_session_is_removed_by_the_next() -> None:
    """The cluster of a process that died without cleaning up is removed before another starts."""
    folder = clusters_folder() / f"test-killed-{secrets.token_hex(2)}"
    tests = Path(__file__).parent.parent
    killed = subprocess.run(
        [sys.executable, "-c", _START_AND_DIE, str(folder)],
        check=False,
        env={**os.environ, "PYTHONPATH": str(tests)},
    )
    assert killed.returncode == 1
    state = State.load(folder)
    assert remains(state) != []
    sweep()
    assert eventually(lambda: remains(state) == [], 5)


def test_the_machines_kernel_settings_stay(cluster: Cluster) -> None:
    """The kubelet found the settings that it wants without changing the machine's."""
    assert isinstance(cluster, BuiltCluster)
    here = Path("/proc/sys/kernel/panic_on_oops").read_text()
    assert cluster.inside("cat", "/proc/sys/kernel/panic_on_oops") == "1\n"
    assert Path("/proc/sys/kernel/panic_on_oops").read_text() == here
