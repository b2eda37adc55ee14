"""The laptop's ports keep the contracts of `ports/world.py`, also across a crash of the shell."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.api.envelope import seal, sha256
from quantum_operator.api.jobstatus import ArtifactRef, Attempt, Demand, Plan, QuantumJobStatus, Step
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import RunLimits, RunSpec
from quantum_operator.decide.observed import RunObserved, StartRun, Tell
from quantum_operator.local import process, runs
from quantum_operator.local.artifacts import LocalArtifacts
from quantum_operator.local.files import is_locked
from quantum_operator.local.layout import ResultsFolder
from quantum_operator.local.recorder import LocalRecorder
from quantum_operator.local.runs import LocalRuns
from quantum_operator.local.shell import SystemClock
from quantum_operator.local.store import Catalog, LocalStore
from quantum_operator.ports.errors import ConflictError, GoneError, NameTakenError, TransientError
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders

KEY = Key("team", "bell")
RUN = "bell-0123456789-1"
NOW = SystemClock().now()
LEAVES_OUTCOME = "import sys; open(sys.argv[1], 'w').write('{\"run\": 1}')"
SLEEPS = "import time; time.sleep(60)"

LAYERS = "".join("h q;\n" for _ in range(9))
SLOW = f'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[22] q;\nbit[22] c;\n{LAYERS}c = measure q;\n'
"""Takes a second or two to simulate, so that a crash can fall into it."""


class World:
    """The ports over one folder, and the keys that they told of."""

    def __init__(self, root: Path) -> None:
        self.folder = ResultsFolder(root)
        self.told: list[Key] = []
        self.written: list[QuantumJob] = []
        catalog = Catalog(
            {Key("team", "default"): builders.policy()}, {"simulator": builders.backend()}, {KEY: {"a": "text"}}, NOW
        )
        self.catalog = catalog
        self.store = LocalStore(self.folder, catalog, self.written.append)
        self.artifacts = LocalArtifacts(self.folder)
        self.runs = LocalRuns(self.folder, self.told.append, slots=2)
        self.job = self.store.create(builders.job(), NOW)

    def action(self, run: str = RUN, *, wall: int = 60) -> StartRun:
        """A run of the job to start; its input need not be there for the commands that tests put in."""
        target = builders.backend().spec
        spec = RunSpec(
            run=run,
            input_sha256="0" * 64,
            seed=1,
            backend="simulator",
            target=target.target,
            simulator=target.simulator,
            limits=RunLimits(memory_bytes=2**31, wall_seconds=wall),
        )
        return StartRun(spec, ArtifactRef(name="input", sha256="0" * 64, bytes=1), target.run)

    async def observe(self, run: str = RUN) -> RunObserved | None:
        return await self.runs.observe(self.job, run, expected=True)

    async def until(self, state: str, run: str = RUN) -> RunObserved:
        """The run, once it is in this state."""
        for _ in range(1000):
            seen = await self.observe(run)
            if seen is not None and seen.state == state:
                return seen
            await asyncio.sleep(0.01)
        raise AssertionError(f"the run is not {state}: {seen}")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    one = World(tmp_path)
    yield one
    await one.runs.close()


@pytest.fixture
def runs_code(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes runs execute this Python code, whose argument is where the termination message goes."""

    def use(code: str) -> None:
        monkeypatch.setattr(process, "command", lambda run, _: [sys.executable, "-c", code, str(run.termination)])

    return use


def attempted(backend: str = "simulator") -> QuantumJobStatus:
    """A status whose attempt may be under way."""
    attempt = Attempt(name=RUN, number=1, backend=backend, state="Running", seed=1, created_time=builders.CREATED)
    plan = Plan(
        policy="default",
        policy_uid="uid",
        policy_generation=1,
        demand=Demand(qubits=2, shots=1),
        steps=(Step(name="primary", attempts=(attempt,)),),
    )
    return QuantumJobStatus(plan=plan)


async def test_store_writes_what_was_observed(world: World) -> None:
    """A status is written at the version that was observed, and read back with the next version."""
    await world.store.put_job_status(world.job, QuantumJobStatus(phase="Queued"))
    stored = await world.store.job(KEY)
    assert stored is not None
    assert stored.status.phase == "Queued"
    assert int(stored.metadata.resource_version) == int(world.job.metadata.resource_version) + 1
    assert world.written[-1] == stored


async def test_store_refuses_a_stale_write(world: World) -> None:
    """A status decided on an older version is refused, and changes nothing."""
    await world.store.put_job_status(world.job, QuantumJobStatus(phase="Queued"))
    with pytest.raises(ConflictError):
        await world.store.put_job_status(world.job, QuantumJobStatus(phase="Running"))
    stored = await world.store.job(KEY)
    assert stored is not None
    assert stored.status.phase == "Queued"


async def test_store_refuses_a_namesake(world: World) -> None:
    """A status of a job that was replaced by another of its name is refused."""
    world.store.create(builders.job(backoffLimit=0), NOW)
    with pytest.raises(GoneError):
        await world.store.put_job_status(world.job, QuantumJobStatus(phase="Queued"))


async def test_store_refuses_a_missing_job(world: World) -> None:
    """A status of a job whose folder was removed is refused."""
    world.folder.job(KEY).clear()
    assert await world.store.job(KEY) is None
    with pytest.raises(GoneError):
        await world.store.put_job_status(world.job, QuantumJobStatus(phase="Queued"))


async def test_store_says_when_it_cannot_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is a passing fault: the old status stays, and the loop tries again."""
    monkeypatch.setattr("quantum_operator.local.store.write_json", _disk_full)
    with pytest.raises(TransientError, match="No space left"):
        await world.store.put_job_status(world.job, QuantumJobStatus(phase="Queued"))
    assert (await world.store.job(KEY)) == world.job


async def test_store_counts_live_runs(world: World) -> None:
    """The attempts under way are counted by backend, and no longer once they are over."""
    assert dict(await world.store.live_runs()) == {}
    await world.store.put_job_status(world.job, attempted())
    assert dict(await world.store.live_runs()) == {"simulator": 1}
    job = await world.store.job(KEY)
    assert job is not None
    await world.store.put_job_status(job, QuantumJobStatus())
    assert dict(await world.store.live_runs()) == {}


async def test_store_reads_the_catalog(world: World) -> None:
    """Policies, backends, labels and ConfigMaps are those of the manifests, and None where there is none."""
    policy = await world.store.policy("team", "default")
    assert policy is not None
    assert policy.spec == builders.policy().spec
    assert await world.store.policy("other", "default") is None
    assert [one.metadata.name for one in await world.store.backends()] == ["simulator"]
    assert await world.store.namespace_labels("team") == {"kubernetes.io/metadata.name": "team"}
    assert await world.store.config_map_value("team", "bell", "a") == "text"
    assert await world.store.config_map_value("team", "bell", "b") is None
    assert await world.store.config_map_value("team", "other", "a") is None


async def test_backends_are_ready_at_once(world: World) -> None:
    """No job is told to wait for a simulator that was just never looked at."""
    (backend,) = await world.store.backends()
    assert [(one.type, one.status) for one in backend.status.conditions] == [("Ready", "True")]


async def test_statuses_compare_and_set(world: World) -> None:
    """The status of a policy or backend is written once; a second write at the old version is dropped."""
    (policy,), (backend,) = await world.catalog.policies(), await world.store.backends()
    for count in (1, 2):
        await world.catalog.put_policy_status(policy, policy.status.model_copy(update={"backends": count}))
        status = backend.status.model_copy(update={"observed_generation": 4 + count})
        await world.catalog.put_backend_status(backend, status)
    assert [one.status.backends for one in await world.catalog.policies()] == [1]
    assert [one.status.observed_generation for one in await world.store.backends()] == [5]


async def test_resumes_an_unfinished_job(world: World) -> None:
    """The unfinished job of the same spec is taken up with its UID and status, whoever left it."""
    await world.store.put_job_status(world.job, attempted())
    again = World(world.folder.path)
    assert again.job.metadata.uid == world.job.metadata.uid
    assert again.job.status == attempted()
    assert dict(await again.store.live_runs()) == {"simulator": 1}


async def test_another_spec_is_another_job(world: World) -> None:
    """A job of the same name and another spec replaces the one in the folder, files and all."""
    await world.artifacts.put(world.job, _ref(b"old"), b"old")
    replaced = world.store.create(builders.job(backoffLimit=0), NOW)
    assert replaced.metadata.uid != world.job.metadata.uid
    assert not world.folder.job(KEY).artifact("input").exists()


async def test_artifacts_are_kept_once(world: World) -> None:
    """An artifact can be put twice, and its bytes are those of its digest."""
    for _ in range(2):
        await world.artifacts.put(world.job, _ref(b"data"), b"data")
    assert world.folder.job(KEY).artifact("input").read_bytes() == b"data"


async def test_artifacts_never_replace_other_content(world: World) -> None:
    """Other bytes under an artifact's name are an error, and stay as they are."""
    await world.artifacts.put(world.job, _ref(b"data"), b"data")
    with pytest.raises(NameTakenError, match="remove it"):
        await world.artifacts.put(world.job, _ref(b"other"), b"other")
    assert world.folder.job(KEY).artifact("input").read_bytes() == b"data"


async def test_artifacts_say_when_they_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is a passing fault."""
    monkeypatch.setattr("quantum_operator.local.artifacts.write_atomically", _disk_full)
    with pytest.raises(TransientError, match="No space left"):
        await world.artifacts.put(world.job, _ref(b"data"), b"data")


async def test_recorder_keeps_and_tells(world: World) -> None:
    """An event is told to whoever listens and kept in the folder, in order."""
    told: list[tuple[Key, Tell]] = []
    recorder = LocalRecorder(world.folder, SystemClock(), lambda key, event: told.append((key, event)))
    for reason in ("Assigned", "RunStarted"):
        await recorder.tell(world.job, Tell("Normal", reason, "a message"))
    assert [(key, event.reason) for key, event in told] == [(KEY, "Assigned"), (KEY, "RunStarted")]
    assert [event["reason"] for event in world.folder.job(KEY).read_events()] == ["Assigned", "RunStarted"]


async def test_recorder_never_raises(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An event that can't be kept is told nevertheless, and the log says so."""
    told: list[Tell] = []
    world.folder.job(KEY).events.mkdir()
    await LocalRecorder(world.folder, SystemClock(), lambda _, event: told.append(event)).tell(
        world.job, Tell("Normal", "Assigned", "a message")
    )
    assert [event.reason for event in told] == ["Assigned"]
    assert "can't be kept" in caplog.text


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
    monkeypatch.setattr(runs, "write_json", _disk_full)
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
    runs_code("import time, sys; time.sleep(0.5); open(sys.argv[1], 'w').write('{}')")
    await world.runs.start(world.job, world.action())
    first = await world.until("Running")
    await until(lambda: is_locked(world.folder.job(KEY).run(RUN).lock))
    other = World(world.folder.path)
    assert await other.observe() == first
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


def _disk_full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def _ref(data: bytes) -> ArtifactRef:
    return ArtifactRef(name="input", sha256=sha256(data), bytes=len(data))


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, 10 seconds at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


def submit(folder: Path) -> subprocess.Popen[str]:
    """`qjob run` of a slow job, as a process of its own."""
    manifests = folder / "slow.json"
    job = builders.job("slow", namespace="", programs=[{"name": "bell", "qasm3": SLOW}], execution={"seed": 3})
    documents = [job.to_wire(), builders.policy("aer-ideal", namespace="").to_wire()]
    manifests.write_text("\n---\n".join(json.dumps(one | _named(one)) for one in documents))
    command = [sys.executable, "-m", "quantum_operator.cli", "run", str(manifests), "--folder", str(folder / "out")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _named(one: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": one["metadata"]["name"]}}


def crash(folder: Path, *, with_run: bool) -> tuple[QuantumJob, str]:
    """Kill the shell with SIGKILL in the middle of the run; the job and the run's UID as they were then."""
    results = ResultsFolder(folder / "out").job(Key("default", "slow"))
    shell = submit(folder)
    deadline = time.monotonic() + 20
    while not (results.job.exists() and _is_running(job := _read(results.job)) and _process(results.path)):
        assert time.monotonic() < deadline, "the run never started"
        assert shell.poll() is None, shell.communicate()[0]
        time.sleep(0.01)
    shell.kill()
    shell.communicate()
    (run,) = results.runs()
    if with_run:
        process.kill(run)
        while run.is_alive():
            time.sleep(0.01)
    assert job.status.plan is not None
    return job, str(run.uid())


def _read(path: Path) -> QuantumJob:
    return QuantumJob.model_validate_json(path.read_bytes())


def _is_running(job: QuantumJob) -> bool:
    return job.status.phase == "Running"


def _process(path: Path) -> bool:
    return bool(list(path.glob("runs/*/pid")))


@pytest.mark.parametrize(("with_run", "attempts"), [(False, ["Succeeded"]), (True, ["Lost", "Succeeded"])])
def test_a_killed_shell_is_resumed(tmp_path: Path, with_run: bool, attempts: list[str]) -> None:
    """After kill -9 the same command goes on with the same job: its live run is taken over, a dead one tried again."""
    before, uid = crash(tmp_path, with_run=with_run)
    again = submit(tmp_path)
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 0, output
    after = _read(tmp_path / "out/default/slow/job.json")
    assert after.metadata.uid == before.metadata.uid
    assert after.status.plan is not None
    found = after.status.plan.steps[0].attempts
    assert [one.state for one in found] == attempts
    assert found[0].run_uid == uid
    assert (tmp_path / "out/default/slow/outcome.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_terminating_the_shell_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM, or Ctrl-C, ends the shell and its run, says how to go on, and leaves a job that can be resumed."""
    shell = submit(tmp_path)
    results = ResultsFolder(tmp_path / "out").job(Key("default", "slow"))
    deadline = time.monotonic() + 20
    while not _process(results.path):
        assert time.monotonic() < deadline, "the run never started"
        time.sleep(0.01)
    shell.send_signal(number)
    output, _ = shell.communicate(timeout=20)
    assert shell.returncode == 130, output
    assert "goes on with what is not over yet" in output
    (run,) = results.runs()
    assert not run.is_alive()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(int(run.process.read_text()), 0)
        raise AssertionError("a process of the run is still there")
