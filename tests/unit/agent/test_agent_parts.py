"""The agent's settings, its pace, its adapters, and what it says of its backends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quantum_operator.agent.health import device_status
from quantum_operator.agent.loop import LONGEST_POLL_SECONDS, Pace
from quantum_operator.agent.settings import VARIABLES, AgentSettings, AgentSettingsError, read_folder
from quantum_operator.ports.adapter import AdapterError, Capabilities, Device, ForbiddenError, UnavailableError
from quantum_operator.testing import builders
from unit.agent.test_agent_decide import NOW, submitted, task

GIVEN = {"QUANTUM_AGENT_NAMESPACE": "agents", "QUANTUM_AGENT_ADAPTER": "ibm"}
CAPABLE = Capabilities("P", "tag", 1, False, 1, 60, modes=("job", "batch"), sdk_version="1.2.3")
DEVICE = Device("qpu", 20, None, None, ready=True, queue_length=7, calibrated=datetime(2026, 1, 1, tzinfo=UTC))


def test_settings_of_an_environment() -> None:
    """What is not given has a default."""
    found = AgentSettings.from_environment({**GIVEN, "QUANTUM_AGENT_LEASE": "agents/ibm"})
    assert (found.namespace, found.adapter, found.lease) == ("agents", "ibm", ("agents", "ibm"))
    assert (found.poll_seconds, found.health_seconds, found.log_level) == (5.0, 60.0, "info")
    assert set(VARIABLES) == {name.upper() for name in AgentSettings.__dataclass_fields__}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"QUANTUM_AGENT_NAMESPACE": ""}, "NAMESPACE is not set"),
        ({"QUANTUM_AGENT_ADAPTER": " "}, "ADAPTER is not set"),
        ({"QUANTUM_AGENT_LEASE": "agents"}, "'agents' is not namespace/name"),
        ({"QUANTUM_AGENT_POLL_SECONDS": "0"}, "'0' is not a number of seconds"),
        ({"QUANTUM_AGENT_HEALTH_SECONDS": "soon"}, "'soon' is not a number of seconds"),
        ({"QUANTUM_AGENT_LOG_LEVEL": "loud"}, "'loud' is not one of"),
    ],
)
def test_wrong_settings_are_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(AgentSettingsError, match=message):
        AgentSettings.from_environment(GIVEN | given)


def test_a_folder_is_read_as_a_mounted_secret_is(tmp_path: Path) -> None:
    """Kubernetes' own files, which begin with a dot, are none of its keys."""
    (tmp_path / "token").write_text("s3cret\n")
    (tmp_path / "..data").mkdir()
    assert read_folder(tmp_path) == {"token": "s3cret"}
    assert read_folder(None) == {}
    with pytest.raises(AgentSettingsError, match="can't be read: FileNotFoundError"):
        read_folder(tmp_path / "none")


def test_a_secret_that_is_no_text_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(AgentSettingsError, match="UnicodeDecodeError"):
        read_folder(tmp_path)


def test_submissions_keep_to_the_rate() -> None:
    """Five a minute: one at once, then one every twelve seconds."""
    pace = Pace(5, 1.0)
    assert pace.submit_in(NOW) == 0
    pace.submitted(NOW)
    assert pace.submit_in(NOW) == pytest.approx(12)
    assert pace.submit_in(NOW + timedelta(seconds=12)) == 0


def test_a_minute_has_no_more_submissions_than_it_may() -> None:
    """But for the burst at its start."""
    pace, begun = Pace(60, 1.0), 0
    for second in range(120):
        now = NOW + timedelta(seconds=second)
        while pace.submit_in(now) == 0:
            pace.submitted(now)
            begun += 1
    assert begun <= 2 * 60 + 6


def test_a_task_is_asked_after_less_often_the_older_it_is() -> None:
    pace = Pace(5, 2.0)
    young, old, older = (task(submitted(ago=ago)) for ago in (0, 600, 1e6))
    assert pace.poll_in(young, NOW) == 0
    pace.polled("t", NOW)
    assert [pace.poll_in(one, NOW) for one in (young, old, older)] == [2.0, 30.0, LONGEST_POLL_SECONDS]
    assert pace.poll_in(young, NOW - timedelta(days=1)) == 2.0
    pace.forget("t")
    assert pace.poll_in(old, NOW) == 0


@pytest.mark.parametrize(
    ("spec", "found", "reason"),
    [
        ({}, DEVICE, "Ready"),
        ({"adapter": "braket"}, DEVICE, "AdapterMismatch"),
        ({}, None, "NoSuchDevice"),
        ({}, ForbiddenError("401"), "CredentialsRefused"),
        ({}, UnavailableError("503"), "ProviderUnavailable"),
        ({"target": {"numQubits": 21}}, DEVICE, "TargetMismatch"),
        ({"limits": {"maxBatchJobs": 2}}, DEVICE, "BatchUnsupported"),
        ({}, Device("qpu", 20, None, None, ready=False, message="maintenance"), "DeviceOffline"),
    ],
)
def test_a_backend_is_as_its_device_is(spec: dict[str, Any], found: Device | AdapterError | None, reason: str) -> None:
    provider = {"agent": "agents", "device": "qpu"}
    backend = builders.backend("qpu", ready=None, **{"adapter": "ibm", "provider": provider, "price": {}, **spec})
    status = device_status(backend, found, "ibm", NOW, CAPABLE)
    assert (status.modes, status.sdk_version) == (("job", "batch"), "1.2.3")
    (condition,) = status.conditions
    assert (condition.reason, condition.status) == (reason, "True" if reason == "Ready" else "False")
    if found is DEVICE:
        assert (status.queue_length, status.calibration_time) == (7, "2026-01-01T00:00:00Z")


def test_a_backend_may_share_submissions_where_its_adapter_combines() -> None:
    """Where it does not, its status says which field is to be what."""
    provider, limits = {"agent": "agents", "device": "qpu"}, {"maxBatchJobs": 20}
    backend = builders.backend("qpu", ready=None, adapter="ibm", provider=provider, price={}, limits=limits)
    (alone,) = device_status(backend, DEVICE, "ibm", NOW, CAPABLE).conditions
    said = "spec.limits.maxBatchJobs is 20, and the adapter ibm submits every task by itself: set it to 1"
    assert alone.message == said
    (shared,) = device_status(backend, DEVICE, "ibm", NOW, replace(CAPABLE, combines=True)).conditions
    assert (shared.status, shared.reason) == ("True", "Ready")
