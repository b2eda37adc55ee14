"""The README's cluster way: the examples are applied, waited for, looked at and deleted."""

import json
from pathlib import Path

from support.installation import EXAMPLES, QJOB, Installation, readme_commands
from testcluster.audit import Position
from testcluster.processes import eventually

NAMES = ["bell", "expectation", "ghz-noisy", "sweep"]
WRITES = {"configmaps": 1, "jobs": 1, "quantumjobs": 3}
"""What one job costs the API server, events apart: input, run, and a status each for plan, start and result. A job
whose run waits long for a node costs one more, which says so."""


def test_the_examples_run_as_the_readme_says(installation: Installation, home: str) -> None:
    """Applied, complete, shown, told in events; each with a pod that was restricted."""
    cluster, place = installation.cluster, f"--namespace={home}"
    apply, wait = readme_commands("kubectl")
    assert apply == ["apply", "-f", str(EXAMPLES)]
    # The examples bring theirs, before the jobs that name it. A job that comes with its policy may be too early.
    cluster.kubectl("delete", "backendpolicy", "--all", place)
    assert eventually(lambda: cluster.kubectl(*apply, place, check=False).returncode == 0, 30)
    cluster.kubectl(*wait, place, "--timeout=240s")

    header, *rows = cluster.kubectl("get", "qjob", place).stdout.splitlines()
    assert header.split() == ["NAME", "PHASE", "BACKEND", "SHOTS", "COST", "AGE"]
    cells = {row.split()[0]: row.split()[1:5] for row in rows}
    assert cells["bell"] == ["Succeeded", "aer-ideal", "2000", "0.00"]
    assert cells["ghz-noisy"] == ["Succeeded", "aer-noisy", "4000", "0.00"]
    assert sorted(cells) == NAMES

    def places() -> list[int]:
        """Where each part of the story is in the description."""
        events = cluster.kubectl("describe", "qjob", "bell", place).stdout.partition("Events:")[2]
        return [events.find(reason) for reason in ("Assigned", "RunStarted", "Succeeded")]

    assert eventually(lambda: min(places()) >= 0, 30), places()  # an event is written after what it tells of
    assert places() == sorted(places())

    def phases() -> list[str]:
        return [pod["status"]["phase"] for pod in installation.get("pods", home)]

    # A job goes by its run's container; the pod says so a moment later.
    assert eventually(lambda: phases() == ["Succeeded"] * len(NAMES), 30), phases()
    for pod in installation.get("pods", home):
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True


def test_a_job_costs_five_writes(installation: Installation, home: str) -> None:
    """As the API server's audit log has it."""
    since = installation.cluster.audit_position()
    installation.run_bell(home)
    # The audit log has a write a little after what that changed can be seen.
    assert eventually(lambda: sum(writes(installation, home, since).values()) >= sum(WRITES.values()), 10)
    assert writes(installation, home, since) == WRITES


def test_the_laptop_gives_the_counts_that_the_cluster_gives(
    installation: Installation, home: str, tmp_path: Path
) -> None:
    """The same manifests, seeds and versions: the same results, to the last count."""
    cluster = installation.cluster
    cluster.kubectl("apply", "-f", str(EXAMPLES), f"--namespace={home}")
    here = cluster.run(*QJOB, "run", f"--folder={tmp_path}", "--output=json", str(EXAMPLES))
    local = {one["metadata"]["name"]: one["status"]["result"]["pubs"] for one in json.loads(here.stdout)["items"]}
    installation.wait(home, seconds=240)
    remote = {one["metadata"]["name"]: one["status"]["result"]["pubs"] for one in installation.get("quantumjobs", home)}
    assert sorted(local) == NAMES
    assert remote == local


def test_a_deleted_job_leaves_nothing_and_a_new_one_of_its_name_starts_anew(
    installation: Installation, home: str
) -> None:
    """Deletion takes the run, its pod and the input along; the next job of that name has a run of its own."""
    cluster, place = installation.cluster, f"--namespace={home}"
    seen: list[tuple[str, str]] = []
    for shots in (100, 300):
        job = installation.run_bell(home, shots=shots)
        counts = job["status"]["result"]["pubs"][0]["samples"][0]["registers"][0]["counts"]
        assert sum(counts.values()) == shots
        before = [uid for pair in seen for uid in pair]  # the first one's may not have been collected yet
        (run,) = [one for one in installation.get("jobs", home) if one["metadata"]["uid"] not in before]
        assert [owner["uid"] for owner in run["metadata"]["ownerReferences"]] == [job["metadata"]["uid"]]
        seen.append((job["metadata"]["uid"], run["metadata"]["uid"]))
        cluster.kubectl("delete", "qjob", "bell", place)
    assert len({uid for pair in seen for uid in pair}) == 4
    assert eventually(lambda: installation.left_over(home) == [], 60), installation.left_over(home)


def test_a_job_deleted_while_it_runs_leaves_nothing(installation: Installation, home: str) -> None:
    """Its pod is ended and removed, and nobody starts it again."""
    cluster, place = installation.cluster, f"--namespace={home}"
    installation.submit_bell(home, shots=1000)
    cluster.kubectl("wait", "--for=create", "pod", "--selector=quantum-operator.dev/job-uid", place, "--timeout=60s")
    cluster.kubectl("delete", "qjob", "bell", place)
    assert eventually(lambda: installation.left_over(home) == [], 60), installation.left_over(home)


def writes(installation: Installation, namespace: str, since: Position) -> dict[str, int]:
    """How often the operator wrote each kind of resource in a namespace, events apart."""
    found: dict[str, int] = {}
    for one in installation.asked(since):
        if one.is_write and one.namespace == namespace and one.resource != "events":
            found[one.resource] = found.get(one.resource, 0) + 1
    found.pop("backendpolicies", None)
    return dict(sorted(found.items()))
