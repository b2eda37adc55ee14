"""The laptop's runs keep the contract of `ports/world.py`, also across shells."""

import json
from collections.abc import Callable

import pytest
from localworld import ENDS_ONCE_TOLD, KEY, LEAVES_OUTCOME, RUN, SLEEPS, World, disk_full, until

from quantum_operator.api.envelope import seal
from quantum_operator.decide.observed import StopRun
from quantum_operator.local import process, runs
from quantum_operator.local.files import is_locked
from quantum_operator.ports.errors import TransientError


async def test_no_run_is_observed_before_one_starts(world: World) -> None:
    """A run that nobody asked for is not there."""
    assert await world.observe() is None


async def test_a_run_leaves_its_outcome(world: World, runs_code: Callable[[str], None]) -> None:
    """A run that ends well is Finished with its outcome, and both its start and its end are told."""
    runs_code(LEAVES_OUTCOME)
    await world.runs.start(world.job, world.action())
    finished = await world.until("Finished")
    assert finished.outcome == b'{"run": 1}'
    assert world.told == [KEY, KEY]


async def test_an_outcome_may_leave_through_the_log(world: World, runs_code: Callable[[str], None]) -> None:
    """A large outcome is read from the log, and checked against the digest in the termination message."""
    outcome = json.dumps({"run": "x" * 5000}).encode()
    sealed = seal(outcome)
    code = f"import sys; open(sys.argv[1], 'w').write({sealed.termination!r}); print({sealed.log_line!r})"
    runs_code(code)
    await world.runs.start(world.job, world.action())
    assert (await world.until("Finished")).outcome == outcome
    assert world.runs.outcome(world.job, RUN) == outcome


async def test_starting_twice_starts_once(world: World, runs_code: Callable[[str], None]) -> None:
    """A run that is asked for again while it is there is left alone: same UID, one process."""
    runs_code(SLEEPS)
    await world.runs.start(world.job, world.action())
    first = await world.until("Running")
    await until(world.folder.job(KEY).run(RUN).process.exists)
    pid = world.folder.job(KEY).run(RUN).process.read_text()
    await world.runs.start(world.job, world.action())
    assert await world.observe() == first
    assert world.folder.job(KEY).run(RUN).process.read_text() == pid


async def test_a_stopped_run_is_gone_with_its_process(world: World, runs_code: Callable[[str], None]) -> None:
    """Nothing of it is observed, and the next run is another one."""
    runs_code(SLEEPS)
    await world.runs.start(world.job, world.action())
    first = await world.until("Running")
    folder = world.folder.job(KEY).run(RUN)
    await until(folder.process.exists)
    await world.runs.stop(world.job, StopRun(RUN, first.uid))
    assert not is_locked(folder.lock)
    assert await world.observe() is None
    await world.runs.stop(world.job, StopRun(RUN, first.uid))
    await world.runs.start(world.job, world.action())
    assert (await world.until("Running")).uid != first.uid
    await world.runs.close()


async def test_a_finished_run_is_not_started_again(world: World, runs_code: Callable[[str], None]) -> None:
    """A run that is over stays over, with its UID, whoever asks for it again."""
    runs_code(LEAVES_OUTCOME)
    await world.runs.start(world.job, world.action())
    finished = await world.until("Finished")
    other = World(world.folder.path)
    await other.runs.start(other.job, other.action())
    assert await other.observe() == finished


async def test_a_run_asked_for_but_never_started_starts_later(world: World, runs_code: Callable[[str], None]) -> None:
    """A crash between making the UID and starting the process loses neither: the run starts under that UID."""
    runs_code(LEAVES_OUTCOME)
    run = world.folder.job(KEY).run(RUN)
    run.path.mkdir(parents=True)
    run.identity.write_text('{"uid": "made-before"}')
    assert await world.observe() is None
    await world.runs.start(world.job, world.action())
    assert (await world.until("Finished")).uid == "made-before"


async def test_runs_wait_for_a_core(world: World, runs_code: Callable[[str], None]) -> None:
    """More runs than slots wait as Pending, and start when a slot is free."""
    runs_code(SLEEPS)
    names = [f"bell-0123456789-{number}" for number in (1, 2, 3)]
    for name in names:
        await world.runs.start(world.job, world.action(name))
    await world.until("Running", names[0])
    await world.until("Running", names[1])
    pending = await world.observe(names[2])
    assert pending is not None
    assert (pending.state, pending.message) == ("Pending", "waits for a free core of this machine")
    await until(world.folder.job(KEY).run(names[0]).process.exists)
    process.kill(world.folder.job(KEY).run(names[0]))
    await world.until("Running", names[2])


async def test_a_killed_run_is_finished_without_outcome(world: World, runs_code: Callable[[str], None]) -> None:
    """A process that was killed left no outcome; the message has the signal, and no failure is made up."""
    runs_code("import os; os.kill(os.getpid(), 9)")
    await world.runs.start(world.job, world.action())
    finished = await world.until("Finished")
    assert (finished.outcome, finished.failure) == (None, "")
    assert "SIGKILL" in finished.message


async def test_a_run_over_its_time_is_ended(
    world: World, runs_code: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that does not keep its time limit itself is ended from outside, and fails for its deadline."""
    monkeypatch.setattr(runs, "GRACE_SECONDS", -0.8)
    runs_code(SLEEPS)
    await world.runs.start(world.job, world.action(wall=1))
    finished = await world.until("Finished")
    assert (finished.outcome, finished.failure) == (None, "DeadlineExceeded")


async def test_a_run_that_cannot_be_started_says_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that does not exist makes a finished run whose message says so."""
    monkeypatch.setattr(process, "command", lambda *_: ["/nowhere/python"])
    await world.runs.start(world.job, world.action())
    finished = await world.until("Finished")
    assert finished.failure == "NotStarted"
    assert "/nowhere/python" in finished.message


async def test_a_run_folder_that_cannot_be_written_is_a_passing_fault(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk when a run is asked for is a passing fault, and no run is there."""
    monkeypatch.setattr(runs, "write_json", disk_full)
    with pytest.raises(TransientError, match="No space left"):
        await world.runs.start(world.job, world.action())
    assert await world.observe() is None


async def test_a_run_sees_nothing_of_the_environment(
    world: World, runs_code: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run gets no credential of the person who starts it, and a home of its own."""
    monkeypatch.setenv("A_PROVIDER_TOKEN", "secret")
    runs_code("import os, sys, json; open(sys.argv[1], 'w').write(json.dumps(dict(os.environ)))")
    await world.runs.start(world.job, world.action())
    seen = json.loads((await world.until("Finished")).outcome or b"")
    assert "A_PROVIDER_TOKEN" not in seen
    assert seen["HOME"] == str(world.folder.job(KEY).run(RUN).path)


async def test_closing_ends_every_run(world: World, runs_code: Callable[[str], None]) -> None:
    """When the shell ends, so do its runs and those that wait."""
    runs_code(SLEEPS)
    for number in (1, 2, 3):
        await world.runs.start(world.job, world.action(f"bell-0123456789-{number}"))
    await world.until("Running")
    folders = [run.lock for run in world.folder.job(KEY).runs()]
    await world.runs.close()
    assert not any(map(is_locked, folders))


async def test_a_later_shell_takes_a_live_run_over(world: World, runs_code: Callable[[str], None]) -> None:
    """A run that outlived its shell is Running for the next one, with its UID, and its end is told there."""
    runs_code(ENDS_ONCE_TOLD)
    await world.runs.start(world.job, world.action())
    first = await world.until("Running")
    await until(lambda: is_locked(world.folder.job(KEY).run(RUN).lock))
    other = World(world.folder.path)
    assert await other.observe() == first
    termination = world.folder.job(KEY).run(RUN).termination
    termination.with_name(f"{termination.name}.end").touch()
    finished = await other.until("Finished")
    assert (finished.uid, finished.outcome) == (first.uid, b"{}")
    assert other.told == [KEY]
    await other.runs.close()


async def test_a_run_that_died_with_its_shell_is_finished(world: World, runs_code: Callable[[str], None]) -> None:
    """A run whose process died unseen is Finished without outcome, so that the job tries again."""
    runs_code(SLEEPS)
    await world.runs.start(world.job, world.action())
    run = world.folder.job(KEY).run(RUN)
    await until(run.process.exists)
    process.kill(run)
    await until(lambda: not run.is_alive())
    seen = await World(world.folder.path).observe()
    assert seen is not None
    assert (seen.state, seen.outcome) == ("Finished", None)
    assert "while no shell watched it" in seen.message


async def test_an_outcome_that_fails_its_digest_is_none(world: World, runs_code: Callable[[str], None]) -> None:
    """A log line that is not the outcome announced is no outcome."""
    announced = json.dumps({"outcome": "log", "sha256": "0" * 64, "bytes": 1})
    runs_code(f"import sys; open(sys.argv[1], 'w').write({announced!r})")
    await world.runs.start(world.job, world.action())
    assert (await world.until("Finished")).outcome is None
    assert world.runs.outcome(world.job, RUN) is None
