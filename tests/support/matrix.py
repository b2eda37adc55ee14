"""What must hold of a job however its life was disturbed, and which disturbances are tried."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Queue
from typing import Any, TypeVar

from support.clusterworld import Json
from support.scenarios import Scenario, new_name
from support.stage import Stage, View, attempts, ending

Case = TypeVar("Case")


def chosen(cases: Sequence[Case], option: str, stride: int) -> Sequence[Case]:
    """The cases to try: all, or one of so many."""
    return cases if option == "all" else cases[::stride]


class Stages:
    """Stages that are alike, each for one play at a time."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.first = stages[0]
        self._free: Queue[Stage] = Queue()
        for one in stages:
            self._free.put(one)

    @contextmanager
    def one(self) -> Iterator[Stage]:
        """One of them, once it is free."""
        stage = self._free.get()
        try:
            yield stage
        finally:
            self._free.put(stage)


def survive(what: str, cases: Sequence[Case], attempt: Callable[[Case], list[str]], *, at_once: int) -> None:
    """Attempt every case, print what was tried, and fail with what went wrong."""

    def one(case: Case) -> list[str]:
        try:
            return attempt(case)
        except AssertionError as error:
            return [str(error)]

    with ThreadPoolExecutor(at_once) as pool:
        report(what, dict(zip(cases, pool.map(one, cases), strict=True)))


def report(what: str, found: Mapping[Case, list[str]], *, missed: int = 0) -> None:
    """Print what was tried, and fail with what went wrong; `missed` points were not reached."""
    failures = {case: problems for case, problems in found.items() if problems}
    reached = f"{len(found)} points tried" + (f" ({missed} not reached)" if missed else "")
    lines = [f"{what}: {reached}, {len(failures)} failures"]
    lines += [f"  {case}: {problem}" for case, problems in failures.items() for problem in problems]
    text = "\n".join(lines)
    print(text)
    assert not failures, text


@dataclass(frozen=True)
class Undisturbed:
    """How a scenario goes when nothing goes wrong: the job that lived it, and its end."""

    name: str
    ending: Json


def undisturbed(stage: Stage, scenarios: Mapping[str, Scenario]) -> dict[str, Undisturbed]:
    """Play these scenarios through, side by side."""
    names = {scenario: new_name(scenario) for scenario in scenarios}
    view = stage.play({name: scenarios[scenario](stage, name) for scenario, name in names.items()})
    assert [problem for name in names.values() for problem in surplus_of(stage, view, name)] == []
    return {scenario: Undisturbed(name, ending(view, name, stage.backend)) for scenario, name in names.items()}


def problems_of(stage: Stage, view: View, name: str, expected: Json) -> list[str]:
    """How a job's end differs from the expected one, and what it had twice or left behind."""
    problems = differing(ending(view, name, stage.backend), expected)
    return [f"{name} has {one}" for one in problems] + surplus_of(stage, view, name)


def differing(ending: Json, expected: Json) -> list[str]:
    """How an end differs from the expected one."""
    found, wanted = dict(_leaves(ending)), dict(_leaves(expected))
    paths = sorted({path for path, _ in found.items() ^ wanted.items()})
    return [f"{path} = {found.get(path)}, not {wanted.get(path)}" for path in paths]


def surplus_of(stage: Stage, view: View, name: str) -> list[str]:
    """The runs that a job had too many of, and what it left behind."""
    created, recorded = stage.proxy.created(name, "jobs"), attempts(view, name)
    problems = [f"{name} never ended"] if name in view.stuck else []
    if stage.operator.exit_code:  # 0: its namespace is gone, and it would begin anew
        problems.append(f"the operator ended with {stage.operator.exit_code}")
    # Kubernetes may remove the run of a job that was deleted before the operator sees that the job is gone: then one
    # of its name can be created once more, to be removed as well. There are never two at once.
    if len(created) - len(set(created)) > (name not in view.jobs):
        problems.append(f"{name} twice: {created}")
    cancelled = view.condition(name, "Complete") == "Cancelled"
    if name in view.jobs and sorted(created) != sorted(recorded) and not (cancelled and set(created) < set(recorded)):
        problems.append(f"{name} created {created} for the attempts {recorded}")
    orphans = [one for one in view.orphans() if one.startswith(name)]
    return problems + ([f"orphans: {orphans}"] if orphans else [])


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Everything that is no object or list, by its path."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        yield path, str(value)
    else:
        for name, part in parts:
            yield from _leaves(part, f"{path}.{name}")
