"""The operator's settings, from environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass

from quantum_operator.cluster.manifest import RunSettings

PREFIX = "QUANTUM_OPERATOR_"
LOG_LEVELS = ("debug", "info", "warning", "error")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")

VARIABLES: Mapping[str, str] = {
    "RUNNER_IMAGE": "the image of runs; required",
    "RUNNER_PULL_POLICY": f"{', '.join(PULL_POLICIES)}; IfNotPresent unless given",
    "RUNNER_PULL_SECRETS": "Secrets, separated by commas, to pull the image with; in the jobs' namespaces",
    "RUNNER_PRIORITY_CLASS": "the PriorityClass of runs",
    "NAMESPACES": "the namespaces to watch, separated by commas; all unless given",
    "LIVENESS": "where health is served; http://0.0.0.0:8080/healthz unless given",
    "LEASE": "namespace/name of the Lease whose holder works, of several operators; none unless given: this one works",
    "LEASE_FILE": "a file that outlives the process and no more than its pod, to know a former holder of it by",
    "LOG_LEVEL": f"{', '.join(LOG_LEVELS)}; info unless given",
}
"""Every variable, without PREFIX, and what it is."""


class SettingsError(ValueError):
    """A variable is missing or has a value that it can't have."""


@dataclass(frozen=True)
class Settings:
    """How this operator works. `namespaces` is empty for all; `lease` is a namespace and a name, or None."""

    runs: RunSettings
    namespaces: tuple[str, ...] = ()
    liveness: str = "http://0.0.0.0:8080/healthz"
    log_level: str = "info"
    lease: tuple[str, str] | None = None
    lease_file: str = ""

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> "Settings":
        """The settings of an environment. Raises SettingsError."""

        def given(name: str, default: str = "", known: tuple[str, ...] = ()) -> str:
            value = environment.get(PREFIX + name, "").strip() or default
            if known and value not in known:
                raise SettingsError(f"{PREFIX}{name}: {value!r} is not one of {', '.join(known)}")
            return value

        image = given("RUNNER_IMAGE")
        if not image:
            raise SettingsError(f"{PREFIX}RUNNER_IMAGE is not set: give it the image of runs")
        liveness = given("LIVENESS", Settings.liveness)
        if not liveness.startswith("http://"):
            raise SettingsError(f"{PREFIX}LIVENESS: {liveness!r} is not an http:// address")
        runs = RunSettings(
            image=image,
            pull_policy=given("RUNNER_PULL_POLICY", "IfNotPresent", PULL_POLICIES),
            pull_secrets=_names(given("RUNNER_PULL_SECRETS")),
            priority_class=given("RUNNER_PRIORITY_CLASS"),
        )
        log_level = given("LOG_LEVEL", "info", LOG_LEVELS)
        lease = _lease(given("LEASE"))
        return Settings(runs, _names(given("NAMESPACES")), liveness, log_level, lease, given("LEASE_FILE"))


def _lease(text: str) -> tuple[str, str] | None:
    namespace, _, name = text.partition("/")
    if not text:
        return None
    if not namespace or not name or "/" in name:
        raise SettingsError(f"{PREFIX}LEASE: {text!r} is not namespace/name")
    return namespace, name


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
