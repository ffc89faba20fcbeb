"""One JSON object a line, and no secrets in it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from pydantic import SecretStr

from tutti.agents.llm.blinding import Blinding
from tutti.app.logs import HIDDEN, Redactor, blind_logs, configure_logs
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "the-token-of-this-run-0123456789"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Callable[..., list[dict[str, Any]]]]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def lines() -> list[dict[str, Any]]:
        for handler in root.handlers:
            handler.flush()
        text = (tmp_path / "log.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    configure_logs(tmp_path, secrets=[SecretStr(SECRET)])
    yield lines
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_disk_that_is_full_is_told_once_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: Callable[..., list[dict[str, Any]]]
) -> None:
    del log  # it tidies up
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "log.jsonl").symlink_to("/dev/full")
    configure_logs(tmp_path / "full")
    for _ in range(3):
        structlog.stdlib.get_logger("tutti").info("tick")
    assert capsys.readouterr().err.endswith(
        "full/log.jsonl: No space left on device; what is logged is lost\n"
    )


def test_log_line_has_the_fields_that_stores_index(
    log: Callable[..., list[dict[str, Any]]],
) -> None:
    structlog.contextvars.bind_contextvars(run="run-1")
    structlog.stdlib.get_logger("tutti.engine").info(
        "opinion", agent="vpin", instrument="BTC.SIM", bias=0.5, confidence=0.8, action="buy"
    )
    structlog.contextvars.clear_contextvars()
    (line,) = log()
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "tutti.engine",
        "event": "opinion",
        "run": "run-1",
        "agent": "vpin",
        "instrument": "BTC.SIM",
        "bias": 0.5,
        "confidence": 0.8,
        "action": "buy",
    }


def test_log_of_other_packages_has_the_same_form(log: Callable[..., list[dict[str, Any]]]) -> None:
    extra = {"path": "/status", "color_message": "slow"}
    logging.getLogger("uvicorn").warning("slow by %d ms", 12, extra=extra)
    (line,) = log()
    assert "color_message" not in line
    assert (line["event"], line["level"], line["path"]) == ("slow by 12 ms", "warning", "/status")


def test_log_below_its_level_is_left_out(log: Callable[..., list[dict[str, Any]]]) -> None:
    structlog.stdlib.get_logger("tutti").debug("detail")
    structlog.stdlib.get_logger("tutti").info("matter")
    assert [line["event"] for line in log()] == ["matter"]


def test_log_of_an_error_has_the_traceback_in_its_line(
    log: Callable[..., list[dict[str, Any]]],
) -> None:
    try:
        raise ValueError(f"could not use {SECRET}")
    except ValueError:
        structlog.stdlib.get_logger("tutti").exception("broke")
    (line,) = log()
    assert "Traceback" in line["exception"]
    assert SECRET not in json.dumps(line)


def test_log_configured_again_does_not_write_twice(
    log: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    configure_logs(tmp_path)
    structlog.stdlib.get_logger("tutti").info("once")
    assert len(log()) == 1


def test_log_to_the_console_as_well(
    log: Callable[..., list[dict[str, Any]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(tmp_path, level="error", console=True)
    structlog.stdlib.get_logger("tutti").error("seen")
    assert json.loads(capsys.readouterr().err)["event"] == "seen"
    assert len(log()) == 1


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("token", "abc", HIDDEN),
        ("api_key", "abc", HIDDEN),
        ("Authorization", "Basic abc", HIDDEN),
        ("api_token", None, None),
        ("tokens_used", 12, 12),
        ("keyboard", "us", "us"),
        ("secretary", "Ann", "Ann"),
        ("any", SecretStr("abc"), HIDDEN),
        ("any", f"has {SECRET} inside", f"has {HIDDEN} inside"),
        ("any", "Authorization: Bearer abcdefgh12345", f"Authorization: Bearer {HIDDEN}"),
        ("any", {"password": "abc", "user": "ann"}, {"password": HIDDEN, "user": "ann"}),
        ("any", ["x", {"secret": 1}], ["x", {"secret": HIDDEN}]),
        ("any", 1.5, 1.5),
        ("_record", SECRET, SECRET),
    ],
)
def test_secret_is_hidden_wherever_it_is(name: str, value: object, shown: object) -> None:
    redactor = Redactor([SecretStr(SECRET), SecretStr("")])
    assert redactor(None, "info", {name: value}) == {name: shown}


def test_log_of_a_blinded_run_names_nothing_that_trades(
    log: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    apple = InstrumentId("AAPL", "SIM")
    blind = Blinding(7, [apple])
    blind_logs(blind.logged)
    logger = structlog.stdlib.get_logger("tutti.agents")
    logger.info(
        "asked", instrument=apple, about=["Apple on April 16, 2025"], n=3, more={"a": "AAPL"}
    )
    logging.getLogger("tutti").warning("agent %s gave no answer on %s", "wire", apple)
    configure_logs(tmp_path)
    logger.info("asked about AAPL")
    first, second, third = log()
    asset = blind.asset(apple)
    assert first["event"] == "asked"
    assert first["instrument"].startswith(f"{asset}.")
    assert first["about"][0].startswith(f"{asset} on ")
    assert "2025" not in first["about"][0]
    assert (first["n"], first["more"], first["logger"]) == (3, {"a": asset}, "tutti.agents")
    assert second["event"].startswith(f"agent wire gave no answer on {asset}")
    assert third["event"] == "asked about AAPL"
