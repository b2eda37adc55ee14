"""Whether the API server takes jobs yet: a while after the definitions came it answers 503 to who would create one.

An admission policy that changes objects needs their schema, which the API server looks for every 5 seconds.
"""

import asyncio
import logging

from quantum_operator.api.meta import API_VERSION
from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.cluster.api import OURS, Api, Json, StatusError
from quantum_operator.ports.errors import TransientError

log = logging.getLogger(__name__)

AGAIN_SECONDS = 0.5
MOST_ASKED = 60
"""How often it is asked: jobs that are there already must not wait for those that can't be created."""

PROBE: Json = {"apiVersion": API_VERSION, "kind": "QuantumJob", "metadata": {"name": "would-be-taken"}, "spec": {}}
"""No valid job: whatever the API server has to say of it, it has come as far as looking at it."""


async def until_jobs_are_taken(api: Api, namespace: str, again_seconds: float = AGAIN_SECONDS) -> None:
    """Return once the API server has something other to say of a new job than that it can't look at it now."""
    path = f"{OURS}/namespaces/{namespace}/{QuantumJob.plural}"
    for asked in range(MOST_ASKED):
        try:
            await api.try_post(path, PROBE)
        except StatusError:
            return
        except TransientError as error:
            if asked == 0:
                log.info("waiting until the API server takes jobs: %s", error)
            await asyncio.sleep(again_seconds)
        else:
            return
    log.warning("the API server takes no job yet; what is there already is driven meanwhile")
