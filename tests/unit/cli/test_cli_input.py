"""What people get wrong, and what the commands say of it."""

import io
import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from quantum_operator import __version__, cli
from quantum_operator.api.render import schema_hash
from quantum_operator.cli import reference, run
from quantum_operator.cli.progress import Progress
from quantum_operator.decide.observed import Tell
from quantum_operator.local import process
from quantum_operator.local.files import lock
from quantum_operator.local.layout import RunFolder
from quantum_operator.ports.world import Key
from quantum_operator.testing import builders
from unit.cli.conftest import EXAMPLES, Commands

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def manifest(tmp_path: Path, *resources: Any, **changes: Any) -> Path:
    """A file of these resources, whose specs have `changes`."""
    path = tmp_path / "manifest.yaml"
    texts = []
    for one in resources:
        wire = {"apiVersion": one.api_version, "kind": one.kind, "metadata": {"name": one.metadata.name}}
        texts.append(json.dumps({**wire, "spec": one.spec.to_wire() | changes}))
    path.write_text("\n---\n".join(texts))
    return path


def test_the_reference_is_the_programs_own_help() -> None:
    """docs/reference/cli.md is what the program says of itself, to the byte."""
    assert REFERENCE.read_text() == reference.markdown()


@pytest.mark.parametrize(
    "name", ["run", "validate", "describe", "logs", "result", "wait", "replay", "doctor", "version"]
)
def test_every_command_has_help(command: Commands, name: str) -> None:
    """Each command tells its purpose and its options, and the list of commands has its first line uncut."""
    result = command(name, "--help")
    assert result.exit_code == 0
    assert f"qjob {name}" in REFERENCE.read_text()
    overview = REFERENCE.read_text().split("## qjob run")[0]
    assert f"  {name} " in overview
    assert "..." not in overview.split("Commands:")[1]


def test_without_a_command_there_is_help(command: Commands) -> None:
    """`qjob` alone shows its commands."""
    result = command()
    assert "doctor" in result.output


def test_version_names_the_schema(command: Commands) -> None:
    """The version has the hash that CRDs are compared by."""
    assert (
        command("version").stdout == f"qjob {__version__}, quantum-operator.dev/v1alpha1, schema hash {schema_hash()}\n"
    )


def test_valid_files_are_counted(command: Commands) -> None:
    """`qjob validate` of the examples finds nothing wrong."""
    result = command("validate", EXAMPLES)
    assert (result.exit_code, result.stdout) == (0, "7 objects are valid\n")
    assert command("validate", EXAMPLES / "bell.yaml").stdout == "1 object is valid\n"


@pytest.mark.parametrize("name", ["validate", "run"])
def test_invalid_files_are_refused(command: Commands, tmp_path: Path, name: str) -> None:
    """An invalid field is told with file, document, path and value, and nothing is run."""
    path = manifest(tmp_path, builders.policy("aer-ideal"), builders.job(), activeDeadlineSeconds=0)
    result = command(name, path)
    assert result.exit_code == 2
    assert f"{path}, document 2: spec.activeDeadlineSeconds: Invalid value: 0" in result.stderr
    assert "document 1: " in result.stderr
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["validate", "run"])
def test_missing_and_empty_files_are_refused(command: Commands, tmp_path: Path, name: str) -> None:
    """A file that is not there, and one that has no object, are named."""
    result = command(name, tmp_path / "nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml: No such file or directory" in result.stderr
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    result = command(name, tmp_path / "empty.yaml")
    assert result.exit_code == 2
    assert f"there is no object in {tmp_path / 'empty.yaml'}" in result.stderr


def test_files_without_a_job_are_refused(command: Commands) -> None:
    """`qjob run` of a policy alone says what is missing."""
    result = command("run", EXAMPLES / "00-policy.yaml")
    assert result.exit_code == 2
    assert "there is no QuantumJob in" in result.stderr


@pytest.mark.parametrize("namespace", ["Lab", "a/b", "..", "", "a" * 64])
def test_a_namespace_must_be_one(command: Commands, namespace: str) -> None:
    """A namespace that no cluster would take is refused with its value, before it becomes a path."""
    result = command("run", EXAMPLES, "--namespace", namespace)
    assert result.exit_code == 2
    assert f"--namespace: {namespace!r}" in result.stderr


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({}, "PolicyNotFound"),
        ({"programs": [{"name": "bell", "configMapKeyRef": {"name": "no", "key": "a"}}]}, "ConfigMapNotFound"),
    ],
)
def test_what_no_file_has_ends_the_run(command: Commands, tmp_path: Path, spec: dict[str, Any], reason: str) -> None:
    """A job that could only wait for something missing ends at once, with what to add and exit code 2."""
    resources = [builders.job(**spec), *([] if reason == "PolicyNotFound" else [builders.policy("aer-ideal")])]
    result = command("run", manifest(tmp_path, *resources), "--folder", tmp_path / "out")
    assert result.exit_code == 2
    assert f"default/bell can't run: {reason}: spec." in result.stderr
    assert "add it to the files" in result.stderr


def test_a_policy_that_reaches_no_backend_ends_the_run(command: Commands, tmp_path: Path) -> None:
    """A job whose policy names no backend that is here can't run, also the second time."""
    path = manifest(tmp_path, builders.job(), builders.policy("elsewhere"))
    for _ in range(2):
        result = command("run", path, "--folder", tmp_path / "out")
        assert result.exit_code == 2
        assert "can't run: NoBackends" in result.stderr


def test_a_providers_device_is_for_a_cluster(command: Commands, tmp_path: Path) -> None:
    """There is no agent on a laptop, and waiting brings none."""
    provider = {"agent": "ibm", "device": "ibm_torino"}
    device = builders.backend("torino", ready=None, adapter="ibm", provider=provider, price={})
    path = manifest(tmp_path, builders.job(), builders.policy("torino"), device)
    result = command("run", path, "--folder", tmp_path / "out")
    assert result.exit_code == 2
    assert "can't run: NoReadyBackend: torino: a provider's device, whose agent works in a cluster" in result.stderr
    assert (
        "name a simulator in the policy's spec.backends: providers' devices need a cluster, with an agent"
        in result.stderr
    )


def test_a_job_without_money_is_told_about_money(command: Commands, tmp_path: Path) -> None:
    """And one that waits for its result, under the same key, ends with it."""
    priced = builders.backend("dear", price={"perShotMicros": 1})
    policy = builders.policy("dear", budgets=[{"name": "all", "limitMicros": 1}], onExceeded="Wait")
    jobs = [builders.job(name, idempotencyKey="one") for name in ("first", "second")]
    result = command("run", manifest(tmp_path, *jobs, policy, priced), "--folder", tmp_path / "out")
    assert result.exit_code == 2
    assert "can't run: BudgetExhausted: dear: budget 'all' of policy default" in result.stderr
    assert "raise the limit that the message names" in result.stderr
    assert "can't run: KeyInUse: spec.idempotencyKey: 'one'" in result.stderr
    assert "add it to the files" not in result.stderr


def test_a_failed_job_says_why_and_what_it_means(command: Commands, tmp_path: Path) -> None:
    """A job that can't succeed ends with exit code 1, its reason, its message, and the reason's meaning."""
    wide = builders.BELL.replace("qubit[2]", "qubit[40]")
    path = manifest(tmp_path, builders.job(programs=[{"name": "bell", "qasm3": wide}]), builders.policy("aer-ideal"))
    result = command("run", path, "--folder", tmp_path / "out")
    assert result.exit_code == 1
    assert "default/bell failed: NoEligibleBackend: " in result.stderr
    assert "has 26 qubits, the job needs 40" in result.stderr
    assert "the plan has each one's reason" in result.stderr
    described = command("describe", "bell", "--folder", tmp_path / "out").stdout
    assert "What to do:\n  NoEligibleBackend: Every backend" in described
    assert "aer-ideal  Rejected  TooFewQubits" in described


def test_a_busy_folder_is_left_alone(command: Commands, tmp_path: Path) -> None:
    """While another shell works on the job, a second one does not."""
    held = lock(tmp_path / "out/default/bell/.lock")
    assert held is not None
    result = command("run", EXAMPLES, "--folder", tmp_path / "out")
    assert result.exit_code == 2
    assert "another qjob run works on" in result.stderr


def test_a_folder_that_cannot_be_written_is_said(command: Commands, tmp_path: Path) -> None:
    """A folder that is a file is an error with a remedy."""
    (tmp_path / "out").write_text("")
    result = command("run", EXAMPLES, "--folder", tmp_path / "out")
    assert result.exit_code == 2
    assert "give a folder that can be written with --folder" in result.stderr


def test_a_damaged_folder_is_said(command: Commands, tmp_path: Path) -> None:
    """A job.json that is none is an error with a remedy, and is not overwritten."""
    path = tmp_path / "out/default/bell/job.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    result = command("run", EXAMPLES, "--folder", tmp_path / "out")
    assert result.exit_code == 2
    assert "remove the folder" in result.stderr
    assert path.read_text() == "{"


def test_what_is_not_installed_is_said(command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the runner's libraries `qjob run` says which extra to install."""
    monkeypatch.setattr(run, "NEEDED", ("json", "no_such_library"))
    result = command("run", EXAMPLES)
    assert result.exit_code == 2
    assert "no_such_library not installed" in result.stderr
    assert "pip install 'quantum-operator[cli,runner]'" in result.stderr


def test_the_program_without_its_extra_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the libraries of the command line, the program names the extra; a fault of ours is not hidden."""
    monkeypatch.setitem(sys.modules, "quantum_operator.cli.app", None)
    with pytest.raises(ModuleNotFoundError):
        cli.main()
    monkeypatch.delitem(sys.modules, "quantum_operator.cli.app")
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit, match=r"typer is not installed.*quantum-operator\[cli\]"):
        cli.main()


@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_of_ours_is_no_traceback(
    command: Commands, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], debug: bool
) -> None:
    """An unexpected error is one line and exit code 1; its traceback shows only when asked for."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("quantum_operator.cli.validate.load", broken)
    if debug:
        monkeypatch.setenv("QJOB_DEBUG", "1")
    result = command("validate", EXAMPLES)
    assert result.exit_code == 1
    assert "a fault of qjob (ZeroDivisionError: division by zero); please report it" in result.stderr
    assert ("Traceback" in result.stderr + capfd.readouterr().err) == debug


@pytest.mark.parametrize("name", ["validate", "run"])
def test_ctrl_c_ends_a_command_quietly(command: Commands, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Ctrl-C is exit code 130 and no traceback."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("quantum_operator.cli.validate.load", interrupted)
    result = command(name, EXAMPLES)
    assert result.exit_code == 130
    assert "Traceback" not in result.stderr


def test_an_unknown_option_is_said(command: Commands) -> None:
    """A wrong option is a usage error with exit code 2."""
    result = command("run", EXAMPLES, "--foldr", "x")
    assert result.exit_code == 2
    assert "--folder" in result.stderr


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", "█"), ("ascii", "#"), ("nonsense", "#")])
def test_bars_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, encoding: str, expected: str) -> None:
    """Where standard output can't show a block, bars are made of #."""

    class Output(io.StringIO):
        @property
        def encoding(self) -> str:  # type: ignore[override]
            return encoding

    monkeypatch.setattr("sys.stdout", Output())
    assert run.bar() == expected


FAKE_RUNNER = """
import json, os, sys
spec = json.loads(os.environ["QUANTUM_OPERATOR_RUN"])
samples = [{"index": 0, "registers": [{"name": "c", "size": 2, "counts": {"00": 1024}}]}]
pub = {"program": "bell", "shape": [], "shots": 1024, "samples": samples}
json.dump({"run": spec["run"], "inputSha256": spec["inputSha256"], "pubs": [pub]}, open(sys.argv[1], "w"))
"""


def test_jobs_of_one_backend_take_turns(command: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More jobs than a backend takes at once wait for one another, and all succeed."""

    def fake(run_folder: RunFolder, input_file: Path) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", FAKE_RUNNER, str(run_folder.termination.resolve())]

    monkeypatch.setattr(process, "command", fake)
    one = builders.backend("mine", limits={"maxConcurrentRuns": 1})
    jobs = [builders.job(name) for name in ("one", "two", "three")]
    path = manifest(tmp_path, one, builders.policy("mine"), *jobs)
    result = command("run", path, "--folder", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("succeeded: ran on mine") == 3
    assert "AllBackendsBusy" in result.stderr
    kept = [json.loads((tmp_path / "out/default" / job.metadata.name / "job.json").read_text()) for job in jobs]
    assert {one["status"]["phase"] for one in kept} == {"Succeeded"}


def test_progress_on_a_terminal_is_a_table() -> None:
    """On a terminal the jobs are rows that change in place, with phase, backend and the last event."""
    text = io.StringIO()
    job = builders.job()
    with Progress(Console(file=text, force_terminal=True, width=120)) as progress:
        progress.changed(job)
        progress.told(Key("team", "bell"), Tell("Normal", "Assigned", "to [bold]one[/]"))
        running = job.status.model_copy(update={"phase": "Running", "backend": "aer-ideal"})
        progress.changed(job.model_copy(update={"status": running}))
    shown = text.getvalue()
    assert all(word in shown for word in ("LAST EVENT", "team/bell", "Pending", "Running", "aer-ideal"))
    assert "to [bold]one[/]" in shown


def test_progress_shows_warnings_without_tracebacks() -> None:
    """What the loop logs is shown on one line while the jobs run, and goes its usual way afterwards."""
    text = io.StringIO()
    logger = logging.getLogger("quantum_operator.some.part")
    with Progress(Console(file=text, width=200)):
        logger.info("not shown")
        logger.warning("a %s", "warning")
        logger.error("an error", exc_info=ValueError("the cause"))
    assert text.getvalue() == "warning: a warning\nerror: an error (ValueError('the cause'))\n"
    root = logging.getLogger("quantum_operator")
    assert root.propagate
    assert not root.handlers
