"""How the API server is reached: one configuration, for kopf and for the client that reads and writes."""

import os
from pathlib import Path

import httpx2
import kopf
from lightkube import KubeConfig
from lightkube.config.client_adapter import user_auth, verify_cluster
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError
from yaml import YAMLError

from quantum_operator.cluster.transport import AiohttpTransport

CONNECTIONS = 32
TIMEOUT_SECONDS = 20.0
KEEPALIVE_SECONDS = 300.0
"""A connection that is kept spares the next request, minutes later, the handshake."""


class ConnectionConfigError(Exception):
    """The kubeconfig, or the pod's service account, can't be used. The message says what to do."""


def load_config() -> SingleConfig:
    """The file that KUBECONFIG names, else the pod's service account, else ~/.kube/config.

    Raises ConnectionConfigError.
    """
    given = os.environ.get("KUBECONFIG")
    try:
        config = (KubeConfig.from_file(given) if given else KubeConfig.from_env()).get()
    except (ConfigError, YAMLError, OSError, KeyError, TypeError, AttributeError) as error:
        where = given or "the service account and ~/.kube/config"
        raise ConnectionConfigError(f"{where}: no way to the API server: {error}; give a kubeconfig") from error
    if config is None or config.user is None:
        raise ConnectionConfigError(f"{given}: the context has no user; give it one with a token or a certificate")
    if config.user.exec or config.user.auth_provider:
        raise ConnectionConfigError(f"{given}: users of exec and auth-provider are not supported; use a token")
    return config


def http_client(config: SingleConfig) -> httpx2.AsyncClient:
    """A client of the API server. A service account's token is read again when it is refused."""
    if config.user is None:
        raise ConnectionConfigError("the context has no user; give it one with a token or a certificate")
    return httpx2.AsyncClient(
        base_url=config.cluster.server,
        transport=AiohttpTransport(
            verify_cluster(config.cluster, config.user, config.abs_file),
            connections=CONNECTIONS,
            keepalive_seconds=KEEPALIVE_SECONDS,
        ),
        auth=user_auth(config.user),
        timeout=httpx2.Timeout(TIMEOUT_SECONDS),
        headers={"User-Agent": "quantum-operator"},
    )


def kopf_connection(config: SingleConfig) -> kopf.ConnectionInfo:
    """The same for kopf, which asks again when its credentials are refused."""
    cluster, user = config.cluster, config.user or User()
    return kopf.ConnectionInfo(
        server=cluster.server,
        ca_path=_file(config, cluster.certificate_auth),
        ca_data=None if cluster.certificate_auth else cluster.certificate_auth_data,
        insecure=cluster.insecure,
        username=user.username,
        password=user.password,
        token=Path(user.token_file).read_text(encoding="utf-8").strip() if user.token_file else user.token,
        certificate_path=None if user.client_cert_data else _file(config, user.client_cert),
        certificate_data=user.client_cert_data,
        private_key_path=None if user.client_key_data else _file(config, user.client_key),
        private_key_data=user.client_key_data,
        default_namespace=config.namespace,
        trust_env=True,
    )


def _file(config: SingleConfig, name: str | None) -> str | None:
    return str(config.abs_file(name)) if name else None
