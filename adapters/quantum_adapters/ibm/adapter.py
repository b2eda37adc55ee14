"""The adapter of one IBM Quantum instance."""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from functools import partial
from typing import Any, Literal, TypeVar

import qiskit_ibm_runtime
from qiskit_ibm_runtime.api.rest.runtime import Runtime

from quantum_adapters.ibm import circuits as sampler
from quantum_adapters.ibm.devices import Make, device_of, make_of
from quantum_adapters.ibm.sessions import IDLE_SECONDS, Sessions, usage_of
from quantum_adapters.ibm.settings import Settings
from quantum_adapters.ibm.tags import MAX_TAGS, labels
from quantum_adapters.ibm.wire import CONNECT_SECONDS, SUBMIT_FACTOR, OverError, session
from quantum_operator.ports.adapter import (
    NO_TAGS,
    Absent,
    AdapterError,
    AmbiguousError,
    Cancelled,
    Capabilities,
    Ceiling,
    Charged,
    Circuits,
    Closing,
    Device,
    Estimate,
    Fetched,
    Found,
    Lookup,
    LostError,
    MalformedError,
    Prepared,
    Progress,
    RejectedError,
    Session,
    Unknown,
)

Answer = TypeVar("Answer")
State = Literal["Queued", "Running", "Succeeded", "Failed", "Cancelled"]

MAX_CIRCUITS = 100
MAX_SECONDS = 3 * 60 * 60
"""IBM's own limit on a job's time: https://quantum.cloud.ibm.com/docs/guides/max-execution-time"""
CIRCUIT_SECONDS, SHOT_SECONDS = 2.0, 0.000_35
"""IBM's rule of thumb for usage: https://quantum.cloud.ibm.com/docs/guides/estimate-job-run-time"""
MAKE_SECONDS = 600
PAGE = 200
PAGES = 20
RAN_TOO_LONG = 1305
STATES: dict[str, State] = {
    "QUEUED": "Queued",
    "RUNNING": "Running",
    "COMPLETED": "Succeeded",
    "FAILED": "Failed",
    "CANCELLED": "Cancelled",
    "CANCELLED - RAN TOO LONG": "Failed",
}


class IbmAdapter:
    """One instance of IBM Quantum. Its token is a job's tag."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runtime = Runtime(session(settings))
        self._sessions = Sessions(self._runtime, self._asked, settings.instance)
        self._makes: dict[str, tuple[float, Make]] = {}

    def capabilities(self) -> Capabilities:
        """What can be promised."""
        return Capabilities(
            provider="IBM Quantum",
            token="tag",  # noqa: S106  # not a secret
            visibility_seconds=self._settings.visibility_seconds,
            enforces_ceiling=True,
            max_circuits=MAX_CIRCUITS,
            submissions_per_minute=self._settings.submissions_per_minute,
            submit_seconds=math.ceil(2 * (CONNECT_SECONDS + SUBMIT_FACTOR * self._settings.timeout_seconds)),
            modes=self._settings.modes,
            idle_seconds=IDLE_SECONDS,
            sdk_version=qiskit_ibm_runtime.__version__,
            combines=True,
        )

    def devices(self, names: Sequence[str]) -> tuple[Device, ...]:
        """Their state as it is now; the rest of up to ten minutes ago."""
        return tuple(device for name in names if (device := self._device(name)) is not None)

    def prepare(self, circuits: Circuits) -> Prepared:
        """The parameters of a job of the sampler primitive."""
        return Prepared(circuits.device.name, sampler.payload_of(circuits, MAX_CIRCUITS), circuits.shots)

    def combine(self, parts: Sequence[Prepared]) -> Prepared:
        """One job of the sampler primitive with the circuits of all of them."""
        if len({part.device for part in parts}) != 1:
            raise RejectedError("what is submitted together is for one device")
        shots = tuple(one for part in parts for one in part.shots)
        return Prepared(parts[0].device, sampler.combined(parts, MAX_CIRCUITS), shots)

    def estimate(self, prepared: Prepared) -> Estimate:
        """IBM's rule of thumb, for IBM itself estimates only what was submitted; the bound is the ceiling."""
        seconds = math.ceil(sum(CIRCUIT_SECONDS + SHOT_SECONDS * shots for shots in prepared.shots))
        return Estimate(self._price(seconds), self._settings.currency, seconds)

    def submit(
        self, prepared: Prepared, token: str, ceiling: Ceiling, *, tags: Mapping[str, str] = NO_TAGS, session: str = ""
    ) -> str:
        """One request, with the token as the job's first tag and the ceiling as its longest execution time."""
        seconds, params = self._seconds(ceiling), sampler.params_of(prepared)
        answer = self._asked(
            lambda: self._runtime.program_run(
                program_id="sampler",
                backend_name=prepared.device,
                params=params,
                log_level="WARNING",
                session_id=session or None,
                job_tags=[token, *labels(tags, MAX_TAGS - 1)],
                max_execution_time=seconds,
            ),
            AmbiguousError,
        )
        task = answer.get("id") if isinstance(answer, dict) else None
        if not isinstance(task, str) or not _is_id(task):
            raise AmbiguousError("IBM Quantum answers a submission without a job's id")
        return task

    def find(self, token: str) -> Lookup:
        """The jobs that have the token as a tag."""
        try:
            jobs = self._tagged(token)
        except AdapterError as error:
            return Unknown(str(error))
        return Found(tuple(jobs)) if jobs else Absent()

    def poll(self, task: str) -> Progress:
        """The job's state, and what one without results was charged. One that was stopped at its ceiling failed."""
        job = self._job(task)
        state, message = _standing(job)
        if state not in ("Failed", "Cancelled"):
            return Progress(state, message)
        if state == "Failed":
            message = message or "IBM Quantum gives no reason"
        try:
            seconds, pending = self._usage(task)
        except MalformedError:  # the job is over whatever its metrics are: what it cost stays unknown
            return Progress(state, message)
        charged = None if seconds is None else self._charge(seconds)
        return Progress(state, message, charged=charged, charge_pending=pending)

    def fetch(self, task: str) -> Fetched:
        """The counts, and the seconds that the instance was charged for, as far as they are known yet."""
        state, _ = _standing(self._job(task))
        if state != "Succeeded":
            raise RejectedError(f"job {task} has no result: it is {state}")
        result = self._asked(self._runtime.program_job(task).results, MalformedError)
        counts = sampler.counts_of(result)
        charged, _ = self._usage(task)
        return Fetched(
            circuits=counts,
            cost_micros=None if charged is None else self._price(charged),
            currency=self._settings.currency,
            seconds=None if charged is None else math.ceil(charged),
            versions={"qiskit-ibm-runtime": qiskit_ibm_runtime.__version__},
        )

    def cancel(self, task: str) -> Cancelled:
        """Confirmed where the job is cancelled right after; a running one may take its time."""
        try:
            self._asked(self._runtime.program_job(_id(task)).cancel, AmbiguousError)
        except OverError:
            return Cancelled(confirmed=False, message="the job is over")
        try:
            state, _ = _standing(self._job(task))
        except AdapterError as error:
            return Cancelled(confirmed=False, message=str(error))
        return Cancelled(confirmed=state == "Cancelled", message=f"the job is {state}")

    def open_session(self, wanted: Session) -> str:
        """One request. The session's longest time is what the ceiling buys."""
        opened = self._sessions.open(wanted.device, wanted.mode, self._seconds(wanted.ceiling))
        if not isinstance(opened, str) or not _is_id(opened):
            raise AmbiguousError("IBM Quantum answers the opening of a session without its id")
        return opened

    def find_sessions(self, wanted: Session, since: datetime) -> Lookup:
        """Those that are as wanted, which may be anybody's of this API key who asks for the very same; and empty."""
        try:
            found = self._sessions.empty(wanted.device, wanted.mode, self._seconds(wanted.ceiling), since)
        except AdapterError as error:
            return Unknown(str(error))
        return Found(tuple(found)) if found else Absent()

    def close_session(self, session: str, *, at_once: bool) -> Closing:
        """Two requests: that it closes, and how it stands then. It costs the seconds that IBM reports of it."""
        details = self._sessions.close(session, at_once=at_once) if _is_id(session) else None
        if details is None:
            return Closing(closed=True)
        if details["state"] != "closed":
            return Closing(closed=False)
        seconds = usage_of(details)
        if seconds is None:
            return Closing(closed=True, charge_pending=True)
        return Closing(closed=True, charged=self._charge(seconds))

    def _charge(self, seconds: float) -> Charged:
        return Charged(self._price(seconds), self._settings.currency, math.ceil(seconds))

    def _device(self, name: str) -> Device | None:
        """The device of this name; None where the instance has none."""
        if not _is_id(name):
            return None
        backend = self._runtime.backend(name)
        try:
            status = self._asked(backend.status, MalformedError)
            known_until, make = self._makes.get(name, (0.0, None))
            if make is None or time.monotonic() >= known_until:
                configuration = self._asked(backend.configuration, MalformedError)
                make = make_of(configuration, self._asked(backend.properties, MalformedError) or {})
                self._makes[name] = (time.monotonic() + MAKE_SECONDS, make)
        except LostError:
            return None
        return device_of(name, make, status)

    def _tagged(self, token: str) -> list[str]:
        """The ids of all jobs with this tag, oldest first."""
        found: dict[str, str] = {}
        for page in range(PAGES):
            ask = partial(self._runtime.jobs_get, limit=PAGE, skip=page * PAGE, job_tags=[token], descending=False)
            answer = self._asked(ask, MalformedError)
            try:
                jobs = [(job["id"], str(job.get("created", "")), job["tags"]) for job in answer["jobs"]]
            except (KeyError, TypeError, AttributeError):
                raise MalformedError("IBM Quantum's list of jobs can't be read") from None
            if not all(isinstance(task, str) and _is_id(task) and token in tags for task, _, tags in jobs):
                raise MalformedError("IBM Quantum lists jobs without the tag that was asked for")
            found.update({task: created for task, created, _ in jobs})
            if len(jobs) < PAGE:
                return sorted(found, key=lambda task: found[task])
        raise MalformedError(f"IBM Quantum lists more than {PAGE * PAGES} jobs of one tag")

    def _job(self, task: str) -> dict[str, Any]:
        job = self._asked(lambda: self._runtime.program_job(_id(task)).get(exclude_params=True), MalformedError)
        if not isinstance(job, dict):
            raise MalformedError(f"IBM Quantum's answer on job {task} can't be read")
        return job

    def _usage(self, task: str) -> tuple[float | None, bool]:
        """The seconds that the instance was charged for a job, where they are known; whether they will be."""
        return _charged(self._asked(self._runtime.program_job(task).metadata, MalformedError))

    def _seconds(self, ceiling: Ceiling) -> int:
        """The longest time that a job may take under a ceiling. Raises RejectedError where that is none."""
        seconds = min(ceiling.seconds, MAX_SECONDS)
        price = self._settings.price_micros_per_second
        if price is not None:
            if ceiling.currency != self._settings.currency:
                raise RejectedError(f"a ceiling in {ceiling.currency}; the price is in {self._settings.currency}")
            seconds = min(seconds, ceiling.cost_micros // price)
        if seconds < 1:
            raise RejectedError("the ceiling leaves less than a second, and IBM Quantum takes none below that")
        return seconds

    def _price(self, seconds: float) -> int | None:
        price = self._settings.price_micros_per_second
        if price is None:
            return None
        return int((Decimal(str(seconds)) * price).to_integral_value(ROUND_CEILING))

    def _asked(self, ask: Callable[[], Answer], unreadable: type[AdapterError]) -> Answer:
        """What the provider answers; `unreadable` where the SDK makes nothing of the answer."""
        try:
            return ask()
        except AdapterError:
            raise
        except Exception as error:  # noqa: BLE001  # the SDK raises whatever it meets in an answer
            raise unreadable(f"IBM Quantum's answer can't be read: {type(error).__name__}") from None


def _standing(job: dict[str, Any]) -> tuple[State, str]:
    """The state of a job's document, and the reason that it gives."""
    try:
        told = job["state"]
        state = STATES[str(told["status"]).upper()]
        reason, code = told.get("reason"), told.get("reasonCode") or told.get("reason_code")
    except (KeyError, TypeError, AttributeError):
        raise MalformedError("IBM Quantum tells a state of a job that is not documented") from None
    if state == "Cancelled" and str(code) == str(RAN_TOO_LONG):
        state = "Failed"
    message = str(reason or "")[:500]
    return state, f"{message} (code {code})" if message and code else message


def _charged(metrics: Any) -> tuple[float | None, bool]:
    """The seconds of a job's metrics, None where they are not final; and whether they are still to come."""
    try:
        usage = metrics["usage"]
        if usage.get("status", "") == "pending":
            return None, True
        seconds = usage.get("qpu_charge_time_seconds", usage.get("quantum_seconds"))
        return None if seconds is None else float(seconds), False
    except (KeyError, TypeError, ValueError, AttributeError):
        raise MalformedError("IBM Quantum's metrics of a job can't be read") from None


def _is_id(text: str) -> bool:
    """Whether a name can stand in a path for itself."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", text) is not None


def _id(task: str) -> str:
    if not _is_id(task):
        raise LostError(f"{task[:130]!r} is no id of a job")
    return task
