"""How one shell finds what another one started."""

from __future__ import annotations

import http.server
import json
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tutti.cli.running import Running, Unreachable, ask, claim, find
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = Running(pid=os.getpid(), feed="sim", started_at="2026-01-01T00:00:00Z")


def test_service_is_found_while_it_holds_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert find(folder) is None
    with claim(folder, HERE) as held:
        assert find(folder) == HERE
        held.announce("http://127.0.0.1:1")
        held.announce("http://127.0.0.1:1")
        found = find(folder)
        assert found is not None
        assert found.url == "http://127.0.0.1:1"
    assert find(folder) is None


def test_second_service_in_a_folder_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    with (
        claim(tmp_path, HERE),
        pytest.raises(ConfigError, match=rf"already \(process {os.getpid()}\); .* tutti down"),
        claim(tmp_path, HERE),
    ):
        raise AssertionError
    with claim(tmp_path, HERE):
        assert find(tmp_path) == HERE


def test_service_that_was_killed_is_not_found_though_its_file_stays(tmp_path: Path) -> None:
    (tmp_path / "service.lock").write_text("")
    (tmp_path / "service.json").write_text(json.dumps({"pid": 1, "feed": "", "started_at": ""}))
    assert find(tmp_path) is None


def test_service_whose_file_is_broken_is_refused_without_a_number(tmp_path: Path) -> None:
    with claim(tmp_path, HERE):
        (tmp_path / "service.json").write_text("{")
        assert find(tmp_path) is None
        with pytest.raises(ConfigError, match="runs here already; stop"), claim(tmp_path, HERE):
            raise AssertionError


class _Api(http.server.BaseHTTPRequestHandler):
    seen: list[tuple[str, str, str | None, str]]

    def do_GET(self) -> None:
        self._answer({"/status": (200, b'{"ok": true}'), "/text": (200, b"hello")})

    def do_POST(self) -> None:
        self._answer({"/shutdown": (401, b'{"error": "this needs the token"}')})

    def _answer(self, answers: dict[str, tuple[int, bytes]]) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.seen.append((self.command, self.path, self.headers.get("Authorization"), body))
        status, told = answers[self.path]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        return


@pytest.fixture
def api() -> Iterator[Running]:
    _Api.seen = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Api) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Running(
            pid=1, feed="sim", started_at="", url=f"http://127.0.0.1:{server.server_port}"
        )
        server.shutdown()
        thread.join()


def test_question_is_answered(api: Running) -> None:
    assert ask(api, "GET", "/status") == {"ok": True}
    assert _Api.seen == [("GET", "/status", None, "")]


def test_order_carries_the_token_and_its_refusal_is_told(api: Running) -> None:
    with pytest.raises(Unreachable, match="/shutdown: this needs the token"):
        ask(api, "POST", "/shutdown", token="abc", body={"reason": "x"})
    assert _Api.seen == [("POST", "/shutdown", "Bearer abc", '{"reason": "x"}')]


def test_answer_that_is_no_json_is_none(api: Running) -> None:
    with pytest.raises(Unreachable, match="doesn't answer"):
        ask(api, "GET", "/text")


def test_service_that_is_busy_is_waited_for_and_may_still_do_what_it_was_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        busy = Running(pid=1, feed="sim", started_at="", url=url)
        with pytest.raises(Unreachable, match=r"doesn't answer within 0.05 s; it may still do"):
            ask(busy, "POST", "/pause", patience_s=0.05)
        with pytest.raises(Unreachable, match=r"doesn't answer within 0.05 s$"):
            ask(busy, "GET", "/status", patience_s=0.05)


def test_service_without_api_or_gone_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="process 1 serves no API"):
        ask(Running(pid=1, feed="sim", started_at=""), "GET", "/status")
    gone = Running(pid=1, feed="sim", started_at="", url="http://127.0.0.1:1")
    with pytest.raises(Unreachable, match="doesn't answer"):
        ask(gone, "GET", "/status")
