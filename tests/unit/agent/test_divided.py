"""The results of tasks that were submitted together, where those of one of them can't be made an outcome."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import pytest

from quantum_operator.agent.calls import CompilerError
from quantum_operator.agent.portions import Portion, Portions
from quantum_operator.api.patience import MAX_UNASSEMBLED
from quantum_operator.api.quantumtask import QuantumTask
from quantum_operator.ports.adapter import AdapterError, Device, MalformedError
from unit.agent.paidworld import NoCompiler
from unit.agent.test_agent_decide import task
from unit.agent.test_together import SHOTS, company, costs, phases, provider, run, task_of

Counts = Sequence[Mapping[str, int]]


def failing(monkeypatch: pytest.MonkeyPatch, shots: int, *errors: AdapterError) -> None:
    """Let the results of the job of these shots not be assembled: once for each error of the compiler, else always."""
    assemble, left = NoCompiler.assemble, list(errors)

    def fail(self: NoCompiler, task: QuantumTask, device: Device, counts: Counts, versions: Mapping[str, str]) -> bytes:
        if left and sum(sum(one.values()) for one in counts) == shots:
            raise left.pop() if isinstance(left[0], CompilerError) else left[0]
        return assemble(self, task, device, counts, versions)

    monkeypatch.setattr(NoCompiler, "assemble", fail)


@pytest.mark.parametrize("name", SHOTS)
def test_results_that_can_not_be_read_spoil_no_others(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of too many counts, say: each of the others has its own, and bears its share; so does this one."""
    failing(monkeypatch, SHOTS[name], MalformedError("the counts take too many bytes"))
    world, at = company(), provider()
    run(world, at)
    assert phases(world) == {one: "Failed" if one == name else "Succeeded" for one in SHOTS}
    assert costs(world) == {one: 1000 * shots for one, shots in SHOTS.items()}
    task = task_of(world, name).status
    assert (task.reason, task.message, task.outcome) == ("ResultUnreadable", "its results can't be read", None)
    assert len(at.tasks) == 1


@pytest.mark.parametrize("name", SHOTS)
def test_a_compiler_that_does_not_answer_is_asked_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is nobody's fault: all of it is fetched once more, and nothing is submitted again."""
    failing(monkeypatch, SHOTS[name], CompilerError("gone"), CompilerError("gone"))
    world, at = company(), provider()
    run(world, at)
    assert set(phases(world).values()) == {"Succeeded"}
    assert at.calls.count("fetch") == 3
    assert len(at.tasks) == 1


class Fragile(NoCompiler):
    """A compiler that does not survive the results of some, and is not there then for so many more askings."""

    def __init__(self, deadly: set[int], gone: int = 2) -> None:
        self.deadly, self.gone, self.away = deadly, gone, 0

    def assemble(self, task: QuantumTask, device: Device, counts: Counts, versions: Mapping[str, str]) -> bytes:
        if self.away > 0:
            self.away -= 1
            raise CompilerError("connection refused")
        if sum(sum(one.values()) for one in counts) in self.deadly:
            self.away = self.gone
            raise CompilerError("it was killed")
        return b"{}"


TASKS = [
    one.model_copy(update={"metadata": one.metadata.model_copy(update={"uid": f"uid-{number}"})})
    for number, one in enumerate([task()] * 4)
]
DEVICE = Device("qpu", 5, None, None, ready=True)
ALL = {0, 1, 2, 3}
PORTIONS = [Portion(one, [{"0": n + 1}]) for n, one in enumerate(TASKS)]
"""Of task n, n + 1 shots."""


def tried(made: Portions, compiler: Fragile, most: int = 200) -> tuple[set[int], int]:
    """Whose outcomes were made in the end, and how often that was tried before; the compiler is back for each try."""
    for turn in range(most):
        compiler.away = 0
        try:
            parts = made.assembled(PORTIONS, DEVICE, {}, turn)
        except CompilerError:
            continue
        return {TASKS.index(one) for one, _, _ in parts}, turn
    return set(), most


@pytest.mark.parametrize("deadly", [set(some) for size in range(4) for some in combinations(range(4), size)])
def test_whom_the_compiler_does_not_survive_loses_its_results_alone(deadly: set[int]) -> None:
    """Wherever they are among the others, who find no compiler after them; and not before that was seen often."""
    compiler = Fragile({n + 1 for n in deadly})
    found, tries = tried(Portions(compiler), compiler)  # type: ignore[arg-type]
    assert found == ALL - deadly
    assert (tries >= MAX_UNASSEMBLED) == bool(deadly)


def test_nobody_loses_anything_to_a_compiler_that_was_away_for_long() -> None:
    """However often that was: it is nobody's fault, also where it is away once more right after it came back."""
    compiler = Fragile(set())
    made = Portions(compiler)  # type: ignore[arg-type]
    for turn in range(100):
        compiler.away = 4
        with pytest.raises(CompilerError):
            made.assembled(PORTIONS, DEVICE, {}, turn)
    compiler.deadly, compiler.away = {2}, 0
    with pytest.raises(CompilerError):
        made.assembled(PORTIONS, DEVICE, {}, 100)
    compiler.deadly, compiler.away = set(), 0
    assert len(made.assembled(PORTIONS, DEVICE, {}, 101)) == len(TASKS)


def test_where_none_can_be_made_nobody_loses_anything() -> None:
    """There is nobody who would wait for them."""
    compiler = Fragile({1, 2, 3, 4})
    assert tried(Portions(compiler), compiler) == (set(), 200)  # type: ignore[arg-type]
