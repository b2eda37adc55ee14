"""How an account's devices are, as the statuses of their backends."""

from datetime import datetime

from quantum_operator.api.backend import QuantumBackend, QuantumBackendStatus
from quantum_operator.api.conditions import ConditionType
from quantum_operator.decide.status import set_condition
from quantum_operator.decide.times import stamp
from quantum_operator.ports.adapter import AdapterError, Capabilities, Device, ForbiddenError


def device_status(
    backend: QuantumBackend,
    found: Device | AdapterError | None,
    adapter: str,
    now: datetime,
    capabilities: Capabilities,
) -> QuantumBackendStatus:
    """The status of a backend, whose device was found, could not be asked after, or is none of the account's."""
    ready, reason, message = _word(backend, found, adapter, capabilities)
    conditions = set_condition(
        backend.status.conditions,
        ConditionType.READY,
        ready,
        reason,
        message,
        generation=backend.metadata.generation,
        now=now,
    )
    device = found if isinstance(found, Device) else None
    calibrated = device.calibrated if device is not None else None
    return QuantumBackendStatus(
        observed_generation=backend.metadata.generation,
        conditions=conditions,
        queue_length=device.queue_length if device is not None else None,
        calibration_time=stamp(calibrated) if calibrated is not None else None,
        modes=capabilities.modes,
        sdk_version=capabilities.sdk_version[:64] or None,
    )


def _word(
    backend: QuantumBackend, found: Device | AdapterError | None, adapter: str, capabilities: Capabilities
) -> tuple[bool, str, str]:
    spec = backend.spec
    name = spec.provider.device if spec.provider is not None else ""
    if spec.adapter != adapter:
        return False, "AdapterMismatch", f"spec.adapter is {spec.adapter}, and its agent's adapter is {adapter}"
    if isinstance(found, ForbiddenError):
        return False, "CredentialsRefused", str(found)
    if isinstance(found, AdapterError):
        return False, "ProviderUnavailable", str(found)
    if found is None:
        return False, "NoSuchDevice", f"the account has no device {name!r}"
    if spec.target.num_qubits > found.num_qubits:
        message = f"spec.target.numQubits is {spec.target.num_qubits}, and the device has {found.num_qubits}"
        return False, "TargetMismatch", message
    if spec.limits.max_batch_jobs > 1 and not capabilities.combines:
        message = (
            f"spec.limits.maxBatchJobs is {spec.limits.max_batch_jobs}, and the adapter {adapter} submits every task "
            "by itself: set it to 1"
        )
        return False, "BatchUnsupported", message
    if not found.ready:
        return False, "DeviceOffline", found.message or "the provider has it as not available"
    return True, "Ready", found.message or "the provider has it as available"
