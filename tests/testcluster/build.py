"""Builds the programs of the cluster, once for each version of their sources, into the user's cache."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from testcluster.cache import cache_root, digest, made_once, say
from testcluster.errors import ClusterError

KUBERNETES = "1.36.3"
HELM = "4.3.1"
KWOK = "0.7.0"
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
)
REMEDY = "install Go, or set KUBECONFIG to a cluster to use"
_HERE = Path(__file__).parent
_LOG_TAIL_LINES = 30
_HEARTBEAT_SECONDS = 60


def binaries() -> Path:
    """The folder with every program of `PROGRAMS` and `helm`, built first where needed.

    Raises ClusterError where Go is missing or a build fails.
    """
    return made_once(_folder(), _build)


def kwok() -> Path:
    """The program that plays nodes and kubelets, built first where needed. Only benchmarks use it.

    Raises ClusterError where Go is missing or the build fails.
    """
    if shutil.which("go") is None:
        raise ClusterError(f"building KWOK needs Go; {REMEDY}")
    sources = [_HERE / "go-kwok" / name for name in ("go.mod", "go.sum")]
    return made_once(cache_root() / f"kwok-{digest(sources, KWOK)}", _build_kwok)


def impossible() -> str | None:
    """Why there can be no `binaries` on this machine; None where Go is there, or a folder that was built before."""
    if sys.platform != "linux":
        return "the programs of a cluster run on Linux"
    if shutil.which("go") is None and not _built():
        return "building a cluster needs Go"
    return None


def _folder() -> Path:
    reason = impossible()
    if reason:
        raise ClusterError(f"{reason}; {REMEDY}")
    if shutil.which("go") is None:
        # A copied cache serves a machine without Go; the sources can't be compared without Go's version.
        return _built()[-1]
    version = subprocess.run(["go", "env", "GOVERSION"], check=True, capture_output=True, text=True).stdout
    modules = [path for module in ("go", "go-helm") for path in sorted((_HERE / module).iterdir())]
    sources = [path for path in modules if path.suffix in {".go", ".mod", ".sum"}]
    return cache_root() / f"bin-{digest(sources, version, KUBERNETES, HELM)}"


def _built() -> list[Path]:
    folders = [path for path in cache_root().glob("bin-*") if path.is_dir()]
    return sorted(folders, key=lambda path: path.stat().st_mtime)


def _build(draft: Path) -> None:
    say(f"building Kubernetes {KUBERNETES} and Helm {HELM} from source: 7 minutes on two cores the first time")
    draft.mkdir(parents=True)
    kubernetes = {"gitVersion": f"v{KUBERNETES}", "gitMajor": "1", "gitMinor": "36", "gitTreeState": "clean"}
    _go_build(_HERE / "go", ".", draft / "testcluster", {"k8s.io/component-base/version": kubernetes})
    for program in PROGRAMS:
        (draft / program).symlink_to("testcluster")
    _go_build(
        _HERE / "go-helm",
        "helm.sh/helm/v4/cmd/helm",
        draft / "helm",
        {"helm.sh/helm/v4/internal/version": {"version": f"v{HELM}"}},
    )
    say("built")


def _build_kwok(draft: Path) -> None:
    say(f"building KWOK {KWOK} from source: 3 minutes on two cores")
    _go_build(_HERE / "go-kwok", "sigs.k8s.io/kwok/cmd/kwok", draft, {})


def _go_build(module: Path, package: str, output: Path, variables: dict[str, dict[str, str]]) -> None:
    say(f"building {output.name}")
    settings = [f"-X {path}.{name}={value}" for path, values in variables.items() for name, value in values.items()]
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-o", str(output)]
    command += ["-ldflags", " ".join(["-s", "-w", *settings]), package]
    # Without cgo no C compiler is needed, and the result runs beside any C library.
    environment = {**os.environ, "CGO_ENABLED": "0"}
    with subprocess.Popen(
        command, cwd=module, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while True:
            try:
                log, _ = process.communicate(timeout=_HEARTBEAT_SECONDS)
                break
            except subprocess.TimeoutExpired:
                say(f"still building {output.name}")
    if process.returncode != 0:
        tail = "\n".join(log.splitlines()[-_LOG_TAIL_LINES:])
        raise ClusterError(f"go build in {module} failed with status {process.returncode}:\n{tail}")
