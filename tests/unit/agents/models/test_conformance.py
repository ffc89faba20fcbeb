"""The suite for models: each way to be wrong is found, and nothing that is right is held wrong."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from tests.unit.agents.models.conftest import Follows, source_of

from tutti.agents.models.conformance import Tried, tried
from tutti.agents.models.windows import Trial
from tutti.app.model_trial import made_up_bars
from tutti.kernel.clock import HOUR

pytestmark = pytest.mark.kernels


def trial_of(make: Any, *, n: int = 200, budget_s: float = 5.0) -> Tried:
    return tried(
        Trial(
            source=source_of(make),
            config={"timeframe": "1h"},
            bars=made_up_bars(n, HOUR),
            budget_s=budget_s,
            making=nullcontext,
            predicting=lambda is_first: nullcontext(),
        )
    )


def codes(make: Any, **changes: Any) -> set[str]:
    return {each.code for each in trial_of(make, **changes).findings}


def said(features: Any, signal: Any = 1, confidence: Any = 0.5) -> dict[str, Any]:
    return {"timestamp": features.index[-1], "signal": signal, "confidence": confidence}


class Model:
    lookback = 30

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config


class Smoothed(Model):
    """Remembers all that it was shown, and nothing else."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.mean = 0.0

    def predict(self, features: Any) -> dict[str, Any]:
        self.mean += 0.1 * (features["close"].iloc[-1] - self.mean)
        return said(features, int(np.sign(features["close"].iloc[-1] - self.mean)))


class Normalised(Model):
    """Measures by the whole of its window: that is the past."""

    def predict(self, features: Any) -> dict[str, Any]:
        close = features["close"]
        score = (close.iloc[-1] - close.mean()) / close.std()
        return said(features, int(np.sign(score)), min(1.0, abs(score) / 3))


class Seeded(Model):
    """Draws, always the same."""

    def predict(self, features: Any) -> dict[str, Any]:
        rng = np.random.default_rng(round(features["close"].iloc[-1]))
        return said(features, int(rng.integers(-1, 2)), rng.uniform())


class Weekly(Model):
    """Knows the weekday."""

    def predict(self, features: Any) -> dict[str, Any]:
        return said(features, 1 if features.index[-1].dayofweek < 3 else -1)


class Untidy(Model):
    """Writes into its frame, and answers in other numbers than Python's."""

    def predict(self, features: Any) -> dict[str, Any]:
        features["gap"] = features["close"].diff()
        features.loc[:, "close"] = 0.0
        return {
            "timestamp": str(features.index[-1]),
            "signal": np.sign(features["gap"].iloc[-1]),
            "confidence": np.float32(0.25),
            "why": "more than was asked for",
        }


class Awaited(Model):
    async def predict(self, features: Any) -> dict[str, Any]:
        return said(features)


class Batched(Normalised):
    def predict_all(self, features: Any) -> Any:
        rolled = features["close"].rolling(self.lookback)
        score = (features["close"] - rolled.mean()) / rolled.std()
        return pd.DataFrame(
            {"signal": np.sign(score).fillna(0), "confidence": (score.abs() / 3).clip(0, 1)}
        )


def table(features: Any, signal: Any, confidence: Any = 0.5) -> Any:
    return pd.DataFrame(
        {"timestamp": features.index, "signal": np.asarray(signal), "confidence": confidence}
    )


class Rows(Model):
    """Answers about each bar that it is shown, from the bars up to it."""

    def predict(self, features: Any) -> Any:
        move = features["close"].diff().fillna(0)
        return table(features, np.sign(move), (move.abs() / 1000).clip(0, 1).to_numpy())


class Warm(Model):
    """Leaves out the bars for which it has too few."""

    def predict(self, features: Any) -> Any:
        gap = features["close"] - features["close"].rolling(20).mean()
        return table(features, np.sign(gap)).dropna()


class Columns(Model):
    """Remembers a mean, and answers in columns."""

    mean = 0.0

    def predict(self, features: Any) -> Any:
        self.mean += 0.1 * (features["close"].iloc[-1] - self.mean)
        signal = np.sign(features["close"].diff().fillna(0).to_numpy())
        signal[-1] = np.sign(features["close"].iloc[-1] - self.mean)
        return {"timestamp": features.index, "signal": signal, "confidence": 0.5}


@pytest.mark.parametrize(
    "model",
    [
        Smoothed, Normalised, Seeded, Weekly, Untidy, Awaited, Batched, Follows, Rows, Warm,
        Columns,
    ],
)  # fmt: skip
def test_good_model_has_nothing_held_against_it(model: type) -> None:
    found = trial_of(model)
    assert found.findings == ()
    assert len(found.answers) == len(found.seconds) == 40


class Early(Model):
    """Answers about a bar when it has seen what followed."""

    def predict(self, features: Any) -> dict[str, Any]:
        after = features["close"].iloc[-1] - features["close"].iloc[-4]
        return {"timestamp": features.index[-4], "signal": int(np.sign(after)), "confidence": 1}


class Centred(Model):
    """Answers about the last bar that a centred mean knows."""

    def predict(self, features: Any) -> dict[str, Any]:
        smooth = features["close"].rolling(5, center=True).mean().dropna()
        gap = smooth.iloc[-1] - features["close"].loc[smooth.index[-1]]
        return {"timestamp": smooth.index[-1], "signal": int(np.sign(gap)), "confidence": 1}


class Remembers(Model):
    """Looks up what an earlier one of its kind was shown."""

    seen: ClassVar[dict[Any, float]] = {}

    def predict(self, features: Any) -> dict[str, Any]:
        last = features["close"].iloc[-1]
        later = self.seen.get(features.index[-1] + pd.Timedelta(hours=1), last)
        self.seen[features.index[-1]] = last
        return said(features, int(np.sign(later - last)))


class Dated(Model):
    """Has learnt by heart what happened when."""

    def predict(self, features: Any) -> dict[str, Any]:
        return said(features, 1 if features.index[-1] < pd.Timestamp("2030", tz="UTC") else -1)


class Backwards(Batched):
    def predict_all(self, features: Any) -> Any:
        turned = features["close"].shift(-1) - features["close"]
        return pd.DataFrame({"signal": np.sign(turned).fillna(0), "confidence": turned * 0})


class Overall(Batched):
    """Measures by the whole of the history, what follows included."""

    def predict_all(self, features: Any) -> Any:
        score = (features["close"] - features["close"].mean()) / features["close"].std()
        return pd.DataFrame({"signal": np.sign(score), "confidence": (score.abs() / 3).clip(0, 1)})


def rows_by(signal: Any) -> type:
    """Return a model that answers about each bar with a signal made of the whole frame."""

    def predict(self: Any, features: Any) -> Any:
        found = table(features, signal(features["close"]))
        return found.dropna()

    return type("RowsBy", (Model,), {"predict": predict})


NEXT = rows_by(lambda close: np.sign(close.shift(-1) - close))
SCORE = rows_by(lambda close: np.sign(close - close.mean()))
RANK = rows_by(lambda close: (close.rank(pct=True) > 0.5).astype(int))
FILLED = rows_by(lambda close: np.sign(close - close.rolling(20).mean().bfill()))
SMOOTH = rows_by(lambda close: np.sign(close - close.rolling(5, center=True, min_periods=1).mean()))
TURNED = rows_by(lambda close: np.sign(close - close[::-1].rolling(5, 1).mean()[::-1]))
LAST = rows_by(lambda close: np.full(len(close), np.sign(close.iloc[-1] - close.iloc[0])))


class Listing(Model):
    """Looks at the next bar in a list of answers."""

    def predict(self, features: Any) -> Any:
        close = [*features["close"], features["close"].iloc[-1]]
        return [
            {"timestamp": ts, "signal": int(np.sign(close[k + 1] - close[k])), "confidence": 1}
            for k, ts in enumerate(features.index)
        ]


@pytest.mark.parametrize(
    "model",
    [
        Early, Centred, Remembers, Dated, Overall, NEXT, SCORE, RANK, FILLED, SMOOTH, TURNED, LAST,
        Listing,
    ],
)  # fmt: skip
def test_model_that_looks_ahead_is_found(model: type) -> None:
    Remembers.seen.clear()
    assert codes(model) == {"look_ahead"}


def test_model_that_has_nothing_to_say_of_the_last_row_is_found_on_both_counts() -> None:
    assert codes(Backwards) == {"look_ahead", "range"}


class Stale(Model):
    """Answers about an earlier bar from earlier bars alone: late, not ahead."""

    def predict(self, features: Any) -> dict[str, Any]:
        return {"timestamp": features.index[-2], "signal": 1, "confidence": 1}


class Longer(Batched):
    """Reads more rows at once than it is shown one by one."""

    def predict_all(self, features: Any) -> Any:
        score = features["close"] - features["close"].ewm(span=500).mean()
        return pd.DataFrame({"signal": np.sign(score), "confidence": score * 0 + 0.5})


class Raises(Model):
    def predict(self, features: Any) -> Any:
        return features["price"]


class RaisesAtOnce(Normalised):
    def predict_all(self, features: Any) -> Any:
        raise SystemExit(1)


class Leaves(Model):
    def predict(self, features: Any) -> Any:
        raise SystemExit(1)


class Lists(Model):
    def predict(self, features: Any) -> Any:
        return [1, 0.5]


def changed_by(change: Any) -> type:
    """Return a model whose answer is a good one about each bar, changed."""

    def predict(self: Any, features: Any) -> Any:
        return change(table(features, np.sign(features["close"].diff().fillna(0))))

    return type("ChangedBy", (Model,), {"predict": predict})


HOUR_LATER = pd.Timedelta(hours=1)
WITHOUT_LAST = changed_by(lambda rows: rows[:-1])
TWICE = changed_by(lambda rows: pd.concat([rows, rows[-1:]]))
REVERSED = changed_by(lambda rows: rows[::-1])
AHEAD = changed_by(lambda rows: rows.assign(timestamp=rows["timestamp"] + HOUR_LATER))
NO_TIME = changed_by(lambda rows: rows.assign(timestamp="soon"))
NOTHING = changed_by(lambda rows: rows[:0])


@pytest.mark.parametrize(
    "model",
    [
        Stale, Longer, Raises, RaisesAtOnce, Leaves, Lists, WITHOUT_LAST, TWICE, REVERSED, AHEAD,
        NO_TIME, NOTHING,
    ],
)  # fmt: skip
def test_answer_of_another_shape_is_found(model: type) -> None:
    assert codes(model) == {"shape"}


def test_row_out_of_range_is_found_wherever_it_is() -> None:
    for wrong in ({"confidence": 1.0000001}, {"confidence": np.nan}, {"signal": 2}):
        model = changed_by(
            lambda rows, wrong=wrong: pd.concat([rows[:3], rows[3:4].assign(**wrong), rows[4:]])
        )
        assert codes(model) == {"range"}


class Often(Model):
    """Wrong one time in ten."""

    def predict(self, features: Any) -> Any:
        return said(features, 1, 1.5 if features.index[-1].hour in (3, 9) else 0.5)


@pytest.mark.parametrize(
    "answer",
    [
        lambda f: said(f, 2),
        lambda f: said(f, 0.5),
        lambda f: said(f, 1, -0.1),
        lambda f: said(f, 1, float("nan")),
        lambda f: said(f, f["close"].shift(-1).iloc[-1]),
    ],
)
def test_answer_out_of_range_is_found(answer: Any) -> None:
    assert codes(type("Wrong", (Model,), {"predict": lambda self, f: answer(f)})) == {"range"}


def test_fault_that_comes_again_is_told_once_with_how_often() -> None:
    (finding,) = trial_of(Often).findings
    assert finding.code == "range"
    assert finding.message.endswith("times more)")


class Random(Model):
    rng = np.random.default_rng(3)

    def predict(self, features: Any) -> Any:
        return said(features, 1, self.rng.uniform())


class RandomRows(Model):
    rng = np.random.default_rng(3)

    def predict(self, features: Any) -> Any:
        return table(features, 1, self.rng.uniform(size=len(features)))


class Counts(Model):
    """Says that it remembers nothing, and does."""

    shared = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.n = 0

    def predict(self, features: Any) -> Any:
        self.n += 1
        return said(features, 1, min(1.0, self.n / 100))


@pytest.mark.parametrize("model", [Random, RandomRows, Counts])
def test_answer_left_to_chance_or_order_is_found(model: type) -> None:
    assert codes(model) == {"nondeterministic"}


class Slow(Model):
    def predict(self, features: Any) -> Any:
        threading.Event().wait(0.02)
        return said(features)


def test_slow_model_is_found_without_showing_it_everything() -> None:
    found = trial_of(Slow, budget_s=0.015)
    assert {each.code for each in found.findings} == {"slow"}
    assert len(found.seconds) == 5
    assert "the budget is 15 ms" in found.findings[0].message
    assert len(trial_of(Slow, budget_s=0.001).seconds) == 2


class Hiccups(Model):
    """Is slow once: the first object of its class is, on a machine that had others to serve."""

    made: ClassVar[list[object]] = []

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.made.append(self)

    def predict(self, features: Any) -> Any:
        if self is self.made[0]:
            threading.Event().wait(0.06)
        return said(features)


def test_model_that_was_held_up_once_is_not_slow() -> None:
    Hiccups.made.clear()
    assert codes(Hiccups, budget_s=0.05) == set()


def test_model_that_can_not_be_made_is_an_import_error() -> None:
    def make(config: dict[str, Any]) -> Any:
        raise OSError("no weights")

    (finding,) = trial_of(make).findings
    assert finding.code == "import_error"
    assert "could not be made: OSError: no weights" in finding.message


def test_model_that_wants_more_bars_than_there_are_is_told_so() -> None:
    (finding,) = trial_of(type("Deep", (Weekly,), {"lookback": 5000})).findings
    assert finding.code == "shape"
    assert "lookback 5000 is longer than any trial" in finding.message
