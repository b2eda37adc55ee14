"""`qjob resolve`: of tasks that were submitted together, it is said of the one that carries the others."""

from typing import Any

import pytest

from unit.cli.apiserver import FakeCluster
from unit.cli.conftest import GROUP, Commands

TASKS = f"{GROUP}/namespaces/default/quantumtasks"
WHY = ("--adopt", "d0", "--why", "seen in the console")


def held(name: str, **shared: Any) -> dict[str, Any]:
    """A task that is held, which was submitted so."""
    spec = {
        "job": {"namespace": "team", "name": name, "uid": "u"},
        "backend": "qpu",
        "device": "d",
        "input": "{}",
        "inputSha256": "0" * 64,
        "seed": 0,
        "token": f"token-of-{name}",
        "ceiling": {"micros": 1, "currency": "USD", "seconds": 60},
    }
    status: dict[str, Any] = {"state": "Held", "reason": "SubmissionUnknown"}
    status |= {"shared": {"carrier": "a", "carrierUid": "uid-of-a", **shared}} if shared else {}
    metadata = {"name": name, "namespace": "default", "uid": f"uid-of-{name}"}
    return {"metadata": metadata, "spec": spec, "status": status}


MEMBERS = [{"name": one, "uid": f"uid-of-{one}", "circuits": 1, "shots": 1, "ceilingMicros": 1} for one in "abc"]


@pytest.fixture
def together(cluster: FakeCluster) -> FakeCluster:
    """Three tasks that were submitted as `a`, and are held."""
    cluster.add(f"{TASKS}/a", held("a", token="token-of-all", members=MEMBERS))
    for one in "bc":
        cluster.add(f"{TASKS}/{one}", held(one, dissolved=False))
    return cluster


def resolution(cluster: FakeCluster, name: str) -> Any:
    return cluster.objects[f"{TASKS}/{name}"]["spec"].get("resolution")


def test_one_that_was_submitted_as_a_part_of_another_is_not_resolved(together: FakeCluster, command: Commands) -> None:
    """It would do nothing: the message names the one to resolve, and of how many that decides."""
    done = command("resolve", "b", *WHY)
    assert done.exit_code == 2
    assert "QuantumTask b was submitted as a part of a: resolve that one" in done.stderr
    assert "all 3 tasks" in done.stderr
    assert resolution(together, "b") is None


def test_the_one_that_carries_them_is_resolved_for_all(together: FakeCluster, command: Commands) -> None:
    """It says for how many."""
    done = command("resolve", "a", *WHY)
    assert (done.exit_code, done.stdout) == (0, "a goes on as d0 of the provider, together with 2 other tasks\n")
    assert resolution(together, "a")["providerId"] == "d0"
    assert resolution(together, "a")["by"] == "ann"


@pytest.mark.parametrize("how", ["carrier gone", "another carrier", "dissolved", "alone"])
def test_one_that_follows_no_other_is_resolved_itself(cluster: FakeCluster, command: Commands, how: str) -> None:
    """Where the one that carried it is gone, and where each goes on by itself."""
    cluster.add(f"{TASKS}/b", held("b") if how == "alone" else held("b", dissolved=how == "dissolved"))
    if how in ("another carrier", "dissolved"):
        namesake = held("a", members=MEMBERS)
        namesake["metadata"]["uid"] = "uid-of-a" if how == "dissolved" else "another"
        cluster.add(f"{TASKS}/a", namesake)
    done = command("resolve", "b", "--never-submitted", "--why", "not in the console")
    assert (done.exit_code, done.stdout) == (0, "b goes on as never submitted\n"), done.stderr
    assert resolution(cluster, "b")["neverSubmitted"] is True
