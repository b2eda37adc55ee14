"""Requests to AWS: one each, and every failure told by its class of the adapters' contract."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any, TypeVar

import botocore.config
import botocore.session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from quantum_adapters.braket.settings import Settings
from quantum_operator.ports.adapter import (
    AdapterError,
    AmbiguousError,
    ForbiddenError,
    LostError,
    MalformedError,
    RejectedError,
    SaturatedError,
    UnavailableError,
)

Answer = TypeVar("Answer")

CONNECT_SECONDS = 10.0
MOST_BYTES = 512 * 1024 * 1024
FORBIDDEN = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
SATURATED = {"RequestLimitExceeded", "ServiceQuotaExceededException", "SlowDown", "Throttling", "ThrottlingException"}
NO_IDENTITY = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError)
NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
UNREAD = {408, 425, 499}
"""Statuses of a request that may not have been read to its end, though the class of a refusal."""


class OverError(RejectedError):
    """The task is over: there is nothing to cancel."""


class Wire:
    """The clients of an account. Nothing but the settings says where they go; the environment may give an identity."""

    def __init__(self, settings: Settings) -> None:
        self._session = botocore.session.Session()
        if settings.access_key_id is not None:
            self._session.set_credentials(settings.access_key_id, settings.secret_access_key, settings.session_token)
        config = botocore.config.Config(
            connect_timeout=min(CONNECT_SECONDS, settings.timeout_seconds),
            read_timeout=settings.timeout_seconds,
            retries={"total_max_attempts": 1, "mode": "standard"},
            ignore_configured_endpoint_urls=True,
        )
        make = partial(self._session.create_client, region_name=settings.region, config=config)
        self._braket = make("braket", endpoint_url=settings.endpoint_url)
        self._make_s3 = partial(make, "s3", endpoint_url=settings.s3_endpoint_url)

    @cached_property
    def _s3(self) -> Any:
        """A client that takes long to make, and that only results need."""
        return self._make_s3()

    def ask(self, operation: str, parameters: Mapping[str, Any], *, changes: bool = False) -> dict[str, Any]:
        """Braket's answer to one request; `changes` where it is more than a question."""
        method = getattr(self._braket, operation)
        answer: dict[str, Any] = self._asked(operation, changes, lambda: method(**parameters))
        return answer

    def get(self, bucket: str, key: str) -> bytes:
        """An object of S3. Raises MalformedError where there is none: Braket told of it."""

        def got() -> bytes:
            body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read(MOST_BYTES + 1)
            return body

        try:
            body = self._asked("get_object", False, got)
        except LostError as error:
            raise MalformedError(str(error)) from None
        if len(body) > MOST_BYTES:
            raise MalformedError(f"a result of more than {MOST_BYTES} bytes in bucket {bucket}")
        return body

    def _asked(self, what: str, changes: bool, send: Callable[[], Answer]) -> Answer:
        unknown = AmbiguousError if changes else UnavailableError
        try:
            return send()
        except ClientError as error:
            raise self._refused(what, changes, error.response) from None
        except NO_IDENTITY as error:
            raise ForbiddenError(f"there are no AWS credentials for {what}: {type(error).__name__}") from None
        except ParamValidationError:
            raise RejectedError(f"{what} would not be a valid request") from None
        except NEVER_SENT as error:
            raise UnavailableError(f"AWS can't be reached for {what}: {type(error).__name__}") from None
        except ResponseParserError:
            raise self._unreadable(what, changes) from None
        except BotoCoreError as error:
            raise unknown(f"AWS does not answer {what}: {type(error).__name__}") from None
        except Exception:  # noqa: BLE001  # botocore raises whatever it meets in an answer
            raise self._unreadable(what, changes) from None

    @staticmethod
    def _unreadable(what: str, changes: bool) -> AdapterError:
        text = f"AWS's answer to {what} can't be read"
        return AmbiguousError(text) if changes else MalformedError(text)

    def _refused(self, what: str, changes: bool, response: dict[str, Any]) -> AdapterError:
        """The error of an answer that is not a good one."""
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = str(response.get("Error", {}).get("Code", ""))
        text = f"AWS answers {status} to {what}{self._said(response)}"
        if code in FORBIDDEN or status in {401, 403}:
            return ForbiddenError(text)
        if code in SATURATED or status == 429:
            return SaturatedError(text)
        if code == "DeviceOfflineException":
            return UnavailableError(text)
        if code == "ConflictException" and what == "cancel_quantum_task":
            return OverError(text)
        if status == 404 and what not in {"create_quantum_task", "search_quantum_tasks"}:
            return LostError(text)
        if 400 <= status < 500 and status not in UNREAD:
            return RejectedError(text)
        return AmbiguousError(text) if changes else UnavailableError(text)

    def _said(self, response: dict[str, Any]) -> str:
        """AWS's code and message, without credentials or control characters."""
        told = response.get("Error", {})
        texts = [str(told.get("Code") or ""), str(told.get("Message") or response.get("message") or "")]
        said = ", ".join(
            "".join(c if c.isprintable() else " " for c in self._hide(text))[:500] for text in texts if text
        )
        return f": {said}" if said else ""

    def _hide(self, text: str) -> str:
        try:
            used = self._session.get_credentials().get_frozen_credentials()
        except (BotoCoreError, AttributeError):
            return "***"
        for secret in (used.secret_key, used.token, used.access_key):
            text = text.replace(secret, "***") if secret else text
        return text
