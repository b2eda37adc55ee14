"""Small jobs on a real node: those that wait for the same backend share a run, and each has its own result."""

import time
from typing import Any

from quantum_operator.api.run import JobInput
from quantum_operator.circuits.execute import execute
from support.installation import QJOB, Installation, condition, job
from support.runs import encoded, spec

COUNT = 24
INVALID = "OPENQASM 3.0;\nqubit[2] q;\nbit[2] c;\nno_such_gate q[0];\nc = measure q;\n"


def backend(name: str) -> dict[str, Any]:
    """A simulator that takes one run at a time, which jobs may share."""
    return {
        "apiVersion": "quantum-operator.dev/v1alpha1",
        "kind": "QuantumBackend",
        "metadata": {"name": name},
        "spec": {
            "target": {"numQubits": 12},
            "limits": {"maxConcurrentRuns": 1, "maxBatchJobs": 50},
            "run": {"cpu": "500m", "memory": "1Gi"},
        },
    }


def policy(name: str) -> dict[str, Any]:
    """A policy of this backend alone."""
    return {
        "apiVersion": "quantum-operator.dev/v1alpha1",
        "kind": "BackendPolicy",
        "metadata": {"name": "shared"},
        "spec": {"backends": [{"name": name}]},
    }


def asked(number: int) -> dict[str, Any]:
    """The programs, task and seed of one of the jobs."""
    ghz = {"name": "ghz", "template": {"name": "ghz", "parameters": {"qubits": str(2 + number % 5)}}}
    return {
        "programs": [ghz],
        "task": {"sample": {"pubs": [{"program": "ghz", "shots": 100 + number}]}},
        "execution": {"seed": number},
    }


def test_jobs_that_wait_share_a_run(installation: Installation, home: str) -> None:
    """Each has the counts that it would have alone, also beside one that is invalid, and while the operator dies."""
    cluster, name = installation.cluster, f"shared-{home}"
    installation.apply(home, backend(name), policy(name))
    names = [f"job-{number:02}" for number in range(COUNT)]
    given = {"policyRef": {"name": "shared"}}
    since = cluster.audit_position()
    invalid = {"programs": [{"name": "ghz", "qasm3": INVALID}]}
    jobs = [job(one, **asked(number), **given) for number, one in enumerate(names)]
    installation.apply(home, *jobs, job("invalid", **(asked(0) | invalid), **given))
    for seconds in (0.0, 0.5, 1.5):
        time.sleep(seconds)
        installation.kill_operator()
    installation.wait(home, seconds=240)

    done = {one["metadata"]["name"]: one for one in installation.get("quantumjobs", home)}
    assert condition(done.pop("invalid"), "Complete")[:2] == ("False", "InvalidProgram")
    assert {condition(one, "Complete")[:2] for one in done.values()} == {("True", "Succeeded")}
    for number, one in enumerate(names):
        job_input = JobInput.model_validate(asked(number) | {"execution": {}})
        expected = execute(job_input, spec(encoded(job_input), seed=number), lambda phase: None).pubs[0].samples
        assert expected is not None
        counts = done[one]["status"]["result"]["pubs"][0]["samples"][0]["registers"][0]["counts"]
        assert counts == expected[0].registers[0].counts, one

    runs = installation.get("jobs", home)
    shared = [one for one in runs if len(one["metadata"]["ownerReferences"]) > 1]
    assert shared
    assert len(runs) < COUNT / 2, [one["metadata"]["name"] for one in runs]
    created = installation.created(since, home, "jobs")
    # The answer to who was killed is not on record, though what was asked for may be there.
    assert len(created) == len(set(created)) <= len(runs)

    batched = next(one for one in done.values() if one["status"]["plan"]["steps"][0]["attempts"][0].get("batch"))
    log = cluster.run(*QJOB, "logs", batched["metadata"]["name"], f"--namespace={home}").stdout
    assert f"{batched['status']['plan']['steps'][0]['attempts'][0]['name']}: done" in log

    cluster.kubectl("delete", "quantumbackend", name)
