"""etcd, API server, controller manager and scheduler as processes of this machine."""

import http.client
import json
import ssl
import threading
from pathlib import Path
from urllib.parse import urlsplit

from testcluster.network import Network
from testcluster.pki import Authority, file_name, write_signing_key
from testcluster.ports import LOCAL, unused_port
from testcluster.processes import Process, wait_ready
from testcluster.state import State

_READY_SECONDS = 60.0
# Tests make many objects at once; the defaults (20 and 30 a second) would be what they measure.
_CLIENT_RATE = ("--kube-api-qps=500", "--kube-api-burst=1000")
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


class ControlPlane:
    """The control plane of one cluster. Its API server listens on one address of this machine and nowhere else."""

    def __init__(self, state: State, programs: Path) -> None:
        """Use `programs` from that folder, for the cluster that `state` records."""
        self.authority = Authority(state.folder / "pki")
        self._issuing = threading.Lock()
        self.audit_log = state.folder / "audit.log"
        self._state = state
        self._programs = programs
        self._signing_key = state.folder / "pki" / "service-accounts.key"

    def start(self, network: Network | None) -> None:
        """Start etcd, API server and controller manager, and wait until the API answers.

        With a `network`, its pods reach the API server; without one, only this machine's loopback does.
        """
        # An address of our own leaves every port free on it.
        address, port = (network.host, 6443) if network else (LOCAL, unused_port())
        self._state.server = f"https://{address}:{port}"
        self._state.save()
        etcd = self._start_etcd()
        self._start_api_server(etcd, address, port, network or Network(0))
        self._start_controller_manager()

    def start_scheduler(self) -> None:
        """Start the scheduler, of use only with a node."""
        kubeconfig = f"--kubeconfig={self.kubeconfig('system:kube-scheduler')}"
        self._run("kube-scheduler", kubeconfig, "--leader-elect=false", "--secure-port=0", *_CLIENT_RATE)

    def kubeconfig(self, user: str, *groups: str) -> Path:
        """A kubeconfig with a certificate for `user`, a member of `groups`; made once."""
        path = self.authority.folder / f"{file_name(user, groups)}.kubeconfig"
        with self._issuing:
            if not path.exists():
                self.authority.kubeconfig(path, self._state.server, self.authority.issue(user, groups))
        return path

    def ready(self) -> bool:
        """Whether the API server says that it is ready."""
        server = urlsplit(self._state.server)
        context = ssl.create_default_context(cafile=str(self.authority.files.certificate))
        # Not urllib: it would ask a proxy that the user may have set.
        connection = http.client.HTTPSConnection(server.hostname or "", server.port, timeout=5, context=context)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _start_etcd(self) -> str:
        client, peer = (f"http://{LOCAL}:{unused_port()}" for _ in range(2))
        self._run(
            "etcd",
            f"--data-dir={self._state.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        return client

    def _start_api_server(self, etcd: str, address: str, port: int, network: Network) -> None:
        serving = self.authority.issue(
            "kube-apiserver",
            names=[address, network.api_service, "kubernetes.default.svc", "kubernetes", "localhost"],
        )
        # The group lets it read logs and run commands through a kubelet, which asks it whether it may.
        kubelet_client = self.authority.issue("kube-apiserver-kubelet-client", ["system:masters"])
        write_signing_key(self._signing_key)
        policy = self._state.folder / "audit-policy.json"
        policy.write_text(json.dumps(_AUDIT_POLICY))
        process = self._run(
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            f"--bind-address={address}",
            f"--secure-port={port}",
            f"--advertise-address={address}",
            f"--service-cluster-ip-range={network.services}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={self.authority.files.certificate}",
            f"--kubelet-certificate-authority={self.authority.files.certificate}",
            f"--kubelet-client-certificate={kubelet_client.certificate}",
            f"--kubelet-client-key={kubelet_client.key}",
            "--kubelet-preferred-address-types=InternalIP",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._signing_key}",
            f"--service-account-signing-key-file={self._signing_key}",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=100000",
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
        )
        wait_ready(process, self.ready, _READY_SECONDS)

    def _start_controller_manager(self) -> None:
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig('system:kube-controller-manager')}",
            f"--root-ca-file={self.authority.files.certificate}",
            f"--service-account-private-key-file={self._signing_key}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
            *_CLIENT_RATE,
        )

    def _run(self, program: str, *arguments: str) -> Process:
        return self._state.start(program, [str(self._programs / program), *arguments])
