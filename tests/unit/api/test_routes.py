"""The HTTP interface over a service that is held in memory."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from tutti.api.routes import make_app
from tutti.app.metrics import Metrics
from tutti.app.state import (
    AgentRow,
    AgentsState,
    DecisionRow,
    Mode,
    OpinionRow,
    OrderView,
    PositionRow,
    Prediction,
    RefusalRow,
    ServiceState,
    SymbolRow,
    SymbolsState,
)
from tutti.model.errors import ConfigError, GateClosed, InvariantBroken
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.model.order import Order, OrderType, Side

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tutti.app.settling import Claim

TOKEN = "a-token-of-32-characters-or-more"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
BTC = "BTC-USDT-PERP.SIM"
NOON = 1_700_049_600_000_000_000

AGENT = AgentRow(
    name="vpin",
    display_name="VPIN",
    active=True,
    daily_loss_breached=False,
    weight=1.0,
    calls=10,
    abstentions=2,
    timeouts=1,
    last_seen=0,
    day_pnl=-3.5,
)
POSITION = PositionRow(
    instrument=BTC,
    quantity=0.1,
    average_price=40_000.0,
    mark=41_000.0,
    unrealised=100.0,
    weight=0.4,
    opened_at=NOON,
    lead="vpin",
)
STATE = ServiceState(
    run_id="run-1",
    as_of=NOON,
    feed="sim",
    started_at=NOON,
    ticks=7,
    equity=10_100.0,
    start_equity=10_000.0,
    drawdown=0.01,
    mode=Mode.REDUCE_ONLY,
    regime={BTC: "BULL_TRENDING"},
    positions=(POSITION,),
    decisions=(),
    refusals=(RefusalRow(ts=NOON, instrument=BTC, rule="gross", reason="no room"),),
    agents=(AGENT,),
    n_orders=2,
    n_fills=1,
    n_refusals=1,
    speed=60.0,
    market_data_age_s=0.5,
)


@dataclass
class ServiceInMemory:
    """A service that has nothing behind it."""

    state: ServiceState = STATE
    stopped: list[str] = field(default_factory=list)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    seen: list[MarketBlock | None] = field(default_factory=list)
    breaks: Exception | None = None

    def status(self) -> ServiceState:
        if self.breaks is not None:
            raise self.breaks
        return self.state

    def decisions(self, limit: int) -> Sequence[DecisionRow]:
        rows = [
            DecisionRow(ts=NOON + i, instrument=BTC, action="hold", reason="none", confidence=0.1)
            for i in range(500)
        ]
        return rows[:limit]

    def orders(self, limit: int) -> Sequence[OrderView]:
        order = OrderView(
            order_id="0a",
            ts=NOON,
            instrument=BTC,
            side="buy",
            quantity=0.1,
            type="market",
            price=None,
            status="filled",
            filled=0.1,
            average_price=40_000.0,
            reason="entry",
            lead="vpin",
        )
        return [order][:limit]

    def positions(self) -> Sequence[PositionRow]:
        return self.state.positions

    def agents(self) -> Sequence[AgentRow]:
        return self.state.agents

    def agents_file(self) -> AgentsState:
        return AgentsState(agents=tuple(self.agents()), file="agents.yaml", refused="")

    def symbols(self) -> SymbolsState:
        row = SymbolRow(symbol="BTC-USDT-PERP", exchanges=("SIM",), strategy="priority")
        return SymbolsState(symbols=(row,), traded=(BTC,), file="symbols.yaml")

    def predict(self, instrument: str, bars: MarketBlock | None = None) -> Prediction:
        if instrument != BTC:
            raise ConfigError(f"{instrument} is not followed; there is {BTC}")
        self.seen.append(bars)
        return Prediction(
            instrument=instrument,
            as_of=NOON,
            bias=0.4,
            confidence=math.nan,
            regime="BULL_TRENDING",
            regime_confidence=0.7,
            target_weight=0.05,
            target_reason="entry",
            opinions=(
                OpinionRow(
                    agent="vpin", bias=None, confidence=None, weight=1.0, rationale="warming up"
                ),
            ),
        )

    async def settle(self, claim: Claim) -> Order:
        if claim.order_id != "0a1":
            raise ConfigError(f"no open order begins with {claim.order_id!r}")
        if not claim.force:
            raise GateClosed("SIM says that order 0a1 is accepted")
        return Order(
            id="0a1", instrument=InstrumentId("BTC-USDT-PERP", "SIM"), side=Side.BUY,
            quantity=Decimal(2), type=OrderType.MARKET, status=claim.outcome, created_at=NOON,
            updated_at=NOON, filled=claim.filled or Decimal(0), detail=claim.reason,
        )  # fmt: skip

    def shutdown(self, reason: str) -> None:
        self.stopped.append(reason)

    def kill(self, by: str, reason: str) -> None:
        self.told.append(("kill", by, reason))

    def command(self, name: str, by: str, reason: str) -> None:
        if self.told:
            raise ConfigError("everything is being closed")
        self.told.append((name, by, reason))


@pytest.fixture
def service() -> ServiceInMemory:
    return ServiceInMemory()


@pytest.fixture
async def client(service: ServiceInMemory) -> AsyncIterator[httpx.AsyncClient]:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.orders_sent.labels("SIM").inc()
    metrics.agent_calls.labels("vpin").inc(10)
    metrics.trades_executed.labels("SIM").inc()
    metrics.loop_duration.observe(0.003)
    app = make_app(
        service,
        token=SecretStr(TOKEN),
        registry=registry,
        origins=("http://localhost:5173",),
        max_data_age_s=5.0,
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as client:
        yield client


def bars(n: int, **changes: object) -> list[dict[str, object]]:
    return [
        {
            "ts": NOON + i * 60_000_000_000,
            "open": 10.0,
            "high": 12.0,
            "low": 9.0,
            "close": 11.0,
            "volume": 5.0,
            **(changes if i == n - 1 else {}),
        }
        for i in range(n)
    ]


async def test_health_with_fresh_data_is_ok(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["mode"] == "reduce_only"


@pytest.mark.parametrize("age", [6.0, math.inf])
async def test_health_with_stale_data_is_unavailable(
    client: httpx.AsyncClient, service: ServiceInMemory, age: float
) -> None:
    service.state = dataclasses.replace(STATE, market_data_age_s=age)
    answer = await client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "stale"


async def test_status_shows_the_state_with_times_as_text(client: httpx.AsyncClient) -> None:
    state = (await client.get("/status")).json()
    assert state["as_of"] == "2023-11-15T12:00:00.000Z"
    assert state["equity"] == 10_100.0
    assert state["regime"] == {BTC: "BULL_TRENDING"}
    assert state["positions"][0]["opened_at"] == "2023-11-15T12:00:00.000Z"
    assert state["refusals"][0]["rule"] == "gross"


async def test_agents_are_the_panel_and_how_the_file_of_it_stands(
    client: httpx.AsyncClient,
) -> None:
    told = (await client.get("/agents")).json()
    assert told["file"] == "agents.yaml"
    assert told["agents"] == (await client.get("/agents/status")).json()


async def test_order_of_unknown_fate_is_settled_as_told(client: httpx.AsyncClient) -> None:
    body = {"order_id": "0a1", "outcome": "cancelled", "filled": "0.5", "price": 100}
    answer = await client.post(
        "/orders/settle", json=body | {"force": True, "reason": "its page"}, headers=WITH_TOKEN
    )
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["filled"], told["detail"]) == ("cancelled", "0.5", "its page")


@pytest.mark.parametrize(
    ("changes", "code", "why"),
    [
        ({}, 409, "SIM says that order 0a1 is accepted"),
        ({"order_id": "0b"}, 422, "no open order begins with '0b'"),
        ({"outcome": "lost"}, 422, "outcome: Input should be"),
        ({"price": -1}, 422, "price: Input should be greater than 0"),
        ({"filled": "much"}, 422, "filled: Input should be"),
    ],
)
async def test_settlement_that_can_not_be_says_why(
    client: httpx.AsyncClient, changes: dict[str, object], code: int, why: str
) -> None:
    body = {"order_id": "0a1", "outcome": "cancelled"} | changes
    answer = await client.post("/orders/settle", json=body, headers=WITH_TOKEN)
    assert (answer.status_code, why in answer.json()["error"]) == (code, True)


async def test_settlement_needs_the_token(client: httpx.AsyncClient) -> None:
    body = {"order_id": "0a1", "outcome": "cancelled"}
    assert (await client.post("/orders/settle", json=body)).status_code == 401


async def test_symbols_are_what_is_traded_and_how_the_file_of_it_stands(
    client: httpx.AsyncClient,
) -> None:
    told = (await client.get("/symbols")).json()
    assert told["symbols"][0]["exchanges"] == ["SIM"]
    assert (told["traded"], told["file"], told["refused"]) == ([BTC], "symbols.yaml", "")


async def test_agents_show_no_time_for_one_that_never_spoke(client: httpx.AsyncClient) -> None:
    (agent,) = (await client.get("/agents/status")).json()
    assert agent["name"] == "vpin"
    assert agent["last_seen"] is None


@pytest.mark.parametrize(("query", "rows"), [("", 50), ("?limit=3", 3), ("?limit=500", 500)])
async def test_decisions_are_limited_as_asked(
    client: httpx.AsyncClient, query: str, rows: int
) -> None:
    assert len((await client.get(f"/decisions{query}")).json()) == rows


@pytest.mark.parametrize("limit", ["0", "1001", "many"])
async def test_decisions_limit_out_of_range_is_refused_with_its_name(
    client: httpx.AsyncClient, limit: str
) -> None:
    answer = await client.get(f"/decisions?limit={limit}")
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("limit: ")


async def test_orders_and_positions_are_listed(client: httpx.AsyncClient) -> None:
    assert (await client.get("/orders")).json()[0]["price"] is None
    assert (await client.get("/positions")).json()[0]["instrument"] == BTC


async def test_metrics_carry_the_names_that_dashboards_use(client: httpx.AsyncClient) -> None:
    text = (await client.get("/metrics")).text
    for line in (
        'agent_calls_total{agent_name="vpin"} 10.0',
        'orders_sent_total{exchange="SIM"} 1.0',
        'trades_executed_total{exchange="SIM"} 1.0',
        "loop_duration_seconds_count 1.0",
    ):
        assert line in text


@pytest.mark.parametrize("path", ["/predict", "/shutdown", "/pause", "/resume", "/flatten"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": TOKEN}, {"X-Token": TOKEN}],
    ids=["none", "wrong", "no scheme", "elsewhere"],
)
async def test_act_without_the_token_is_refused(
    client: httpx.AsyncClient, service: ServiceInMemory, path: str, headers: dict[str, str]
) -> None:
    answer = await client.post(path, json={"instrument": BTC}, headers=headers)
    assert answer.status_code == 401
    assert "token" in answer.json()["error"]
    assert TOKEN not in answer.text
    assert not service.stopped


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_any_other_method_counts_as_an_act(client: httpx.AsyncClient, method: str) -> None:
    assert (await client.request(method, "/status")).status_code == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "[::2]:80", "", "[", "127.0.0.1@evil.example"],
)
async def test_request_for_another_host_is_refused_even_with_the_token(
    client: httpx.AsyncClient, host: str
) -> None:
    answer = await client.get("/status", headers={**WITH_TOKEN, "Host": host})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "127.0.0.1:1", "[::1]:8765"])
async def test_request_for_this_host_by_any_of_its_names_is_answered(
    client: httpx.AsyncClient, host: str
) -> None:
    assert (await client.get("/status", headers={"Host": host})).status_code == 200


async def test_request_with_two_hosts_is_refused(client: httpx.AsyncClient) -> None:
    headers = [("Host", "127.0.0.1"), ("Host", "evil.example")]
    assert (await client.get("/status", headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8765"],
)
async def test_request_from_a_strange_page_is_refused_even_with_the_token(
    client: httpx.AsyncClient, service: ServiceInMemory, origin: str
) -> None:
    headers = {**WITH_TOKEN, "Origin": origin}
    assert (await client.get("/status", headers=headers)).status_code == 403
    assert (await client.post("/shutdown", headers=headers)).status_code == 403
    assert not service.stopped


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8765", "http://localhost:5173"])
async def test_request_from_a_page_of_ours_is_answered(
    client: httpx.AsyncClient, origin: str
) -> None:
    assert (await client.get("/status", headers={"Origin": origin})).status_code == 200


async def test_body_that_is_not_json_is_told_where(client: httpx.AsyncClient) -> None:
    headers = {**WITH_TOKEN, "content-type": "application/json"}
    answer = await client.post("/predict", content=b'{"a" 1}', headers=headers)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("body: is not JSON (")
    assert answer.json()["error"].endswith(" at character 5)")


async def test_predict_by_name_asks_for_the_market_as_it_stands(
    client: httpx.AsyncClient, service: ServiceInMemory
) -> None:
    answer = await client.post("/predict", json={"instrument": BTC}, headers=WITH_TOKEN)
    assert answer.status_code == 200
    assert answer.json()["target_weight"] == 0.05
    assert answer.json()["confidence"] is None
    assert answer.json()["opinions"][0]["rationale"] == "warming up"
    assert service.seen == [None]


async def test_predict_with_bars_hands_them_over_as_one_column(
    client: httpx.AsyncClient, service: ServiceInMemory
) -> None:
    sent = [*bars(2), {**bars(1)[0], "ts": "2023-11-15T12:05:00Z"}]
    answer = await client.post(
        "/predict", json={"instrument": BTC, "bars": sent}, headers=WITH_TOKEN
    )
    assert answer.status_code == 200, answer.text
    (block,) = service.seen
    assert block is not None
    assert block.close.tolist() == [[11.0], [11.0], [11.0]]
    assert block.step == 60_000_000_000
    assert block.ts[2] == NOON + 5 * 60_000_000_000


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"instrument": "DOGE.SIM"}, "DOGE.SIM is not followed"),
        (
            {"instrument": BTC, "bars": bars(2, ts="soon")},
            "bars.1.ts: 'soon' is no time; write 2024-01-31T12:00:00Z",
        ),
        (
            {"instrument": BTC, "bars": bars(2, ts=1_704_067_200_000)},
            "bars.1.ts: must be ISO 8601, or nanoseconds since the epoch",
        ),
        ({}, "instrument: "),
        ({"instrument": BTC, "extra": 1}, "extra: "),
        ({"instrument": BTC, "bars": []}, "bars: "),
        ({"instrument": "nonsense", "bars": bars(3)}, "SYMBOL.VENUE"),
        ({"instrument": BTC, "bars": bars(3, ts=NOON)}, "sorted by ts"),
        ({"instrument": BTC, "bars": bars(3, ts="noon")}, "noon"),
        ({"instrument": BTC, "bars": bars(3, high=10.5)}, "low and high must enclose"),
        ({"instrument": BTC, "bars": bars(3, close=-1.0)}, "bars.2.close: "),
    ],
)
async def test_predict_with_a_body_that_can_not_be_says_what_is_wrong(
    client: httpx.AsyncClient, service: ServiceInMemory, body: object, says: str
) -> None:
    answer = await client.post("/predict", json=body, headers=WITH_TOKEN)
    assert answer.status_code == 422
    assert says in answer.json()["error"]
    assert not service.seen


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "asked through the API"),
        ({}, "asked through the API"),
        ({"reason": "fire"}, "fire"),
        ({"reason": "fire", "positions": "close"}, "fire"),
    ],
)
async def test_shutdown_with_the_token_is_the_kill_switch(
    client: httpx.AsyncClient, service: ServiceInMemory, body: object, reason: str
) -> None:
    answer = await client.post("/shutdown", json=body, headers=WITH_TOKEN)
    assert answer.status_code == 202
    assert service.told == [("kill", "the API", reason)]
    assert service.stopped == []


async def test_shutdown_that_keeps_positions_is_a_graceful_stop(
    client: httpx.AsyncClient, service: ServiceInMemory
) -> None:
    body = {"reason": "bed time", "positions": "keep"}
    answer = await client.post("/shutdown", json=body, headers=WITH_TOKEN)
    assert answer.status_code == 202
    assert service.stopped == ["bed time"]
    assert service.told == []


@pytest.mark.parametrize("name", ["pause", "resume", "flatten"])
async def test_command_is_passed_on_and_answered_with_the_state(
    client: httpx.AsyncClient, service: ServiceInMemory, name: str
) -> None:
    answer = await client.post(f"/{name}", json={"reason": "lunch"}, headers=WITH_TOKEN)
    assert (answer.status_code, answer.json()["mode"]) == (200, "reduce_only")
    assert service.told == [(name, "the API", "lunch")]


async def test_command_that_can_not_be_carried_out_is_refused(
    client: httpx.AsyncClient, service: ServiceInMemory
) -> None:
    service.told = [("kill", "the API", "fire")]
    answer = await client.post("/resume", headers=WITH_TOKEN)
    assert (answer.status_code, answer.json()) == (422, {"error": "everything is being closed"})


async def test_error_of_ours_is_answered_with_its_message(
    client: httpx.AsyncClient, service: ServiceInMemory
) -> None:
    service.breaks = InvariantBroken("cash went missing")
    answer = await client.get("/status")
    assert (answer.status_code, answer.json()) == (500, {"error": "cash went missing"})


async def test_error_that_nobody_foresaw_is_answered_without_its_details(
    client: httpx.AsyncClient, service: ServiceInMemory
) -> None:
    service.breaks = RuntimeError("password=hunter2")
    answer = await client.get("/status")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text


async def test_unknown_path_is_answered_in_json(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})


async def test_websocket_from_a_strange_page_is_closed_unaccepted() -> None:
    app = make_app(ServiceInMemory(), token=SecretStr(TOKEN), registry=CollectorRegistry())
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/ws",
        "headers": [(b"host", b"127.0.0.1"), (b"origin", b"https://evil.example")],
    }
    await app(scope, receive, send)  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["websocket.close"]
