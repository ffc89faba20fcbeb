"""What language models may cost is told before anything is asked."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tutti.app.config import Config, override
from tutti.app.model_use import (
    FULL_PROMPT,
    ModelUse,
    asks_models,
    daily_estimate,
    followed,
    is_free,
    models_for,
    refuse_costlier,
)
from tutti.model.errors import ConfigError, GateClosed, ModelRefused

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.llm_estimate import Estimate

_PRICED: dict[str, Any] = {"input_usd_per_million": 1, "output_usd_per_million": 10}


def _config(**changes: Any) -> Config:
    given = {key.replace("__", "."): value for key, value in changes.items()}
    return override(
        Config(),
        {
            "conductor.weights": {},
            "llm.providers": {"mine": {"url": "http://127.0.0.1:9/v1", **_PRICED}},
            **given,
        },
    )


def _agent(**settings: Any) -> dict[str, Any]:
    return {"name": "news", "model": "mine:small", "cadence_s": 3600, **settings}


def test_day_of_a_market_is_all_questions_with_full_prompts() -> None:
    config = _config(
        agents=[
            _agent(),
            _agent(name="off", kind="news", enabled=False),
            _agent(name="one", kind="news", instruments=["BTC-USDT-PERP.SIM"]),
            {"name": "mood", "kind": "semantic_synth"},
        ]
    )
    estimate = daily_estimate(config)
    assert estimate.n_calls == 24 * 5 + 24
    assert estimate.input_tokens == estimate.n_calls * FULL_PROMPT
    each = Decimal(FULL_PROMPT + 10 * config.llm.max_output_tokens) / 1_000_000
    assert estimate.usd == estimate.n_calls * each
    assert not is_free(estimate)


def test_conductor_of_a_reference_is_asked_once_a_round() -> None:
    config = _config(
        agents=[], conductor__model="mine:small", conductor__scope="reference",
        conductor__reference="BTC-USDT-PERP.SIM",
    )  # fmt: skip
    assert asks_models(config)
    assert daily_estimate(config).n_calls == 24


def test_agent_is_asked_no_more_often_than_there_are_ticks() -> None:
    config = _config(agents=[_agent(cadence_s=0)], feed__tick_s=600)
    assert daily_estimate(config).n_calls == 144 * 5


def test_model_whose_price_is_not_known_is_named_once() -> None:
    config = _config(
        agents=[_agent(), _agent(name="two", kind="news")],
        llm__providers={"mine": {"url": "http://127.0.0.1:9/v1"}},
    )
    estimate = daily_estimate(config)
    assert estimate.usd == 0
    assert estimate.unpriced == ("mine:small",)
    assert not is_free(estimate)


def test_what_is_followed_is_what_the_feed_has(tmp_path: Path) -> None:
    live = _config(feed__kind="live", feed__live={"symbols": ["BTC-USD.KRAKEN"]})
    assert list(map(str, followed(live))) == ["BTC-USD.KRAKEN"]
    for name in ("BTC-USDT_1h.csv", "ETH-USDT_1h.csv"):
        (tmp_path / name).touch()
    replayed = _config(feed__kind="replay", feed__bars=[str(tmp_path / "*.csv")])
    assert [each.symbol for each in followed(replayed)] == ["BTC-USDT", "ETH-USDT"]


async def test_replay_without_records_has_models_that_say_so(tmp_path: Path) -> None:
    config = _config(agents=[_agent()])
    async with models_for(config, ModelUse(records=tmp_path / "none.sqlite")) as models:
        model = models(config.agents[0])
    with pytest.raises(ModelRefused, match="nobody asks mine:small here"):
        await model.answer(None)  # type: ignore[arg-type]
    assert not (tmp_path / "none.sqlite").exists()


async def test_models_may_be_opened_before_anybody_asks_them(tmp_path: Path) -> None:
    use = ModelUse(mode="record", records=tmp_path / "llm.sqlite")
    async with models_for(_config(agents=[]), use, always=True):
        assert use.records.exists()


def _nobody(estimate: Estimate) -> None:
    raise GateClosed(f"{estimate.n_calls} calls are too many")


_LIVE = ModelUse(mode="live", approve=lambda _: None, approve_change=_nobody)


def test_agents_that_come_to_cost_more_while_a_service_runs_are_asked_about() -> None:
    before = _config(agents=[_agent()])
    after = _config(
        agents=[
            _agent(), {"name": "momentum_hunter"}, _agent(name="two", kind="news", cadence_s=7200),
            _agent(name="three", kind="news", cadence_s=1800),
        ]
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"^agents\[3\].model: 420 calls are too many$"):
        refuse_costlier(before, after, _LIVE)
    refuse_costlier(before, after, ModelUse(mode="live", approve=lambda _: None))


@pytest.mark.parametrize(
    "agents",
    [
        pytest.param([_agent(weight=2.0)], id="as-dear"),
        pytest.param([_agent(cadence_s=7200)], id="cheaper"),
        pytest.param([_agent(enabled=False)], id="off"),
        pytest.param([{"name": "vpin"}], id="none"),
    ],
)
def test_agents_that_cost_no_more_than_before_are_not_asked_about(
    agents: list[dict[str, Any]],
) -> None:
    refuse_costlier(_config(agents=[_agent()]), _config(agents=agents), _LIVE)


def test_agents_of_a_price_that_is_not_known_are_asked_about_when_they_ask_more() -> None:
    unknown = {"mine": {"url": "http://127.0.0.1:9/v1"}}
    before = _config(agents=[_agent()], llm__providers=unknown)
    same = _config(agents=[_agent(weight=3.0)], llm__providers=unknown)
    refuse_costlier(before, same, _LIVE)
    more = _config(agents=[_agent(cadence_s=1800)], llm__providers=unknown)
    with pytest.raises(ConfigError, match=r"agents\[0\].model: 240 calls"):
        refuse_costlier(before, more, _LIVE)


def test_agents_that_only_read_the_record_cost_nothing() -> None:
    refuse_costlier(_config(agents=[]), _config(agents=[_agent()]), ModelUse(approve=_nobody))
