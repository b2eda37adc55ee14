"""The part of the adapters' conformance suite that is about sessions and batches."""

import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest import SkipTest

from quantum_operator.ports.adapter import Absent, AdapterError, Closing, Found, Lookup, Mode, Session, Unknown
from quantum_operator.testing.adapter_bench import CEILING, Bench, SessionBench, raises, require
from quantum_operator.testing.adapter_faults import REFUSED, UNANSWERED, UNCANCELLED, UNREAD, Fault

SESSION_MODES: tuple[Mode, ...] = ("session", "batch")


class SessionChecks:
    """The checks for adapters whose capabilities have other modes than `job`."""

    def test_modes_make_sense(self, bench: Bench) -> None:
        """Tasks can be submitted by themselves, whatever else there is."""
        promised = bench.adapter.capabilities()
        require(promised.idle_seconds >= 0, "capabilities().idle_seconds is negative")

    def test_a_session_is_opened_once(self, bench: Bench) -> None:
        """By one request, which gives its id, in each mode."""
        at = _sessions(bench)
        for number, mode in enumerate(_modes(bench), 1):
            opened = at.adapter.open_session(replace(_wanted(bench), mode=mode))
            require(at.provider.openings() == number, f"{at.provider.openings()} requests for {number} openings")
            there = at.provider.open_sessions()
            require(there[-1:] == (opened,), f"open_session gave {opened!r}, but the provider has {there}")

    def test_a_task_is_in_the_session_that_it_was_submitted_in(self, bench: Bench) -> None:
        """And in none without one."""
        at = _sessions(bench)
        opened = at.adapter.open_session(_wanted(bench))
        task = at.adapter.submit(bench.prepared(), bench.token(), CEILING, session=opened)
        require(at.provider.session_of(task) == opened, f"the task is in {at.provider.session_of(task)!r}")
        require(at.provider.session_of(bench.submitted()) == "", "a task that names no session is in one")

    def test_an_empty_session_is_found(self, bench: Bench) -> None:
        """As it was wanted and not too old, until something was submitted in it or it is closed."""
        at, since = _sessions(bench), datetime.now(UTC) - timedelta(minutes=1)
        wanted = _wanted(bench)
        used, closed, opened = (at.adapter.open_session(wanted) for _ in range(3))
        at.adapter.submit(bench.prepared(), bench.token(), CEILING, session=used)
        at.adapter.close_session(closed, at_once=False)
        found = _sought(at, wanted, since, Found((opened,)))
        require(found == Found((opened,)), f"find_sessions gives {found}, not the empty session {opened!r}")
        others = [replace(wanted, ceiling=replace(CEILING, seconds=7))]
        others += [replace(wanted, mode=mode) for mode in _modes(bench) if mode != wanted.mode]
        for other in others:
            found = at.adapter.find_sessions(other, since)
            require(isinstance(found, Absent), f"find_sessions of {other} gives {found}")
        found = at.adapter.find_sessions(wanted, datetime.now(UTC) + timedelta(hours=1))
        require(isinstance(found, Absent), f"find_sessions of later ones gives {found}")

    def test_find_sessions_is_unknown_when_the_provider_does_not_answer(self, bench: Bench) -> None:
        """A search that fails is neither a find nor an absence, and raises nothing."""
        at, wanted = _sessions(bench), _wanted(bench)
        at.adapter.open_session(wanted)
        for fault in REFUSED | UNREAD:
            with bench.provider.failing("read", fault):
                try:
                    found = at.adapter.find_sessions(wanted, datetime.now(UTC))
                except Exception as error:
                    raise AssertionError(f"find_sessions under {fault} raises {type(error).__name__}") from error
            require(isinstance(found, Unknown), f"find_sessions under {fault} gives {found}")

    def test_a_closed_session_runs_what_it_has(self, bench: Bench) -> None:
        """It takes nothing more, and is closed once that is over."""
        at = _sessions(bench)
        opened = at.adapter.open_session(_wanted(bench))
        prepared = bench.prepared()
        task = at.adapter.submit(prepared, bench.token(), CEILING, session=opened)
        require(not at.adapter.close_session(opened, at_once=False).closed, "a session with a task is closed")
        with raises("submit in a session that was closed", AdapterError):
            at.adapter.submit(prepared, bench.token(), CEILING, session=opened)
        bench.provider.finish(task)
        state = bench.until(task, "Succeeded").state
        require(state == "Succeeded", f"the task of a session that takes no more tasks is {state}")
        self._closes(at, opened)

    def test_a_session_that_is_closed_at_once_runs_nothing_more(self, bench: Bench) -> None:
        """What waits in it never runs; an empty one is closed all the same."""
        at = _sessions(bench)
        opened, empty = at.adapter.open_session(_wanted(bench)), at.adapter.open_session(_wanted(bench))
        task = at.adapter.submit(bench.prepared(), bench.token(), CEILING, session=opened)
        for session in (opened, empty):
            self._closes(at, session)
        state = bench.until(task, "Cancelled", "Failed").state
        require(state in {"Cancelled", "Failed"}, f"the task of a session that was closed at once is {state}")
        require(at.provider.open_sessions() == (), f"still open: {at.provider.open_sessions()}")
        require(bench.provider.charged_micros() == 0, "sessions in which nothing ran cost something")

    def test_a_session_that_is_not_there_is_closed(self, bench: Bench) -> None:
        """One that the provider never opened, and one that is closed already."""
        at = _sessions(bench)
        opened = at.adapter.open_session(_wanted(bench))
        self._closes(at, opened)
        for session in (opened, at.provider.unknown_session):
            for at_once in (False, True):
                try:
                    closing = at.adapter.close_session(session, at_once=at_once)
                except AdapterError as error:
                    raise AssertionError(f"close_session of {session!r} raises {type(error).__name__}") from error
                require(closing.closed, f"close_session of {session!r}, which is not open, gives {closing}")

    def test_closing_tells_what_was_charged(self, bench: Bench) -> None:
        """For a session that is paid by its time."""
        at, wanted = _sessions(bench), _wanted(bench)
        if wanted.mode != "session":
            raise SkipTest("the provider has only batches, whose tasks are paid for")
        opened = at.adapter.open_session(wanted)
        task = at.adapter.submit(bench.prepared(), bench.token(), CEILING, session=opened)
        bench.provider.finish(task)
        bench.until(task, "Succeeded")
        told = self._closes(at, opened).charged
        if told is None or told.cost_micros is None:
            raise SkipTest("the adapter tells no cost of a session")
        charged = bench.provider.charged_micros()
        require(told.cost_micros == charged, f"close_session tells of {told.cost_micros}, {charged} was charged")

    def test_an_opening_that_is_refused_leaves_nothing(self, bench: Bench) -> None:
        """A refusal is told for what it is, after one request, and there is no session."""
        at = _sessions(bench)
        for fault, errors in REFUSED.items():
            before = at.provider.openings()
            with bench.provider.failing("open", fault), raises(f"open_session under {fault}", *errors):
                at.adapter.open_session(_wanted(bench))
            requests = at.provider.openings() - before
            require(requests == 1, f"open_session under {fault} made {requests} requests")
            require(at.provider.open_sessions() == (), f"there is a session after open_session under {fault}")

    def test_an_opening_without_an_answer_is_ambiguous(self, bench: Bench) -> None:
        """It is one request, whatever becomes of it, and a search shows whether it took effect."""
        at, wanted = _sessions(bench), _wanted(bench)
        for fault, errors in UNANSWERED.items():
            before, since = at.provider.openings(), datetime.now(UTC) - timedelta(minutes=1)
            with bench.provider.failing("open", fault), raises(f"open_session under {fault}", *errors):
                at.adapter.open_session(wanted)
            requests = at.provider.openings() - before
            require(requests == 1, f"open_session under {fault} made {requests} requests")
            there = at.provider.open_sessions()
            expected = Found(there) if there else Absent()
            found = _sought(at, wanted, since, expected)
            require(found == expected, f"after open_session under {fault}, find_sessions gives {found}")
            for session in there:
                self._closes(at, session)

    def test_closing_fails_as_the_provider_does(self, bench: Bench) -> None:
        """A closing that is not answered raises its error, and can be repeated."""
        at = _sessions(bench)
        refused = {fault: errors for fault, errors in REFUSED.items() if fault.answer != "invalid"}
        for fault, errors in (refused | UNCANCELLED).items():
            for at_once in (False, True):
                opened = at.adapter.open_session(_wanted(bench))
                with bench.provider.failing("close", fault), raises(f"close_session under {fault}", *errors):
                    at.adapter.close_session(opened, at_once=at_once)
                self._closes(at, opened)

    def test_no_error_of_a_session_tells_a_secret(self, bench: Bench) -> None:
        """Of its opening, its closing or a search."""
        at, wanted = _sessions(bench), _wanted(bench)
        opened, told = at.adapter.open_session(wanted), list[str]()
        calls: dict[str, Callable[[], object]] = {
            "open": lambda: at.adapter.open_session(wanted),
            "close": lambda: at.adapter.close_session(opened, at_once=True),
            "read": lambda: at.adapter.find_sessions(wanted, datetime.now(UTC)),
        }
        for fault in (Fault("unauthorized"), Fault("invalid"), Fault("garbage")):
            for kind, call in calls.items():
                with bench.provider.failing(kind, fault):  # type: ignore[arg-type]
                    try:
                        told.append(repr(call()))
                    except AdapterError as error:
                        told += [str(error), "".join(traceback.format_exception(error))]
        for text in told:
            require(not any(secret in text for secret in bench.provider.secrets), "an error tells a credential")

    @staticmethod
    def _closes(at: SessionBench, session: str) -> Closing:
        """The session is closed, at the latest after half a minute."""
        for _ in range(30):
            closing = at.adapter.close_session(session, at_once=True)
            if closing.closed and not closing.charge_pending:
                break
            at.provider.wait(1)
        require(closing.closed, f"close_session gives {closing}")
        require(session not in at.provider.open_sessions(), f"{session!r} is said to be closed, and is open")
        return closing


def _sessions(bench: Bench) -> SessionBench:
    require(bool(_modes(bench)), "capabilities().modes has neither sessions nor batches")
    return SessionBench.of(bench)


def _modes(bench: Bench) -> list[Mode]:
    return [mode for mode in SESSION_MODES if mode in bench.adapter.capabilities().modes]


def _wanted(bench: Bench) -> Session:
    """A session where the provider has them; else a batch."""
    return Session(bench.provider.device, "session" if "session" in _modes(bench) else "batch", CEILING)


def _sought(at: SessionBench, wanted: Session, since: datetime, expected: Lookup) -> Lookup:
    """What is found, as soon as it is what is expected, at the latest after the visibility lag."""
    left = at.adapter.capabilities().visibility_seconds
    while (found := at.adapter.find_sessions(wanted, since)) != expected and left > 0:
        at.provider.wait(1)
        left -= 1
    return found
