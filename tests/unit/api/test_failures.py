"""The table of failures: complete, documented, and the one that decisions go by."""

import pytest

from quantum_operator.api.conditions import REASONS
from quantum_operator.api.failures import ENDINGS, UNKNOWN, UNNAMED_WAIT, WAITS, FailureClass, ending, waiting

ROWS = [*ENDINGS.values(), UNKNOWN, *WAITS.values(), UNNAMED_WAIT]


def test_every_reason_is_documented() -> None:
    """A status can't say what the reference does not explain."""
    assert {row.reason for row in ROWS} <= set(REASONS)


def test_a_reason_has_one_class_and_one_reaction() -> None:
    """Whoever reads a reason knows what follows; only a run that may not start for two causes is of two classes."""
    for reason in {row.reason for row in ROWS}:
        rows = {row for row in ROWS if row.reason == reason}
        assert len({row.reaction for row in rows}) == 1
        assert len({row.kind for row in rows}) == (2 if reason == "RunNotStarted" else 1)


def test_every_class_is_used() -> None:
    """A class that nothing is of says nothing."""
    assert {row.kind for row in ROWS} == set(FailureClass)


def test_what_is_over_never_waits_and_what_waits_is_never_over() -> None:
    """The two halves have reactions of their own."""
    assert {row.reaction for row in ENDINGS.values()} == {"fail", "retry", "return"}
    assert {row.reaction for row in WAITS.values()} == {"wait"}


@pytest.mark.parametrize("word", ["", "Error", "Something new"])
def test_an_unknown_word_is_lost_or_waits(word: str) -> None:
    """Nothing is called permanent for want of knowing it."""
    assert ending(word) == UNKNOWN
    assert (UNKNOWN.kind, UNKNOWN.reaction) == (FailureClass.LOST, "retry")
    assert waiting(word) == UNNAMED_WAIT


def test_only_what_would_end_the_same_way_fails_at_once() -> None:
    """Limits that the program itself exceeded, and whatever may have been paid for: it is not paid twice."""
    paid = {"TaskFailed", "QueueTimeExceeded", "Cancelled", "ResultUnreadable", "TaskLost"}
    refused = {"Rejected", "Unsupported", "CeilingExceeded"}
    failing = {word for word, row in ENDINGS.items() if row.reaction == "fail"}
    assert failing == {"OOMKilled", "DeadlineExceeded"} | paid | refused
