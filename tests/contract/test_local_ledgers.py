"""The laptop's ledgers keep the contract of the port."""

import os
from pathlib import Path

import pytest
from localworld import NOW, World, disk_full

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.quantumtask import TaskJob
from quantum_operator.local.files import lock
from quantum_operator.local.ledgers import LocalLedgers
from quantum_operator.ports.errors import NameTakenError, TransientError
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from support.ledgerscontract import LedgersContract, status_of


class LocalPlace:
    """Ledgers in a folder, and jobs that this shell works on."""

    namespace, ledger, other = "team", "usd-2026-11", "eur-2026-11"

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        self.ledgers = LocalLedgers(self.world.folder, frozenset({Key("team", "bell")}))
        self.world.folder.job(Key("team", "bell")).clear()

    def add_job(self, name: str) -> QuantumJob:
        return self.world.store.create(builders.job(name), NOW)

    def delete_job(self, name: str) -> None:
        self.world.folder.job(Key("team", name)).clear()

    def damage(self, name: str) -> None:
        (self.world.folder.ledgers / f"{name}.json").write_text("{}")


@pytest.fixture
def place(tmp_path: Path) -> LocalPlace:
    """A folder of its own."""
    return LocalPlace(tmp_path)


class TestLocalLedgers(LedgersContract):
    """Files."""

    async def test_a_job_of_another_shell_is_left_to_that(self, place: LocalPlace) -> None:
        """While it lives; a job that nobody works on is anybody's."""
        of = TaskJob(namespace="team", name="other", uid="uid")
        handle = lock(place.world.folder.job(Key("team", "other")).lock)
        assert handle is not None
        assert not place.ledgers.ours(of)
        os.close(handle)
        assert place.ledgers.ours(of)

    async def test_the_ledger_of_another_month_is_no_ledger(self, place: LocalPlace) -> None:
        """Somebody copied it there."""
        await place.ledgers.put(place.ledger, status_of("a-1"), None)
        folder = place.world.folder.ledgers
        (folder / f"{place.other}.json").write_bytes((folder / f"{place.ledger}.json").read_bytes())
        with pytest.raises(NameTakenError, match="no ledger of that name"):
            await place.ledgers.find(place.other)

    async def test_a_ledger_that_can_not_be_written_is_tried_again(
        self, place: LocalPlace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A full disk is a passing fault."""
        monkeypatch.setattr("quantum_operator.local.ledgers.write_json", disk_full)
        with pytest.raises(TransientError, match="No space left"):
            await place.ledgers.put(place.ledger, status_of("a-1"), None)
