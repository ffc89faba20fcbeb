"""Keys in a cloud's secret manager, each asked as its documentation says, on the loopback."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tutti.adapters.secrets.catalogue import key_source
from tutti.adapters.secrets.cloud import CloudKeys
from tutti.adapters.secrets.command import CommandKeys
from tutti.adapters.secrets.local import EnvironmentKeys, FileKeys, KeyringKeys
from tutti.kernel.clock import SimulatedClock, parse_instant
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = {"KRAKEN": {"api_key": "hunter2-hunter2", "secret": "s"}}


class _Cloud(HTTPServer):
    """All clouds at one address; remembers what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.root = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: _Cloud

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, headers, body))
        text = json.dumps(_KEYS)
        if "token" in self.path:
            told: object = {"access_token": "from-metadata"}
        elif "/data/" in self.path:
            told = {"data": {"data": _KEYS}}
        elif self.path.endswith(":access"):
            told = {"payload": {"data": base64.b64encode(text.encode()).decode()}}
        elif "api-version=7.4" in self.path:
            told = {"value": text}
        else:
            told = {"SecretString": text}
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    do_GET = do_POST = _answer  # noqa: N815 - the server's names


@pytest.fixture
def cloud() -> Iterator[_Cloud]:
    server = _Cloud()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _environment(cloud: _Cloud) -> dict[str, str]:
    return {
        "VAULT_ADDR": cloud.root,
        "VAULT_TOKEN": "t",
        "GCE_METADATA_HOST": cloud.root.removeprefix("http://"),
        "TUTTI_GCP_SECRETS": cloud.root,
        "TUTTI_AZURE_METADATA": cloud.root,
        "TUTTI_AZURE_VAULT": cloud.root,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "session",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": cloud.root,
    }


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("vault", "kv/tutti/keys"),
        ("gcp", "projects/p/secrets/tutti"),
        ("azure", "my-vault/tutti"),
        ("aws", "tutti/keys"),
    ],
)
def test_secret_manager_gives_the_fields_of_a_venue(cloud: _Cloud, kind: str, name: str) -> None:
    found = CloudKeys(kind, name, _environment(cloud)).read("KRAKEN")
    assert found["api_key"].get_secret_value() == "hunter2-hunter2"


def test_identity_comes_from_the_machines_own_metadata(cloud: _Cloud) -> None:
    CloudKeys("gcp", "projects/p/secrets/tutti", _environment(cloud)).read("KRAKEN")
    (_, metadata, _), (path, headers, _) = cloud.asked
    assert metadata["metadata-flavor"] == "Google"
    assert path == "/v1/projects/p/secrets/tutti/versions/latest:access"
    assert headers["authorization"] == "Bearer from-metadata"


def test_request_to_amazon_is_signed(cloud: _Cloud) -> None:
    clock = SimulatedClock(parse_instant("2024-05-06T07:08:09"))
    CloudKeys("aws", "tutti/keys", _environment(cloud), clock).read("KRAKEN")
    ((_, headers, body),) = cloud.asked
    assert json.loads(body) == {"SecretId": "tutti/keys"}
    assert headers["x-amz-date"] == "20240506T070809Z"
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert headers["x-amz-security-token"] == "session"
    signature = headers["authorization"]
    scope = "AKIDEXAMPLE/20240506/eu-west-1/secretsmanager/aws4_request"
    assert signature.startswith(f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=content-type;")
    assert len(signature.rpartition("Signature=")[2]) == 64


def test_secret_that_may_not_be_read_is_told_by_its_name_alone(cloud: _Cloud) -> None:
    cloud.status = 403
    with pytest.raises(ConfigError, match="vault kv/tutti/keys: answered 403") as told:
        CloudKeys("vault", "kv/tutti/keys", _environment(cloud)).read("KRAKEN")
    assert "hunter2" not in str(told.value)


def test_manager_that_nobody_says_who_is_asking_is_told() -> None:
    with pytest.raises(ConfigError, match="set VAULT_ADDR"):
        CloudKeys("vault", "kv/tutti", {}).read("KRAKEN")


def test_manager_that_can_not_be_reached_is_told() -> None:
    environment = {"VAULT_ADDR": "http://127.0.0.1:9", "VAULT_TOKEN": "t"}
    with pytest.raises(ConfigError, match="can't be read"):
        CloudKeys("vault", "kv/tutti", environment).read("KRAKEN")
    with pytest.raises(ConfigError, match="can't be read"):
        CloudKeys("vault", "kv/tutti", {**environment, "VAULT_ADDR": "file:///etc"}).read("KRAKEN")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("environment", EnvironmentKeys),
        ("keyring", KeyringKeys),
        ("file:keys.yaml", FileKeys),
        ("command:pass show tutti", CommandKeys),
        ("aws:tutti/keys", CloudKeys),
        ("vault:kv/tutti", CloudKeys),
    ],
)
def test_words_of_the_configuration_name_a_source(words: str, kind: type) -> None:
    assert isinstance(key_source(words), kind)


@pytest.mark.parametrize("words", ["", "file", "file:", "ibm:x", "aws"])
def test_words_that_name_no_source_are_refused(words: str) -> None:
    with pytest.raises(ConfigError, match="names no place"):
        key_source(words)


def test_cloud_of_no_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="no secret manager 'ibm'"):
        CloudKeys("ibm", "x", {})
