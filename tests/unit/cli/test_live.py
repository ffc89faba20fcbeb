"""What a running service shows of itself."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from tutti.app.state import DecisionRow, Mode, PositionRow, RefusalRow, ServiceState
from tutti.cli.live import LivePicture, PlainLines, picture_of, sparkline
from tutti.kernel.clock import SECOND

NOON = 1_700_049_600_000_000_000
BTC = "BTC-USDT-PERP.SIM"

STATE = ServiceState(
    run_id="paper-1",
    as_of=NOON,
    feed="sim",
    started_at=NOON,
    ticks=7,
    equity=10_100.0,
    start_equity=10_000.0,
    drawdown=0.01,
    mode=Mode.TRADING,
    regime={BTC: "BULL_TRENDING"},
    positions=(
        PositionRow(
            instrument=BTC,
            quantity=-0.1,
            average_price=40_000.0,
            mark=41_000.0,
            unrealised=-100.0,
            weight=-0.4,
            opened_at=NOON,
            lead="vpin",
        ),
    ),
    decisions=(
        DecisionRow(
            ts=NOON,
            instrument=BTC,
            action="sell",
            reason="entry",
            confidence=0.7,
            order_id="0a" * 16,
        ),
        DecisionRow(ts=NOON, instrument=BTC, action="hold", reason="none", confidence=0.1),
    ),
    refusals=(RefusalRow(ts=NOON, instrument=BTC, rule="gross_exposure", reason="no room"),),
    agents=(),
    n_orders=2,
    n_fills=1,
    n_refusals=1,
    speed=60.0,
    market_data_age_s=0.5,
    api_url="http://127.0.0.1:8765",
)
START = dataclasses.replace(
    STATE, ticks=0, as_of=0, positions=(), decisions=(), refusals=(), regime={}, start_equity=0.0
)


def picture(state: ServiceState, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width, height=50, force_terminal=False)
    with console.capture() as shown:
        console.print(picture_of(state, [1.0, 2.0, 3.0], width))
    return shown.get()


@pytest.mark.parametrize("width", [90, 180])
def test_picture_shows_everything_at_a_glance(width: int) -> None:
    shown = picture(STATE, width)
    for part in (
        "PAPER", "paper-1", "trading", "2023-11-15T12:00:00Z", "10,100.00", "+1.00%", "▁", "█",
        "http://127.0.0.1:8765", "-0.1", "bull trending", "sell", "entry", "0.70",
        "gross exposure", "no room", "refused (1)", "vpin",
    ):  # fmt: skip
        assert part in shown


def test_picture_before_the_first_tick_says_so() -> None:
    shown = picture(dataclasses.replace(START, api_url=""))
    assert shown.count("warming up") == 2
    assert "none yet" in shown
    assert "API" not in shown


def test_picture_of_many_instruments_counts_their_regimes() -> None:
    many = {f"COIN{i}.SIM": "RANGE_BOUND" if i < 200 else "BEAR_VOLATILE" for i in range(248)}
    assert "range bound 200, bear volatile 48" in picture(dataclasses.replace(STATE, regime=many))


def test_picture_of_old_data_says_how_old() -> None:
    assert "data 60.0 s old" in picture(dataclasses.replace(STATE, market_data_age_s=60.0))


def test_picture_says_what_stands_in_the_way_of_trading() -> None:
    shown = picture(
        dataclasses.replace(STATE, halted="5 orders in a row failed", locked=("BTC-USDT.SIM",))
    )
    assert "halted, only closing: 5 orders in a row failed" in shown
    assert "locked until reconciled: BTC-USDT.SIM" in shown


def test_picture_of_text_with_brackets_shows_them() -> None:
    odd = RefusalRow(ts=NOON, instrument=BTC, rule="r", reason="[red]x[/red]")
    assert "[red]x[/red]" in picture(dataclasses.replace(STATE, refusals=(odd,)))


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([5.0, 5.0], "▄▄"),
        ([0.0, 7.0], "▁█"),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], "▁▂▃▄▅▆▇█"),
    ],
)
def test_sparkline_spans_low_to_high(values: list[float], line: str) -> None:
    assert sparkline(values) == line


def test_sparkline_of_many_values_fits_and_ends_with_the_last() -> None:
    line = sparkline([*([0.0] * 999), 1.0], 20)
    assert len(line) <= 20
    assert line.endswith("█")


def test_live_picture_is_drawn_anew_at_each_update() -> None:
    screen = io.StringIO()
    view = LivePicture(Console(file=screen, width=120, height=40, force_terminal=True))
    view.close()
    view.update(START)
    view.update(STATE)
    view.close()
    assert "10,100.00" in screen.getvalue()


def test_plain_lines_say_each_thing_once(capsys: pytest.CaptureFixture[str]) -> None:
    view = PlainLines()
    view.update(START)
    view.update(STATE)
    view.update(STATE)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"2023-11-15T12:00:00Z  sell {BTC}: entry, confidence 0.70 (order 0a0a0a0a0a0a0a0a0a)",
        f"2023-11-15T12:00:00Z  refused {BTC} by gross_exposure: no room",
        "2023-11-15T12:00:00Z  equity 10,100.00 (+1.00%), drawdown 1.00%, trading, 1 positions, "
        "2 orders, 1 fills, 1 refused",
    ]
    view.close()


def test_plain_lines_say_how_things_stand_every_ten_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = PlainLines()
    for second in range(31):
        # 60 market seconds pass in each
        state = dataclasses.replace(
            STATE, as_of=NOON + second * 60 * SECOND, decisions=(), refusals=()
        )
        view.update(state)
    assert capsys.readouterr().out.count("equity") == 4
