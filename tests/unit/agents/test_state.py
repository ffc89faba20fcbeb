"""Who may speak, and why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tutti.agents.state import AgentState, may_speak, objection
from tutti.model.instrument import InstrumentId

_BTC = InstrumentId("BTC-USDT", "SIM")
_ETH = InstrumentId("ETH-USDT", "SIM")
_STATE = AgentState(name="vpin", display_name="VPIN HFT")


def test_agent_in_good_standing_may_speak_of_everything() -> None:
    assert objection(_STATE, _BTC) is None


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (AgentState(name="vpin", active=False), "switched off"),
        (AgentState(name="vpin", daily_loss_breached=True), "daily loss limit"),
        (AgentState(name="vpin", instruments=frozenset({_ETH})), "restricted to other"),
    ],
)
def test_agent_that_may_not_speak_has_a_reason(state: AgentState, says: str) -> None:
    assert says in (objection(state, _BTC) or "")


def test_agent_restricted_to_an_instrument_may_speak_of_it() -> None:
    assert objection(AgentState(name="vpin", instruments=frozenset({_BTC})), _BTC) is None


def test_agent_without_a_display_name_goes_by_its_name() -> None:
    assert _STATE.title == "VPIN HFT"
    assert AgentState(name="vpin").title == "vpin"


def test_agent_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a name"):
        AgentState(name="")


def test_may_speak_has_a_row_for_each_agent_and_a_column_for_each_instrument() -> None:
    states = (
        _STATE,
        AgentState(name="a", instruments=frozenset({_ETH})),
        replace(_STATE, active=False),
    )
    assert may_speak(states, (_BTC, _ETH)).tolist() == [[1, 1], [0, 1], [0, 0]]
    assert may_speak((), (_BTC, _ETH)).shape == (0, 2)
