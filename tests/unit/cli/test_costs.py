"""`tutti costs`: from recordings to a file, a page, and what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from tests.unit.sandbox.calibration.conftest import Files, made
from tests.unit.sandbox.calibration.test_depth import table

from tutti.app.config import load_config
from tutti.kernel.clock import MINUTE

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Told, Tutti


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return made(tmp_path_factory.mktemp("recorded"))


def streams(files: Files, *, book: bool = True) -> list[str | Path]:
    named: list[str | Path] = ["--trades", files.trades, "--quotes", files.quotes]
    return [*named, "--book", files.book] if book else named


def test_calibrate_writes_values_that_a_configuration_takes(tutti: Tutti, files: Files) -> None:
    answer = tutti("costs", "calibrate", *streams(files), "--out", "new/costs.yaml", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["out"] == "new/costs.yaml"
    Path("tutti.yaml").write_text("costs: new/costs.yaml\n")
    config = load_config(Path("tutti.yaml"))
    half = document["instruments"]["BTC-USDT.TESTEX"]["half_spread_bps"]
    assert config.half_spread_bps("BTC-USDT.TESTEX") == half
    measured = document["evidence"]["impact_coefficient"]["TESTEX"]
    assert measured["standard_error"] > 0
    assert measured["n"] > 100
    assert config.venue("TESTEX").impact_coefficient == measured["value"]


def test_calibrate_tells_people_the_error_out_of_sample(tutti: Tutti, files: Files) -> None:
    answer = tutti("costs", "calibrate", *streams(files, book=False))
    assert answer.code == 0, answer.err
    assert "Out of sample" in answer.out
    assert "wrote costs.yaml" in answer.out


def test_report_tests_a_file_on_recordings_it_has_and_has_not_seen(
    tutti: Tutti, files: Files, tmp_path: Path
) -> None:
    assert tutti("costs", "calibrate", *streams(files)).code == 0
    other = made(tmp_path / "later", seed=9)
    answer = tutti(
        "costs", "report", *streams(files), *streams(other), "--costs", "costs.yaml", "--json"
    )
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert [each["in_sample"] for each in document["tested"]] == [True, False]
    seen, unseen = document["evidence"]["recordings"]
    assert seen["files"][1]["path"] == str(files.quotes)
    assert unseen["files"][1]["path"] == str(other.quotes)  # not the one of the same name elsewhere
    carried = document["evidence"]["carried_over"]
    assert carried[0]["impact_coefficient"] == unseen["impact_coefficient"]


def flow_file(folder: Path) -> Path:
    path = folder / "kraken" / "BTC-USD_1m.parquet"
    path.parent.mkdir(parents=True)
    rng = np.random.default_rng(1)
    pl.DataFrame(
        {
            "ts": pl.Series(MINUTE * np.arange(400)).cast(pl.Datetime("ns", "UTC")),
            "buy_volume": rng.uniform(0, 1, 400),
            "sell_volume": rng.uniform(0, 1, 400),
            "close": 100 + np.cumsum(rng.normal(0, 0.1, 400)),
        }
    ).write_parquet(path)
    return path


def test_report_compares_true_and_guessed_flow(tutti: Tutti, files: Files, tmp_path: Path) -> None:
    assert tutti("costs", "calibrate", *streams(files)).code == 0
    answer = tutti(
        "costs", "report", *streams(files), "--costs", "costs.yaml",
        "--flow", flow_file(tmp_path), "--out", "page.html", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["toxicity"][0]["instrument"] == "BTC-USD.KRAKEN"
    assert document["tested"][0]["in_sample"] is True
    text = Path("page.html").read_text()
    assert "Toxic flow" in text
    assert "made of it, too" in text


def depth_file(folder: Path) -> Path:
    path = folder / "coinbase" / "BTC-USD_depth15.parquet"
    path.parent.mkdir()
    table().write_parquet(path)
    return path


def refused(answer: Told, message: str) -> None:
    assert answer.code == 2
    assert message in answer.err
    assert message in answer.err.splitlines()[-1]


def test_streams_that_do_not_belong_together_are_refused(
    tutti: Tutti, files: Files, tmp_path: Path
) -> None:
    other = made(tmp_path / "other", seed=4)
    renamed = other.quotes.rename(other.quotes.with_name("ETH-USDT_20240101.parquet"))
    refused(
        tutti("costs", "calibrate", *streams(files, book=False)[:2], "--trades", other.trades,
              "--quotes", renamed),
        "--quotes: none is of the recording testex/BTC-USDT_20240101.parquet",
    )  # fmt: skip
    pl.read_parquet(renamed).with_columns(pl.col("bid") / 9, pl.col("ask") / 9).write_parquet(
        renamed
    )
    refused(
        tutti("costs", "calibrate", "--trades", files.trades, "--quotes", renamed),
        "not one market",
    )
    refused(
        tutti("costs", "calibrate", *streams(files), "--step", "0"),
        "--step must be seconds above 0",
    )


def test_one_file_of_each_kind_needs_no_matching_name(
    tutti: Tutti, files: Files, tmp_path: Path
) -> None:
    paths: list[str | Path] = []
    for kind in ("trades", "quotes", "book"):
        path = tmp_path / f"{kind}.parquet"
        path.write_bytes(getattr(files, kind).read_bytes())
        paths += [f"--{kind}", path]
    answer = tutti("costs", "calibrate", *paths, "--instrument", "BTC-USDT.KRAKEN", "--json")
    assert answer.code == 0, answer.err
    assert list(json.loads(answer.out)["instruments"]) == ["BTC-USDT.KRAKEN"]
    refused(
        tutti("costs", "calibrate", *paths, "--instrument", "BTC"), "--instrument: instrument id"
    )
    both = [*paths, "--depth", depth_file(tmp_path)]
    refused(tutti("costs", "calibrate", *both, "--instrument", "A.B"), "there are 2")


def test_streams_of_two_venues_are_no_recording_though_their_prices_are_alike(
    tutti: Tutti, files: Files, tmp_path: Path
) -> None:
    moved = tmp_path / "quotes" / "elsewhere" / files.quotes.name
    moved.parent.mkdir(parents=True)
    moved.write_bytes(files.quotes.read_bytes())
    answer = tutti("costs", "calibrate", "--trades", files.trades, "--quotes", moved)
    assert answer.code == 2
    assert f"{moved} of elsewhere: not one market" in answer.err


def test_costs_of_another_venue_are_not_tested(tutti: Tutti, files: Files) -> None:
    Path("other.yaml").write_text(
        "kind: tutti-costs\nversion: 1\n"
        "venues: {KRAKEN: {impact_coefficient: 1}}\ninstruments: {}\n"
    )
    refused(
        tutti("costs", "report", *streams(files), "--costs", "other.yaml"),
        "other.yaml: measured at KRAKEN, and the recordings are of TESTEX",
    )


def test_depth_alone_is_a_recording_and_half_a_recording_is_none(
    tutti: Tutti, files: Files, tmp_path: Path
) -> None:
    path = depth_file(tmp_path)
    answer = tutti("costs", "calibrate", "--depth", path, "--step", "600", "--json")
    assert answer.code == 0, answer.err
    assert "BTC-USD.COINBASE" in json.loads(answer.out)["instruments"]
    refused(tutti("costs", "calibrate", "--trades", files.trades), "needed together, or --depth")
    refused(tutti("costs", "calibrate"), "needed together, or --depth")
