"""The suite's checks of combined circuits: each of them fails for its defect, and none asks it of who does not combine.

That they pass a correct adapter is seen beside the other checks, of which they are a part.
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from unittest import SkipTest

import pytest
from memoryprovider import MemoryAdapter, MemoryProvider

from quantum_operator.ports.adapter import Capabilities, Ceiling, Prepared, UnsupportedError
from quantum_operator.testing.adapter_bench import Bench
from quantum_operator.testing.adapter_combining import CombiningChecks
from quantum_operator.testing.adapter_conformance import AdapterConformance

CHECKS = {name: check for name, check in vars(CombiningChecks).items() if name.startswith("test_")}
Pair = tuple[str, int]


class Combines(MemoryAdapter):
    """Combines the circuits of all parts, read and put together in one way or another."""

    def __init__(
        self,
        provider: MemoryProvider,
        join: Callable[[list[list[Pair]]], list[Pair]] = lambda parts: [pair for part in parts for pair in part],
        said: Callable[[Prepared], Prepared] = lambda combined: combined,
    ) -> None:
        super().__init__(provider)
        self.join, self.said = join, said

    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        combined = super().combine(parts)
        circuits = self.join([self.circuits_of(part) for part in parts])
        return self.said(dataclasses.replace(combined, payload=json.dumps(circuits).encode()))


class Believes(MemoryAdapter):
    """Believes of a part's circuits and shots what it is not to."""

    def __init__(self, provider: MemoryProvider, same: Callable[[list[int], list[int]], bool]) -> None:
        super().__init__(provider)
        self.same = same

    def circuits_of(self, part: Prepared) -> list[Pair]:
        circuits = [(str(program), int(shots)) for program, shots in json.loads(part.payload)]
        shots = [shots for _, shots in circuits]
        if self.same(shots, list(part.shots)):
            return circuits
        return super().circuits_of(part)


class BelievesTheFirst(MemoryAdapter):
    """Looks only at those that come after the first."""

    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        first = json.loads(parts[0].payload)
        shots = tuple(shots for _, shots in first)
        combined = super().combine([dataclasses.replace(parts[0], shots=shots), *parts[1:]])
        return dataclasses.replace(combined, shots=tuple(one for part in parts for one in part.shots))


class BelievesTheSum(MemoryAdapter):
    """Looks at how many circuits and shots there are of all parts together."""

    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        circuits = [(str(program), int(shots)) for part in parts for program, shots in json.loads(part.payload)]
        said = [one for part in parts for one in part.shots]
        return super().combine(parts) if [n for _, n in circuits] != said else super().combine(self.mended(parts))

    @staticmethod
    def mended(parts: Sequence[Prepared]) -> list[Prepared]:
        return [
            dataclasses.replace(part, shots=tuple(shots for _, shots in json.loads(part.payload))) for part in parts
        ]


class TakesAnyDevice(MemoryAdapter):
    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        return super().combine([dataclasses.replace(part, device=parts[-1].device) for part in parts])


class CrashesOnJunk(MemoryAdapter):
    def circuits_of(self, part: Prepared) -> list[Pair]:
        json.loads(part.payload)
        return super().circuits_of(part)


class CallsJunkUnsupported(MemoryAdapter):
    def circuits_of(self, part: Prepared) -> list[Pair]:
        if not part.payload.startswith(b"[["):
            raise UnsupportedError("no such circuits")
        return super().circuits_of(part)


class TakesMore(MemoryAdapter):
    def capabilities(self) -> Capabilities:
        return dataclasses.replace(super().capabilities(), max_circuits=self.max_circuits - 1)


class TakesLess(MemoryAdapter):
    def capabilities(self) -> Capabilities:
        return dataclasses.replace(super().capabilities(), max_circuits=self.max_circuits + 1)


class TakesOne(MemoryAdapter):
    max_circuits = 1


class Asks(MemoryAdapter):
    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        self.devices([parts[0].device])
        return super().combine(parts)


class SubmitsToo(MemoryAdapter):
    """Without waiting for what becomes of it."""

    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        combined = super().combine(parts)
        self.provider._submissions += 1
        return combined


class SubmitsEach(MemoryAdapter):
    """Makes one task of each circuit."""

    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, **_: object) -> str:
        tasks = [
            super(SubmitsEach, self).submit(
                dataclasses.replace(prepared, payload=json.dumps([circuit]).encode()), token, ceiling
            )
            for circuit in json.loads(prepared.payload)
        ]
        return tasks[0]


class KeepsAnother(MemoryAdapter):
    """Leaves a task of its own behind, of no request."""

    def submit(self, prepared: Prepared, token: str, ceiling: Ceiling, **_: object) -> str:
        self.provider.create(token, prepared.payload, ceiling)
        return super().submit(prepared, token, ceiling)


class DoesNotCombine(MemoryAdapter):
    def capabilities(self) -> Capabilities:
        return dataclasses.replace(super().capabilities(), combines=False)


def backwards(parts: list[list[Pair]]) -> list[Pair]:
    return [pair for part in reversed(parts) for pair in part]


def once_each(parts: list[list[Pair]]) -> list[Pair]:
    return list(dict.fromkeys(pair for part in parts for pair in part))


def with_the_first_ones_shots(parts: list[list[Pair]]) -> list[Pair]:
    return [(program, parts[0][0][1]) for part in parts for program, _ in part]


def by_shots(parts: list[list[Pair]]) -> list[Pair]:
    return sorted((pair for part in parts for pair in part), key=lambda pair: pair[1])


ORDER = "test_combined_circuits_come_in_order"
SHOTS = "test_combine_refuses_other_shots_than_are_said"
NUMBER = "test_combine_refuses_another_number_of_circuits_than_is_said"
JUNK = "test_combine_refuses_what_it_did_not_prepare"
MOST = "test_combine_refuses_more_circuits_than_a_task_takes"
DEFECTS: list[tuple[str, Callable[[MemoryProvider], MemoryAdapter]]] = [
    (ORDER, lambda p: Combines(p, backwards)),
    (ORDER, lambda p: Combines(p, by_shots)),
    (ORDER, lambda p: Combines(p, once_each)),
    (ORDER, lambda p: Combines(p, with_the_first_ones_shots)),
    (ORDER, lambda p: Combines(p, said=lambda combined: dataclasses.replace(combined, shots=combined.shots[::-1]))),
    (ORDER, lambda p: Combines(p, said=lambda combined: dataclasses.replace(combined, device="other"))),
    ("test_what_is_combined_is_one_task", SubmitsEach),
    ("test_what_is_combined_is_one_task", KeepsAnother),
    ("test_combine_asks_nobody", Asks),
    ("test_combine_asks_nobody", SubmitsToo),
    (SHOTS, lambda p: Believes(p, lambda has, said: len(has) == len(said))),
    (SHOTS, lambda p: Believes(p, lambda has, said: sorted(has) == sorted(said))),
    (SHOTS, lambda p: Believes(p, lambda has, said: len(has) == len(said) and sum(has) >= sum(said))),
    (SHOTS, BelievesTheFirst),
    (NUMBER, lambda p: Believes(p, lambda has, said: sum(has) == sum(said))),
    (NUMBER, lambda p: Believes(p, lambda has, said: has == said[: len(has)])),
    (NUMBER, lambda p: Believes(p, lambda has, said: said == has[: len(said)])),
    (NUMBER, BelievesTheFirst),
    (NUMBER, BelievesTheSum),
    ("test_combine_refuses_parts_for_several_devices", TakesAnyDevice),
    (JUNK, CrashesOnJunk),
    (JUNK, CallsJunkUnsupported),
    (MOST, TakesMore),
    (MOST, TakesLess),
    (MOST, TakesOne),
]


@pytest.mark.parametrize(("check", "broken"), DEFECTS)
def test_a_check_fails_for_its_defect(check: str, broken: Callable[[MemoryProvider], MemoryAdapter]) -> None:
    """An adapter that is broken in one point fails the check of that point."""
    provider = MemoryProvider()
    with pytest.raises(AssertionError):
        CHECKS[check](AdapterConformance(), Bench(broken(provider), provider))


def test_every_check_has_a_defect() -> None:
    """No check is without an adapter that fails it."""
    assert set(CHECKS) == {check for check, _ in DEFECTS}


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_asked_of_an_adapter_that_does_not_combine(check: str) -> None:
    """It need not have the method."""
    provider = MemoryProvider()
    with pytest.raises(SkipTest):
        CHECKS[check](AdapterConformance(), Bench(DoesNotCombine(provider), provider))


@pytest.mark.parametrize("most", [2, 3, 4])
def test_a_provider_that_takes_few_circuits_is_checked_with_few(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many parts as it takes, two at the least."""
    monkeypatch.setattr(MemoryAdapter, "max_circuits", most)
    provider = MemoryProvider()
    CHECKS[ORDER](AdapterConformance(), Bench(MemoryAdapter(provider), provider))
    (one,) = provider.by_id.values()
    assert 2 <= len(one.circuits) <= most
