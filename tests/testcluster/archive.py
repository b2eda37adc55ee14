"""Container images of a few files or of one tar, written without a builder, in the format of `docker save`."""

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def from_files(target: Path, tag: str, files: dict[str, Path], entrypoint: list[str]) -> None:
    """Write an image that holds `files` (path in the image to file here), all executable, and runs `entrypoint`."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name, path in sorted(files.items()):
            info = tarfile.TarInfo(name.lstrip("/"))
            info.mode = 0o755
            info.size = path.stat().st_size
            with path.open("rb") as content:
                tar.addfile(info, content)
    layer.seek(0)
    _write(target, tag, layer, len(layer.getvalue()), entrypoint)


def from_tar(target: Path, tag: str, root: Path) -> None:
    """Write an image whose file system is that of the tar `root`."""
    with root.open("rb") as layer:
        _write(target, tag, layer, root.stat().st_size, [])


def _write(target: Path, tag: str, layer: io.BytesIO | io.BufferedReader, size: int, entrypoint: list[str]) -> None:
    layer_digest = hashlib.file_digest(layer, "sha256").hexdigest()
    layer.seek(0)
    config = json.dumps(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Entrypoint": entrypoint, "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(target, "w") as tar:
        for name, content, length in (
            ("layer.tar", layer, size),
            (config_name, io.BytesIO(config), len(config)),
            ("manifest.json", io.BytesIO(manifest), len(manifest)),
        ):
            info = tarfile.TarInfo(name)
            info.size = length
            tar.addfile(info, content)
