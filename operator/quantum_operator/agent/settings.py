"""An agent's settings: environment variables, and the files of its account's ConfigMap and Secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PREFIX = "QUANTUM_AGENT_"
LOG_LEVELS = ("debug", "info", "warning", "error")

VARIABLES: Mapping[str, str] = {
    "NAMESPACE": "the agent's own namespace; required",
    "ADAPTER": "the provider's adapter, such as ibm or braket; required",
    "SETTINGS": "a folder with a file for each of the adapter's settings",
    "CREDENTIALS": "a folder with a file for each of its credentials; read anew when one changes",
    "LEASE": "namespace/name of the Lease whose holder works, of several agents of one account",
    "LEASE_FILE": "a file that outlives the process and no more than its pod, to know a former holder of it by",
    "COMPILER_SOCKET": "where the compiler's container listens; a child of the agent compiles unless given",
    "LIVENESS": "where health is served; http://0.0.0.0:8080/healthz unless given",
    "POLL_SECONDS": "how often a task is asked after at first; 5 unless given",
    "HEALTH_SECONDS": "how often the account's devices are asked after; 60 unless given",
    "LOG_LEVEL": f"{', '.join(LOG_LEVELS)}; info unless given",
}
"""Every variable, without PREFIX, and what it is."""

MOST_BYTES = 65_536


class AgentSettingsError(ValueError):
    """A variable is missing or has a value that it can't have."""


@dataclass(frozen=True)
class AgentSettings:
    """How this agent works."""

    namespace: str
    adapter: str
    settings: Path | None
    credentials: Path | None
    lease: tuple[str, str] | None
    lease_file: str
    compiler_socket: Path | None
    liveness: str
    poll_seconds: float
    health_seconds: float
    log_level: str

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> "AgentSettings":
        """The settings of an environment. Raises AgentSettingsError."""

        def given(name: str, default: str = "") -> str:
            return environment.get(PREFIX + name, "").strip() or default

        for name in ("NAMESPACE", "ADAPTER"):
            if not given(name):
                raise AgentSettingsError(f"{PREFIX}{name} is not set: give it {VARIABLES[name].partition(';')[0]}")
        level = given("LOG_LEVEL", "info")
        if level not in LOG_LEVELS:
            raise AgentSettingsError(f"{PREFIX}LOG_LEVEL: {level!r} is not one of {', '.join(LOG_LEVELS)}")
        return AgentSettings(
            namespace=given("NAMESPACE"),
            adapter=given("ADAPTER"),
            settings=Path(given("SETTINGS")) if given("SETTINGS") else None,
            credentials=Path(given("CREDENTIALS")) if given("CREDENTIALS") else None,
            lease=_lease(given("LEASE")),
            lease_file=given("LEASE_FILE"),
            compiler_socket=Path(given("COMPILER_SOCKET")) if given("COMPILER_SOCKET") else None,
            liveness=given("LIVENESS", "http://0.0.0.0:8080/healthz"),
            poll_seconds=_seconds("POLL_SECONDS", given("POLL_SECONDS", "5")),
            health_seconds=_seconds("HEALTH_SECONDS", given("HEALTH_SECONDS", "60")),
            log_level=level,
        )


def read_folder(folder: Path | None) -> dict[str, str]:
    """The files of a mounted ConfigMap or Secret: their names and texts. Raises AgentSettingsError."""
    if folder is None:
        return {}
    try:
        files = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
        return {one.name: one.read_bytes()[:MOST_BYTES].decode().strip() for one in files}
    except (OSError, UnicodeDecodeError) as error:
        raise AgentSettingsError(f"{folder} can't be read: {type(error).__name__}") from error


def _lease(text: str) -> tuple[str, str] | None:
    namespace, _, name = text.partition("/")
    if not text:
        return None
    if not namespace or not name or "/" in name:
        raise AgentSettingsError(f"{PREFIX}LEASE: {text!r} is not namespace/name")
    return namespace, name


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise AgentSettingsError(f"{PREFIX}{name}: {text!r} is not a number of seconds up to 86400")
    return seconds
