"""The sample models: each conforms, is trained by its script, and speaks in a backtest."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tutti.app.backtest import run_backtest
from tutti.app.config import Config, override
from tutti.app.model_check import check_model
from tutti.app.models import load_file
from tutti.kernel.clock import parse_instant
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.sandbox.result import BacktestResult

SAMPLES = Path(__file__).parents[2] / "examples" / "models"
NEEDS = {"logistic": "sklearn", "lightgbm_barrier": "lightgbm", "torch_gru": "torch"}
WEIGHTS = {
    "logistic": ("weights", "weights.json"),
    "lightgbm_barrier": ("trees", "trees.txt"),
    "torch_gru": ("weights", "weights.pt"),
}


def sample(name: str) -> Path:
    """Return the folder of a sample, or skip where what it needs is not installed."""
    library = NEEDS.get(name)
    if library is not None and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed; make examples installs it")
    return SAMPLES / name


def bars(market_data: Path) -> str:
    return str(market_data / "crypto/ohlcv/binance_usdm/BTC-USDT-PERP_1h.parquet")


@pytest.mark.parametrize("name", ["ma_cross", *NEEDS])
def test_sample_conforms(name: str) -> None:
    found = check_model(sample(name), budget_s=1.0)
    assert found.findings == ()
    assert found.n_predictions == 40


def test_moving_averages_that_can_not_cross_are_refused() -> None:
    with pytest.raises(ConfigError, match="fast must be below slow"):
        load_file(SAMPLES / "ma_cross").made({"fast": 9, "slow": 9})


@pytest.mark.data
@pytest.mark.parametrize("name", ["ma_cross", *NEEDS])
def test_sample_speaks_in_both_tiers_of_a_backtest(
    name: str, market_data: Path, tmp_path: Path
) -> None:
    sample(name)
    result = _backtest(name, {}, market_data, tmp_path)
    assert result.parity is not None
    assert result.parity.fills_equal
    assert result.parity.n_fills_event > 0


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", list(WEIGHTS))
def test_sample_is_trained_by_its_script(name: str, market_data: Path, tmp_path: Path) -> None:
    folder, (param, file) = sample(name), WEIGHTS[name]
    trained = subprocess.run(
        [
            sys.executable, str(folder / "train.py"), "--bars", bars(market_data),
            "--until", "2023-11-01", "--out", str(tmp_path / file),
        ],
        capture_output=True, text=True, check=True, timeout=110,
    )  # fmt: skip
    assert "rows out of sample, rank correlation" in trained.stdout
    load_file(folder).made({param: str(tmp_path / file)})


@pytest.fixture
def server() -> Iterator[str]:
    """Run the sample's server, and return its address."""
    module = _module(SAMPLES / "rest" / "server.py")
    serving = module.Server(("127.0.0.1", 0), module.Handler)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_address[1]}/predict"
    serving.shutdown()
    serving.server_close()


def test_model_behind_a_server_conforms(server: str) -> None:
    assert check_model(SAMPLES / "rest", params={"url": server}, budget_s=1.0).findings == ()


@pytest.mark.data
def test_model_behind_a_server_speaks_in_a_backtest(
    server: str, market_data: Path, tmp_path: Path
) -> None:
    asked = _backtest("rest", {"url": server}, market_data, tmp_path)
    at_once = _backtest("ma_cross", {}, market_data, tmp_path / "at_once")
    assert asked.parity is not None
    assert asked.parity.fills_equal
    # it is the same cross, asked over the network
    assert asked.n_fills == at_once.n_fills > 0
    assert asked.final_equity == pytest.approx(at_once.final_equity)


def test_server_that_is_away_is_told_so() -> None:
    params = {"url": "http://127.0.0.1:9/predict"}
    (finding,) = check_model(SAMPLES / "rest", params=params).findings
    assert finding.code == "shape"
    assert "Connection refused" in finding.message


@pytest.mark.parametrize("url", ["file:///etc/hostname", "predict"])
def test_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="url must begin with http"):
        load_file(SAMPLES / "rest").made({"url": url})


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"sample_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _backtest(name: str, params: dict[str, Any], market_data: Path, out: Path) -> BacktestResult:
    agent = {
        "name": "voice",
        "kind": "lf_analyst",
        "params": {"model": name, "timeframe": "1h", **params},
    }
    changes = {
        "models.folders": [str(SAMPLES)],
        "agents": [agent],
        "conductor.weights": {},
        "policy.entry_threshold": 0.05,
        "policy.exit_threshold": 0.02,
    }
    return run_backtest(
        override(Config(), changes),
        [bars(market_data)],
        parse_instant("2024-07-01"),
        parse_instant("2024-07-21"),
        "both",
        out / "out",
        lambda *_: None,
    )
