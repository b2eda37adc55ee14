"""The settings of an account.

| setting | |
|---|---|
| `region` | where the devices are, such as `us-east-1`; needed |
| `bucket` | the S3 bucket that results go to; needed |
| `prefix` | of the results' keys; `quantum-operator` when absent |
| `accessKeyId`, `secretAccessKey` | of the account; when both are absent, the identity that AWS gives to the pod |
| `sessionToken` | beside them, where they are temporary |
| `endpointUrl`, `s3EndpointUrl` | of Braket and of S3, where they are not AWS's own |
| `priceMicrosPerTask`, `priceMicrosPerShot` | of every QPU, in millionths; no cost is known without both |
| `priceMicrosPerTask.NAME`, `priceMicrosPerShot.NAME` | of one device: NAME is the last part of its ARN |
| `currency` | of the prices; `USD` when absent |
| `maxCircuits` | in one task; 1 when absent; several make a program set, which only QPUs take |
| `timeoutSeconds` | how long an answer may take; 60 when absent |
| `visibilitySeconds` | how long after its submission a task may take to be found; 60 when absent |

The account needs the rights to CreateQuantumTask, TagResource, GetQuantumTask, CancelQuantumTask, SearchQuantumTasks
and GetDevice of Braket, and to PutObject and GetObject of S3 below the prefix.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

PRICES = ("priceMicrosPerTask", "priceMicrosPerShot")
KNOWN = (
    "region",
    "bucket",
    "prefix",
    "accessKeyId",
    "secretAccessKey",
    "sessionToken",
    "endpointUrl",
    "s3EndpointUrl",
    *PRICES,
    "currency",
    "maxCircuits",
    "timeoutSeconds",
    "visibilitySeconds",
)
MAX_EXECUTABLES = 100


@dataclass(frozen=True)
class Settings:
    """The settings, read. No credential is in the representation."""

    region: str
    bucket: str
    prefix: str
    access_key_id: str | None = field(repr=False)
    secret_access_key: str | None = field(repr=False)
    session_token: str | None = field(repr=False)
    endpoint_url: str | None
    s3_endpoint_url: str | None
    prices: Mapping[str, int]
    """By their settings' names."""
    currency: str
    max_circuits: int
    timeout_seconds: float
    visibility_seconds: int

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Settings":
        """The settings of a mapping such as a Secret's. Raises ValueError, which tells names and no values."""
        unknown = sorted(name for name in given if name not in KNOWN and not _is_price(name))
        if unknown:
            raise ValueError(f"unknown settings {', '.join(unknown)}; known are {', '.join(KNOWN)}")
        missing = [name for name in ("region", "bucket") if not given.get(name)]
        if missing:
            raise ValueError(f"settings are missing: {', '.join(missing)}")
        if re.fullmatch(r"[a-z0-9-]+", given["region"]) is None:
            raise ValueError("region must be the name of an AWS region, such as us-east-1")
        if bool(given.get("accessKeyId")) != bool(given.get("secretAccessKey")):
            raise ValueError("accessKeyId and secretAccessKey come together or not at all")
        if given.get("sessionToken") and not given.get("accessKeyId"):
            raise ValueError("sessionToken needs accessKeyId and secretAccessKey")
        return cls(
            region=given["region"],
            bucket=given["bucket"],
            prefix=given.get("prefix", "quantum-operator").strip("/") or "quantum-operator",
            access_key_id=given.get("accessKeyId") or None,
            secret_access_key=given.get("secretAccessKey") or None,
            session_token=given.get("sessionToken") or None,
            endpoint_url=given.get("endpointUrl") or None,
            s3_endpoint_url=given.get("s3EndpointUrl") or None,
            prices={name: _whole(name, text, 0, 10**12) for name, text in given.items() if _is_price(name)},
            currency=given.get("currency", "USD"),
            max_circuits=_whole("maxCircuits", given.get("maxCircuits", "1"), 1, MAX_EXECUTABLES),
            timeout_seconds=_positive("timeoutSeconds", given.get("timeoutSeconds", "60")),
            visibility_seconds=_whole("visibilitySeconds", given.get("visibilitySeconds", "60"), 0, 10**6),
        )

    def price(self, device: str, shots: int) -> int | None:
        """What a task of so many shots on a device, given by its ARN, costs; None where that is not known.

        AWS bills its simulators by their time, so that a price for every QPU says nothing of them.
        """
        name = device.rsplit("/", 1)[-1]
        everywhere = self.prices if "device/qpu/" in device else {}
        task, shot = (self.prices.get(f"{price}.{name}", everywhere.get(price)) for price in PRICES)
        return None if task is None or shot is None else task + shot * shots


def _is_price(name: str) -> bool:
    return name.split(".", 1)[0] in PRICES


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _positive(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise ValueError(f"{name} must be a number above 0")
    return number
