"""`tutti up`, `down` and `status`, with a real service on a simulated market."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tutti.cli.running import Running, claim, find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import Tutti

_SMALL = """\
feed: {warm_up_bars: 100, speed: 3000, simulated: {symbols: [BTC-USDT-PERP.SIM, ETH-USDT-PERP.SIM]}}
policy: {name: ema_cross, fast: 5, slow: 20}
agents: [{name: vpin}]
api: {port: 0}
"""
_PATIENCE_S, _POLL_S = 60.0, 0.05


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(_SMALL)
    return path


@contextlib.contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run `tutti up` in another process, ready to answer, and end it in any case."""
    command = [sys.executable, "-c", "from tutti.cli.main import main; main()", "up"]
    with subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until_up(process)
            yield process
        finally:
            process.kill()


def wait_until_up(process: subprocess.Popen[str]) -> None:
    for _ in range(round(_PATIENCE_S / _POLL_S)):
        running = find(Path("runs/paper"))
        if (running is not None and running.is_up) or process.poll() is not None:
            break
        time.sleep(_POLL_S)
    assert process.poll() is None, f"the service did not start: {process.communicate()}"


def test_up_for_a_while_trades_and_says_what_it_did(tutti: Tutti, small: Path) -> None:
    answer = tutti("up", "--for", "1", "--config", small, "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["ticks"] > 0
    assert told["feed"] == "sim"
    assert told["folder"] == "runs/paper"
    assert len(told["ledger_hash"]) == 64
    assert find(Path("runs/paper")) is None
    assert tutti("ledger", "verify").code == 0


def test_up_for_people_is_plain_lines_in_a_pipe(tutti: Tutti, small: Path) -> None:
    answer = tutti("up", "--for", "1", "--config", small, "--no-api", "--speed", "6000")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert "simulated market of 2 instruments, speed 6000" in lines[0]
    assert any("equity" in line for line in lines[3:-2])
    assert lines[-2].startswith("stopped by ")
    assert lines[-1] == "wrote runs/paper/ledger.sqlite"
    assert (Path("runs/paper/log.jsonl")).exists() or answer.err == ""


def test_up_on_recorded_bars_ends_with_them(tutti: Tutti, small: Path, bars: Path) -> None:
    answer = tutti(
        "up", "--feed", "replay", "--bars", bars, "--speed", "1e9", "--config", small, "--json"
    )
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["stopped_by"] == "end of data"
    assert told["ticks"] == 300


def test_up_on_bars_that_are_sealed_leaves_with_3_until_they_are_open_to_its_configuration(
    tutti: Tutti, small: Path, bars: Path
) -> None:
    register = ("--register", "kept.sqlite")
    replay = (
        "up", "--feed", "replay", "--bars", bars, "--speed", "1e9", "--config", small, *register
    )  # fmt: skip
    assert tutti("trials", "seal", "last", "--start", "2024-01-10", *register).code == 0
    refused = tutti(*replay)
    assert refused.code == 3
    assert "reach into 'last', which is sealed" in refused.err
    assert refused.err.count("\n") == 1
    assert not Path("runs/paper").exists()
    assert tutti("trials", "open", "last", "--config", small, *register).code == 0
    assert tutti(*replay, "--json").code == 0


def test_up_on_bars_that_are_sealed_is_refused_also_with_the_register_off(
    tutti: Tutti, small: Path, bars: Path
) -> None:
    usual = ("--register", "runs/trials.sqlite")
    tutti("trials", "seal", "last", "--start", "2024-01-10", *usual)
    answer = tutti(
        "up", "--feed", "replay", "--bars", bars, "--config", small, "--register", "off"
    )  # fmt: skip
    assert answer.code == 3
    assert "off opens no seal" in answer.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--feed", "replay"), "--feed replay needs --bars"),
        (("--config", "none.yaml"), "none.yaml: no such file"),
        (("--speed", "0"), "feed.speed must be above 0, was 0"),
        (("--for", "inf"), "'--for'"),
        (("--for", "1e308"), "'--for'"),
        (("--for", "nan"), "'--for'"),
        (("--feed", "replay", "--bars", "none.csv"), "none.csv"),
    ],
)
def test_up_that_can_not_be_is_one_line(
    tutti: Tutti, arguments: tuple[str, ...], says: str
) -> None:
    answer = tutti("up", "--port", "0", *arguments)
    assert answer.code == 2
    assert says in answer.err
    assert answer.err.count("\n") == 1
    assert find(Path("runs/paper")) is None


def test_up_where_one_runs_already_is_refused(tutti: Tutti) -> None:
    with claim(Path("runs/paper"), Running(pid=77, feed="sim", started_at="")):
        answer = tutti("up", "--for", "1")
    assert answer.code == 2
    assert "a service runs here already (process 77)" in answer.err


def test_up_in_the_folder_of_a_backtest_is_refused_and_leaves_it_alone(
    tutti: Tutti, copied_run: Path
) -> None:
    before = (copied_run / "ledger.sqlite").read_bytes()
    answer = tutti("up", "--out", copied_run)
    assert answer.code == 2
    assert answer.err == f"{copied_run}: holds the results of a backtest; choose another --out\n"
    assert (copied_run / "ledger.sqlite").read_bytes() == before


def test_service_is_seen_and_stopped_from_another_shell(tutti: Tutti, small: Path) -> None:
    with started("--config", small) as process:
        seen = tutti("status")
        told = json.loads(tutti("status", "--json").out)
        stopped = tutti("down", "--json")
        out, err = process.communicate(timeout=_PATIENCE_S)
    assert seen.code == 0
    assert f"process {process.pid} since" in seen.out
    assert "drawdown" in seen.out
    assert told["running"] is True
    assert told["state"]["api_url"] == told["url"]
    assert json.loads(stopped.out) == {"stopped": True, "running": False, "through": "its API"}
    assert process.returncode == 0, err
    assert "stopped by tutti down" in out


def test_service_without_api_is_stopped_by_a_signal(tutti: Tutti, small: Path) -> None:
    with started("--config", small, "--no-api") as process:
        seen = tutti("status")
        stopped = tutti("down")
        out, err = process.communicate(timeout=_PATIENCE_S)
    assert "it serves no API" in seen.out
    assert stopped.out == f"stopped process {process.pid} through a signal\n"
    assert process.returncode == 0, err
    assert "stopped by signal SIGTERM" in out


def test_service_that_does_not_end_is_told_so(tutti: Tutti) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    with (
        subprocess.Popen([sys.executable, "-c", deaf]) as process,
        claim(Path("runs/paper"), Running(pid=process.pid, feed="sim", started_at="")),
    ):
        answer = tutti("down", "--timeout", "0.1")
        process.kill()
    assert answer.code == 1
    assert "still runs after 0.1 s; see runs/paper/log.jsonl" in answer.out


def test_status_of_a_service_that_starts_says_so(tutti: Tutti) -> None:
    with claim(Path("runs/paper"), Running(pid=77, feed="sim", started_at="")):
        answer = tutti("status")
    assert answer.code == 0
    assert "it is starting" in answer.out


def test_status_and_down_where_nothing_runs(tutti: Tutti) -> None:
    status, down = tutti("status"), tutti("down")
    assert (status.code, down.code) == (1, 0)
    assert status.out == "nothing runs in runs/paper; start it with tutti up\n"
    assert down.out == "nothing runs in runs/paper\n"
    assert json.loads(tutti("status", "--json").out) == {"running": False}


def test_status_tells_the_positions(tutti: Tutti, capsys: pytest.CaptureFixture[str]) -> None:
    from tutti.cli.output import Output
    from tutti.cli.service import _tell

    position = {
        "instrument": "BTC.SIM",
        "quantity": -0.5,
        "average_price": 100.0,
        "mark": 99.0,
        "unrealised": 0.5,
        "lead": "vpin",
    }
    state = {
        "run_id": "r",
        "equity": 110.0,
        "start_equity": 100.0,
        "drawdown": 0.0,
        "mode": "trading",
        "ticks": 5,
        "as_of": None,
        "n_orders": 1,
        "n_fills": 1,
        "n_refusals": 0,
        "api_url": "http://127.0.0.1:1",
        "positions": [position],
    }
    _tell(state, Output(as_json=False))
    out = capsys.readouterr().out
    assert "(+10.00%)" in out
    assert "+0.50" in out
