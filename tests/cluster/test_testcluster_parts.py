"""Parts of the test cluster that can be tried without one, and what happens where there can't be one."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from testcluster import BuiltCluster, Cluster, ClusterError, packages
from testcluster.cache import made_once

_TESTS = Path(__file__).parent.parent
_NEEDY_TEST = "def test_needs_a_cluster(cluster): pass\n"


def test_two_that_want_the_same_get_it_made_once(tmp_path: Path) -> None:
    """Of two that want a file at the same time, one makes it and the other waits for it."""
    makers = []

    def make(draft: Path) -> None:
        makers.append(threading.get_ident())
        time.sleep(0.2)
        draft.write_text("whole")

    target = tmp_path / "target"
    threads = [threading.Thread(target=made_once, args=(target, make)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(makers) == 1
    assert target.read_text() == "whole"


def test_what_failed_half_way_is_not_kept(tmp_path: Path) -> None:
    """A folder whose making failed is not there, so that the next try makes it anew."""

    def make(draft: Path) -> None:
        draft.mkdir()
        (draft / "part").touch()
        raise ClusterError("no more")

    with pytest.raises(ClusterError, match="no more"):
        made_once(tmp_path / "target", make)
    assert [path.name for path in tmp_path.iterdir()] == ["target.lock"]


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not install a missing program is told its package."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match="qemu-example"):
        packages.ensure({"/no/such/program": "qemu-example"})


@pytest.mark.parametrize(("ci", "status", "outcome"), [("", 0, "1 skipped"), ("true", 1, "1 error")])
def test_without_a_cluster(tmp_path: Path, ci: str, status: int, outcome: str) -> None:
    """Where no cluster can be had a test is skipped, in CI it fails, and one line at the end says why."""
    (tmp_path / "test_needy.py").write_text(_NEEDY_TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "testcluster.fixture", "--rootdir", str(tmp_path), str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(_TESTS), "CI": ci},
    )
    assert done.returncode == status
    assert outcome in done.stdout
    assert done.stdout.count("CLUSTER TESTS DID NOT RUN: building a cluster needs Go") == 1


def test_up_uses_a_given_cluster(tmp_path: Path) -> None:
    """With KUBECONFIG set nothing is built or started, and the line that says so names the file."""
    done = subprocess.run(
        [sys.executable, "-m", "testcluster", "up"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "KUBECONFIG": "/given", "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(_TESTS)},
    )
    assert "/given" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_given_cluster_is_used_with_impersonation(api_server: Cluster, tmp_path: Path) -> None:
    """With no more than an administrator's kubeconfig, kubectl can act as any user of any group."""
    if not isinstance(api_server, BuiltCluster):
        pytest.skip("this is about the cluster that the other tests were given")
    given = Cluster(api_server.kubeconfig, tmp_path, api_server.programs)
    shown = given.kubectl("auth", "whoami", "--output=json", user="carol", groups=["team"]).stdout
    who = json.loads(shown)["status"]["userInfo"]
    assert who["username"] == "carol"
    assert set(who["groups"]) == {"team", "system:authenticated"}
