"""The part of the adapters' conformance suite that is about the circuits of several tasks in one submission."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import cast
from unittest import SkipTest

from quantum_operator.ports.adapter import AdapterError, CombiningAdapter, Prepared, RejectedError, UnsupportedError
from quantum_operator.testing.adapter_bench import CEILING, CROSSED, FLIPPED, WAITING, Bench, likeliest, raises, require
from quantum_operator.testing.adapter_faults import Call, Fault

NARROW = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[2] c;\nx q[2];\n'
    "c[0] = measure q[0];\nc[1] = measure q[2];\n"
)
"""Two bits of three qubits, of which qubit 2 is flipped: counts of `10`."""

PARTS: tuple[tuple[tuple[str, int, str], ...], ...] = (
    ((FLIPPED, 30, "001"),),
    ((CROSSED, 20, "100"), (WAITING, 50, "110")),
    ((NARROW, 40, "10"),),
    ((FLIPPED, 30, "001"),),
)
"""The circuits of each part, with their shots and the bits that they give. Two parts are the same but for their place.
"""

JUNK = (b"", b"junk", b"\xff", b"null", b"[]", b"{}", b"[" * 100_000)
CALLS: tuple[Call, ...] = ("read", "submit", "cancel")


class CombiningChecks:
    """The checks of adapters whose capabilities have `combines`; of others they are skipped."""

    def test_combined_circuits_come_in_order(self, bench: Bench) -> None:
        """Every part's circuits, in its place, each taken as often as it is to be."""
        adapter, wanted = _combining(bench), _wanted(bench)
        combined = adapter.combine([_part(bench, *circuits) for circuits in wanted])
        circuits = [one for part in wanted for one in part]
        shots = tuple(shots for _, shots, _ in circuits)
        require(combined.shots == shots, f"combine says {combined.shots} shots, not {shots}")
        device = bench.provider.device
        require(combined.device == device, f"combine is for {combined.device!r}, its parts are for {device!r}")
        task = adapter.submit(combined, bench.token(), CEILING)
        bench.provider.finish(task)
        bench.until(task, "Succeeded")
        got = adapter.fetch(task).circuits
        most, bits = [likeliest(one.counts) for one in got], [bits for _, _, bits in circuits]
        require(most == bits, f"the combined circuits gave {most}, not {bits}")
        sums = tuple(sum(one.counts.values()) for one in got)
        require(sums == shots, f"the combined counts sum to {sums}, not to {shots} shots")

    def test_what_is_combined_is_one_task(self, bench: Bench) -> None:
        """By one request, and found by the one token that it was submitted with."""
        adapter, token = _combining(bench), bench.token()
        combined = adapter.combine([_part(bench, *circuits) for circuits in _wanted(bench)])
        task = adapter.submit(combined, token, CEILING)
        require(bench.provider.submissions() == 1, f"{bench.provider.submissions()} requests for one submission")
        tasks = bench.provider.tasks(token)
        require(tasks == (task,), f"submit gave {task!r}, but the provider has {tasks} of this token")

    def test_combine_asks_nobody(self, bench: Bench) -> None:
        """It needs no provider, and submits nothing."""
        adapter, parts = _combining(bench), [_part(bench, *circuits) for circuits in _wanted(bench)]
        with ExitStack() as down:
            for call in CALLS:
                down.enter_context(bench.provider.failing(call, Fault("unavailable")))
            try:
                adapter.combine(parts)
            except Exception as error:
                raise AssertionError(f"combine without a provider raises {type(error).__name__}") from error
        require(bench.provider.submissions() == 0, "combine submitted something")

    def test_combine_refuses_other_shots_than_are_said(self, bench: Bench) -> None:
        """Of each circuit: what all of them have together may be right."""
        several, one = _part(bench, *PARTS[1]), _part(bench, *PARTS[0])
        for shots in ((50, 20), (20, 49), (21, 50)):
            _refused(bench, replace(several, shots=shots), one, f"a part of 20 and 50 shots that claims {shots}")

    def test_combine_refuses_another_number_of_circuits_than_is_said(self, bench: Bench) -> None:
        """Of each part: what one has too many, another may have too few."""
        several, one = _part(bench, *PARTS[1]), _part(bench, *PARTS[0])
        for shots in ((20,), (70,), (20, 50, 30), ()):
            _refused(bench, replace(several, shots=shots), one, f"a part of two circuits that claims {shots}")
        longer, shorter = replace(one, shots=(30, 20)), replace(several, shots=(50,))
        _refused(bench, longer, shorter, "a part with a circuit less than it claims, and one with a circuit more")

    def test_combine_refuses_parts_for_several_devices(self, bench: Bench) -> None:
        """A submission is for one."""
        one = _part(bench, *PARTS[0])
        _refused(bench, replace(one, device="no-such-device"), one, "a part for another device")

    def test_combine_refuses_what_it_did_not_prepare(self, bench: Bench) -> None:
        """Bytes that are no circuits in the provider's form are rejected, and no other error."""
        one = _part(bench, *PARTS[0])
        for junk in (*JUNK, one.payload[: len(one.payload) // 2]):
            _refused(bench, replace(one, payload=junk), one, f"a payload {junk[:30]!r}")

    def test_combine_refuses_more_circuits_than_a_task_takes(self, bench: Bench) -> None:
        """As many as a task takes are combined; one more is unsupported."""
        adapter, one = _combining(bench), _part(bench, *PARTS[0])
        most = adapter.capabilities().max_circuits
        try:
            taken = len(adapter.combine([one] * most).shots)
        except AdapterError as error:
            raise AssertionError(f"combine of {most} circuits raises {type(error).__name__}") from error
        require(taken == most, f"combine of {most} circuits has {taken}")
        with raises(f"combine of {most + 1} circuits, where a task takes {most}", UnsupportedError):
            adapter.combine([one] * (most + 1))


def _combining(bench: Bench) -> CombiningAdapter:
    promised = bench.adapter.capabilities()
    if not promised.combines:
        raise SkipTest("the adapter does not combine")
    require(promised.max_circuits > 1, "capabilities().combines, but a task takes one circuit")
    return cast("CombiningAdapter", bench.adapter)


def _wanted(bench: Bench) -> list[Sequence[tuple[str, int, str]]]:
    """Two parts or more, as many of the test circuits as a task takes."""
    room = bench.adapter.capabilities().max_circuits
    wanted: list[Sequence[tuple[str, int, str]]] = []
    for part in PARTS:
        if len(part) <= room:
            wanted.append(part)
            room -= len(part)
    return wanted


def _part(bench: Bench, *circuits: tuple[str, int, str]) -> Prepared:
    """These circuits, prepared for the device by an adapter that combines."""
    _combining(bench)
    return bench.prepared(*(program for program, _, _ in circuits), shots=[shots for _, shots, _ in circuits])


def _refused(bench: Bench, wrong: Prepared, good: Prepared, what: str) -> None:
    """Wherever it is among others, what is wrong is rejected."""
    adapter = _combining(bench)
    for parts in ((wrong, good), (good, wrong)):
        with raises(f"combine of {what}", RejectedError):
            adapter.combine(parts)
