"""One real node: containerd, kubelet and kube-proxy inside a sandbox."""

import http.client
import json
import shutil
from pathlib import Path

from testcluster import archive
from testcluster.controlplane import ControlPlane
from testcluster.network import Network
from testcluster.processes import Process, wait_ready
from testcluster.sandbox import Sandbox, run
from testcluster.state import State

NAME = "node"
PAUSE_IMAGE = "docker.io/local/pause:1"
_READY_SECONDS = 60.0
_KUBE_PROXY_HEALTH_PORT = 10256

# There may be no CAP_SYS_RESOURCE (machines of a CI service): without restrict_oom_score_adj every sandbox then fails
# with "can't get final child's PID from pipe: EOF". AppArmor needs a security file system, which not every kernel has.
_CONTAINERD = f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
disable_apparmor = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "/var/lib/cni/net.d"
"""


class Node:
    """The node of one cluster."""

    def __init__(self, state: State, programs: Path, control_plane: ControlPlane) -> None:
        """Use `programs` from that folder, inside the sandbox that `state` records."""
        self._state = state
        self._programs = programs
        self._sandbox = Sandbox(state)
        self._control_plane = control_plane

    def start(self) -> None:
        """Start the node's programs; the API has the node a second later."""
        self._start_containerd()
        pause = self._sandbox.folder / "pause.tar"
        busybox = Path(shutil.which("busybox") or "busybox")
        archive.from_files(pause, PAUSE_IMAGE, {"/bin/busybox": busybox}, ["/bin/busybox", "sleep", "2147483647"])
        self.load_image(pause)
        self._start_kubelet()
        self._start_kube_proxy()

    def load_image(self, image: Path) -> None:
        """Import the images of a `docker save` archive."""
        # In a pipe, for the archive's path need not exist inside.
        with image.open("rb") as content:
            run(self._sandbox.inside("ctr", "--namespace", "k8s.io", "images", "import", "-"), content)

    def _start_containerd(self) -> None:
        network = self._sandbox.network
        self._private("var/lib/cni/net.d/10-bridge.conflist", json.dumps(_cni(network)))
        config = self._private("var/lib/containerd/config.toml", _CONTAINERD)
        process = self._run("containerd", "containerd", "--config", config)
        socket = self._sandbox.folder / "run/containerd/containerd.sock"
        wait_ready(process, socket.exists, _READY_SECONDS)

    def _start_kubelet(self) -> None:
        control_plane, network = self._control_plane, self._sandbox.network
        serving = control_plane.authority.issue("kubelet", names=[network.node])
        self._private("var/lib/kubelet/resolv.conf", "")
        ca = self._private("var/lib/kubelet/ca.crt", control_plane.authority.files.certificate.read_text())
        certificate = self._private("var/lib/kubelet/serving.crt", serving.certificate.read_text())
        key = self._private("var/lib/kubelet/serving.key", serving.key.read_text())
        kubeconfig = control_plane.kubeconfig(f"system:node:{NAME}", "system:nodes").read_text()
        config = self._private("var/lib/kubelet/config.json", json.dumps(_kubelet(network, ca, certificate, key)))
        self._run(
            "kubelet",
            str(self._programs / "kubelet"),
            f"--config={config}",
            f"--kubeconfig={self._private('var/lib/kubelet/kubeconfig', kubeconfig)}",
            f"--hostname-override={NAME}",
            f"--node-ip={network.node}",
        )

    def _start_kube_proxy(self) -> None:
        network = self._sandbox.network
        kubeconfig = self._control_plane.kubeconfig("system:kube-proxy").read_text()
        kubeconfig_inside = self._private("var/lib/kube-proxy/kubeconfig", kubeconfig)
        config = self._private("var/lib/kube-proxy/config.json", json.dumps(_kube_proxy(network, kubeconfig_inside)))
        process = self._run("kube-proxy", str(self._programs / "kube-proxy"), f"--config={config}")
        # A pod that started before the first rules are written would not reach the API server.
        wait_ready(process, lambda: _healthy(network.node), _READY_SECONDS)

    def _private(self, path: str, content: str) -> str:
        """Write a file into one of the sandbox's private folders; returns its path inside."""
        file = self._sandbox.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(content)
        return f"/{path}"

    def _run(self, name: str, *command: str) -> Process:
        return self._state.start(name, self._sandbox.inside(*command))


def _healthy(node: str) -> bool:
    connection = http.client.HTTPConnection(node, _KUBE_PROXY_HEALTH_PORT, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _cni(network: Network) -> dict[str, object]:
    address_plugin = {"type": "host-local", "subnet": network.pods, "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": address_plugin,
    }
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}


def _kubelet(network: Network, ca: str, certificate: str, key: str) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": network.node,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": ca},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": certificate,
        "tlsPrivateKeyFile": key,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": network.cgroup,
        "failCgroupV1": False,
        "failSwapOn": False,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # The images were imported and can't be pulled again.
        "imageGCHighThresholdPercent": 100,
        # No DNS server runs; without an address the kubelet warns at every pod.
        "clusterDNS": [network.dns],
        "resolvConf": "/var/lib/kubelet/resolv.conf",
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},
        "featureGates": {"KubeletCrashLoopBackOffMax": True},
        "kubeAPIQPS": 500,
        "kubeAPIBurst": 1000,
        "maxPods": 200,
    }


def _kube_proxy(network: Network, kubeconfig: str) -> dict[str, object]:
    """kube-proxy, rather than one address rule for the API server, for services in front of pods are then real too."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": NAME,
        "clientConnection": {"kubeconfig": kubeconfig},
        # On a kernel that does not filter bridges, a pod's answer to its neighbor would otherwise go past the rules.
        # It also gives pods the node's address towards the host, which needs no route back to each pod.
        "iptables": {"masqueradeAll": True, "localhostNodePorts": False},
        # These are limits of the whole machine, which are not ours to set.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
