"""Linux namespaces for a node, so that ending it leaves nothing behind.

containerd, kubelet, kube-proxy and the pods live in network, mount, process, host name and IPC namespaces of their own.
Their bridge, NAT rules, mounts and processes are invisible outside, and the kernel removes all of them when the first
process of the namespaces ends, however it ends. What outlives it is the cgroup folders, which `destroy` removes.
Several clusters can run side by side: each has a number, and addresses made from it.

A pair of virtual network cards joins node and host. The host reaches pods and services by routes through it.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from testcluster.errors import ClusterError
from testcluster.network import Network
from testcluster.processes import Process, eventually, wait_ready
from testcluster.state import State

NAME = "sandbox"
_MOST_CLUSTERS = 100
_CGROUPS = Path("/sys/fs/cgroup")
_SECONDS = 60.0
# containerd, CNI and kubelet have paths in these folders that no setting moves; inside, they are the cluster's own.
_PRIVATE = ("run", "var/lib", "var/log")
# The kubelet would set these for the whole machine; inside, it finds files that say what it wants to read.
# Having made itself at home, the first process has nothing to do but to wait for orphans, which a shell does.
_FIRST_PROCESS = """
set -e
while read -r setting value; do
    echo "$value" > "$1/setting-${setting##*/}"
    mount --bind "$1/setting-${setting##*/}" "/proc/sys/$setting"
done <<END
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxbytes 25000000
kernel/keys/root_maxkeys 1000000
vm/overcommit_memory 1
vm/panic_on_oom 0
END
for folder in run var/lib var/log; do mount --bind "$1/$folder" "/$folder"; done
ip link set lo up
touch "$1/ready"
while :; do sleep 3600; done
"""


class Sandbox:
    """The namespaces of one cluster's node."""

    def __init__(self, state: State) -> None:
        """Use the namespaces that `state` records; raises ClusterError where it records none."""
        first = state.process(NAME)
        if first is None or state.network is None:
            raise ClusterError(f"the cluster in {state.folder} has no node")
        self.folder = state.folder / "node"
        self.network = Network(state.network)
        self._first = first

    @staticmethod
    def create(state: State) -> "Sandbox":
        """Make namespaces, joined to the host by the first network that is free."""
        folder = state.folder / "node"
        for private in _PRIVATE:
            (folder / private).mkdir(parents=True)
        unshare = [
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--uts",
            "--ipc",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]
        first = state.start(NAME, [*unshare, "sh", "-c", _FIRST_PROCESS, "sh", str(folder)])
        wait_ready(first, (folder / "ready").exists, _SECONDS)
        network = _claim_network(_inner_pid(first))
        state.network = network.number
        state.save()
        for cgroup in cgroup_folders(network):
            cgroup.mkdir(exist_ok=True)
        sandbox = Sandbox(state)
        sandbox._connect()
        return sandbox

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` inside."""
        return ["nsenter", "--target", str(_inner_pid(self._first)), "--all", "--", *command]

    def run(self, *command: str) -> str:
        """Run `command` inside and return its output."""
        return run(self.inside(*command))

    def _connect(self) -> None:
        network = self.network
        ip_commands = (
            f"address add {network.node}/30 dev eth0",
            "link set eth0 up",
            f"route add default via {network.host}",
        )
        run(["ip", "address", "add", f"{network.host}/30", "dev", network.link])
        run(["ip", "link", "set", network.link, "up"])
        for command in ip_commands:
            self.run("ip", *command.split())
        for destination in (network.pods, network.services):
            run(["ip", "route", "add", destination, "via", network.node])
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


def impossible() -> str | None:
    """Why there can be no node with pods on this machine; None where there can."""
    if sys.platform != "linux":
        return "a node with pods needs Linux"
    if os.geteuid() != 0:
        return "a node with pods needs root"
    return None


def destroy(state: State) -> None:
    """End the namespaces and everything in them, and remove what outlives them."""
    first = state.process(NAME)
    card = _card(state)
    if first is not None:
        # Killing `unshare` kills the first process inside (--kill-child), and with it the kernel kills all others.
        first.stop(grace_seconds=0)
    if state.network is not None:
        folders = cgroup_folders(Network(state.network))
        if not eventually(lambda: _removed(folders), _SECONDS):
            raise ClusterError(f"cgroup folders are still in use: {[str(f) for f in folders if f.exists()]}")
        # The kernel removes the network card, with its routes, some time after the last process inside.
        if card and not eventually(lambda: _card(state) != card, _SECONDS):
            raise ClusterError(f"the network card {Network(state.network).link} is still there")


def cgroup_folders(network: Network) -> list[Path]:
    """The folder of a cluster's pods in every cgroup hierarchy (one with cgroup v2, a dozen with v1)."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS / network.cgroup[1:]]
    # A link is a second name (cpu,cpuacct).
    hierarchies = [path for path in _CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]
    return [path / network.cgroup[1:] for path in sorted(hierarchies)]


def run(command: Sequence[str], stdin: IO[bytes] | None = None) -> str:
    """Run a command and return its output; raises ClusterError with what it wrote where it fails."""
    done = subprocess.run(command, check=False, capture_output=True, stdin=stdin or subprocess.DEVNULL)
    if done.returncode != 0:
        complaint = done.stderr.decode(errors="replace").strip()
        raise ClusterError(f"{' '.join(command)} failed with status {done.returncode}: {complaint}")
    return done.stdout.decode()


def _inner_pid(first: Process) -> int:
    children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
    try:
        return int(children.read_text().split()[0])
    except (OSError, IndexError):
        raise ClusterError(f"the node's namespaces are gone:\n{first.log_tail()}") from None


def _claim_network(pid: int) -> Network:
    """A number whose network card does not exist yet. The kernel makes it for one cluster only.

    It is looked for from any number on, so that one that was just given back is hardly ever the next to be taken.
    """
    error, first = "", secrets.randbelow(_MOST_CLUSTERS)
    for number in range(first, first + _MOST_CLUSTERS):
        network = Network(number % _MOST_CLUSTERS)
        command = [
            "ip",
            "link",
            "add",
            network.link,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            str(pid),
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode == 0:
            return network
        error = done.stderr.strip()
        if "File exists" not in error:
            break
    raise ClusterError(f"can't make a network card for the test cluster: {error}")


def _card(state: State) -> str:
    """The number that the kernel gave to the cluster's network card; empty where there is none."""
    if state.network is None:
        return ""
    try:
        return Path(f"/sys/class/net/{Network(state.network).link}/ifindex").read_text()
    except OSError:
        return ""


def _removed(folders: Sequence[Path]) -> bool:
    for folder in folders:
        for path, _, _ in os.walk(folder, topdown=False):
            try:
                Path(path).rmdir()
            except OSError:
                return False
    return True
