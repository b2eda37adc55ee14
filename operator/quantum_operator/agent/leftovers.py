"""What a program may leave behind once its turn is over: processes and files. None of it meets the next program."""

import contextlib
import os
import signal
import uuid
from collections.abc import Iterable
from pathlib import Path


def end_processes() -> None:
    """End all processes that came of this one, whoever their parent was, and see them gone."""
    with contextlib.suppress(ChildProcessError):
        while True:
            _kill()
            os.waitpid(-1, 0)


def _kill() -> None:
    """All that there are, at once, where all came of this process; else its children, whose own become its then."""
    if os.getpid() == 1:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        return
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = stat.read_text(errors="replace").rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                os.kill(int(stat.parent.name), signal.SIGKILL)


def remove_files(folders: Iterable[Path], kept: Path | None = None) -> None:
    """Remove what this user has in the folders, however deep and locked it is, but for the one that is kept.

    Raises OSError.
    """
    for folder in folders:
        while found := [one for one in _ours(folder) if kept is None or one.path != str(kept)]:
            for one in found:
                _remove(one, folder)


def _ours(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [one for one in entries if one.stat(follow_symlinks=False).st_uid == os.getuid()]


def _remove(one: os.DirEntry[str], folder: Path) -> None:
    """A file; or a folder, once those in it are moved up: a path through all of them may be too long for anybody."""
    if not one.is_dir(follow_symlinks=False):
        Path(one.path).unlink()
        return
    Path(one.path).chmod(0o700)
    with os.scandir(one.path) as entries:
        inner = list(entries)
    for each in inner:
        if each.is_dir(follow_symlinks=False):
            Path(each.path).chmod(0o700)
            Path(each.path).rename(folder / uuid.uuid4().hex)
        else:
            Path(each.path).unlink()
    Path(one.path).rmdir()
