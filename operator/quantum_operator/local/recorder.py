"""Events: kept in a file of the job's folder, and shown as they happen."""

import json
import logging
from collections.abc import Callable

from quantum_operator.api.policy import BackendPolicy
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.decide.observed import Tell
from quantum_operator.decide.times import stamp
from quantum_operator.local.files import append_line
from quantum_operator.local.layout import ResultsFolder
from quantum_operator.ports.world import Clock, Key

log = logging.getLogger(__name__)

Listener = Callable[[Key, Tell], None]


class LocalRecorder:
    """Writes `events.jsonl`; implements the port `Recorder`."""

    def __init__(self, folder: ResultsFolder, clock: Clock, listener: Listener) -> None:
        """Record events in the jobs' folders under `folder`, and hand each to `listener`."""
        self._folder = folder
        self._clock = clock
        self._listener = listener

    async def tell(self, about: QuantumJob | BackendPolicy, event: Tell) -> None:
        """Record an event on the job; one on a policy is only shown, for policies have no folder."""
        key = Key(about.metadata.namespace, about.metadata.name)
        if isinstance(about, QuantumJob):
            self._keep(key, about, event)
        self._listener(key, event)

    def _keep(self, key: Key, job: QuantumJob, event: Tell) -> None:
        entry = {
            "time": stamp(self._clock.now()),
            "type": event.type,
            "reason": event.reason,
            "message": event.message,
        }
        if job.spec.correlation_id is not None:
            entry["correlationId"] = job.spec.correlation_id
        try:
            append_line(self._folder.job(key).events, json.dumps(entry, ensure_ascii=False))
        except OSError as error:
            log.warning("event %s of job %s/%s can't be kept: %s", event.reason, key.namespace, key.name, error)
