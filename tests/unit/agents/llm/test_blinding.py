"""A run in which the model is not told what it is asked about, nor when."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.catalogue import SpeakerSettings, make_llm_agent
from tutti.kernel.clock import DAY
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Opinion

BTC = InstrumentId("BTC-USDT-PERP", "SIM")
BLIND = Blinding(7, [BTC, InstrumentId("ETH-USDT-PERP", "SIM")])


def test_blinded_agent_asks_without_name_date_or_price(stage: Any) -> None:
    snapshot = stage.snapshot(
        stage.text("Bitcoin at $37,000 on Nov 14, 2023, says Coinbase", source="CNBC"),
        past=(stage.situation(),),
    )
    said = stage.said(rationale="Bitcoin was at a top on November 14.")
    model = stage.model([said])
    settings = SpeakerSettings(name="voice", model="test:model")
    agent = make_llm_agent(
        "news", settings, source=stage.source(snapshot), model=model, blind=BLIND
    )
    opinion = asyncio.run(agent.infer(snapshot))
    (call,) = model.heard
    prompt = call.system + call.user
    for leak in ("Bitcoin", "BTC", "USDT", "37", "2023", "Nov", "Coinbase", "CNBC", "SIM"):
        assert leak not in call.user, leak
    assert BLIND.asset(BTC) in prompt
    assert "rsi_14 55\n" in prompt
    assert "\u00a4100" in prompt
    assert BLIND.unclock(call.as_of) == stage.now
    assert isinstance(opinion, Opinion)
    assert opinion.rationale == f"{BLIND.asset(BTC)} was at a top on today."
    assert opinion.sources[0].startswith("b:")
    assert opinion.sources == (BLIND.source(snapshot.texts[0].id),)
    assert opinion.instrument == BTC


def test_blinded_figures_keep_their_names_and_small_values(stage: Any) -> None:
    readings = (
        stage.reading("bitcoin_addresses", 1_561_723.0, source="blockchain.com"),
        stage.reading("average_fee", 2.25),
    )
    model = stage.model([stage.said(sources=["r2"])])
    settings = SpeakerSettings(name="voice", model="test:model")
    agent = make_llm_agent(
        "on_chain", settings, source=stage.source(stage.snapshot()), model=model, blind=BLIND
    )
    asyncio.run(agent.infer(stage.snapshot(readings=readings)))
    user = model.heard[0].user
    assert f'"name": "{BLIND.asset(BTC)}_addresses"' in user
    assert "1561720" not in user
    assert '"value": 2.25' in user
    assert "blockchain" not in user


def test_blinded_days_are_shifted_by_one_whole_number() -> None:
    first, second = 1_600_000_000 * 10**9, 1_700_000_000 * 10**9
    assert BLIND.clock(second) - BLIND.clock(first) == second - first
    assert (BLIND.clock(first) - first) % DAY == 0
    assert BLIND.instant(first) == f"day {BLIND.clock(first) // DAY}, 12:26"
    assert BLIND.clock(first) < 2**63


def test_blinded_runs_of_one_seed_agree_and_of_two_do_not() -> None:
    assert Blinding(7, [BTC]).asset(BTC) == BLIND.asset(BTC)
    other = Blinding(8, [BTC])
    assert other.asset(BTC) != BLIND.asset(BTC)
    assert other.clock(0) != BLIND.clock(0)
    assert other.source("a") != BLIND.source("a")


def test_blinded_legend_tells_people_what_is_what() -> None:
    assert BLIND.legend()[BLIND.asset(BTC)] == "BTC-USDT-PERP.SIM"


def test_blinded_close_that_is_not_known_is_said() -> None:
    assert BLIND.close(math.nan) == "not known"
    assert BLIND.value("fear_greed", 66.0) == 66.0


def test_blinded_legend_names_every_instrument_of_an_asset() -> None:
    legend = Blinding(7, [InstrumentId("BTC-USD", "A"), InstrumentId("BTC-USD", "B")]).legend()
    assert list(legend.values()) == ["BTC-USD.A, BTC-USD.B"]


def test_blinded_figures_are_told_to_three_digits_and_levels_out_of_proportion() -> None:
    assert BLIND.value("fed_funds", 5.3312) == 5.33
    assert BLIND.value("fear_greed", 100.0) == 100.0
    level, before = BLIND.value("CPIAUCSL", 307.671), BLIND.value("CPIAUCSL", 307.026)
    assert not 300 < level < 315
    assert abs(level - before) <= 0.01 * level
    assert level == float(f"{level:.3g}")
    assert BLIND.value("CPIAUCSL", 307.671) != Blinding(8, [BTC]).value("CPIAUCSL", 307.671)


def test_blinded_past_is_told_to_two_digits(stage: Any) -> None:
    snapshot = stage.snapshot(stage.text("Words"), past=(stage.situation(outcome=0.032741),))
    told = []
    for blind in (None, BLIND):
        model = stage.model([stage.said()])
        agent = make_llm_agent(
            "news",
            SpeakerSettings(name="voice", model="test:model"),
            source=stage.source(snapshot),
            model=model,
            blind=blind,
        )
        asyncio.run(agent.infer(snapshot))
        told.append(model.heard[0].user)
    assert "then +3.33% in" in told[0]
    assert "then +3.30% in" in told[1]


def test_blinded_reasons_are_kept_with_the_numbers_that_the_model_was_told(stage: Any) -> None:
    said = "2,650 points and \u00a4105. " + "Up. " * 142 + "As Berkshire Hathaway says."
    snapshot = stage.snapshot(stage.text("Words"))
    agent = make_llm_agent(
        "news",
        SpeakerSettings(name="voice", model="test:model"),
        source=stage.source(snapshot),
        model=stage.model([stage.said(rationale=said)]),
        blind=BLIND,
    )
    opinion = asyncio.run(agent.infer(snapshot))
    assert isinstance(opinion, Opinion)
    assert opinion.rationale.startswith("2,650 points and \u00a4105. Up.")
    assert "Berk" not in opinion.rationale
