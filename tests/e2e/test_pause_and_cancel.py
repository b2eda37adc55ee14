"""A job whose run would never end is paused, goes on, and is cancelled, as its user asks with `qjob`."""

from typing import Any

from support.installation import QJOB, Installation, condition, job
from testcluster.processes import eventually

ENDLESS = 'OPENQASM 3.0; include "stdgates.inc"; qubit q; bit c; c = measure q; while (!c) { c = measure q; }'
SECONDS = 60.0


def test_a_job_is_paused_resumed_and_cancelled(installation: Installation, home: str) -> None:
    """Each within seconds; a paused or cancelled job has no pod, and a cancelled one leaves no run."""
    cluster = installation.cluster
    task = {"sample": {"pubs": [{"program": "endless", "shots": 1}]}}
    installation.apply(home, job("endless", programs=[{"name": "endless", "qasm3": ENDLESS}], task=task))

    def endless() -> dict[str, Any]:
        (found,) = installation.get("quantumjobs", home)
        return found

    def comes_to(phase: str) -> bool:
        return eventually(lambda: endless()["status"].get("phase") == phase, SECONDS)

    def is_empty() -> bool:
        return installation.get("pods", home) == installation.get("jobs", home) == []

    def ask(command: str) -> str:
        return cluster.run(*QJOB, command, "endless", f"--namespace={home}").stdout

    assert eventually(lambda: "phase" in endless().get("status", {}), SECONDS)
    assert comes_to("Running")
    assert ask("suspend") == "endless to be suspended\n"
    assert comes_to("Suspended")
    assert eventually(is_empty, SECONDS)
    assert ask("resume") == "endless to go on\n"
    assert comes_to("Running")
    assert ask("cancel") == "endless to be cancelled\n"
    assert comes_to("Failed")
    assert condition(endless(), "Complete")[:2] == ("False", "Cancelled")
    assert eventually(is_empty, SECONDS)
    attempts = endless()["status"]["plan"]["steps"][0]["attempts"]
    assert [one["state"] for one in attempts] == ["Suspended", "Cancelled"]
    assert ask("cancel") == "endless is over already (Failed)\n"
    refused = cluster.kubectl(
        *("patch", "qjob", "endless", f"--namespace={home}", "--type=merge", '--patch={"spec":{"cancel":false}}'),
        check=False,
    )
    assert "a cancelled QuantumJob stays so" in refused.stderr
