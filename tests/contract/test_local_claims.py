"""The laptop's claims keep the contract of the port, and what comes of jobs under one key there."""

import json
import os
from pathlib import Path

import pytest
from localworld import KEY, NOW, World, disk_full

from quantum_operator.api.claim import Claim
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.claim import claim_name
from quantum_operator.local.claims import LocalClaims
from quantum_operator.local.files import lock
from quantum_operator.ports.errors import TransientError
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from support.claimscontract import ClaimsContract, claim_of
from unit.cli.conftest import qjob


class LocalPlace:
    """Claims in a folder, and jobs that a shell works on."""

    namespace = "team"

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        self.claims = LocalClaims(self.world.folder)
        self.locks: dict[str, int] = {}

    def add_job(self, name: str) -> QuantumJob:
        handle = lock(self.world.folder.job(Key("team", name)).lock)
        assert handle is not None
        self.locks[name] = handle
        return self.world.store.create(builders.job(name), NOW)

    def delete_job(self, name: str) -> None:
        os.close(self.locks.pop(name))
        self.world.folder.job(Key("team", name)).clear()

    def damage(self, claim: Claim, text: str) -> None:
        self.world.folder.claim(claim_name(claim.namespace, claim.key)).write_text(text)


@pytest.fixture
def place(tmp_path: Path) -> LocalPlace:
    """A folder of its own."""
    return LocalPlace(tmp_path)


class TestLocalClaims(ClaimsContract):
    """Files."""

    async def test_a_job_that_nobody_works_on_holds_nothing_back(self, place: LocalPlace) -> None:
        """It was interrupted; its claim may be taken over."""
        claim = claim_of(place, uid=place.world.job.metadata.uid)
        assert await place.world.store.job(KEY) is not None
        assert await place.claims.holder(claim) is None

    async def test_a_claim_that_can_not_be_written_is_tried_again(
        self, place: LocalPlace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A full disk is a passing fault."""
        monkeypatch.setattr("quantum_operator.local.claims.write_atomically", disk_full)
        with pytest.raises(TransientError, match="No space left"):
            await place.claims.put(claim_of(place), None)


def submit(folder: Path, *names: str, shots: int = 100) -> tuple[int, dict[str, QuantumJob], str]:
    """`qjob run` of jobs under one key; the exit code, the jobs and what was said."""
    task = {"sample": {"pubs": [{"program": "bell", "shots": shots}]}}
    documents = [builders.policy("aer-ideal", namespace="").to_wire()]
    documents += [builders.job(name, namespace="", idempotencyKey="k", task=task).to_wire() for name in names]
    wire = [one | {"metadata": {"name": one["metadata"]["name"]}} for one in documents]  # type: ignore[index]
    manifests = folder / "jobs.json"
    manifests.write_text("\n---\n".join(map(json.dumps, wire)))
    done = qjob("run", manifests, "--folder", folder / "out", "--output", "json")
    jobs = [QuantumJob.model_validate(one) for one in json.loads(done.stdout)["items"]]
    return done.returncode, {job.metadata.name: job for job in jobs}, done.stderr


def test_jobs_under_one_key_run_once_on_a_laptop_too(tmp_path: Path) -> None:
    """Another name has the result of the first with all of its outcome; the same job again stays as it is."""
    code, jobs, said = submit(tmp_path, "one", "two")
    assert code == 0, said
    ran = [job for job in jobs.values() if job.status.result_of is None]
    assert len(ran) == 1
    (other,) = (job for job in jobs.values() if job.status.result_of is not None)
    folder = tmp_path / "out/default"
    assert other.status.result is not None
    assert other.status.result.pubs == ran[0].status.result.pubs  # type: ignore[union-attr]
    for name in ("outcome.json", "plot.svg"):
        assert (folder / other.metadata.name / name).exists()
    code, again, said = submit(tmp_path, "one", "two", "three")
    assert code == 0, said
    assert {name: again[name].metadata.uid for name in jobs} == {name: job.metadata.uid for name, job in jobs.items()}
    assert again["three"].status.result_of == other.status.result_of
    assert len(list(folder.glob("*/runs/*"))) == 1
    code, _, said = submit(tmp_path, "four", shots=7)
    assert code == 1
    assert "give this job another key" in said
