"""Keys in a cloud's secret manager, by its HTTP interface; the secret is JSON as in a file of keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from tutti.adapters.secrets.port import keys_in
from tutti.kernel.clock import LiveClock, iso
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

    from tutti.kernel.clock import Clock

_PATIENCE_S = 10.0


class CloudKeys:
    """Keys in one secret of a cloud.

    Parameters
    ----------
    kind : str
        ``aws``, ``gcp``, ``azure`` or ``vault``.
    name : str
        Of the secret: an id or ARN; ``projects/P/secrets/S``; ``VAULT/SECRET``; ``MOUNT/PATH`` of
        HashiCorp's key-value store, version 2.
    environment : mapping of str to str, optional
        Whoever runs this says there who it is, in each cloud's own variables.
    clock : Clock, optional
        Time of signatures.

    Raises
    ------
    ConfigError
        If there is no such cloud.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        environment: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        if kind not in _ASK:
            raise ConfigError(f"keys: no secret manager {kind!r}; there are {', '.join(_ASK)}")
        self._kind = kind
        self._name = name
        self._environment = os.environ if environment is None else environment
        self._clock = clock or LiveClock()

    def read(self, venue: str) -> dict[str, SecretStr]:
        """Return what the secret holds for a venue.

        Raises
        ------
        ConfigError
            If it can't be read. What was answered is not told.
        """
        source = f"keys: {self._kind} {self._name}"
        try:
            told = _ASK[self._kind](self._name, self._environment, self._clock)
            if isinstance(told, str | bytes):
                told = json.loads(told)
        except KeyError as error:
            raise ConfigError(f"{source}: set {error.args[0]}, it says who is asking") from None
        except urllib.error.HTTPError as error:
            error.close()
            raise ConfigError(
                f"{source}: answered {error.code}; check the name, and who may read it"
            ) from None
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(f"{source}: can't be read ({type(error).__name__})") from None
        if not isinstance(told, dict):
            raise ConfigError(f"{source}: must be JSON, VENUE over its fields")
        return keys_in(told, venue, source)


def _sent(request: urllib.request.Request) -> Any:
    if urllib.parse.urlsplit(request.full_url).scheme not in ("http", "https"):
        raise ValueError("addresses begin with http")
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - checked
        return json.loads(answer.read())


def _get(url: str, headers: Mapping[str, str]) -> Any:
    return _sent(urllib.request.Request(url, headers=dict(headers)))  # noqa: S310 - checked


def _vault(name: str, environment: Mapping[str, str], clock: Clock) -> Any:
    del clock
    mount, _, path = name.partition("/")
    root = environment["VAULT_ADDR"].rstrip("/")
    headers = {"X-Vault-Token": environment["VAULT_TOKEN"]}
    return _get(f"{root}/v1/{mount}/data/{path}", headers)["data"]["data"]


def _google(name: str, environment: Mapping[str, str], clock: Clock) -> Any:
    del clock
    token = environment.get("GOOGLE_OAUTH_ACCESS_TOKEN")
    if not token:
        # on Google's machines the metadata server knows who this is
        host = environment.get("GCE_METADATA_HOST", "metadata.google.internal")
        url = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
        token = _get(url, {"Metadata-Flavor": "Google"})["access_token"]
    root = environment.get("TUTTI_GCP_SECRETS", "https://secretmanager.googleapis.com")
    version = name if "/versions/" in name else f"{name}/versions/latest"
    told = _get(f"{root}/v1/{version}:access", {"Authorization": f"Bearer {token}"})
    return base64.b64decode(told["payload"]["data"])


def _azure(name: str, environment: Mapping[str, str], clock: Clock) -> Any:
    del clock
    vault, _, secret = name.partition("/")
    token = environment.get("AZURE_ACCESS_TOKEN")
    if not token:
        # on Azure's machines the metadata service does
        root = environment.get("TUTTI_AZURE_METADATA", "http://169.254.169.254")
        query = "api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net"
        url = f"{root}/metadata/identity/oauth2/token?{query}"
        token = _get(url, {"Metadata": "true"})["access_token"]
    root = environment.get("TUTTI_AZURE_VAULT", f"https://{vault}.vault.azure.net")
    url = f"{root}/secrets/{secret}?api-version=7.4"
    return _get(url, {"Authorization": f"Bearer {token}"})["value"]


def _amazon(name: str, environment: Mapping[str, str], clock: Clock) -> Any:
    region = environment["AWS_REGION"]
    host = f"secretsmanager.{region}.amazonaws.com"
    url = environment.get("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"https://{host}")
    host = urllib.parse.urlsplit(url).netloc
    body = json.dumps({"SecretId": name}).encode()
    stamp = iso(clock.now()).replace("-", "").replace(":", "")[:15] + "Z"
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": host,
        "x-amz-date": stamp,
        "x-amz-target": "secretsmanager.GetSecretValue",
    }
    if token := environment.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = token
    headers["authorization"] = _signature(headers, body, region, environment)
    request = urllib.request.Request(f"{url}/", data=body, headers=headers, method="POST")  # noqa: S310 - checked
    return _sent(request)["SecretString"]


def _signature(
    headers: Mapping[str, str], body: bytes, region: str, environment: Mapping[str, str]
) -> str:
    # AWS Signature Version 4
    key, secret = environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
    stamp = headers["x-amz-date"]
    names = ";".join(sorted(headers))
    lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
    canonical = "\n".join(["POST", "/", "", *lines, "", names, hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/{region}/secretsmanager/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signing = f"AWS4{secret}".encode()
    for part in (stamp[:8], region, "secretsmanager", "aws4_request"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    return (
        f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )


_ASK: dict[str, Callable[[str, Mapping[str, str], Clock], Any]] = {
    "aws": _amazon,
    "gcp": _google,
    "azure": _azure,
    "vault": _vault,
}
