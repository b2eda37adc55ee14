"""The operator is killed again and again while jobs run: each runs once, none is lost, nothing is left over."""

import random
import time

from support.installation import Installation, condition, job
from testcluster.processes import eventually

JOBS_AND_KILLS = {"all": (20, 10), "slice": (8, 3)}
NOT_SET = ("", "", "")


def test_jobs_survive_an_operator_that_is_killed(installation: Installation, home: str, faults: str) -> None:
    """Killed at random moments while the jobs run: ten times while twenty run, or three while eight do."""
    cluster, (count, kills) = installation.cluster, JOBS_AND_KILLS[faults]
    chance = random.Random(20)
    programs = [{"name": "ghz", "template": {"name": "ghz", "parameters": {"qubits": "5"}}}]
    task = {"sample": {"pubs": [{"program": "ghz", "shots": 1000}]}}
    names = [f"job-{number:02}" for number in range(count)]
    since = cluster.audit_position()
    installation.apply(home, *(job(name, programs=programs, task=task) for name in names))
    for _ in range(kills):
        time.sleep(chance.uniform(0.0, 2.0))
        installation.kill_operator()
    unfinished = [one for one in installation.get("quantumjobs", home) if condition(one, "Complete") == NOT_SET]
    installation.wait(home, seconds=300)
    assert unfinished, "the jobs were over before the kills were"

    done = installation.get("quantumjobs", home)
    assert [one["metadata"]["name"] for one in done] == names
    assert {condition(one, "Complete")[:2] for one in done} == {("True", "Succeeded")}
    attempts = {len(one["status"]["plan"]["steps"][0]["attempts"]) for one in done}
    assert attempts == {1}

    runs, pods = installation.get("jobs", home), installation.get("pods", home)
    owners = [one["metadata"]["ownerReferences"][0]["uid"] for one in runs]
    assert sorted(owners) == sorted(one["metadata"]["uid"] for one in done)
    assert len(pods) == count
    created = installation.created(since, home, "jobs", "configmaps")
    # The answer to who was killed is not on record, though what was asked for may be there.
    assert len(created) == len(set(created)) <= 2 * count
    inputs = [one["metadata"]["name"] for one in installation.get("configmaps", home)]
    assert len([one for one in inputs if one != "kube-root-ca.crt"]) == count

    cluster.kubectl("delete", "qjob", "--all", f"--namespace={home}")
    assert eventually(lambda: installation.left_over(home) == [], 90), installation.left_over(home)
