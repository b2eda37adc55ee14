"""The cluster that this package makes, and how every part of it goes away again."""

import contextlib
import json
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from testcluster import audit, build, packages, sandbox
from testcluster.cache import cache_root, locked, say
from testcluster.cluster import Cluster
from testcluster.controlplane import ControlPlane
from testcluster.errors import ClusterError
from testcluster.node import Node
from testcluster.processes import eventually
from testcluster.state import State

_GRACE_SECONDS = 2.0
_NODE_SECONDS = 60.0


class BuiltCluster(Cluster):
    """A cluster of our own, running as processes of this machine."""

    def __init__(self, state: State) -> None:
        """Use the cluster that `state` records."""
        programs = build.binaries()
        self._state = state
        self._control_plane = ControlPlane(state, programs)
        self._node = Node(state, programs, self._control_plane) if state.network is not None else None
        super().__init__(state.folder / "kubeconfig", state.folder, programs)

    @staticmethod
    def start(folder: Path, *, owned: bool) -> "BuiltCluster":
        """Start a control plane, to which a node can be added where this machine allows one.

        A cluster that is `owned` ends with this process, or is ended by the next one that starts a cluster.
        """
        build.binaries()
        sweep()
        state = State.create(folder, owned=owned)
        try:
            network = None
            if sandbox.impossible() is None:
                packages.ensure(packages.NODE)
                network = sandbox.Sandbox.create(state).network
            cluster = BuiltCluster(state)
            cluster._control_plane.start(network)
            shutil.copy(cluster._control_plane.kubeconfig("admin", "system:masters"), cluster.kubeconfig)
        except BaseException:
            destroy(folder)
            raise
        say(f"control plane ready: {state.server}")
        return cluster

    @staticmethod
    @contextlib.contextmanager
    def session() -> Iterator["BuiltCluster"]:
        """A control plane for as long as the context lasts."""
        cluster = BuiltCluster.start(clusters_folder() / f"test-{os.getpid()}-{secrets.token_hex(2)}", owned=True)
        try:
            yield cluster
        finally:
            destroy(cluster.folder)

    @property
    def has_node(self) -> bool:
        """Whether the node was started."""
        return self._state.process("kubelet") is not None

    @property
    def host_address(self) -> str:
        """The address at which pods reach what listens on this machine."""
        return sandbox.Sandbox(self._state).network.host

    def alive(self) -> bool:
        """Whether all its processes run and the API answers."""
        processes = self._state.processes
        return bool(processes) and all(p.alive() for p in processes) and self._control_plane.ready()

    def start_node(self) -> None:
        """Add a node, if there is none, and wait until it takes pods."""
        if self.has_node:
            return
        if self._node is None:
            raise ClusterError(sandbox.impossible() or "this cluster was started without a network for pods")
        self._control_plane.start_scheduler()
        self._node.start()
        self.kubectl("wait", "--for=create", "node/node", f"--timeout={_NODE_SECONDS:.0f}s")
        self.kubectl("wait", "--for=condition=Ready", "node/node", f"--timeout={_NODE_SECONDS:.0f}s")
        say("node ready")

    def start_fake_nodes(self, count: int) -> None:
        """Add nodes that exist in the API alone: their pods, said to run, are said to have succeeded at once."""
        self._control_plane.start_scheduler()
        self._state.start("kwok", [str(build.kwok()), f"--kubeconfig={self.kubeconfig}", "--manage-all-nodes"])
        for number in range(count):
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"fake-{number}"}}
            self.kubectl("create", "-f", "-", input=json.dumps(node))
        self.kubectl("wait", "--for=condition=Ready", "nodes", "--all", f"--timeout={_NODE_SECONDS:.0f}s")
        say(f"{count} nodes that KWOK plays are ready")

    def kubeconfig_for(self, user: str, *groups: str) -> Path:
        """A kubeconfig of `user`, a member of `groups`, with a certificate of theirs."""
        return self._control_plane.kubeconfig(user, *groups)

    def load_image(self, archive: Path) -> None:
        """Put the images of a `docker save` archive on the node."""
        if self._node is None:
            raise ClusterError("this cluster has no node to load images into")
        self._node.load_image(archive)

    def inside(self, *command: str) -> str:
        """Run a command in the node's namespaces, where `ctr` and `iptables` mean the node's; returns its output."""
        return sandbox.Sandbox(self._state).run(*command)

    def audit_position(self) -> audit.Position:
        """Now, for `audit_events`."""
        return audit.position(self._control_plane.audit_log)

    def audit_events(self, since: audit.Position | None = None) -> list[audit.AuditEvent]:
        """Every request that was asked after `since` and is answered, in the order of the answers."""
        return audit.events(self._control_plane.audit_log, since)


def clusters_folder() -> Path:
    """Where the folders of running clusters are."""
    return cache_root() / "clusters"


def destroy(folder: Path) -> None:
    """End a cluster and remove all that it was. To do so again, or half-way through its start, does no harm."""
    state = State.load(folder)
    outside = [process for process in state.processes if process.name != sandbox.NAME]
    for process in outside:
        process.signal(signal.SIGTERM)
    # An API server takes up to half a minute to go; nothing here is worth waiting for.
    eventually(lambda: not any(process.alive() for process in outside), _GRACE_SECONDS)
    for process in outside:
        process.stop(grace_seconds=0)
    # Last, for it gives the cluster's addresses back, which the next one may take.
    sandbox.destroy(state)
    shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the clusters of processes that ended without doing so."""
    with locked(cache_root() / "sweep.lock"):
        for folder in clusters_folder().glob("*/"):
            if State.load(folder).abandoned():
                say(f"removing {folder.name}, left behind by a process that was killed")
                destroy(folder)
