"""The picture of a task's life is drawn from the code, and shows what must never be."""

from pathlib import Path

from quantum_operator.agent.lifecycle import lifecycle_markdown, transitions
from quantum_operator.api.quantumtask import OVER

REFERENCE = Path(__file__).parents[3] / "docs/reference/lifecycle.md"


def test_the_picture_is_up_to_date() -> None:
    """docs/reference/lifecycle.md is what the code does: run `make generate`."""
    assert REFERENCE.read_text(encoding="utf-8") == lifecycle_markdown()


def test_what_the_provider_has_is_never_submitted_again() -> None:
    ways = set(transitions())
    assert not {way for way in ways if way[0] in ("Queued", "Running") and way[1] in ("Pending", "Submitting")}


def test_what_is_over_stays_over_and_every_state_is_reached() -> None:
    ways = set(transitions())
    assert not {way for way in ways if way[0] in OVER}
    assert {after for _, after in ways} == {
        *("Pending", "Opening", "Submitting", "Queued", "Running", "Closing", "Held"),
        *OVER,
    }


def test_only_a_person_frees_what_is_held() -> None:
    ways = {after: why for (before, after), why in transitions().items() if before == "Held"}
    assert ways == {"Pending": {"Resolved"}, "Queued": {"Resolved"}, "Cancelled": {"Cancelled"}}
