"""Whose turn it is."""

import asyncio
from collections.abc import Callable, Iterable

import pytest

from quantum_operator.ports.world import Key
from quantum_operator.reconcile.queue import KeyQueue
from quantum_operator.reconcile.timers import event_loop_later


def keys(*names: str) -> list[Key]:
    return [Key("team", name) for name in names]


async def looked_at(
    asked: Iterable[Key], under_way: Callable[[Key], bool], again: Callable[[Key], float | None] = lambda _: None
) -> list[str]:
    """The names in the order in which they are looked at, by one worker, when these were asked for before."""
    seen: list[str] = []

    async def reconcile(key: Key) -> float | None:
        seen.append(key.name)
        return again(key)

    queue = KeyQueue("job", reconcile, workers=1, later=event_loop_later, under_way=under_way)
    for key in asked:
        queue.request(key)
    work = asyncio.create_task(queue.run())
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert queue.is_idle
    work.cancel()
    await asyncio.wait([work])
    return seen


async def test_keys_are_looked_at_in_turn_and_once() -> None:
    """Asking twice is asking once."""
    assert await looked_at(keys("a", "b", "a", "c"), lambda _: False) == ["a", "b", "c"]


async def test_what_is_under_way_waits_for_one_of_the_others_at_most() -> None:
    """However many there are of those, and they are held up as little."""
    new = [f"new-{number}" for number in range(100)]
    seen = await looked_at(keys(*new, "live-1", "live-2"), lambda key: key.name.startswith("live"))
    assert seen[:5] == ["live-1", "new-0", "live-2", "new-1", "new-2"]
    assert sorted(seen) == sorted([*new, "live-1", "live-2"])


async def test_what_gets_under_way_while_it_waits_is_asked_for_once() -> None:
    """It leaves its place among the others."""
    live: set[Key] = set()
    *new, late = keys("a", "b", "c", "late")

    def asked() -> Iterable[Key]:
        yield from [*new, late]
        live.add(late)
        yield from [late, late]

    assert await looked_at(asked(), live.__contains__) == ["late", "a", "b", "c"]


@pytest.mark.parametrize("live", [True, False])
async def test_one_that_wants_to_be_looked_at_again_lines_up_anew(live: bool) -> None:
    """Behind those who are there already, in the line that it belongs to then."""
    times = {"a": 0, "b": 0}

    def again(key: Key) -> float | None:
        times[key.name] += 1
        return 0.0 if times[key.name] == 1 else None

    assert await looked_at(keys("a", "b"), lambda _: live, again) == ["a", "b", "a", "b"]
