"""Client order ids: a function of our order's id alone, and back."""

from __future__ import annotations

import re

import pytest

from tutti.adapters.venues.by_ccxt.client_ids import GATE, HEX, PLAIN, UUID, ClientIds
from tutti.adapters.venues.by_ccxt.dialects import DIALECTS
from tutti.kernel.ids import IdSource

_ID = "0190a1b2c3d4000001deadbeef012345"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (PLAIN, _ID),
        (UUID, "0190a1b2-c3d4-0000-01de-adbeef012345"),
        (HEX, f"0x{_ID}"),
        (GATE, "t-02zT5gLiy36NMa7cZECRNw"),
    ],
    ids=["plain", "uuid", "hex", "gate"],
)
def test_client_id_of_an_order_has_the_form_of_the_venue(form: ClientIds, expected: str) -> None:
    assert len(form.encode(_ID)) == len(expected)
    assert form.decode(form.encode(_ID)) == _ID
    if form is not GATE:
        assert form.encode(_ID) == expected


@pytest.mark.parametrize("form", [PLAIN, UUID, HEX, GATE])
@pytest.mark.parametrize("foreign", ["", "web_1234", "x-TKT5PX2F22ecb58eb9074fb1be018c", "t-abc"])
def test_client_id_of_somebody_else_is_not_taken_for_ours(form: ClientIds, foreign: str) -> None:
    assert form.decode(foreign) is None


@pytest.mark.parametrize("form", [PLAIN, UUID, HEX, GATE])
def test_client_ids_of_a_run_come_back_whole(form: ClientIds) -> None:
    ids = IdSource("run-1")
    for n in range(200):
        order_id = ids.new(n * 7_777_777_777_777)
        assert form.decode(form.encode(order_id)) == order_id


def test_client_id_that_overflows_128_bits_is_not_ours() -> None:
    assert GATE.decode("t-" + "z" * 22) is None
    assert GATE.decode("t-" + "-" * 22) is None


_ALLOWED = {
    "BINANCE": r"[\.A-Z\:/a-z0-9_-]{1,36}",
    "BINANCE_USDM": r"[\.A-Z\:/a-z0-9_-]{1,36}",
    "ASTER": r"[\.A-Z\:/a-z0-9_-]{1,36}",
    "KRAKEN": r"[0-9a-f]{32}",
    "COINBASE": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "KUCOIN": r"[0-9A-Za-z_-]{1,40}",
    "HYPERLIQUID": r"0x[0-9a-f]{32}",
    "GATE": r"t-[0-9a-zA-Z._-]{1,28}",
    "BYBIT": r"[0-9a-zA-Z_-]{1,36}",
    "BYBIT_LINEAR": r"[0-9a-zA-Z_-]{1,36}",
    "OKX": r"[0-9a-zA-Z]{1,32}",
}


@pytest.mark.parametrize("venue", DIALECTS)
def test_client_id_is_one_that_the_venue_documents(venue: str) -> None:
    assert re.fullmatch(_ALLOWED[venue], DIALECTS[venue].client_ids.encode(_ID))
