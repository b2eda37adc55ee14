"""The conformance suite of adapters passes a correct adapter, and each of its checks fails for its defect."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from memoryprovider import AnsweredError, MemoryAdapter, MemoryProvider

from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    Cancelled,
    Capabilities,
    Ceiling,
    Charged,
    Circuits,
    Device,
    Estimate,
    Fetched,
    ForbiddenError,
    Found,
    Lookup,
    LostError,
    Prepared,
    Progress,
    RegisterBits,
    SaturatedError,
    UnavailableError,
    Unknown,
)
from quantum_operator.testing.adapter_bench import Bench
from quantum_operator.testing.adapter_conformance import AdapterConformance
from quantum_operator.testing.adapter_faults import Call, Fault

CHECKS = {name: check for name, check in vars(AdapterConformance).items() if name.startswith("test_")}


class TestTagged(AdapterConformance):
    """A correct adapter of a provider that keeps tags."""

    @pytest.fixture
    def bench(self) -> Bench:
        provider = MemoryProvider()
        return Bench(MemoryAdapter(provider), provider)


class TestIdempotent(AdapterConformance):
    """A correct adapter of a provider that tells repetitions itself."""

    @pytest.fixture
    def bench(self) -> Bench:
        provider = MemoryProvider(idempotent=True)
        return Bench(MemoryAdapter(provider), provider)


class Promises(MemoryAdapter):
    """Promises something else than it does."""

    def __init__(self, provider: MemoryProvider, /, **promises: Any) -> None:
        super().__init__(provider)
        self.promises = promises

    def capabilities(self) -> Capabilities:
        return dataclasses.replace(super().capabilities(), **self.promises)


class OtherDevice(MemoryAdapter):
    """Tells of its device what is not so."""

    def __init__(self, provider: MemoryProvider, /, **told: Any) -> None:
        super().__init__(provider)
        self.told = told

    def devices(self, names: Sequence[str]) -> tuple[Device, ...]:
        return tuple(dataclasses.replace(device, **self.told) for device in super().devices(names))


class InventsDevices(MemoryAdapter):
    def devices(self, names: Sequence[str]) -> tuple[Device, ...]:
        (line,) = super().devices(["line"])
        return tuple(dataclasses.replace(line, name=name) for name in names)


class Relaxed(MemoryAdapter):
    """Prepares for another device than the one that it was told of."""

    def __init__(self, provider: MemoryProvider, /, **relaxed: Any) -> None:
        super().__init__(provider)
        self.relaxed = relaxed

    def prepare(self, circuits: Circuits) -> Prepared:
        device = dataclasses.replace(circuits.device, **self.relaxed)
        return super().prepare(dataclasses.replace(circuits, device=device))


class TakesMoreCircuits(MemoryAdapter):
    def capabilities(self) -> Capabilities:
        return dataclasses.replace(super().capabilities(), max_circuits=2)


class CrashesOnJunk(MemoryAdapter):
    def prepare(self, circuits: Circuits) -> Prepared:
        circuits.qpy.decode("ascii").index("[")
        return super().prepare(circuits)


class EstimatesBySubmitting(MemoryAdapter):
    def estimate(self, prepared: Prepared) -> Estimate:
        self.submit(prepared, "estimate", Ceiling(1, "USD", 1))
        return super().estimate(prepared)


class SubmitsTwice(MemoryAdapter):
    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, **more: Any) -> str:
        super().submit(prepared, token, ceiling)
        return super().submit(prepared, token, ceiling)


class TagsInPlaceOfTheToken(MemoryAdapter):
    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, **more: Any) -> str:
        return super().submit(prepared, next(iter(more.get("tags", ())), token), ceiling)


class InventsIds(MemoryAdapter):
    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, **more: Any) -> str:
        return super().submit(prepared, token, ceiling, **more) + "0"


class Retries(MemoryAdapter):
    """Sends a submission again when it got an error, as an SDK might by itself."""

    errors: tuple[type[AdapterError], ...] = (AdapterError,)

    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, **more: Any) -> str:
        try:
            return super().submit(prepared, token, ceiling)
        except self.errors:
            return super().submit(prepared, token, ceiling)


class FindsNothing(MemoryAdapter):
    def find(self, token: str) -> Lookup:
        found = super().find(token)
        return found if isinstance(found, Unknown) else Absent()


class FindsOthers(MemoryAdapter):
    def find(self, token: str) -> Lookup:
        found = super().find(token)
        return found if isinstance(found, Unknown) else Found(tuple(self.provider.by_id))


class FindsByBeginning(MemoryAdapter):
    def find(self, token: str) -> Lookup:
        tokens = {task.token for task in self.provider.by_id.values() if task.token.startswith(token)}
        return super().find(min(tokens, default=token))


class FindsNewestFirst(MemoryAdapter):
    def find(self, token: str) -> Lookup:
        found = super().find(token)
        return Found(found.ids[::-1]) if isinstance(found, Found) else found


class FindsAbsentWhenInDoubt(MemoryAdapter):
    def find(self, token: str) -> Lookup:
        found = super().find(token)
        return Absent() if isinstance(found, Unknown) else found


class FindRaises(MemoryAdapter):
    def find(self, token: str) -> Lookup:
        self.read(lambda: None)
        return super().find(token)


class PollsAs(MemoryAdapter):
    """Tells another state than the task's."""

    def __init__(self, provider: MemoryProvider, told: dict[str, Any]) -> None:
        super().__init__(provider)
        self.told = told

    def poll(self, task: str) -> Progress:
        progress = super().poll(task)
        return dataclasses.replace(progress, **self.told.get(progress.state, {}))


class Fetches(MemoryAdapter):
    """Fetches something else than what is there."""

    def __init__(self, provider: MemoryProvider, change: Callable[[Fetched], Fetched]) -> None:
        super().__init__(provider)
        self.change = change

    def fetch(self, task: str) -> Fetched:
        return self.change(super().fetch(task))


class FetchesEarly(MemoryAdapter):
    def fetch(self, task: str) -> Fetched:
        return super().fetch(task) if self.task(task).state == "Succeeded" else Fetched((), None, "USD", None)


class Cancels(MemoryAdapter):
    """Confirms what did not happen."""

    def __init__(self, provider: MemoryProvider, states: set[str]) -> None:
        super().__init__(provider)
        self.states = states

    def cancel(self, task: str) -> Cancelled:
        confirmed = self.task(task).state in self.states
        return Cancelled(confirmed=True) if confirmed else super().cancel(task)


class CancelsWhatIsOver(MemoryAdapter):
    def cancel(self, task: str) -> Cancelled:
        super().cancel(task)
        self.task(task).state = "Cancelled"
        return Cancelled(confirmed=False)


class LosesNothing(MemoryAdapter):
    def poll(self, task: str) -> Progress:
        return super().poll(task) if task in self.provider.by_id else Progress("Failed", "never heard of it")


class CancelsAnything(MemoryAdapter):
    def cancel(self, task: str) -> Cancelled:
        return super().cancel(task) if task in self.provider.by_id else Cancelled(confirmed=False)


class Takes(MemoryAdapter):
    """Takes one answer for another error than it is."""

    def __init__(self, provider: MemoryProvider, answer: str, error: AdapterError) -> None:
        super().__init__(provider)
        self.answer, self.error = answer, error

    def refusal(self, error: AnsweredError) -> AdapterError | None:
        return self.error if error.answer == self.answer else super().refusal(error)


class Tells(MemoryAdapter):
    """Hands on what the provider said."""

    def refusal(self, error: AnsweredError) -> AdapterError | None:
        refusal = super().refusal(error)
        return None if refusal is None else type(refusal)(str(error))


class TellsByContext(MemoryAdapter):
    """Leaves what the provider said in the traceback."""

    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, **more: Any) -> str:
        try:
            return self.provider.request("submit", lambda: self.provider.create(token, prepared.payload, ceiling))
        except AnsweredError as error:
            raise ForbiddenError("no") from error


class TellsOfItself(MemoryAdapter):
    def __repr__(self) -> str:
        return f"MemoryAdapter(credentials={self.provider.secrets})"


class Leaky(MemoryProvider):
    """Makes a task of what it refused, or charges for what it did not do."""

    @contextmanager
    def failing(self, call: Call, fault: Fault) -> Iterator[None]:
        with super().failing(call, dataclasses.replace(fault, accepted=True)):
            yield


class Boundless(MemoryProvider):
    def overrun(self, task: str) -> None:
        self.by_id[task].state = "Running"


class Overcharging(MemoryProvider):
    def overrun(self, task: str) -> None:
        super().overrun(task)
        self.by_id[task].cost += 1


def changed(**changes: Any) -> Callable[[Fetched], Fetched]:
    return lambda fetched: dataclasses.replace(fetched, **changes)


def bits(change: Callable[[dict[str, int]], dict[str, int]]) -> Callable[[Fetched], Fetched]:
    return lambda fetched: dataclasses.replace(
        fetched, circuits=tuple(RegisterBits(change(circuit.counts)) for circuit in fetched.circuits)
    )


def reversed_circuits(fetched: Fetched) -> Fetched:
    return dataclasses.replace(fetched, circuits=fetched.circuits[::-1])


Broken = Callable[[MemoryProvider], MemoryAdapter]

DEFECTS: list[tuple[str, Broken]] = [
    ("test_capabilities_make_sense", lambda p: Promises(p, provider="")),
    ("test_capabilities_make_sense", lambda p: Promises(p, visibility_seconds=-1)),
    ("test_capabilities_make_sense", lambda p: Promises(p, max_circuits=0)),
    ("test_capabilities_make_sense", lambda p: Promises(p, submissions_per_minute=0)),
    ("test_modes_are_all_checked", lambda p: Promises(p, modes=("session",))),
    ("test_modes_are_all_checked", lambda p: Promises(p, modes=("job", "session"))),
    ("test_devices_are_those_that_exist", InventsDevices),
    ("test_devices_are_those_that_exist", lambda p: OtherDevice(p, ready=False)),
    ("test_devices_are_those_that_exist", lambda p: OtherDevice(p, num_qubits=2)),
    ("test_devices_are_those_that_exist", lambda p: OtherDevice(p, max_shots=0)),
    ("test_devices_are_those_that_exist", lambda p: OtherDevice(p, coupling=((0, 4),))),
    ("test_devices_are_those_that_exist", lambda p: OtherDevice(p, calibrated=datetime(2026, 1, 1))),
    ("test_prepare_refuses_more_qubits_than_the_device_has", lambda p: Relaxed(p, num_qubits=9)),
    ("test_prepare_refuses_gates_that_the_device_has_not", lambda p: Relaxed(p, basis_gates=None)),
    ("test_prepare_refuses_pairs_that_are_not_coupled", lambda p: Relaxed(p, coupling=((0, 2),))),
    ("test_prepare_refuses_more_shots_than_the_device_takes", lambda p: Relaxed(p, max_shots=1000)),
    ("test_prepare_refuses_more_circuits_than_a_task_takes", TakesMoreCircuits),
    ("test_prepare_refuses_what_is_no_circuit", CrashesOnJunk),
    ("test_estimate_submits_nothing", EstimatesBySubmitting),
    ("test_submit_makes_one_task", SubmitsTwice),
    ("test_submit_makes_one_task", InventsIds),
    ("test_find_gives_what_was_submitted", FindsNothing),
    ("test_find_gives_what_was_submitted", lambda p: Promises(p, visibility_seconds=1)),
    ("test_find_of_an_unknown_token_is_absent", FindsOthers),
    ("test_find_tells_similar_tokens_apart", FindsByBeginning),
    ("test_find_is_unknown_when_the_provider_does_not_answer", FindsAbsentWhenInDoubt),
    ("test_find_is_unknown_when_the_provider_does_not_answer", FindRaises),
    ("test_the_same_token_twice", FindsNewestFirst),
    ("test_the_same_token_twice", lambda p: Promises(p, token="provider")),
    ("test_poll_tells_how_a_task_stands", lambda p: PollsAs(p, {"Queued": {"state": "Running"}})),
    ("test_poll_tells_how_a_task_stands", lambda p: PollsAs(p, {"Queued": {"queue_position": -1}})),
    ("test_poll_tells_how_a_task_stands", lambda p: PollsAs(p, {"Running": {"state": "Queued"}})),
    ("test_poll_tells_how_a_task_stands", lambda p: PollsAs(p, {"Succeeded": {"state": "Running"}})),
    ("test_poll_tells_how_a_task_stands", lambda p: PollsAs(p, {"Failed": {"state": "Cancelled"}})),
    ("test_poll_tells_how_a_task_stands", lambda p: PollsAs(p, {"Failed": {"message": ""}})),
    ("test_poll_tells_what_was_charged", lambda p: PollsAs(p, {"Failed": {"charged": Charged(0, "USD", 0)}})),
    ("test_tags_come_beside_the_token", TagsInPlaceOfTheToken),
    ("test_fetch_has_bit_zero_rightmost", lambda p: Fetches(p, bits(lambda c: {b[::-1]: n for b, n in c.items()}))),
    ("test_fetch_has_bit_zero_rightmost", lambda p: Fetches(p, bits(lambda c: {b[1:]: n for b, n in c.items()}))),
    ("test_fetch_keeps_the_order_of_circuits", lambda p: Fetches(p, reversed_circuits)),
    ("test_fetch_keeps_the_order_of_circuits", lambda p: Fetches(p, bits(lambda c: {b: n - 1 for b, n in c.items()}))),
    ("test_fetch_keeps_the_order_of_circuits", lambda p: Fetches(p, changed(circuits=()))),
    ("test_fetch_tells_what_was_charged", lambda p: Fetches(p, changed(cost_micros=1))),
    ("test_fetch_does_not_wait", FetchesEarly),
    ("test_cancel_stops_a_task", lambda p: Cancels(p, {"Queued"})),
    ("test_cancel_of_a_task_that_is_over_does_nothing", lambda p: Cancels(p, {"Succeeded"})),
    ("test_cancel_of_a_task_that_is_over_does_nothing", CancelsWhatIsOver),
    ("test_an_unknown_task_is_lost", LosesNothing),
    ("test_an_unknown_task_is_lost", CancelsAnything),
    ("test_a_submission_that_is_refused_leaves_nothing", Retries),
    ("test_a_submission_that_is_refused_leaves_nothing", lambda p: Takes(p, "throttled", SaturatedError("wait"))),
    ("test_a_submission_that_is_refused_leaves_nothing", lambda p: Takes(p, "forbidden", LostError("where?"))),
    ("test_a_submission_without_an_answer_is_ambiguous", Retries),
    ("test_a_submission_without_an_answer_is_ambiguous", FindsNothing),
    ("test_a_submission_without_an_answer_is_ambiguous", lambda p: Takes(p, "reset", UnavailableError("no answer"))),
    ("test_reading_fails_as_the_provider_does", lambda p: Takes(p, "garbage", UnavailableError("junk"))),
    ("test_reading_fails_as_the_provider_does", lambda p: Takes(p, "throttled", SaturatedError("wait"))),
    ("test_reading_fails_as_the_provider_does", lambda p: Takes(p, "silence", LostError("where?"))),
    ("test_cancelling_fails_as_the_provider_does", lambda p: Takes(p, "silence", UnavailableError("no answer"))),
    ("test_cancelling_fails_as_the_provider_does", lambda p: Takes(p, "forbidden", LostError("where?"))),
    ("test_no_error_tells_a_secret", Tells),
    ("test_no_error_tells_a_secret", TellsByContext),
    ("test_no_error_tells_a_secret", TellsOfItself),
]
BAD_PROVIDERS: list[tuple[str, type[MemoryProvider]]] = [
    ("test_a_submission_that_is_refused_leaves_nothing", Leaky),
    ("test_a_ceiling_is_enforced", Boundless),
    ("test_a_ceiling_is_enforced", Overcharging),
]


@pytest.mark.parametrize(("check", "broken"), DEFECTS)
def test_a_check_fails_for_its_defect(check: str, broken: Broken) -> None:
    """An adapter that is broken in one point fails the check of that point."""
    provider = MemoryProvider()
    with pytest.raises(AssertionError):
        CHECKS[check](AdapterConformance(), Bench(broken(provider), provider))


@pytest.mark.parametrize(("check", "broken"), BAD_PROVIDERS)
def test_a_check_fails_for_what_the_provider_did(check: str, broken: type[MemoryProvider]) -> None:
    """What an adapter promises for its provider is held against what the provider did."""
    provider = broken()
    with pytest.raises(AssertionError):
        CHECKS[check](AdapterConformance(), Bench(MemoryAdapter(provider), provider))


def test_every_check_has_a_defect() -> None:
    """No check is without an adapter that fails it."""
    assert set(CHECKS) == {check for check, _ in (*DEFECTS, *BAD_PROVIDERS)}
