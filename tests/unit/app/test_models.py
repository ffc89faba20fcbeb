"""Models are found by name, loaded, and put to work by analysts; a broken one stops the start."""

from __future__ import annotations

import sys
from decimal import Decimal
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.agents.models.conftest import BTC, walk

from tutti.agents.models.analyst import HFAnalyst, LFAnalyst
from tutti.app.build import analysis_of
from tutti.app.config import Config, override
from tutti.app.models import file_of, found_models, load_file, load_model, models_digest
from tutti.app.plugins import Plugins
from tutti.app.seats import seats_of
from tutti.model.errors import ConfigError
from tutti.model.instrument import Instrument, InstrumentKind

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernels

GOOD = """
from .gap import gap

class TradeModel:
    timeframe = "4h"
    lookback = 5

    def __init__(self, config):
        self.fast = config.get("fast", 2)

    def predict(self, features):
        move = gap(features["close"], self.fast)
        return {"timestamp": features.index[-1], "signal": 1 if move > 0 else -1, "confidence": 0.5}
"""
GAP = """
def gap(close, fast):
    return close.iloc[-1] - close.iloc[-fast:].mean()
"""

_BTC = Instrument(
    id=BTC,
    kind=InstrumentKind.SPOT,
    price_step=Decimal("0.01"),
    quantity_step=Decimal("0.001"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of models with one in it, ``gap``, of two files."""
    write(tmp_path, "gap", GOOD)
    (tmp_path / "gap" / "gap.py").write_text(GAP)
    return tmp_path


def write(folder: Path, name: str, code: str) -> None:
    (folder / name).mkdir()
    (folder / name / "model.py").write_text(code)


def config_of(folder: Path, **agent: Any) -> Config:
    agents = [{"name": "voice", "kind": "lf_analyst", **agent}]
    changes = {"agents": agents, "models.folders": [str(folder)], "conductor.weights": {}}
    return override(Config(), changes)


def test_analyst_runs_the_model_that_the_configuration_names(folder: Path) -> None:
    params = {"model": "gap", "timeframe": "2h", "fast": 3}
    config = config_of(folder, params=params, timeout_s=5, time_to_live_s=3600)
    ((_, agent),) = seats_of(config).quick
    assert isinstance(agent, LFAnalyst)
    assert agent.terms.config() == {"fast": 3, "timeframe": "2h"}
    assert (agent.name, agent.terms.timeout_s, agent.terms.time_to_live) == (
        "voice",
        5.0,
        3600 * 10**9,
    )
    made = analysis_of(config, [_BTC]).advance(walk(40))
    assert np.isfinite(made.context.bias[13]).all()


def test_model_may_be_named_beside_the_params_too(folder: Path) -> None:
    config = config_of(folder, kind="hf_analyst", model="gap", params={"timeframe": "1m"})
    ((_, agent),) = seats_of(config).quick
    assert isinstance(agent, HFAnalyst)
    assert agent.timeframe == "1m"


def test_analyst_is_told_which_instruments_are_its_own(folder: Path) -> None:
    config = config_of(folder, params={"model": "gap"}, instruments=[str(BTC)])
    ((_, agent),) = seats_of(config).quick
    assert isinstance(agent, LFAnalyst)
    assert agent.terms.instruments == frozenset({BTC})


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nowhere_at_all", "does not load: ModuleNotFoundError: No module named"),
        ("def broken(:", "does not load: SyntaxError"),
        ("raise SystemExit(3)", "does not load: SystemExit: 3"),
        ("class TradeModel:\n def __init__(self, c): c['x']\n", "could not be made: KeyError: 'x'"),
    ],
)
def test_broken_model_stops_the_start_with_its_name_and_traceback(
    folder: Path, code: str, said: str
) -> None:
    write(folder, "bad", code)
    with pytest.raises(
        ConfigError, match=rf"agents\[0\].params: model bad .*model.py\) {said}"
    ) as e:
        seats_of(config_of(folder, params={"model": "bad", "timeframe": "1h"}))
    cause = e.value.__cause__
    assert isinstance(cause, ConfigError)
    (note,) = cause.__notes__
    assert str(folder / "bad" / "model.py") in note
    assert "app/models.py" not in note


def test_analyst_without_a_model_says_how_to_name_one(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"lf_analyst runs a model.*params: \{model: drift"):
        seats_of(config_of(folder))


def test_unknown_model_says_which_there_are_and_where_it_looked(folder: Path) -> None:
    with pytest.raises(ConfigError, match=f"no model 'gup'; there are: gap .*{folder}"):
        load_model("gup", [str(folder)])
    with pytest.raises(ConfigError, match=r"name folders under models.folders"):
        load_model("gup", [])


def test_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.folders: .*none is no folder"):
        found_models([str(tmp_path / "none")])


def test_class_is_the_only_one_that_predicts_where_none_is_called_trade_model(
    tmp_path: Path,
) -> None:
    write(tmp_path, "own", "class Mine:\n def predict(self, f): ...\nclass Other: ...\n")
    found: Any = load_file(tmp_path / "own").make
    assert found.__name__ == "Mine"
    write(tmp_path, "two", "class A:\n def predict(s, f): ...\nclass B:\n def predict(s, f): ...\n")
    with pytest.raises(ConfigError, match="holds 2 classes with predict"):
        load_file(tmp_path / "two")
    write(tmp_path, "none", "x = 1")
    with pytest.raises(ConfigError, match="holds no classes"):
        load_file(tmp_path / "none" / "model.py")


_PREDICT = "def predict(self, f): ..."


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (f"class Base:\n {_PREDICT}\nclass Model(Base): ...\nclass Other(Base): ...\n", "Model"),
        (f"class Base:\n {_PREDICT}\nclass Last(Base): ...\n", "Last"),
        (f"class _Inner:\n {_PREDICT}\nclass Mine:\n {_PREDICT}\n", "Mine"),
        (
            "from typing import Protocol\n"
            f"class Port(Protocol):\n {_PREDICT}\nclass Mine:\n {_PREDICT}\n",
            "Mine",
        ),
        ("def predict(features): ...\n", "predict"),
        (f"class Model:\n {_PREDICT}\ndef predict(features): ...\n", "Model"),
    ],
)
def test_what_is_meant_is_found_in_a_file(tmp_path: Path, code: str, name: str) -> None:
    (tmp_path / "mine.py").write_text(code)
    found: Any = load_file(tmp_path / "mine.py").make
    assert found.__name__ == name


def test_object_called_model_is_taken_as_it_is(tmp_path: Path) -> None:
    code = f"class Mine:\n def __init__(self, k): self.k = k\n {_PREDICT}\nmodel = Mine(3)\n"
    (tmp_path / "mine.py").write_text(code)
    source = load_file(tmp_path / "mine.py")
    made: Any = source.made({"timeframe": "1h"})
    assert made.k == 3
    assert made is not source.make


def test_class_from_a_file_beside_the_model_is_found(tmp_path: Path) -> None:
    core = f"class Model:\n {_PREDICT}\n"
    for name, line in (
        ("relative", "from .core import Model"),
        ("plain", "from core import Model"),
    ):
        write(tmp_path, name, line)
        (tmp_path / name / "core.py").write_text(core + f"where = {name!r}\n")
        found: Any = load_file(tmp_path / name).make
        assert found.__name__ == "Model"
        assert "core" not in sys.modules


@pytest.mark.parametrize(
    ("files", "file"),
    [
        ({"model.py": "", "other.py": "def predict(f): ..."}, "model.py"),
        (
            {"drift.py": f"class A:\n {_PREDICT}", "test_drift.py": "def predict(f): ..."},
            "drift.py",
        ),
        ({"__init__.py": "from .a import A", "a.py": "", "b.py": ""}, "__init__.py"),
        ({"__init__.py": "", "notes.py": ""}, "model.py"),
    ],
)
def test_folder_without_a_model_file_has_one_all_the_same(
    tmp_path: Path, files: dict[str, str], file: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert file_of(tmp_path) == tmp_path / file


def test_file_in_a_folder_of_models_is_a_model(folder: Path) -> None:
    (folder / "solo.py").write_text(f"class TradeModel:\n {_PREDICT}\n")
    (folder / "notes.py").write_text("x = 1")
    (folder / "train.py").write_text("def predict(f): ...")
    (folder / "weights").mkdir()
    assert [each.name for each in found_models([str(folder)])] == ["gap", "solo"]
    assert load_model("solo", [str(folder)]).name == "solo"
    config = config_of(folder, params={"model": "solo"})
    before = models_digest(config)
    (folder / "notes.py").write_text("x = 2")
    assert models_digest(config) == before
    (folder / "solo.py").write_text("class TradeModel: ...")
    assert models_digest(config) != before


def test_model_is_read_anew_with_the_files_beside_it(folder: Path) -> None:
    first: Any = load_file(folder / "gap").made({})
    (folder / "gap" / "gap.py").write_text("def gap(close, fast):\n    return 12345\n")
    second: Any = load_file(folder / "gap").made({})
    close = pd.Series([1.0, 2.0])
    gaps = [type(each).predict.__globals__["gap"](close, 2) for each in (first, second)]
    assert gaps == [0.5, 12345]


def test_file_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "solo.py").write_text("class TradeModel:\n def predict(self, f): ...\n")
    assert load_file(tmp_path / "solo.py").name == "solo"
    with pytest.raises(ConfigError, match=r"no such file; a model is a folder with a model.py"):
        load_file(tmp_path / "absent")


def test_installed_models_are_found_beside_those_of_folders(folder: Path) -> None:
    plugins = Plugins(installed=[EntryPoint("carved", "math:sqrt", "tutti.models")])
    assert [each.name for each in found_models([str(folder)], plugins)] == ["carved", "gap"]


def test_two_models_of_one_name_are_refused(folder: Path) -> None:
    plugins = Plugins(installed=[EntryPoint("gap", "math:sqrt", "tutti.models")])
    with pytest.raises(ConfigError, match=r"two models are called gap: .* and an unknown package"):
        found_models([str(folder)], plugins)


def test_installed_model_is_loaded_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("root", "math:sqrt", "tutti.models")
    monkeypatch.setattr("tutti.app.plugins._installed", lambda: [point])
    make: Any = load_model("root", []).make
    assert make(9) == 3


def test_digest_changes_with_any_file_of_a_model_that_runs(folder: Path) -> None:
    write(folder, "other", GOOD)
    config = config_of(folder, params={"model": "gap"})
    before = models_digest(config)
    (folder / "other" / "model.py").write_text("x = 1")
    (folder / "gap" / "__pycache__").mkdir()
    (folder / "gap" / "__pycache__" / "gap.pyc").write_text("1")
    assert models_digest(config) == before
    (folder / "gap" / "gap.py").write_text(GAP + "#")
    assert models_digest(config) != before
    assert models_digest(Config()) == ""
    assert models_digest(config_of(folder, params={"model": "absent"})) != before


def test_digest_of_an_installed_model_is_that_of_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point = EntryPoint("root", "math:sqrt", "tutti.models")
    monkeypatch.setattr("tutti.app.plugins._installed", lambda: [point])
    agents = [{"name": "voice", "kind": "lf_analyst", "params": {"model": "root"}}]
    config = override(Config(), {"agents": agents, "conductor.weights": {}})
    assert len(models_digest(config)) == 64
