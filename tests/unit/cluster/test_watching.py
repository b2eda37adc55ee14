"""kopf, as far as it is used."""

from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.watching import NothingRemembered, watch_settings
from unit.cluster.bodies import job_body


async def test_kopf_remembers_nothing_of_what_it_saw() -> None:
    """The operator's memory does not grow with the past."""
    memories = NothingRemembered()
    one = await memories.recall(job_body(), noticed_by_listing=True)
    assert one.noticed_by_listing
    assert await memories.recall(job_body()) is not one
    assert list(memories.iter_all_memories()) == []
    await memories.forget(job_body())


def test_kopf_lists_in_pages() -> None:
    """However many there are."""
    assert watch_settings(Mirror().kinds).watching.chunk_size == 100
