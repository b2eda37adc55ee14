"""The operator is killed at every single write, against a real API server, and started again: nothing comes of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from support.apiproxy import ApiProxy
from support.calls import Point
from support.clusterworld import serve_crds
from support.faults import Fault, killed_after, killed_before
from support.matrix import Stages, Undisturbed, chosen, differing, problems_of, surplus_of, survive, undisturbed
from support.operators import grant_everywhere
from support.priced import ledger_of, misspent, priced, same_currency
from support.scenarios import SCENARIOS, Scenario, new_name, removal
from support.sharing import Sharing
from support.stage import Play, Stage, View, ending
from testcluster import Cluster
from testcluster.processes import eventually

USER = "operator-of-the-crash-matrix"
MOMENTS = ("before", "after", "after, seeing the past", "after, seeing no runs")
AT_ONCE = 4
STRIDE = 71

NewStage = Callable[..., AbstractContextManager[Stage]]


@dataclass(frozen=True)
class Kill:
    """Where the operator is killed."""

    scenario: str
    point: Point
    moment: str
    on_ledger: bool = False
    """The write is one to the job's ledger."""

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


def kills_at_ledgers(stage: Stage, life: Undisturbed) -> list[Kill]:
    """Every moment of every write to the job's ledger, the last first.

    It is created; reserved in, given back, reserved in and settled. Where reads are late there are more.
    """
    points = [one for one in stage.proxy.points(ledger_of(life.name)) if one.number <= 4]
    assert len(points) == 5
    return [Kill("priced", point, moment, on_ledger=True) for point in reversed(points) for moment in MOMENTS]


def test_a_kill_at_any_write_changes_nothing(stages: Stages, new_stage: NewStage, faults: str) -> None:
    """The job ends as it does undisturbed, with one run an attempt and nothing left behind.

    A job whose namespace is deleted goes, as one that is deleted itself, with all of its own. Of one that is paid for,
    one run is on the ledger, and what the one that was lost had reserved is given back.
    """
    lives = undisturbed(stages.first, SCENARIOS | {"priced": priced})
    removals = kills(stages.first, "removal", lives["deletion"])
    others = [kill for scenario, life in lives.items() for kill in kills(stages.first, scenario, life)]
    ledgers = kills_at_ledgers(stages.first, lives["priced"])

    def attempt(kill: Kill) -> list[str]:
        name = new_name(kill.scenario)
        if kill.scenario == "removal":
            with new_stage(beside="default") as stage:
                return played(stage, name, kill, removal, lives["deletion"])
        with stages.one() as stage:
            if kill.scenario == "priced":
                return paid(stage, name, kill, lives["priced"])
            return played(stage, name, kill, SCENARIOS[kill.scenario], lives[kill.scenario])

    cases = [*chosen(removals, faults, STRIDE), *chosen(others, faults, STRIDE), *chosen(ledgers, faults, STRIDE)]
    survive("killed at a write", cases, attempt, at_once=AT_ONCE + 2)


def played(stage: Stage, name: str, kill: Kill, scenario: Scenario, life: Undisturbed) -> list[str]:
    """What is wrong with the job's end after that kill."""
    view, missed = disturbed(stage, name, kill, scenario(stage, name))
    return missed + problems_of(stage, view, name, life.ending)


def paid(stage: Stage, name: str, kill: Kill, life: Undisturbed) -> list[str]:
    """The same of a job that is paid for, and of its ledger."""
    view, missed = disturbed(stage, name, kill, priced(stage, name))
    expected = same_currency(life.ending, life.name)
    wrong = differing(same_currency(ending(view, name, stage.backend), name), expected)
    return missed + wrong + surplus_of(stage, view, name) + misspent(stage, name)


def disturbed(stage: Stage, name: str, kill: Kill, play: Play) -> tuple[View, list[str]]:
    """Have it played with that kill: what is there then, and whether the kill's moment never came."""
    subject = ledger_of(name) if kill.on_ledger else name
    stage.proxy.note()
    stage.proxy.plan(subject, kill.point, kill.fault(stage))
    view = stage.play({name: play})
    # The operator of every stage looks after every simulator: another one may have written of this one before. The
    # figures of budgets are written, and warned of, when it suits.
    at_will = ("quantumbackends/status", *(["backendpolicies/status", "events"] if kill.scenario == "priced" else []))

    def missed() -> list[Point]:
        return [one for one in stage.proxy.missed(subject) if one.resource not in at_will]

    eventually(lambda: not missed(), 5)  # events are written a moment later than what they tell of
    return view, [f"{point} was not reached" for point in missed()]


def test_a_kill_at_any_write_about_a_shared_run_changes_nothing(stages: Stages, faults: str) -> None:
    """Each of its jobs ends as it does undisturbed, whoever shares its run then, and what they share goes with them."""
    usual = Sharing(stages.first, new_name("sharing"))
    assert usual.problems(stages.first.play({usual.group: usual.play()}).stuck) == []
    assert len({one.get("batch") for one in usual.attempts()}) == 2, "the others did not share a run"
    expected = usual.ending()

    def attempt(kill: Kill) -> list[str]:
        with stages.one() as stage:
            sharing = Sharing(stage, new_name("sharing"))
            stage.proxy.note()
            stage.proxy.plan(sharing.group, kill.point, kill.fault(stage))
            stuck = stage.play({sharing.group: sharing.play()}).stuck
            return sharing.problems(stuck) + differing(sharing.ending(), expected)

    cases = kills(stages.first, "sharing", Undisturbed(usual.group, {}))
    survive("killed at a write about a shared run", chosen(cases, faults, 2 * STRIDE), attempt, at_once=AT_ONCE)
