"""Approval on a laptop: who runs a job approves it."""

from pathlib import Path

import pytest

from quantum_operator.api.governance import Approval, ApprovalStatus
from quantum_operator.api.jobstatus import QuantumJobStatus
from quantum_operator.local.approval import approved_here
from quantum_operator.local.layout import ResultsFolder
from quantum_operator.local.store import Catalog, LocalStore
from quantum_operator.ports.world import Key
from quantum_operator.testing.builders import job
from unit.decide.observations import NOW

ASKED = ApprovalStatus(
    digest="a" * 64,
    policy="default",
    policy_uid="u",
    policy_generation=1,
    backend="simulator",
    asked_time="2026-01-01T00:00:00Z",
)


def test_what_a_job_asks_for_is_approved_by_who_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, and under their name; what was approved already stays as it is."""
    monkeypatch.setenv("LOGNAME", "me")
    waiting = job().model_copy(update={"status": QuantumJobStatus(approval=ASKED)})
    approved = approved_here(waiting)
    assert approved.spec.approval == Approval(
        decision="Approved", by="me, who runs it on this machine", digest=ASKED.digest
    )
    assert approved_here(approved) is approved
    assert approved_here(job()) == job()
    again = approved.model_copy(
        update={"status": QuantumJobStatus(approval=ASKED.model_copy(update={"digest": "b" * 64}))}
    )
    renewed = approved_here(again).spec.approval
    assert renewed is not None
    assert renewed.digest == "b" * 64


async def test_a_job_that_was_approved_is_the_same_job(tmp_path: Path) -> None:
    """A second `qjob run` goes on with it, and does not begin anew."""
    store = LocalStore(ResultsFolder(tmp_path), Catalog({}, {}, {}, NOW), lambda _: None)
    created = store.create(job(), NOW)
    await store.put_job_status(created, QuantumJobStatus(approval=ASKED))
    found = await store.job(Key("team", "bell"))
    assert found is not None
    assert found.spec.approval is not None
    assert store.create(job(), NOW).metadata.uid == created.metadata.uid
    assert store.create(job(backoffLimit=0), NOW).metadata.uid != created.metadata.uid
