"""IBM Quantum by qiskit-ibm-runtime: one instance, jobs of the sampler primitive, alone or in sessions and batches.

The SDK's `QiskitRuntimeService` sends a job up to six times when an answer is lost, each of which may become a job that
costs money, asks several questions before each submission, and has no switch for either. So this adapter drives the
layer beneath it, the SDK's own REST client and encodings, whose session it sets up: one request a call, no redirects.
"""

from collections.abc import Mapping

from quantum_adapters.ibm.adapter import IbmAdapter
from quantum_adapters.ibm.settings import Settings
from quantum_operator.ports.adapter import Adapter


def connect(settings: Mapping[str, str]) -> Adapter:
    """The adapter of one instance; asks nobody. The settings are those of `quantum_adapters.ibm.settings`.

    Raises ValueError where a setting is missing, unknown or can't be read.
    """
    return IbmAdapter(Settings.read(settings))
