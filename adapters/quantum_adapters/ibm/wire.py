"""Requests to IBM Quantum: one each, and every failure told by its class of the adapters' contract."""

import re
import threading
import time
from collections.abc import Callable, Mapping

import requests
from ibm_cloud_sdk_core import ApiException, IAMTokenManager
from qiskit_ibm_runtime.api.session import RetrySession
from qiskit_ibm_runtime.api.utils import default_runtime_url_resolver
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

from quantum_adapters.ibm.settings import PLATFORM_URL, Settings
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

CONNECT_SECONDS = 10.0
SUBMIT_FACTOR = 5
UNREAD = {408, 425, 499}
"""Statuses of a request that may not have been read to its end, though the class of a refusal."""


class OverError(RejectedError):
    """The job is over: there is nothing to cancel."""


def session(settings: Settings) -> RetrySession:
    """The SDK's session of an instance, which sends each request once."""
    base = settings.url or default_runtime_url_resolver(
        PLATFORM_URL, settings.instance, private_endpoint=False, channel=settings.channel
    )
    access = Access(settings)
    made = RetrySession(base_url=base.rstrip("/"), retries_total=0, retries_connect=0, auth=access)
    wire = Wire(settings.timeout_seconds, access)
    made.mount("https://", wire)
    made.mount("http://", wire)
    return made


class Access:
    """Access tokens for an API key, each used until most of its time is over.

    The SDK's own, when it gets none, sends the API key itself to the API and goes on.
    """

    def __init__(self, settings: Settings) -> None:
        self._manager = IAMTokenManager(settings.token, url=settings.iam_url.rstrip("/"))
        self._manager.http_config = {"timeout": (CONNECT_SECONDS, settings.timeout_seconds), "allow_redirects": False}
        self._key, self._instance = settings.token, settings.instance
        self._lock = threading.Lock()
        self._token, self._expires = "", 0.0

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """The request with its authorization. Raises an AdapterError where there is none: nothing was sent then."""
        with self._lock:
            if time.monotonic() >= self._expires:
                self._renew()
            request.headers["Authorization"] = f"Bearer {self._token}"
        request.headers["Service-CRN"] = self._instance
        return request

    def forget(self) -> None:
        """Get a new token before the next request."""
        self._expires = 0.0

    def hide(self, text: str) -> str:
        """The text without credentials."""
        for secret in (self._key, self._token):
            text = text.replace(secret, "***") if secret else text
        return text

    def _renew(self) -> None:
        asked = time.monotonic()
        try:
            answer = self._manager.request_token()
            self._token, lasts = str(answer["access_token"]), float(answer.get("expires_in", 3600))
        except ApiException as error:
            status = error.status_code or 0
            if status == 429:
                raise SaturatedError("IBM Cloud's IAM asks for patience with access tokens") from None
            if 400 <= status < 500:
                raise ForbiddenError(f"IBM Cloud's IAM answers {status}: it gives no token for this API key") from None
            raise UnavailableError(f"IBM Cloud's IAM answers {status}") from None
        except requests.RequestException as error:
            raise UnavailableError(f"IBM Cloud's IAM does not answer: {type(error).__name__}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UnavailableError("IBM Cloud's IAM answers what is no access token") from None
        self._expires = asked + 0.8 * lasts


class Wire(HTTPAdapter):
    """Sends a request once, and raises the error of the contract for whatever is not a good answer."""

    def __init__(self, timeout: float, access: Access) -> None:
        super().__init__(max_retries=0)
        self._seconds, self._access = timeout, access

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: object = None,  # noqa: ARG002  # the SDK waits 15 minutes for a submission, and for other answers forever
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer, read to its end."""
        doing = _Doing(request.method or "", request.url or "")
        seconds = self._seconds * (SUBMIT_FACTOR if doing.path.endswith("/jobs") and doing.creates else 1)
        try:
            response = super().send(
                request, stream, (min(CONNECT_SECONDS, seconds), seconds), verify, cert, dict(proxies or {})
            )
            response.content  # noqa: B018  # reads it, while what breaks off can still be told
        except requests.RequestException as error:
            raise doing.unanswered(error) from None
        if not 200 <= response.status_code < 300:
            if response.status_code == 401:
                self._access.forget()
            raise doing.refused(response, self._access.hide)
        return response


class _Doing:
    """What a request asks for: that a job or session is created or comes to its end, or an answer."""

    def __init__(self, method: str, url: str) -> None:
        self.path = url.split("?", 1)[0]
        self.creates = method == "POST" and self.path.endswith(("/jobs", "/sessions"))
        self.ends = method in {"PATCH", "DELETE"} or (method == "POST" and self.path.endswith("/cancel"))
        self.named = re.search(r"/(jobs|backends|sessions)/[^/]+(/[a-z]+)?$", self.path) is not None
        self.name = f"{method} {'/'.join(self.path.split('/')[3:])}"

    def unanswered(self, error: Exception) -> AdapterError:
        """The error of a request without an answer."""
        what = f"{self.name}: {type(error).__name__}"
        if _never_sent(error):
            return UnavailableError(f"IBM Quantum can't be reached for {what}")
        return self._unknown(f"IBM Quantum does not answer {what}")

    def refused(self, response: Response, hide: Callable[[str], str]) -> AdapterError:
        """The error of an answer that is not a good one."""
        status = response.status_code
        what = f"IBM Quantum answers {status} to {self.name}{_said(response, hide)}"
        if status in {401, 403}:
            return ForbiddenError(what)
        if status == 429:
            return SaturatedError(what, retry_after=_retry_after(response))
        if self.creates and status in {402, 409}:
            return ForbiddenError(what)  # the instance's time is used up
        if self.ends and status == 409:
            return OverError(what)
        if status == 404 and self.named:
            return LostError(what)
        if 400 <= status < 500 and status not in UNREAD:
            return RejectedError(what)
        if 300 <= status < 400 and not (self.creates or self.ends):
            return MalformedError(what)
        return self._unknown(what)

    def _unknown(self, what: str) -> AdapterError:
        return AmbiguousError(what) if self.creates or self.ends else UnavailableError(what)


def _never_sent(error: Exception) -> bool:
    """Whether no connection came about, so that nothing can have been done."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _retry_after(response: Response) -> float | None:
    """The seconds of a Retry-After header; None where there is none, or it is a date."""
    try:
        seconds = float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
    return seconds if 0 <= seconds < 1e9 else None


def _said(response: Response, hide: Callable[[str], str]) -> str:
    """The messages of IBM's error document, without credentials or control characters; empty where there is none."""
    try:
        texts = [f"{one.get('message', '')} (code {one.get('code', '?')})" for one in response.json()["errors"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    said = "; ".join("".join(c if c.isprintable() else " " for c in hide(text))[:500] for text in texts[:3])
    return f": {said}" if said else ""
