"""The picture of a breaker is drawn from the code, and has every way that there is."""

from pathlib import Path

from quantum_operator.decide.breakerlife import HAPPENINGS, breaker_markdown, gets, transitions

REFERENCE = Path(__file__).parents[3] / "docs/reference/breaker.md"


def test_the_picture_is_up_to_date() -> None:
    """docs/reference/breaker.md is what the code does: run `make generate`."""
    assert REFERENCE.read_text(encoding="utf-8") == breaker_markdown()


def test_every_way_is_in_it_and_no_other() -> None:
    """Closed goes to Open alone, and Open to HalfOpen alone, when its time is over; every happening is told once."""
    ways = transitions()
    arrows = {way for way in ways if way[0] != way[1]}
    assert arrows == {("Closed", "Open"), ("Open", "HalfOpen"), ("HalfOpen", "Open"), ("HalfOpen", "Closed")}
    for state in ("Closed", "Open", "HalfOpen"):
        told = [what for (before, _), all_told in ways.items() if before == state for what in all_told]
        assert sorted(told) == sorted(HAPPENINGS)
    assert {state: gets(state) for state in ("Closed", "Open", "HalfOpen")} == {
        "Closed": "jobs",
        "Open": "no jobs",
        "HalfOpen": "`probes` jobs at once",
    }
