"""`python -m testcluster up|down|status`: the tests' cluster, by hand."""

import argparse
import os
import sys
from pathlib import Path

from testcluster import sandbox
from testcluster.built import BuiltCluster, clusters_folder, destroy, sweep
from testcluster.cache import cache_root, locked, say
from testcluster.errors import ClusterError
from testcluster.state import State


def main() -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="testcluster", description="A real Kubernetes built from source, for tests.")
    commands = {"up": up, "down": down, "status": status}
    parser.add_argument("command", choices=commands, help="start it, remove it, or say what runs")
    try:
        return commands[parser.parse_args().command]()
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1


def up() -> int:
    """Start a cluster that stays when this process ends, and print how to use it."""
    given = os.environ.get("KUBECONFIG")
    if given and Path(given) != _folder() / "kubeconfig":
        print(f"KUBECONFIG is set: tests use the cluster of {given}, and nothing is built")
        return 0
    with locked(cache_root() / "up.lock"):
        cluster = _running() or _start()
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    print(f"export PATH={cluster.programs}:$PATH")
    return 0


def down() -> int:
    """Remove the cluster of `up`, and those that killed test runs left behind."""
    destroy(_folder())
    sweep()
    return 0


def status() -> int:
    """Print the programs of each cluster; returns 1 where there is none."""
    folders = sorted(clusters_folder().glob("*/"))
    for folder in folders:
        state = State.load(folder)
        print(f"{folder.name}: {state.server}, KUBECONFIG={folder / 'kubeconfig'}")
        for process in state.processes:
            print(f"  {process.name:24} {'runs' if process.alive() else 'ENDED':6} pid {process.pid:<8} {process.log}")
    if not folders:
        print("no cluster runs")
    return 0 if folders else 1


def _folder() -> Path:
    return clusters_folder() / "up"


def _start() -> BuiltCluster:
    destroy(_folder())
    cluster = BuiltCluster.start(_folder(), owned=False)
    reason = sandbox.impossible()
    if reason:
        say(f"without a node: {reason}")
        return cluster
    try:
        cluster.start_node()
    except BaseException:
        destroy(_folder())
        raise
    return cluster


def _running() -> BuiltCluster | None:
    state = State.load(_folder())
    cluster = BuiltCluster(state) if state.processes else None
    return cluster if cluster and cluster.alive() else None


if __name__ == "__main__":
    sys.exit(main())
