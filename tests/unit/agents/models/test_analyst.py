"""Analysts: what the model is shown and when, and what becomes of its answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.agents.models.conftest import BTC, ETH, START, Follows, bars, source_of, walk

from tutti.agents.array_panel import ArrayPanel
from tutti.agents.models.analyst import AnalystTerms, HFAnalyst, LFAnalyst
from tutti.agents.models.standing import REASON
from tutti.agents.port import MarketAgent, MetaAgent
from tutti.features.block import FeatureBlock
from tutti.kernel.clock import HOUR, MINUTE
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.agents.models.port import ModelSource

pytestmark = pytest.mark.kernels


def analyst(make: Callable[[dict[str, Any]], Any], **changes: Any) -> LFAnalyst:
    given: dict[str, Any] = {"name": "voice", "timeframe": "1h", "params": {}}
    return LFAnalyst(source_of(make), AnalystTerms(**{**given, **changes}))


def told(agent: LFAnalyst, t: int, i: int = 0) -> str:
    return agent.explain(agent.evidence(t, i))


def test_analyst_is_an_agent_that_reads_bars() -> None:
    agent = analyst(Follows)
    assert isinstance(agent, MarketAgent)
    assert agent.doubt == ""
    assert not isinstance(agent, MetaAgent)


def test_model_is_asked_once_for_each_bar_of_its_timeframe() -> None:
    made: list[Follows] = []

    def make(config: dict[str, Any]) -> Follows:
        made.append(Follows(config))
        return made[-1]

    agent = analyst(make, timeframe="4h", params={"deep": True})
    views = agent.opine_on(bars(range(100, 117)))
    (model,) = [each for each in made if each.seen]
    assert model.config == {"deep": True, "timeframe": "4h", "instrument": str(BTC)}
    # four bars closed, the first two are too few
    assert [frame.index[-1] for frame in model.seen] == [
        pd.Timestamp(START + hours * HOUR, tz="UTC") for hours in (8, 12)
    ]
    (frame, _) = model.seen
    assert frame.columns.tolist() == ["open", "high", "low", "close", "volume"]
    assert frame["close"].tolist() == [103, 107, 111]
    assert frame["volume"].tolist() == [4, 4, 4]
    assert frame.index.name == "ts"
    assert np.isnan(views.bias[:11, 0]).all()
    assert (views.bias[11:, 0] == 1).all()


def test_opinion_fades_over_its_timeframe() -> None:
    agent = analyst(Follows, timeframe="4h")
    confidence = agent.opine_on(bars([100] * 8 + [100, 101, 102, 104] + [104] * 4)).confidence[:, 0]
    said = 0.8
    np.testing.assert_allclose(confidence[11:15], [said, said * 3 / 4, said / 2, said / 4])
    assert confidence[15] == 0.0  # the next bar closed where it opened
    assert told(agent, 12) == "made_up on bars of 4h: long at 0.80, 3600 s ago"


def test_opinion_lives_as_long_as_is_said() -> None:
    agent = analyst(Follows, timeframe="4h", time_to_live=2 * HOUR)
    views = agent.opine_on(bars(range(100, 116)))
    assert np.isnan(views.bias[10:, 0]).tolist() == [True, False, False, True, True, False]
    assert told(agent, 13) == "its last opinion has expired"
    assert told(agent, 3) == "no view yet: it takes 3 bars of 4h"


@pytest.mark.parametrize("cut", [1, 3, 17])
def test_views_are_the_same_however_blocks_are_cut(cut: int) -> None:
    block = walk(80, 2)
    block.close[20:30, 1] = np.nan
    for name in ("open", "high", "low", "volume"):
        getattr(block, name)[20:30, 1] = np.nan
    whole = analyst(_Warm, timeframe="2h").opine_on(block)
    agent = analyst(_Warm, timeframe="2h")
    parts = [agent.opine_on(block.rows(start, min(start + cut, 80))) for start in range(0, 80, cut)]
    np.testing.assert_array_equal(np.concatenate([part.bias for part in parts]), whole.bias)
    np.testing.assert_array_equal(
        np.concatenate([part.confidence for part in parts]), whole.confidence
    )
    assert np.isfinite(whole.bias).any()


def test_nothing_after_a_bar_changes_what_is_said_of_it() -> None:
    block, other = walk(60), walk(60)
    other.close[40:] *= 9
    first, second = (analyst(_Warm, timeframe="2h").opine_on(each) for each in (block, other))
    np.testing.assert_array_equal(first.bias[:39], second.bias[:39])


def test_features_are_those_of_the_models_timeframe() -> None:
    seen: list[Any] = []

    class Sees(Follows):
        needs = ("momentum_3", "rsi_5")

        def predict(self, features: Any) -> dict[str, Any]:
            seen.append(features)
            return super().predict(features)

    analyst(Sees, timeframe="2h").opine_on(walk(40))
    frame = seen[-1]
    assert frame.columns.tolist()[5:] == ["momentum_3", "rsi_5"]
    assert len(seen) == 20 - 5 - 2  # no row before the features are known, then two rows behind it
    later = pd.concat([seen[-4]["close"], frame["close"]])
    assert frame["momentum_3"].iloc[-1] == pytest.approx(
        later.iloc[-1] / later.iloc[-4] - 1, rel=0.1
    )


def test_model_can_change_its_frame_and_nobody_elses() -> None:
    class Scribbles(Follows):
        def predict(self, features: Any) -> dict[str, Any]:
            said = super().predict(features)
            features.loc[:, "close"] = 0.0
            return said

    block = walk(30)
    np.testing.assert_array_equal(
        analyst(Scribbles).opine_on(block).bias, analyst(Follows).opine_on(block).bias
    )


def test_each_instrument_has_a_model_of_its_own_unless_one_serves_all() -> None:
    made: list[Any] = []

    class Counted(Follows):
        def __init__(self, config: dict[str, Any]) -> None:
            super().__init__(config)
            made.append(config.get("instrument"))

    class Shared(Counted):
        shared = True

    analyst(Counted).opine_on(walk(5, 2))
    assert made == [None, str(BTC), str(ETH)]
    made.clear()
    analyst(Shared).opine_on(walk(5, 2))
    assert made == [None]


def test_model_is_not_asked_about_instruments_that_are_not_its_own() -> None:
    views = analyst(Follows, instruments=frozenset({ETH})).opine_on(walk(10, 2))
    assert np.isnan(views.bias[:, 0]).all()
    assert np.isfinite(views.bias[2:, 1]).all()


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (
            lambda f: {"timestamp": f.index[-1], "signal": 3, "confidence": 1},
            "range",
            "signal must",
        ),
        (
            lambda f: {"timestamp": f.index[0], "signal": 1, "confidence": 1},
            "shape",
            "timestamp is",
        ),
        (lambda f: f["nothing"], "broke", "broke: KeyError: 'nothing'"),
    ],
)
def test_wrong_answer_is_an_abstention_with_its_reason(
    answer: Callable[[Any], Any], kind: str, reason: str
) -> None:
    class Wrong(Follows):
        def predict(self, features: Any) -> Any:
            return answer(features)

    agent = analyst(Wrong)
    views = agent.opine_on(walk(10))
    assert np.isnan(views.bias).all()
    assert agent.faults == {kind: 8}
    assert agent.doubt.startswith(
        f"agent voice: 8 of 8 answers of model made_up were refused (8 {kind}); the first: {reason}"
    )
    assert told(agent, 9).startswith(reason)


def test_reasons_without_end_are_told_by_their_kind() -> None:
    class Raves(Follows):
        def predict(self, features: Any) -> Any:
            return {"timestamp": features.index[-1], "signal": 2 + len(self.seen), "confidence": 1}

    class Raving(Raves):
        def predict(self, features: Any) -> Any:
            self.seen.append(1)
            return super().predict(features)

    agent = analyst(Raving)
    agent.opine_on(walk(300))
    assert told(agent, 299) == "wrong answer (range)"


def test_slow_model_abstains_as_late() -> None:
    import threading

    class Slow(Follows):
        def predict(self, features: Any) -> Any:
            threading.Event().wait(0.2)

    agent = analyst(Slow, timeout_s=0.01)
    views = agent.opine_on(walk(3))
    assert np.isnan(views.bias).all()
    assert agent.faults == {"late": 1}
    assert told(agent, 2) == "no answer in 0.01 s"


class _Warm(Follows):
    needs = ("volatility_5",)


class _AtOnce(_Warm):
    def predict_all(self, features: Any) -> Any:
        move = features["close"].pct_change()
        return pd.DataFrame({"signal": np.sign(move), "confidence": (move.abs() * 20).clip(0, 1)})


def test_model_that_offers_it_is_asked_about_a_whole_block_at_once() -> None:
    block = walk(200, 2)
    agent = analyst(_AtOnce)
    singly, at_once = analyst(_Warm).opine_on(block), agent.opine_on(block)
    np.testing.assert_array_equal(singly.bias, at_once.bias)
    np.testing.assert_array_equal(singly.confidence, at_once.confidence)
    tick_by_tick = analyst(_AtOnce)
    parts = [tick_by_tick.opine_on(block.rows(t, t + 1)).confidence for t in range(200)]
    np.testing.assert_array_equal(np.concatenate(parts), at_once.confidence)


def test_model_whose_two_answers_differ_is_refused() -> None:
    class Differs(_AtOnce):
        def predict_all(self, features: Any) -> Any:
            return super().predict_all(features[::-1])[::-1]

    with pytest.raises(ConfigError, match=r"predict_all says .* predict "):
        analyst(Differs).opine_on(walk(50))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda f: [1] * len(f), "predict_all must return a DataFrame with columns"),
        (lambda f: pd.DataFrame({"signal": [1], "confidence": [1]}), "predict_all returned 1 rows"),
        (lambda f: 1 / 0, "broke: ZeroDivisionError"),
    ],
)
def test_wrong_answer_about_a_whole_block_is_an_abstention_from_all(
    answer: Callable[[Any], Any], reason: str
) -> None:
    class Wrong(Follows):
        def predict_all(self, features: Any) -> Any:
            return answer(features)

    agent = analyst(Wrong)
    assert np.isnan(agent.opine_on(walk(20)).bias).all()
    assert told(agent, 19).startswith(reason)


def test_timeframe_is_the_configured_one_or_the_models_own() -> None:
    class Own(Follows):
        timeframe = "1d"

    assert analyst(Own).span == HOUR
    assert analyst(Own, timeframe="").span == 24 * HOUR
    with pytest.raises(ConfigError, match="says no timeframe; write one under params"):
        analyst(Follows, timeframe="")


@pytest.mark.parametrize(
    ("kind", "timeframe", "told_so"),
    [
        (LFAnalyst, "5m", "none of lf_analyst's .* use hf_analyst"),
        (HFAnalyst, "15m", "none of hf_analyst's .* use lf_analyst"),
        (LFAnalyst, "2d", "none of lf_analyst's"),
        (LFAnalyst, "1 h", "timeframe must be a number and s, m, h or d"),
    ],
)
def test_timeframe_of_the_other_analyst_is_refused(kind: Any, timeframe: str, told_so: str) -> None:
    with pytest.raises(ConfigError, match=told_so):
        kind(source_of(Follows), AnalystTerms(name="voice", timeframe=timeframe, params={}))


def test_high_frequency_analyst_takes_short_bars(follows: ModelSource) -> None:
    agent = HFAnalyst(follows, AnalystTerms(name="voice", timeframe="5m", params={}))
    views = agent.opine_on(bars(range(100, 120), step=MINUTE))
    assert np.isfinite(views.bias[14:, 0]).all()


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("needs", ("rsi_x",), "needs: .*rsi_x"),
        ("needs", "rsi_14", "needs must be names of features"),
        ("lookback", 0, "lookback must be a whole number of rows from 1"),
        ("lookback", True, "lookback must be"),
        ("predict", None, "has no method predict"),
    ],
)
def test_model_that_says_what_can_not_be_is_refused(attribute: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=f"model made_up .a test.*{said}"):
        analyst(type("Wrong", (Follows,), {attribute: value}))


def test_model_that_can_not_be_made_is_named_with_its_traceback() -> None:
    def make(config: dict[str, Any]) -> Any:
        return config["weights"]

    with pytest.raises(
        ConfigError, match=r"made_up .a test. could not be made: KeyError"
    ) as caught:
        analyst(make)
    (note,) = caught.value.__notes__
    assert note.startswith("Traceback")
    assert 'return config["weights"]' in note


def test_panel_hears_analysts_beside_others() -> None:
    block = walk(20, 2)
    panel = ArrayPanel([analyst(Follows)], active=np.array([[1, 0]]))
    nothing = FeatureBlock((), np.empty((0, 20, 2)))
    views = panel.opine_stacked(nothing, block)
    assert np.isfinite(views.bias[0, 2:, 0]).all()
    assert np.isnan(views.bias[0, :, 1]).all()
    assert panel.explain(0, nothing, (19, 0)).startswith("made_up on bars of 1h")
    with pytest.raises(ValueError, match="voice reads bars, and none were passed"):
        panel.opine_stacked(nothing)


def test_evidence_says_why_there_is_no_view() -> None:
    agent = analyst(Follows)
    agent.opine_on(walk(5))
    assert agent.evidence(0, 0)[REASON] == 0
    assert math.isnan(agent.evidence(0, 0)["model_signal"])
    assert agent.evidence(4, 0)[REASON] == -1
