"""Where things are kept between runs, and how two processes share it."""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_STARTED = time.monotonic()


def cache_root() -> Path:
    """The folder of everything kept: `quantum-operator` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "quantum-operator"


def say(message: str) -> None:
    """Print one line of progress with the seconds since start, past pytest's capture of standard output."""
    with contextlib.suppress(OSError):
        os.write(2, f"[testcluster {time.monotonic() - _STARTED:6.1f}s] {message}\n".encode())


def digest(files: Iterable[Path], *more: str) -> str:
    """The first 16 hex digits of the SHA-256 of the files' names and bytes and of `more`, in a given order."""
    total = hashlib.sha256()
    for path in files:
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        total.update(f"{path.name}\0{len(content)}\0".encode() + content)
    for text in more:
        total.update(f"{len(text)}\0{text}".encode())
    return total.hexdigest()[:16]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock on `path`; the kernel lets it go when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that holds {path.name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def made_once(target: Path, make: Callable[[Path], None]) -> Path:
    """`target`, made by `make(temporary path)` where it does not exist yet: whole or not at all, by one process."""
    if target.exists():
        return target
    with locked(target.parent / f"{target.name}.lock"):
        if target.exists():
            return target
        draft = target.parent / f".{target.name}.{secrets.token_hex(4)}"
        try:
            make(draft)
            draft.rename(target)
        finally:
            if draft.is_dir():
                shutil.rmtree(draft, ignore_errors=True)
            else:
                draft.unlink(missing_ok=True)
    return target
