"""A cluster as tests see it, whoever made it; `built.BuiltCluster` is the one that this package makes."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from testcluster.errors import ClusterError
from testcluster.pki import file_name, write_kubeconfig


class Cluster:
    """A cluster that exists, given by its kubeconfig. kubectl and helm are those of the user's PATH."""

    def __init__(self, kubeconfig: Path, folder: Path, programs: Path | None = None) -> None:
        """Use the current context of `kubeconfig`, a `folder` for files of our own, and `programs` before PATH's."""
        self.kubeconfig = kubeconfig
        self.folder = folder
        self.programs = programs

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - as subprocess.run calls it
        user: str | None = None,
        groups: Sequence[str] = (),
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator, or as `user`, a member of `groups`.

        Raises ClusterError with what kubectl wrote where it fails, unless `check` is false.
        """
        kubeconfig = self.kubeconfig_for(user, *groups) if user else self.kubeconfig
        return self.run("kubectl", *arguments, input=input, kubeconfig=kubeconfig, check=check)

    def helm(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run helm as the administrator; as `kubectl` does."""
        return self.run("helm", *arguments, check=check)

    def kubeconfig_for(self, user: str, *groups: str) -> Path:
        """A kubeconfig of `user`, a member of `groups`: here, the administrator's, with impersonation."""
        view = self.kubectl("config", "view", "--raw", "--minify", "--flatten", "--output=json")
        content = json.loads(view.stdout)
        path = self.folder / f"{file_name(user, groups)}.kubeconfig"
        identity = {**content["users"][0]["user"], "as": user, "as-groups": [*groups, "system:authenticated"]}
        write_kubeconfig(path, content["clusters"][0]["cluster"], identity)
        return path

    def load_image(self, archive: Path) -> None:
        """Put the images of a `docker save` archive on the nodes; raises ClusterError where we don't know how."""
        context = self.kubectl("config", "current-context").stdout.strip()
        if not context.startswith("kind-"):
            raise ClusterError(f"can't load images into cluster {context!r} of KUBECONFIG: only kind's are known")
        self.run("kind", "load", "image-archive", str(archive), "--name", context.removeprefix("kind-"))

    def run(
        self,
        program: str,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - as subprocess.run calls it
        kubeconfig: Path | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program that reads KUBECONFIG; raises ClusterError where it is missing or, with `check`, fails."""
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            # A proxy of the user's is for the world outside, not for this machine's own addresses.
            "NO_PROXY": "*",
            **{f"HELM_{kind}_HOME": str(self.folder / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")},
        }
        path = os.pathsep.join([*([str(self.programs)] if self.programs else []), os.environ.get("PATH", os.defpath)])
        found = shutil.which(program, path=path)
        if found is None:
            raise ClusterError(f"{program} is not installed")
        done = subprocess.run(
            [found, *arguments],
            input=input,
            env={**environment, "PATH": path},
            check=False,
            capture_output=True,
            text=True,
        )
        if check and done.returncode != 0:
            command = " ".join([program, *arguments])
            raise ClusterError(f"{command} failed with status {done.returncode}: {done.stderr.strip()}")
        return done
