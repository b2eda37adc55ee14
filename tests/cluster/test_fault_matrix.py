"""Requests and watches of the operator go wrong, one for each job, against a real API server: nothing comes of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from support.apiproxy import ApiProxy
from support.calls import Point
from support.clusterworld import serve_crds
from support.faults import Fault, WatchFault, after, before, refused, unanswered, unheard
from support.matrix import Undisturbed, chosen, problems_of, report, surplus_of, undisturbed
from support.operators import grant_everywhere
from support.scenarios import SCENARIOS, life, new_name
from support.stage import Stage
from testcluster import Cluster

USER = "operator-of-the-fault-matrix"
AT_ONCE = 40
STRIDE = 41
ANSWERS: dict[str, Fault] = {
    "409": refused(409),
    "429": refused(429),
    "500": refused(500),
    "503": refused(503),
    "no request": unheard,
    "no answer": unanswered,
}
EVENTS: dict[str, WatchFault] = {"dropped": "dropped", "cut off": "cut off", "410": 410}
READ_ANEW = {"FIRST_READ_ANEW_SECONDS": 1.0, "READ_ANEW_SECONDS": 1.0}


@dataclass(frozen=True)
class Spoilt:
    """What goes wrong for one job, and where: with an answer, or with an event of a watch."""

    scenario: str
    point: Point
    kind: str

    def __str__(self) -> str:
        return f"{self.scenario}, {self.point}: {self.kind}"

    def plan(self, proxy: ApiProxy, name: str) -> None:
        """Let it go wrong for this job."""
        if self.kind in ANSWERS:
            proxy.plan(name, self.point, ANSWERS[self.kind])
        else:
            proxy.spoil(name, self.point, EVENTS[self.kind])


def on_stage(api_server: Cluster, folders: pytest.TempPathFactory, **constants: float) -> Iterator[Stage]:
    serve_crds(api_server)
    grant_everywhere(api_server, USER)
    with ApiProxy(api_server.kubeconfig_for(USER)) as proxy:
        stage = Stage(api_server, folders.mktemp("stage"), proxy, beside="", **constants)
        yield stage
        stage.close()


@pytest.fixture(scope="module")
def stage(api_server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A namespace with an operator."""
    yield from on_stage(api_server, tmp_path_factory)


@pytest.fixture(scope="module")
def reading_stage(api_server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A namespace with an operator that reads everything anew all the time."""
    yield from on_stage(api_server, tmp_path_factory, **READ_ANEW)


@pytest.fixture(scope="module")
def lives(stage: Stage) -> dict[str, Undisturbed]:
    """How the scenarios go undisturbed."""
    return undisturbed(stage, SCENARIOS)


def survive(
    stage: Stage, what: str, lives: dict[str, Undisturbed], cases: Sequence[Spoilt], *, at_once: int = AT_ONCE
) -> None:
    """Play the scenario of each case, many side by side; all end as undisturbed."""
    found: dict[str, list[str]] = {}
    missed = 0
    for first in range(0, len(cases), at_once):
        names = {new_name(case.scenario): case for case in cases[first : first + at_once]}
        for name, case in names.items():
            case.plan(stage.proxy, name)
        view = stage.play({name: SCENARIOS[case.scenario](stage, name) for name, case in names.items()})
        for name, case in names.items():
            missed += bool(stage.proxy.missed(name))
            found[str(case)] = problems_of(stage, view, name, lives[case.scenario].ending)
    report(what, found, missed=missed)


def test_an_answer_that_goes_wrong_changes_nothing(stage: Stage, lives: dict[str, Undisturbed], faults: str) -> None:
    """Refused, or lost on its way there or on its way back: the job ends as it does undisturbed."""
    cases = [
        Spoilt(scenario, point, kind)
        for scenario, life in lives.items()
        for point in stage.proxy.points(life.name, writes_only=False)
        for kind in ANSWERS
    ]
    survive(stage, "an answer goes wrong", lives, chosen(cases, faults, STRIDE))


def test_a_watch_that_breaks_changes_nothing(stage: Stage, lives: dict[str, Undisturbed], faults: str) -> None:
    """With its connection, or because it is too old: what is there is listed, and watched again."""
    cases = [
        Spoilt(scenario, point, kind)
        for scenario, life in lives.items()
        for point in stage.proxy.events(life.name)
        for kind in ("cut off", "410")
    ]
    # What one broken watch lists anew is no event any more to the others that are to break.
    survive(stage, "a watch breaks", lives, chosen(cases, faults, STRIDE), at_once=10)


def test_an_event_that_never_comes_is_made_up_for(
    stage: Stage, reading_stage: Stage, lives: dict[str, Undisturbed], faults: str
) -> None:
    """By reading everything anew: no step depends on having seen an event."""
    cases = [
        Spoilt(scenario, point, "dropped")
        for scenario, life in lives.items()
        for point in stage.proxy.events(life.name)
    ]
    survive(reading_stage, "an event never comes", lives, chosen(cases, faults, STRIDE))


def test_a_job_deleted_at_any_write_leaves_nothing(stage: Stage, faults: str) -> None:
    """Deleted while a write is on its way, or its answer."""
    acted(stage, "deleted", stage.delete, {""}, faults)


def test_a_job_cancelled_at_any_write_ends(stage: Stage, faults: str) -> None:
    """With its result where the run had left one, and without a run that goes on."""
    acted(stage, "cancelled", lambda name: stage.change(name, cancel=True), {"Cancelled", "Succeeded"}, faults)


def acted(stage: Stage, what: str, act: Callable[[str], None], reasons: set[str], faults: str) -> None:
    """A user does this to jobs, at another write of each."""
    usual = undisturbed(stage, {"life": life})["life"]
    cases = [(point, moment) for point in stage.proxy.points(usual.name) for moment in (before, after)]
    names = {new_name(what): case for case in chosen(cases, faults, 3)}
    for name, (point, moment) in names.items():
        stage.proxy.plan(name, point, moment(partial(act, name)))
    view = stage.play({name: life(stage, name) for name in names})
    found = {
        f"{what} {moment.__name__} {point}": surplus_of(stage, view, name)
        + ([] if view.condition(name, "Complete") in reasons else [f"{name} is {view.condition(name, 'Complete')}"])
        for name, (point, moment) in names.items()
    }
    report(f"{what} by a user", found)
