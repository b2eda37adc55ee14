"""The operator is killed at every single write, against a real API server, and started again: nothing comes of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from support.apiproxy import ApiProxy
from support.calls import Point
from support.clusterworld import serve_crds
from support.faults import Fault, killed_after, killed_before
from support.matrix import Stages, Undisturbed, chosen, problems_of, survive, undisturbed
from support.operators import grant_everywhere
from support.scenarios import SCENARIOS, Scenario, new_name, removal
from support.stage import Stage
from testcluster import Cluster

USER = "operator-of-the-crash-matrix"
MOMENTS = ("before", "after", "after, seeing the past", "after, seeing no runs")
AT_ONCE = 4
STRIDE = 34

NewStage = Callable[..., AbstractContextManager[Stage]]


@dataclass(frozen=True)
class Kill:
    """Where the operator is killed."""

    scenario: str
    point: Point
    moment: str

    def __str__(self) -> str:
        return f"{self.scenario}, {self.moment} {self.point}"

    def fault(self, stage: Stage) -> Fault:
        """It is killed there, and another one is started."""
        if self.moment == "before":
            return killed_before(stage.operator.restart)
        past = {"after, seeing the past": stage.proxy.remember, "after, seeing no runs": stage.proxy.forget_runs}
        return killed_after(stage.operator.restart, past.get(self.moment))


@pytest.fixture(scope="module")
def new_stage(api_server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> NewStage:
    """Makes a namespace with an operator, which watches another one beside it."""
    serve_crds(api_server)
    grant_everywhere(api_server, USER)

    @contextmanager
    def made(beside: str = "") -> Iterator[Stage]:
        with ApiProxy(api_server.kubeconfig_for(USER)) as proxy:
            stage = Stage(api_server, tmp_path_factory.mktemp("stage"), proxy, beside=beside)
            try:
                yield stage
            finally:
                stage.close()

    return made


@pytest.fixture(scope="module")
def stages(new_stage: NewStage) -> Iterator[Stages]:
    """Stages on which the operator may be killed."""
    with ExitStack() as made:
        yield Stages([made.enter_context(new_stage()) for _ in range(AT_ONCE)])


def kills(stage: Stage, scenario: str, life: Undisturbed) -> list[Kill]:
    """Every moment of every write; how often a run is asked to end depends on how long that takes."""
    points = [one for one in stage.proxy.points(life.name) if one.method != "DELETE" or one.number == 1]
    return [Kill(scenario, point, moment) for point in points for moment in MOMENTS]


def test_a_kill_at_any_write_changes_nothing(stages: Stages, new_stage: NewStage, faults: str) -> None:
    """The job ends as it does undisturbed, with one run an attempt and nothing left behind.

    A job whose namespace is deleted goes, as one that is deleted itself, with all of its own.
    """
    lives = undisturbed(stages.first, SCENARIOS)
    removals = kills(stages.first, "removal", lives["deletion"])
    others = [kill for scenario, life in lives.items() for kill in kills(stages.first, scenario, life)]

    def attempt(kill: Kill) -> list[str]:
        name = new_name(kill.scenario)
        if kill.scenario == "removal":
            with new_stage(beside="default") as stage:
                return played(stage, name, kill, removal, lives["deletion"])
        with stages.one() as stage:
            return played(stage, name, kill, SCENARIOS[kill.scenario], lives[kill.scenario])

    cases = [*chosen(removals, faults, STRIDE), *chosen(others, faults, STRIDE)]
    survive("killed at a write", cases, attempt, at_once=AT_ONCE + 2)


def played(stage: Stage, name: str, kill: Kill, scenario: Scenario, life: Undisturbed) -> list[str]:
    """What is wrong with the job's end after that kill."""
    stage.proxy.note()
    stage.proxy.plan(name, kill.point, kill.fault(stage))
    view = stage.play({name: scenario(stage, name)})
    # The operator of every stage looks after every simulator: another one may have written of this one before.
    missed = [one for one in stage.proxy.missed(name) if one.resource != "quantumbackends/status"]
    return [f"{point} was not reached" for point in missed] + problems_of(stage, view, name, life.ending)
