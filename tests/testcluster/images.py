"""Container images built on this machine, without a registry, as root; each a `docker save` archive in the cache."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from testcluster import archive, packages
from testcluster.cache import cache_root, digest, made_once, say
from testcluster.errors import ClusterError

BASE_TAG = "docker.io/local/base:1"
BUSYBOX_TAG = "docker.io/local/busybox:1"
_SUITE = "bookworm"
_BASE_PACKAGES = "python3,python3-venv,ca-certificates"
_CERTIFICATES = Path("/etc/ssl/certs")
# Of each image, the latest used: whoever goes back and forth between two states of a file builds neither again.
_KEPT = 3
_NOT_CONTENT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info", ".git")


def base() -> Path:
    """An image of Debian with Python 3.11 and CA certificates, tagged BASE_TAG: what ours are built on here."""

    def make(draft: Path) -> None:
        packages.ensure(packages.IMAGES)
        say("making the base image: about a minute the first time")
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root.tar"
            _run(
                [
                    "mmdebstrap",
                    "--quiet",
                    "--variant=minbase",
                    f"--include={_BASE_PACKAGES}",
                    _SUITE,
                    str(root),
                ]
            )
            archive.from_tar(draft, BASE_TAG, root)

    return made_once(_images() / f"base-{digest([], _SUITE, _BASE_PACKAGES)}.tar", make)


def busybox() -> Path:
    """An image of nothing but busybox, which it runs, tagged BUSYBOX_TAG."""
    packages.ensure({"busybox": "busybox-static"})
    program = Path(shutil.which("busybox") or "busybox")
    return made_once(
        _images() / f"busybox-{digest([program])}.tar",
        lambda draft: archive.from_files(draft, BUSYBOX_TAG, {"/bin/busybox": program}, ["/bin/busybox"]),
    )


def build(
    dockerfile: Path,
    context: Path,
    tag: str,
    *,
    include: Sequence[str] = (".",),
    build_args: Mapping[str, str] | None = None,
) -> Path:
    """Build a Dockerfile and return the archive of the image, tagged `tag`; unchanged inputs are not built again.

    Of the folder `context` only the files and folders of `include` are there to the build, and count as inputs.
    The Dockerfile's `ARG BASE` gets our base image, unless `build_args` has another; `ARG PIP_CERT` gets a CA bundle.
    Raises ClusterError with the end of the build's log.
    """
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder) / "context"
        staged.mkdir()
        for name in include:
            _copy(context / name, staged / name)
        arguments = {
            "BASE": f"docker-archive:{base()}",
            "PIP_CERT": str(_CERTIFICATES / "ca-certificates.crt"),
            **(build_args or {}),
        }
        inputs = digest(
            [dockerfile, *(path for path in sorted(staged.rglob("*")) if not path.is_dir())],
            *(str(path.relative_to(staged)) for path in sorted(staged.rglob("*"))),
            *(f"{name}={value}" for name, value in sorted(arguments.items())),
            tag,
        )
        name = tag.rpartition("/")[2].replace(":", "-")
        image = made_once(
            _images() / f"{name}-{inputs}.tar",
            lambda draft: _buildah(dockerfile, staged, tag, arguments, Path(folder) / "storage", draft),
        )
    os.utime(image)
    of_that_name = _images().glob(f"{name}-{'[0-9a-f]' * 16}.tar")
    for unused in sorted(of_that_name, key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        unused.unlink(missing_ok=True)
    return image


def _buildah(
    dockerfile: Path, context: Path, tag: str, arguments: Mapping[str, str], storage: Path, target: Path
) -> None:
    packages.ensure(packages.IMAGES)
    say(f"building image {tag}")
    # Its own storage, gone after the build: the folder copies of vfs add up. overlay does not work in every container.
    buildah = [
        "buildah",
        "--storage-driver",
        "vfs",
        "--root",
        f"{storage}/root",
        "--runroot",
        f"{storage}/run",
    ]
    _run(
        [
            *buildah,
            "bud",
            "--isolation=chroot",
            f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro",
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            f"--file={dockerfile}",
            f"--tag={tag}",
            str(context),
        ]
    )
    _run([*buildah, "push", "--disable-compression", tag, f"docker-archive:{target}:{tag}"])


def _images() -> Path:
    return cache_root() / "images"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_NOT_CONTENT, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _run(command: Sequence[str]) -> None:
    if os.geteuid() != 0:
        raise ClusterError(f"{command[0]} needs root to make an image")
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise ClusterError(f"{command[0]} failed with status {done.returncode}:\n{done.stdout[-4000:]}")
