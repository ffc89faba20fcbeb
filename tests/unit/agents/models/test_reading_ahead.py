"""Calls that read later rows, found in a model's source."""

from __future__ import annotations

import pytest

from tutti.agents.models.reading_ahead import suspects


def model(line: str) -> str:
    return f"class TradeModel:\n    def predict(self, features):\n        return {line}\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("features['close'].shift(-1)", "shift(-1) reads rows that come later"),
        ("features['close'].shift(periods=-3)", "shift(-3) reads"),
        ("features.diff(-1)", "diff(-1) reads"),
        ("features.pct_change(-2)", "pct_change(-2) reads"),
        ("features.rolling(5, center=True).mean()", "rolling(center=True) reads as many later"),
        ("features.interpolate(limit_direction='both')", "interpolate backwards"),
        ("np.roll(features, -1)", "roll by a negative number"),
        ("features.bfill()", "bfill() fills with what comes later"),
        ("features.fillna(method='bfill')", "fillna backwards"),
        ("signal.filtfilt(b, a, features)", "filtfilt() smooths with what comes later"),
        ("filtfilt(b, a, features)", "filtfilt() smooths with what comes later"),
    ],
)
def test_call_that_reads_later_rows_is_named_with_its_line(line: str, told: str) -> None:
    (found,) = suspects(model(line))
    assert found.line == 3
    assert found.told.startswith(told)


@pytest.mark.parametrize(
    "line",
    [
        "features['close'].shift(1)",
        "features.shift(self.lag)",
        "features.diff()",
        "features.rolling(5).mean()",
        "features.rolling(5, center=False).mean()",
        "features.fillna(0)",
        "features.ffill()",
        "np.roll(features, 1)",
        "shift(-1)",
        "features.iloc[-1]",
    ],
)
def test_call_that_reads_earlier_rows_is_not(line: str) -> None:
    assert suspects(model(line)) == ()


def test_labels_for_training_may_look_ahead() -> None:
    source = """
def labels(features):
    return features["close"].shift(-1)

def fit(features):
    return labels(features)

class TradeModel:
    def predict(self, features):
        return self.score(features)

    def score(self, features):
        return features["close"].iloc[-1]
"""
    assert suspects(source) == ()


def test_what_predict_reaches_is_looked_at_wherever_it_stands() -> None:
    source = """
def smooth(close):
    return smooth(close.rolling(5, center=True).mean())

class TradeModel:
    async def predict(self, features):
        return self.score(features)

    def score(self, features):
        return smooth(features["close"])

    def predict_all(self, features):
        return features.bfill()
"""
    assert [each.line for each in suspects(source)] == [3, 13]


@pytest.mark.parametrize(
    "given",
    [
        "LAG = -1",
        "def other(LAG=-2): ...",
        "def other(*, LAG: int = -2, other=None, third): ...",
        "LAG: int = -3",
        "LAG = int(config.get('lag', -1))",
    ],
)
@pytest.mark.parametrize("used", ["LAG", "self.LAG", "int(LAG)"])
def test_name_that_is_only_ever_negative_is_as_good_as_the_number(given: str, used: str) -> None:
    (found,) = suspects(f"{given}\n{model(f'features.shift({used})')}")
    assert found.told == f"shift({used}) reads rows that come later"


@pytest.mark.parametrize("given", ["LAG = 1", "LAG = -1; LAG = 1", "LAG: int", "LAG = config"])
def test_name_that_may_be_something_else_is_not(given: str) -> None:
    assert suspects(f"{given}\n{model('features.shift(LAG)')}") == ()


def test_functions_in_files_beside_the_model_are_looked_at_where_it_calls_them() -> None:
    helper = """
def ahead(close):
    return close.shift(-1)

def labels(close):
    return close.shift(-2)

def predict(close):
    return close.shift(-3)
"""
    beside = {"helper.py": helper, "broken.py": "def ("}
    (found,) = suspects(model("ahead(features['close'])"), beside)
    assert (found.file, found.line) == ("helper.py", 3)
    assert suspects(model("features['close']"), beside) == ()


def test_model_that_learns_from_its_window_may_label_it() -> None:
    source = """
def labels_of(close):
    return close.shift(-1) > close

class TradeModel:
    def predict(self, features):
        close = features["close"]
        known, rises = close[:-1], (close.shift(-1) > close)[:-1]
        self.model.fit(known, rises & labels_of(close)[:-1])
        smooth = close.bfill()
        return self.model.predict(smooth[-1:])
"""
    (found,) = suspects(source)
    assert (found.line, found.told) == (10, "bfill() fills with what comes later")
