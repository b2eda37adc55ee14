"""The conformance suite of adapters, for pytest: every promise of `quantum_operator.ports.adapter` against a provider.

An author of an adapter derives a class from `AdapterConformance`, whose name begins with Test, and gives it a fixture
`bench` that yields a new `Bench` for each check:

    class TestMine(AdapterConformance):
        @pytest.fixture
        def bench(self):
            with MyProvider() as provider:
                yield Bench(connect({"url": provider.url, "token": "..."}), provider)

One whose provider has sessions or batches derives from `SessionConformance` instead. A check that does not apply, such
as that of cancellation where the adapter says that it can't cancel, is skipped.
"""

import traceback
from collections.abc import Callable
from dataclasses import replace
from unittest import SkipTest

from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    Circuits,
    Device,
    Found,
    LostError,
    Unknown,
    UnsupportedError,
)
from quantum_operator.testing.adapter_bench import (
    CEILING,
    CROSSED,
    FLIPPED,
    FOREIGN,
    WAITING,
    Bench,
    likeliest,
    raises,
    require,
)
from quantum_operator.testing.adapter_combining import CombiningChecks
from quantum_operator.testing.adapter_faults import REFUSED, UNANSWERED, UNCANCELLED, UNREAD, Call, Fault
from quantum_operator.testing.adapter_sessions import SessionChecks


class AdapterConformance(CombiningChecks):
    """The checks. Each is a method `test_…` that takes the fixture `bench`."""

    def test_capabilities_make_sense(self, bench: Bench) -> None:
        """What is promised is possible."""
        promised = bench.adapter.capabilities()
        require(bool(promised.provider), "capabilities().provider names nobody")
        require(promised.visibility_seconds >= 0, "capabilities().visibility_seconds is negative")
        require(promised.max_circuits >= 1, "capabilities().max_circuits allows no circuit")
        require(promised.submissions_per_minute >= 1, "capabilities().submissions_per_minute allows no submission")

    def test_modes_are_all_checked(self, bench: Bench) -> None:
        """An adapter with sessions or batches is held to what it promises of them."""
        modes = bench.adapter.capabilities().modes
        require("job" in modes, f"capabilities().modes has no 'job': {modes}")
        checked = len(modes) == 1 or isinstance(self, SessionChecks)
        require(checked, f"capabilities().modes is {modes}: derive the checks from SessionConformance")

    def test_devices_are_those_that_exist(self, bench: Bench) -> None:
        """Of the names asked for, those that the account has are told of, and no other."""
        found = bench.adapter.devices(["no-such-device", bench.provider.device])
        names = [device.name for device in found]
        require(names == [bench.provider.device], f"devices gives {names}, not {[bench.provider.device]}")
        device = found[0]
        require(device.ready, f"the device is ready, but is told not to be: {device.message!r}")
        require(device.num_qubits >= 3, f"the device has {device.num_qubits} qubits, the suite needs 3")
        require(device.max_shots >= 1, "the device takes no shots")
        outside = [pair for pair in device.coupling or () if not all(0 <= q < device.num_qubits for q in pair)]
        require(not outside, f"coupled qubits that the device does not have: {outside}")
        zoned = device.calibrated is None or device.calibrated.tzinfo is not None
        require(zoned, "the time of calibration has no zone")

    def test_prepare_refuses_more_qubits_than_the_device_has(self, bench: Bench) -> None:
        """A circuit of one qubit too many is unsupported."""
        device = bench.device()
        width = device.num_qubits + 1
        wide = (
            f'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[{width}] q;\nbit[1] c;\nx q[{width - 1}];\n'
            f"c[0] = measure q[{width - 1}];\n"
        )
        self._refused(bench, wide, made_up=replace(device, num_qubits=width, coupling=None))

    def test_prepare_refuses_gates_that_the_device_has_not(self, bench: Bench) -> None:
        """A gate outside the basis is unsupported."""
        device = bench.device()
        if device.basis_gates is None:
            raise SkipTest("the device takes any gate")
        self._refused(bench, FOREIGN, made_up=replace(device, basis_gates=None, coupling=None))

    def test_prepare_refuses_pairs_that_are_not_coupled(self, bench: Bench) -> None:
        """A gate of two qubits between which there is no coupling is unsupported."""
        device = bench.device()
        gate = next((gate for gate in ("cx", "cz") if gate in (device.basis_gates or ())), None)
        qubits = range(device.num_qubits)
        pairs = ((a, b) for a in qubits for b in qubits if a != b and (a, b) not in (device.coupling or ()))
        apart = next(pairs, None)
        if device.coupling is None or gate is None or apart is None:
            raise SkipTest("the device couples any pair, or has neither cx nor cz")
        program = (
            f'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[{device.num_qubits}] q;\nbit[1] c;\n'
            f"{gate} q[{apart[0]}], q[{apart[1]}];\nc[0] = measure q[{apart[0]}];\n"
        )
        self._refused(bench, program, made_up=replace(device, coupling=None))

    def test_prepare_refuses_more_shots_than_the_device_takes(self, bench: Bench) -> None:
        """One shot too many is unsupported."""
        device = bench.device()
        self._refused(bench, FLIPPED, made_up=device, shots=device.max_shots + 1)

    def test_prepare_refuses_more_circuits_than_a_task_takes(self, bench: Bench) -> None:
        """One circuit too many is unsupported."""
        number = bench.adapter.capabilities().max_circuits + 1
        self._refused(bench, *(FLIPPED,) * number, made_up=bench.device())

    def test_prepare_refuses_what_is_no_circuit(self, bench: Bench) -> None:
        """Bytes that are no QPY are unsupported, and no other error."""
        device = bench.device()
        for junk in (b"", b"junk", b"QISKIT\x0d\x02\x06\x02\x00\x00\x00\x00\x00\x00\x00\x01q"):
            with raises(f"prepare of {junk!r}", UnsupportedError):
                bench.adapter.prepare(Circuits(device, junk, (1,)))

    def test_estimate_submits_nothing(self, bench: Bench) -> None:
        """An estimate costs nothing and is not negative."""
        estimate = bench.adapter.estimate(bench.prepared())
        require(bench.provider.submissions() == 0, "estimate submitted something")
        require((estimate.cost_micros or 0) >= 0, "an estimate of less than nothing")
        require((estimate.seconds or 0) >= 0, "an estimate of less than no time")

    def test_submit_makes_one_task(self, bench: Bench) -> None:
        """One submission is one request, and gives the id of the one task that there is then."""
        token = bench.token()
        task = bench.submitted(token=token)
        require(bench.provider.submissions() == 1, f"{bench.provider.submissions()} requests for one submission")
        tasks = bench.provider.tasks(token)
        require(tasks == (task,), f"submit gave {task!r}, but the provider has {tasks} of this token")

    def test_find_gives_what_was_submitted(self, bench: Bench) -> None:
        """A submission is found by its token within the visibility lag."""
        self._searchable(bench)
        token = bench.token()
        task = bench.submitted(token=token)
        found = bench.found(token, Found((task,)))
        require(found == Found((task,)), f"find gives {found}, not the task {task!r}")

    def test_find_of_an_unknown_token_is_absent(self, bench: Bench) -> None:
        """A token that was never submitted is absent, even when others were."""
        self._searchable(bench)
        bench.submitted()
        found = bench.adapter.find(bench.token())
        require(isinstance(found, Absent), f"find of an unknown token gives {found}")

    def test_find_tells_similar_tokens_apart(self, bench: Bench) -> None:
        """A token is not found by its beginning."""
        self._searchable(bench)
        longer = bench.token()
        bench.found(longer, Found((bench.submitted(token=longer),)))
        found = bench.adapter.find(longer[:-1])
        require(isinstance(found, Absent), f"find of a token's beginning gives {found}")

    def test_find_is_unknown_when_the_provider_does_not_answer(self, bench: Bench) -> None:
        """A search that fails is neither a find nor an absence, and raises nothing."""
        token = bench.token()
        bench.submitted(token=token)
        for fault in REFUSED | UNREAD:
            with bench.provider.failing("read", fault):
                try:
                    found = bench.adapter.find(token)
                except Exception as error:
                    raise AssertionError(f"find under {fault} raises {type(error).__name__}") from error
            require(isinstance(found, Unknown), f"find under {fault} gives {found}")

    def test_the_same_token_twice(self, bench: Bench) -> None:
        """Where the provider tells repetitions itself, it is one task; else find shows both, the older first."""
        token = bench.token()
        first, second = bench.submitted(token=token), bench.submitted(token=token)
        if _kind(bench) == "provider":
            require(first == second, f"two tasks of one token: {first!r} and {second!r}")
            require(len(bench.provider.tasks(token)) == 1, "the provider has two tasks of one token")
            return
        self._searchable(bench)
        found = bench.found(token, Found((first, second)))
        require(found == Found((first, second)), f"find gives {found}, not {first!r} and then {second!r}")

    def test_poll_tells_how_a_task_stands(self, bench: Bench) -> None:
        """A task queues, runs, and succeeds or fails."""
        good, bad = bench.submitted(), bench.submitted()
        queued = bench.adapter.poll(good)
        require(queued.state == "Queued", f"a task that waits is {queued.state}")
        require((queued.queue_position or 1) >= 1, f"queue position {queued.queue_position}")
        bench.provider.start(good)
        running = bench.until(good, "Running")
        require(running.state == "Running", f"a task that runs is {running.state}")
        bench.provider.finish(good)
        succeeded = bench.until(good, "Succeeded")
        require(succeeded.state == "Succeeded", f"a task that succeeded is {succeeded.state}")
        bench.provider.spoil(bad)
        failed = bench.until(bad, "Failed")
        require(failed.state == "Failed", f"a task that failed is {failed.state}")
        require(bool(failed.message), "a task that failed does not say why")

    def test_poll_tells_what_was_charged(self, bench: Bench) -> None:
        """What is told of a task that failed while it ran is what was charged."""
        task = bench.submitted()
        bench.provider.start(task)
        bench.until(task, "Running")
        bench.provider.spoil(task)
        told = bench.until(task, "Failed").charged
        if told is None or told.cost_micros is None:
            raise SkipTest("the adapter tells no cost of a task that failed")
        charged = bench.provider.charged_micros()
        require(told.cost_micros == charged, f"poll tells of {told.cost_micros}, {charged} was charged")

    def test_tags_come_beside_the_token(self, bench: Bench) -> None:
        """More and longer tags than any provider takes change nothing: the task is there, and is found by its token."""
        token, tags = bench.token(), {f"key-{n}": "\u00e4 value, \n" * 18 for n in range(16)}
        task = bench.adapter.submit(bench.prepared(), token, CEILING, tags=tags)
        require(bench.provider.tasks(token) == (task,), "a submission with tags did not become one task of its token")
        if _kind(bench) != "none":
            found = bench.found(token, Found((task,)))
            require(found == Found((task,)), f"find gives {found}, not the task with tags {task!r}")

    def test_a_ceiling_is_enforced(self, bench: Bench) -> None:
        """A task that runs on and on is stopped before it costs more than its ceiling."""
        if not bench.adapter.capabilities().enforces_ceiling:
            raise SkipTest("the adapter promises no ceiling")
        task = bench.submitted()
        bench.provider.overrun(task)
        stopped = bench.until(task, "Failed", "Cancelled")
        require(stopped.state in {"Failed", "Cancelled"}, f"a task beyond its ceiling is {stopped.state}")
        charged = bench.provider.charged_micros()
        require(charged <= CEILING.cost_micros, f"{charged} charged under a ceiling of {CEILING.cost_micros}")

    def test_fetch_has_bit_zero_rightmost(self, bench: Bench) -> None:
        """Counts are over all classical bits, the first of the first register rightmost."""
        for program, wanted in ((FLIPPED, "001"), (CROSSED, "100")):
            (got,) = bench.adapter.fetch(bench.finished(program)).circuits
            require(set(map(len, got.counts)) == {3}, f"bit strings of another width than 3: {got.counts}")
            most = likeliest(got.counts)
            require(most == wanted, f"{most} is counted most often, not {wanted}, of\n{program}")

    def test_fetch_keeps_the_order_of_circuits(self, bench: Bench) -> None:
        """Every circuit's counts come in its place and sum to its shots."""
        several = bench.adapter.capabilities().max_circuits > 1
        programs, shots = ((FLIPPED, WAITING), (30, 50)) if several else ((WAITING,), (50,))
        got = bench.adapter.fetch(bench.finished(*programs, shots=shots)).circuits
        most = [likeliest(circuit.counts) for circuit in got]
        require(most == ["001", "110"][-len(programs) :], f"the circuits' counts come in another order: {most}")
        sums = tuple(sum(circuit.counts.values()) for circuit in got)
        require(sums == shots, f"the counts sum to {sums}, not to {shots} shots")

    def test_fetch_tells_what_was_charged(self, bench: Bench) -> None:
        """A cost that is told is the cost that was charged."""
        fetched = bench.adapter.fetch(bench.finished())
        if fetched.cost_micros is None:
            raise SkipTest("the adapter tells no cost")
        charged = bench.provider.charged_micros()
        require(fetched.cost_micros == charged, f"fetch tells of {fetched.cost_micros}, {charged} was charged")

    def test_fetch_does_not_wait(self, bench: Bench) -> None:
        """A task that is not over, failed or was never there has no counts."""
        spoiled = bench.submitted()
        bench.provider.spoil(spoiled)
        for task, what in ((bench.submitted(), "is queued"), (spoiled, "failed")):
            with raises(f"fetch of a task that {what}", AdapterError):
                bench.adapter.fetch(task)

    def test_cancel_stops_a_task(self, bench: Bench) -> None:
        """A cancellation that is confirmed has happened."""
        self._cancels(bench)
        task = bench.submitted()
        said = bench.adapter.cancel(task)
        now = bench.adapter.poll(task) if said.confirmed else bench.until(task, "Cancelled")
        require(now.state == "Cancelled", f"after {said}, the task is {now.state}")

    def test_cancel_of_a_task_that_is_over_does_nothing(self, bench: Bench) -> None:
        """What succeeded stays so; nothing is confirmed."""
        self._cancels(bench)
        task = bench.finished()
        said = bench.adapter.cancel(task)
        require(not said.confirmed, "a cancellation of what had succeeded is confirmed")
        now = bench.adapter.poll(task)
        require(now.state == "Succeeded", f"a cancellation made a task that had succeeded {now.state}")

    def test_an_unknown_task_is_lost(self, bench: Bench) -> None:
        """An id that the provider never gave is lost to every call."""
        calls: dict[str, Callable[[str], object]] = {"poll": bench.adapter.poll, "fetch": bench.adapter.fetch}
        if bench.adapter.capabilities().cancels:
            calls["cancel"] = bench.adapter.cancel
        for name, call in calls.items():
            with raises(f"{name} of an unknown task", LostError):
                call(bench.provider.unknown_task)

    def test_a_submission_that_is_refused_leaves_nothing(self, bench: Bench) -> None:
        """A refusal is told for what it is, after one request, and there is no task."""
        prepared = bench.prepared()
        for fault, errors in REFUSED.items():
            token, before = bench.token(), bench.provider.submissions()
            with bench.provider.failing("submit", fault), raises(f"submit under {fault}", *errors) as raised:
                bench.adapter.submit(prepared, token, CEILING)
            requests = bench.provider.submissions() - before
            require(requests == 1, f"submit under {fault} made {requests} requests")
            require(bench.provider.tasks(token) == (), f"there is a task after submit under {fault}")
            self._patience(bench, fault, raised[0])

    def test_a_submission_without_an_answer_is_ambiguous(self, bench: Bench) -> None:
        """It is one request, whatever becomes of it, and a search shows whether it took effect."""
        prepared = bench.prepared()
        for fault, errors in UNANSWERED.items():
            token, before = bench.token(), bench.provider.submissions()
            with bench.provider.failing("submit", fault), raises(f"submit under {fault}", *errors):
                bench.adapter.submit(prepared, token, CEILING)
            requests = bench.provider.submissions() - before
            require(requests == 1, f"submit under {fault} made {requests} requests")
            if _kind(bench) == "none":
                continue
            tasks = bench.provider.tasks(token)
            wanted = Found(tasks) if tasks else Absent()
            found = bench.found(token, wanted)
            require(found == wanted, f"after submit under {fault}, find gives {found}, not {wanted}")

    def test_reading_fails_as_the_provider_does(self, bench: Bench) -> None:
        """Every way in which a question goes unanswered raises its error."""
        task = bench.finished()
        calls: dict[str, Callable[[], object]] = {
            "devices": lambda: bench.adapter.devices([bench.provider.device]),
            "poll": lambda: bench.adapter.poll(task),
            "fetch": lambda: bench.adapter.fetch(task),
        }
        for fault, errors in (REFUSED | UNREAD).items():
            for name, call in calls.items():
                with bench.provider.failing("read", fault), raises(f"{name} under {fault}", *errors) as raised:
                    call()
                self._patience(bench, fault, raised[0])

    def test_cancelling_fails_as_the_provider_does(self, bench: Bench) -> None:
        """A cancellation that is not answered raises its error."""
        self._cancels(bench)
        refused = {fault: errors for fault, errors in REFUSED.items() if fault.answer != "invalid"}
        for fault, errors in (refused | UNCANCELLED).items():
            task = bench.submitted()
            with bench.provider.failing("cancel", fault), raises(f"cancel under {fault}", *errors):
                bench.adapter.cancel(task)

    def test_no_error_tells_a_secret(self, bench: Bench) -> None:
        """No credential is in an error's text, its traceback, a search's reason or the adapter's own text."""
        prepared, task = bench.prepared(), bench.finished()
        calls: tuple[tuple[Call, Callable[[], object]], ...] = (
            ("submit", lambda: bench.adapter.submit(prepared, bench.token(), CEILING)),
            ("cancel", lambda: bench.adapter.cancel(task)),
            ("read", lambda: bench.adapter.poll(task)),
            ("read", lambda: bench.adapter.fetch(task)),
            ("read", lambda: bench.adapter.find(bench.token())),
        )
        told = [repr(bench.adapter)]
        for fault in (Fault("unauthorized"), Fault("invalid"), Fault("garbage"), Fault("reset")):
            for kind, call in calls:
                with bench.provider.failing(kind, fault):
                    try:
                        told.append(repr(call()))
                    except AdapterError as error:
                        told += [str(error), repr(error), "".join(traceback.format_exception(error))]
        for text in told:
            require(not any(secret in text for secret in bench.provider.secrets), "an error tells a credential")

    @staticmethod
    def _refused(bench: Bench, *programs: str, made_up: Device, shots: int = 1) -> None:
        """Circuits compiled for a device that is made up are unsupported by the real one."""
        qpy = bench.provider.compile(programs, made_up)
        with raises("prepare", UnsupportedError):
            bench.adapter.prepare(Circuits(bench.device(), qpy, (shots,) * len(programs)))

    @staticmethod
    def _patience(bench: Bench, fault: Fault, error: AdapterError) -> None:
        if fault.answer == "throttled" and bench.provider.retry_after is not None:
            told = error.retry_after
            require(told == bench.provider.retry_after, f"retry_after is {told}, not {bench.provider.retry_after}")

    @staticmethod
    def _searchable(bench: Bench) -> None:
        if _kind(bench) == "none":
            raise SkipTest("the adapter promises no search")

    @staticmethod
    def _cancels(bench: Bench) -> None:
        if not bench.adapter.capabilities().cancels:
            raise SkipTest("the adapter promises no cancellation")


class SessionConformance(SessionChecks, AdapterConformance):
    """The checks of adapters whose providers have sessions or batches."""


def _kind(bench: Bench) -> str:
    return bench.adapter.capabilities().token
