"""The settings of an instance.

| setting | |
|---|---|
| `token` | the API key; needed |
| `instance` | the instance's cloud resource name (CRN); needed |
| `channel` | `ibm_quantum_platform`, which is meant when absent, or `ibm_cloud` |
| `url` | the API's base, such as `https://quantum.cloud.ibm.com/api/v1`; else that of the instance's region |
| `iamUrl` | where the API key is exchanged for an access token; `https://iam.cloud.ibm.com` when absent |
| `priceMicrosPerSecond` | the price of a second on the quantum computer, in millionths; when absent, no cost is known |
| `currency` | of the price; `USD` when absent |
| `timeoutSeconds` | how long an answer may take; 60 when absent, and five times as long for submissions |
| `modes` | of execution that the plan has, such as `job,batch`: the open plan has no `session`; all when absent |
| `visibilitySeconds` | how long after its submission a job may take to be found by its tag; 60 when absent |
| `submissionsPerMinute` | how many jobs the account may submit in a minute; 5 when absent, IBM's limit for each user |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quantum_operator.ports.adapter import Mode

PLATFORM_URL = "https://cloud.ibm.com"
CHANNELS = ("ibm_quantum_platform", "ibm_cloud")
KNOWN = (
    "token",
    "instance",
    "channel",
    "url",
    "iamUrl",
    "priceMicrosPerSecond",
    "currency",
    "timeoutSeconds",
    "modes",
    "visibilitySeconds",
    "submissionsPerMinute",
)
MODES: tuple[Mode, ...] = ("job", "batch", "session")


@dataclass(frozen=True)
class Settings:
    """The settings, read. The API key is not in the representation."""

    token: str = field(repr=False)
    instance: str
    channel: str
    url: str | None
    iam_url: str
    price_micros_per_second: int | None
    currency: str
    timeout_seconds: float
    visibility_seconds: int
    submissions_per_minute: int
    modes: tuple[Mode, ...]

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Settings":
        """The settings of a mapping such as a Secret's. Raises ValueError, which tells names and no values."""
        unknown = sorted(set(given) - set(KNOWN))
        if unknown:
            raise ValueError(f"unknown settings {', '.join(unknown)}; known are {', '.join(KNOWN)}")
        missing = [name for name in ("token", "instance") if not given.get(name)]
        if missing:
            raise ValueError(f"settings are missing: {', '.join(missing)}")
        if not given["instance"].startswith("crn:"):
            raise ValueError("instance must be the cloud resource name, which begins with crn:")
        channel = given.get("channel", CHANNELS[0])
        if channel not in CHANNELS:
            raise ValueError(f"channel must be one of {', '.join(CHANNELS)}")
        price = given.get("priceMicrosPerSecond")
        return cls(
            token=given["token"],
            instance=given["instance"],
            channel=channel,
            url=given.get("url"),
            iam_url=given.get("iamUrl", "https://iam.cloud.ibm.com"),
            price_micros_per_second=None if price is None else int(_positive("priceMicrosPerSecond", price)),
            currency=given.get("currency", "USD"),
            timeout_seconds=_positive("timeoutSeconds", given.get("timeoutSeconds", "60")),
            visibility_seconds=int(_positive("visibilitySeconds", given.get("visibilitySeconds", "60"))),
            submissions_per_minute=max(
                1, int(_positive("submissionsPerMinute", given.get("submissionsPerMinute", "5")))
            ),
            modes=_modes(given.get("modes", ",".join(MODES))),
        )


def _modes(text: str) -> tuple[Mode, ...]:
    given = {one.strip() for one in text.split(",")}
    if "job" not in given or not given <= set(MODES):
        raise ValueError(f"modes must be job, and may be others of {', '.join(MODES)}, with commas between them")
    return tuple(mode for mode in MODES if mode in given)


def _positive(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e12:
        raise ValueError(f"{name} must be a number above 0")
    return number
