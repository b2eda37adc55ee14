"""The suite's checks of sessions pass correct adapters, and each of them fails for its defect."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from memorysessions import MemorySession, OnlyBatches, SessionMemoryAdapter, SessionMemoryProvider

from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    Capabilities,
    Ceiling,
    Charged,
    Closing,
    Found,
    Lookup,
    LostError,
    Prepared,
    RejectedError,
    Session,
    UnavailableError,
    Unknown,
)
from quantum_operator.testing.adapter_bench import Bench
from quantum_operator.testing.adapter_conformance import SessionConformance
from quantum_operator.testing.adapter_faults import Call, Fault
from quantum_operator.testing.adapter_sessions import SessionChecks

CHECKS = {name: check for name, check in vars(SessionChecks).items() if name.startswith("test_")}


class TestSessions(SessionConformance):
    """A correct adapter of a provider with sessions."""

    @pytest.fixture
    def bench(self) -> Bench:
        provider = SessionMemoryProvider()
        return Bench(SessionMemoryAdapter(provider), provider)


class TestBatches(SessionConformance):
    """A correct adapter of a provider with batches alone, which cost nothing of their own."""

    test_closing_tells_what_was_charged = None  # type: ignore[assignment]

    @pytest.fixture
    def bench(self) -> Bench:
        provider = SessionMemoryProvider()
        return Bench(OnlyBatches(provider), provider)


class Promises(SessionMemoryAdapter):
    """Promises something else than it does."""

    def __init__(self, provider: SessionMemoryProvider, /, **promises: Any) -> None:
        super().__init__(provider)
        self.promises = promises

    def capabilities(self) -> Capabilities:
        return dataclasses.replace(super().capabilities(), **self.promises)


class OpensTwice(SessionMemoryAdapter):
    def open_session(self, wanted: Session) -> str:
        super().open_session(wanted)
        return super().open_session(wanted)


class InventsSessions(SessionMemoryAdapter):
    def open_session(self, wanted: Session) -> str:
        return super().open_session(wanted) + "0"


class OpensAgain(SessionMemoryAdapter):
    """Sends an opening again when it got an error, as an SDK might by itself."""

    def open_session(self, wanted: Session) -> str:
        try:
            return super().open_session(wanted)
        except AdapterError:
            return super().open_session(wanted)


class ForgetsTheSession(SessionMemoryAdapter):
    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, **more: Any) -> str:
        return super().submit(prepared, token, ceiling)


class Finds(SessionMemoryAdapter):
    """Finds other sessions than those that were asked for."""

    def __init__(
        self, provider: SessionMemoryProvider, how: Callable[[MemorySession, Session, datetime], bool]
    ) -> None:
        super().__init__(provider)
        self.how = how

    def is_empty(self, session: MemorySession, wanted: Session, since: datetime) -> bool:
        return self.how(session, wanted, since)


class FindsAsItLikes(SessionMemoryAdapter):
    def __init__(self, provider: SessionMemoryProvider, change: Callable[[Lookup], Lookup]) -> None:
        super().__init__(provider)
        self.change = change

    def find_sessions(self, wanted: Session, since: datetime) -> Lookup:
        return self.change(super().find_sessions(wanted, since))


class FindRaises(SessionMemoryAdapter):
    def find_sessions(self, wanted: Session, since: datetime) -> Lookup:
        self.read(lambda: None)
        return super().find_sessions(wanted, since)


class Closes(SessionMemoryAdapter):
    """Closes in another way than it was asked to."""

    def __init__(self, provider: SessionMemoryProvider, at_once: bool) -> None:
        super().__init__(provider)
        self.at_once = at_once

    def close_session(self, session: str, *, at_once: bool) -> Closing:
        return super().close_session(session, at_once=self.at_once)


class ClosesAsItSays(SessionMemoryAdapter):
    """Says something else of a closing than what became of it."""

    def __init__(self, provider: SessionMemoryProvider, **told: Any) -> None:
        super().__init__(provider)
        self.told = told

    def close_session(self, session: str, *, at_once: bool) -> Closing:
        return dataclasses.replace(super().close_session(session, at_once=at_once), **self.told)


class ClosesNothing(SessionMemoryAdapter):
    def close_session(self, session: str, *, at_once: bool) -> Closing:
        return Closing(closed=True)


class LosesSessions(SessionMemoryAdapter):
    def close_session(self, session: str, *, at_once: bool) -> Closing:
        if session not in self.provider.open_sessions():
            raise LostError("where is it?")
        return super().close_session(session, at_once=at_once)


class SwallowsErrors(SessionMemoryAdapter):
    def close_session(self, session: str, *, at_once: bool) -> Closing:
        try:
            return super().close_session(session, at_once=at_once)
        except AdapterError:
            return Closing(closed=False)


class Takes(SessionMemoryAdapter):
    """Takes an answer for another error than it is."""

    def __init__(self, provider: SessionMemoryProvider, answer: str, error: AdapterError) -> None:
        super().__init__(provider)
        self.answer, self.error = answer, error

    def refusal(self, error: Any) -> AdapterError | None:
        return self.error if error.answer == self.answer else super().refusal(error)


class Tells(SessionMemoryAdapter):
    def refusal(self, error: Any) -> AdapterError | None:
        refusal = super().refusal(error)
        return None if refusal is None else type(refusal)(str(error))


class Leaky(SessionMemoryProvider):
    """Opens what it refused to open."""

    @contextmanager
    def failing(self, call: Call, fault: Fault) -> Iterator[None]:
        with super().failing(call, dataclasses.replace(fault, accepted=True)):
            yield


class ChargesForNothing(SessionMemoryProvider):
    def charged_micros(self) -> int:
        return super().charged_micros() + len(self.sessions)


def _visible(session: MemorySession, since: datetime) -> bool:
    return session.opened >= since and session.accepting


Broken = Callable[[SessionMemoryProvider], SessionMemoryAdapter]

DEFECTS: list[tuple[str, Broken]] = [
    ("test_modes_make_sense", lambda p: Promises(p, idle_seconds=-1)),
    ("test_a_session_is_opened_once", OpensTwice),
    ("test_a_session_is_opened_once", InventsSessions),
    ("test_a_task_is_in_the_session_that_it_was_submitted_in", ForgetsTheSession),
    ("test_an_empty_session_is_found", lambda p: FindsAsItLikes(p, lambda _: Absent())),
    ("test_an_empty_session_is_found", lambda p: Promises(p, visibility_seconds=1)),
    ("test_an_empty_session_is_found", lambda p: Finds(p, lambda s, w, t: s.wanted == w and _visible(s, t))),
    ("test_an_empty_session_is_found", lambda p: Finds(p, lambda s, w, t: s.wanted == w and not s.tasks)),
    ("test_an_empty_session_is_found", lambda p: Finds(p, lambda s, w, t: _visible(s, t) and not s.tasks)),
    (
        "test_an_empty_session_is_found",
        lambda p: Finds(p, lambda s, w, t: s.wanted == w and s.accepting and not s.tasks),
    ),
    (
        "test_find_sessions_is_unknown_when_the_provider_does_not_answer",
        lambda p: FindsAsItLikes(p, lambda found: Absent() if isinstance(found, Unknown) else found),
    ),
    ("test_find_sessions_is_unknown_when_the_provider_does_not_answer", FindRaises),
    ("test_a_closed_session_runs_what_it_has", lambda p: Closes(p, at_once=True)),
    ("test_a_closed_session_runs_what_it_has", lambda p: ClosesAsItSays(p, closed=True)),
    ("test_a_closed_session_runs_what_it_has", ClosesNothing),
    ("test_a_session_that_is_closed_at_once_runs_nothing_more", lambda p: Closes(p, at_once=False)),
    ("test_a_session_that_is_closed_at_once_runs_nothing_more", ClosesNothing),
    ("test_a_session_that_is_not_there_is_closed", LosesSessions),
    ("test_closing_tells_what_was_charged", lambda p: ClosesAsItSays(p, charged=Charged(1, "USD", 1))),
    ("test_an_opening_that_is_refused_leaves_nothing", OpensAgain),
    ("test_an_opening_that_is_refused_leaves_nothing", lambda p: Takes(p, "throttled", UnavailableError("wait"))),
    ("test_an_opening_without_an_answer_is_ambiguous", OpensAgain),
    ("test_an_opening_without_an_answer_is_ambiguous", lambda p: Takes(p, "reset", UnavailableError("down"))),
    ("test_an_opening_without_an_answer_is_ambiguous", lambda p: FindsAsItLikes(p, lambda _: Found(("session-0",)))),
    ("test_closing_fails_as_the_provider_does", SwallowsErrors),
    ("test_closing_fails_as_the_provider_does", lambda p: Takes(p, "forbidden", RejectedError("no"))),
    ("test_no_error_of_a_session_tells_a_secret", Tells),
]
BAD_PROVIDERS: list[tuple[str, type[SessionMemoryProvider]]] = [
    ("test_an_opening_that_is_refused_leaves_nothing", Leaky),
    ("test_a_session_that_is_closed_at_once_runs_nothing_more", ChargesForNothing),
]


@pytest.mark.parametrize(("check", "broken"), DEFECTS)
def test_a_check_fails_for_its_defect(check: str, broken: Broken) -> None:
    """An adapter that is broken in one point fails the check of that point."""
    provider = SessionMemoryProvider()
    with pytest.raises(AssertionError):
        CHECKS[check](SessionConformance(), Bench(broken(provider), provider))


@pytest.mark.parametrize(("check", "broken"), BAD_PROVIDERS)
def test_a_check_fails_for_what_the_provider_did(check: str, broken: type[SessionMemoryProvider]) -> None:
    """What an adapter promises for its provider is held against what the provider did."""
    provider = broken()
    with pytest.raises(AssertionError):
        CHECKS[check](SessionConformance(), Bench(SessionMemoryAdapter(provider), provider))


def test_every_check_has_a_defect() -> None:
    """No check is without an adapter that fails it."""
    assert set(CHECKS) == {check for check, _ in (*DEFECTS, *BAD_PROVIDERS)}
