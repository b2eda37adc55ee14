"""Amazon Braket: one account in one region, quantum tasks outside of hybrid jobs.

The SDK's `AwsDevice.run` drops the client token that makes a submission idempotent. Its `AwsSession` asks again when it
is throttled, takes reservations and job tokens from the environment, and leaves botocore's retries on. So this adapter
makes its programs with the SDK, and its requests with the client beneath it, botocore's, which sends each of them once.
"""

from collections.abc import Mapping

from quantum_adapters.braket.adapter import BraketAdapter
from quantum_adapters.braket.settings import Settings
from quantum_operator.ports.adapter import Adapter


def connect(settings: Mapping[str, str]) -> Adapter:
    """The adapter of one account; asks nobody. The settings are those of `quantum_adapters.braket.settings`.

    Raises ValueError where a setting is missing, unknown or can't be read.
    """
    return BraketAdapter(Settings.read(settings))
