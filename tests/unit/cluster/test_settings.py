"""Settings, the connection, logs and events."""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from quantum_operator.cluster.connection import ConnectionConfigError, http_client, kopf_connection, load_config
from quantum_operator.cluster.jsonlog import JsonFormatter
from quantum_operator.cluster.manifest import RunSettings
from quantum_operator.cluster.mirror import Mirror
from quantum_operator.cluster.recorder import BACKLOG, ClusterRecorder, event_body
from quantum_operator.cluster.settings import PREFIX, VARIABLES, Settings, SettingsError
from quantum_operator.cluster.watching import watch_registry, watch_settings
from quantum_operator.decide.observed import Tell
from quantum_operator.ports.world import Key
from quantum_operator.reconcile.logcontext import about, recognized
from quantum_operator.testing import builders
from unit.cluster.test_api import answering


def settings(**variables: str) -> Settings:
    return Settings.from_environment({PREFIX + name: value for name, value in variables.items()})


def test_only_the_image_of_runs_must_be_given() -> None:
    """Everything else has a default."""
    assert settings(RUNNER_IMAGE="r") == Settings(RunSettings("r", "IfNotPresent"))


def test_every_setting_is_read() -> None:
    """Lists are separated by commas, and empty items are none."""
    found = settings(
        RUNNER_IMAGE="r",
        RUNNER_PULL_POLICY="Never",
        RUNNER_PULL_SECRETS="a, b",
        RUNNER_PRIORITY_CLASS="low",
        NAMESPACES="x,,y ",
        LIVENESS="http://[::]:1/h",
        LOG_LEVEL="debug",
        LEASE="home/quantum",
        LEASE_FILE="/f",
    )
    runs = RunSettings("r", "Never", ("a", "b"), "low")
    assert found == Settings(runs, ("x", "y"), "http://[::]:1/h", "debug", ("home", "quantum"), "/f")


def test_every_setting_is_described() -> None:
    """`--help` tells of those that are read and of no others."""
    asked: list[str] = []

    class Environment(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            asked.append(key.removeprefix(PREFIX))
            return "r" if key.endswith("IMAGE") else default

    Settings.from_environment(Environment())
    assert sorted(asked) == sorted(VARIABLES)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({}, "RUNNER_IMAGE is not set"),
        ({"RUNNER_IMAGE": " "}, "RUNNER_IMAGE is not set"),
        ({"RUNNER_IMAGE": "r", "RUNNER_PULL_POLICY": "Sometimes"}, "'Sometimes' is not one of Always"),
        ({"RUNNER_IMAGE": "r", "LOG_LEVEL": "loud"}, "'loud' is not one of debug"),
        ({"RUNNER_IMAGE": "r", "LIVENESS": "tcp://x"}, "'tcp://x' is not an http:// address"),
        ({"RUNNER_IMAGE": "r", "LEASE": "quantum"}, "'quantum' is not namespace/name"),
        ({"RUNNER_IMAGE": "r", "LEASE": "home/"}, "'home/' is not namespace/name"),
        ({"RUNNER_IMAGE": "r", "LEASE": "a/b/c"}, "'a/b/c' is not namespace/name"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(variables: dict[str, str], problem: str) -> None:
    """And with what it can be."""
    with pytest.raises(SettingsError, match=problem):
        settings(**variables)


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def write(path: Path, user: dict[str, Any] | None, **cluster: Any) -> None:
    context = {"cluster": "c"} | ({"user": "u"} if user is not None else {})
    content = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": "https://cluster:6443", **cluster}}],
        "users": [{"name": "u", "user": user}] if user is not None else [],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


async def test_kopf_and_the_client_use_one_kubeconfig(kubeconfig: Path) -> None:
    """The same server, the same token."""
    write(kubeconfig, {"token": "secret"})
    config = load_config()
    connection = kopf_connection(config)
    assert (connection.server, connection.token) == ("https://cluster:6443", "secret")
    async with http_client(config) as client:
        assert str(client.base_url) == "https://cluster:6443"


def test_a_token_in_a_file_is_read_again(kubeconfig: Path) -> None:
    """It is renewed while the operator runs."""
    token = kubeconfig.parent / "token"
    write(kubeconfig, {"tokenFile": str(token)})
    for text in ("first\n", "second\n"):
        token.write_text(text, encoding="utf-8")
        assert kopf_connection(load_config()).token == text.strip()


def test_certificates_may_be_files_beside_the_kubeconfig_or_in_it(kubeconfig: Path) -> None:
    """Relative to the file that names them."""
    write(kubeconfig, {"client-certificate": "c.pem", "client-key": "k.pem"}, **{"certificate-authority": "ca.pem"})
    connection = kopf_connection(load_config())
    assert connection.certificate_path == str(kubeconfig.parent / "c.pem")
    assert connection.private_key_path == str(kubeconfig.parent / "k.pem")
    assert connection.ca_path == str(kubeconfig.parent / "ca.pem")
    given = {"client-certificate-data": "Yw==", "client-key-data": "aw=="}
    write(kubeconfig, given, **{"certificate-authority-data": "Y2E="})
    connection = kopf_connection(load_config())
    assert (connection.certificate_data, connection.private_key_data, connection.ca_data) == ("Yw==", "aw==", "Y2E=")


@pytest.mark.parametrize(
    "user", [None, {"exec": {"apiVersion": "v1", "command": "login"}}, {"auth-provider": {"name": "x"}}]
)
def test_a_user_that_can_not_be_is_refused_with_a_remedy(kubeconfig: Path, user: dict[str, Any] | None) -> None:
    """An operator can't log in as a person does."""
    write(kubeconfig, user)
    with pytest.raises(ConnectionConfigError, match="token"):
        load_config()


@pytest.mark.parametrize("content", [None, "{", "[]", "contexts: 1\nclusters: 2\n"])
def test_a_kubeconfig_that_can_not_be_read_is_refused_with_a_remedy(kubeconfig: Path, content: str | None) -> None:
    """Missing, malformed, or something else."""
    if content is not None:
        kubeconfig.write_text(content, encoding="utf-8")
    with pytest.raises(ConnectionConfigError, match="give a kubeconfig"):
        load_config()


def test_a_log_line_is_one_json_object() -> None:
    """Whatever is in the message."""
    record = logging.LogRecord("q.x", logging.WARNING, "f", 1, "two\nlines of %s", ("é",), None)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    said = json.loads(line)
    assert (said["level"], said["logger"], said["message"]) == ("warning", "q.x", "two\nlines of é")


def test_a_log_line_of_an_error_has_its_traceback() -> None:
    """Within the same object."""
    error = ValueError("broken")
    record = logging.LogRecord("q", logging.ERROR, "f", 1, "x", (), (ValueError, error, None))
    assert "ValueError: broken" in json.loads(JsonFormatter().format(record))["traceback"]


async def test_a_log_line_names_the_job_that_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    """And what that is part of; an event leaves its reason there, never its message."""
    caplog.set_level(logging.INFO)
    caplog.handler.setFormatter(JsonFormatter())
    job = builders.job(correlationId="order-7")
    with about(Key("team", "bell")):
        logging.info("before")
        recognized(job)
        await ClusterRecorder(answering(200)).tell(job, Tell("Normal", "Assigned", "a message"))
    logging.info("after")
    before, told, after = map(json.loads, caplog.text.splitlines())
    assert (before["job"], before.get("correlationId")) == ("team/bell", None)
    assert (told["message"], told["job"], told["correlationId"]) == ("Assigned", "team/bell", "order-7")
    assert not {"job", "correlationId"} & set(after)


def test_an_event_says_what_its_job_is_part_of() -> None:
    """As an annotation, where the job says so."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    tell = Tell("Normal", "Assigned", "x")
    metadata = event_body(builders.job(correlationId="order-7"), tell, now)["metadata"]
    assert metadata["annotations"] == {"quantum-operator.dev/correlation-id": "order-7"}
    assert event_body(builders.job(), tell, now)["metadata"]["annotations"] == {}


def test_an_event_is_of_its_job_and_has_a_name_of_its_own() -> None:
    """Two that say the same are two."""
    job = builders.job("b" * 240)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    one, two = (event_body(job, Tell("Normal", "Assigned", "m" * 2000), now) for _ in range(2))
    assert one["metadata"]["name"] != two["metadata"]["name"]
    assert len(one["metadata"]["name"]) <= 253
    assert one["involvedObject"]["uid"] == job.metadata.uid
    assert one["lastTimestamp"] == "2026-01-01T00:00:00Z"
    assert len(one["message"]) == 1024


def test_events_of_one_second_are_listed_in_the_order_they_were_told_in() -> None:
    """`kubectl describe` goes by whole seconds, then by the order of the list, which is that of names."""
    first = datetime(2026, 1, 1, 0, 0, 0, 999_000, tzinfo=UTC)
    times = [first + timedelta(microseconds=step) for step in (0, 1, 999, 1000, 61_000_000)]
    names = [event_body(builders.job(), Tell("Normal", "Assigned", "x"), at)["metadata"]["name"] for at in times]
    assert names == sorted(names)


async def test_events_that_nobody_writes_are_dropped() -> None:
    """A slow API server holds no job up, and fills no memory."""
    recorder = ClusterRecorder(answering(200))
    for _ in range(BACKLOG + 5):
        await recorder.tell(builders.job(), Tell("Normal", "Assigned", "x"))


def test_kopf_writes_nothing_and_filters_on_the_server() -> None:
    """No events, no peers, no annotations; batch Jobs and pods only of ours."""
    mirror = Mirror()
    found = watch_settings(mirror.kinds)
    assert not found.posting.enabled
    assert found.peering.standalone
    assert set(found.watching.label_selectors.values()) == {"quantum-operator.dev/job-uid"}
    assert len(found.watching.label_selectors) == 2
    storage = found.persistence.diffbase_storage
    assert storage.build(body={}) == {}  # type: ignore[arg-type]
    assert storage.fetch(body={}) is None  # type: ignore[arg-type]
    storage.store(body={}, patch={}, essence={})  # type: ignore[arg-type]


def test_kopf_watches_every_kind_of_the_mirror() -> None:
    """And has no handler that would write: none of changes, timers, daemons or admission."""
    registry = watch_registry(Mirror().kinds)
    watched = {str(selector) for selector in registry._watching.get_all_selectors()}
    assert len(watched) == 6
    assert not registry._changing.get_all_handlers()
    assert not registry._spawning.get_all_handlers()
