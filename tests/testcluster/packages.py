"""Programs of the operating system that a node or an image build needs."""

import os
import shutil
import subprocess
from pathlib import Path

from testcluster.cache import cache_root, locked, say
from testcluster.errors import ClusterError

# What a node runs with, and what images are built with: each file to look for, and the Debian package that has it.
NODE = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "ip": "iproute2",
    "busybox": "busybox-static",
}
IMAGES = {"buildah": "buildah", "mmdebstrap": "mmdebstrap"}


def ensure(wanted: dict[str, str]) -> None:
    """Install what is missing of `wanted` with apt-get; raises ClusterError where that can't be done."""
    with locked(cache_root() / "apt.lock"):
        packages = sorted({package for program, package in wanted.items() if not _there(program)})
        if not packages:
            return
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise ClusterError(f"missing programs, named as Debian's packages: {', '.join(packages)}; install them")
        say(f"installing {', '.join(packages)} with apt-get")
        _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", *packages)
    still_missing = [program for program in wanted if not _there(program)]
    if still_missing:
        raise ClusterError(f"still missing after apt-get install: {', '.join(still_missing)}")


def _there(program: str) -> bool:
    return Path(program).exists() if program.startswith("/") else shutil.which(program) is not None


def _apt_get(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", "-q", *arguments], check=False, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise ClusterError(f"apt-get {arguments[0]} failed:\n{done.stderr[-2000:]}")
