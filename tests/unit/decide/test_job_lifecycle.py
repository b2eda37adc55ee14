"""The picture of a job's life is drawn from the code, and shows what must never be."""

from pathlib import Path

from quantum_operator.api.conditions import REASONS
from quantum_operator.api.failures import ENDINGS, REPORTED, WAITS
from quantum_operator.decide.lifecycle import lifecycle_markdown, transitions

REFERENCE = Path(__file__).parents[3] / "docs/reference/joblife.md"
PLACES = {"Pending", "Queued", "Assigned", "Running", "Suspended", "Succeeded", "Failed"}


def reasons(before: str, after: str) -> set[str]:
    """For which a job goes this way."""
    return {reason for _, _, reason in transitions()[before, after]}


def test_the_picture_is_up_to_date() -> None:
    """docs/reference/joblife.md is what the code does: run `make generate`."""
    assert REFERENCE.read_text(encoding="utf-8") == lifecycle_markdown()


def test_every_place_is_reached_and_the_end_is_never_left() -> None:
    """And nothing comes before a job is accepted, nor back there."""
    assert {place for way in transitions() for place in way} == PLACES
    assert not {way for way in transitions() if way[0] in ("Succeeded", "Failed")}
    assert not {way for way in transitions() if way[1] == "Pending" != way[0]}


def test_a_job_can_end_from_everywhere() -> None:
    """In failure, for one because it can be cancelled wherever it is."""
    for place in PLACES - {"Succeeded", "Failed"}:
        assert "Cancelled" in reasons(place, "Failed")


def test_a_result_comes_of_a_run_or_of_the_first_job_under_a_key() -> None:
    """Whoever has no run has only another's result."""
    for before, after in transitions():
        if after == "Succeeded":
            ran = before in ("Assigned", "Running")
            assert reasons(before, after) == ({"Succeeded"} if ran else {"AlreadyDone"})


def test_every_failure_of_the_taxonomy_is_on_an_arrow() -> None:
    """Its reason leads to the end, to the next attempt, or is why a run waits."""
    told = {reason for conditions in transitions().values() for _, _, reason in conditions}
    rows = [*ENDINGS.values(), *REPORTED.values(), *WAITS.values()]
    assert {row.reason for row in rows} - told == set()
    assert told <= set(REASONS)


def test_what_is_tried_again_is_what_the_taxonomy_says() -> None:
    """From a run back to the queue leads what is retried or rerouted, and nothing else."""
    again = {row.reason for row in ENDINGS.values() if row.reaction in ("retry", "return", "elsewhere", "reroute")}
    again |= {row.reason for row in REPORTED.values() if row.reaction == "reroute"}
    assert reasons("Running", "Queued") <= again | {"RunLost"}
    assert again <= reasons("Running", "Queued")
