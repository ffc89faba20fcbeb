"""Names in running text, replaced by codes."""

from __future__ import annotations

import re

import pytest

from tutti.agents.llm.blinding.codes import run_key
from tutti.agents.llm.blinding.names import Names

NAMES = Names(run_key(7), ["AAPL", "BTC", "V", "NEAR", "kPEPE", "ZZZQ"], {"ZZZQ": ("Zed Works",)})
APPLE, BITCOIN = NAMES.of_asset("AAPL"), NAMES.of_asset("BTC")


@pytest.mark.parametrize(
    "text",
    [
        "Apple", "APPLE", "apple", "AAPL", "aapl", "$AAPL", "$aapl", "Tim Cook", "iPhones", "IPHONE",
        "(NASDAQ:AAPL)", "( AAPL )", "NASDAQ: AAPL", "Apple Watch", "Cupertino",
    ],
)  # fmt: skip
def test_names_of_one_asset_become_its_code(text: str) -> None:
    told = NAMES.without_names(f"so {text} rose")
    assert APPLE in told
    assert re.sub(r"[()#]|NASDAQ: ?", "", told).split() == ["so", APPLE, "rose"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Apple's sales", f"{APPLE}'s sales"),
        ("Bitcoins and BTC's", f"{BITCOIN} and {BITCOIN}'s"),
        ("pineapple pie", "pineapple pie"),
        ("visa rules", f"{NAMES.of_asset('V')} rules"),
        ("Get Near the NEAR Protocol", f"Get Near the {NAMES.of_asset('NEAR')}"),
        ("a price target", "a price target"),
        ("Price Target Raised", "Price Target Raised"),
        ("The ETF of the SEC, says the CEO (ETF)", "The ETF of the SEC, says the CEO (ETF)"),
        ("Isn't China's GDP up on Monday?", "Isn't China's GDP up on Monday?"),
        ("PEPE", NAMES.of_asset("kPEPE")),
        ("Zed Works wins", f"{NAMES.of_asset('ZZZQ')} wins"),
        ("@jack says", "@user says"),
        ("FB and META", f"{NAMES.of_asset('META')} and {NAMES.of_asset('META')}"),
        ("$FB", f"#{NAMES.of_asset('META')}"),
    ],
)
def test_names_within_sentences_are_replaced_and_words_are_kept(text: str, told: str) -> None:
    assert NAMES.without_names(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "A P P L E", "A.P.P.L.E.", "a-p-p-l-e", "A_P_P_L_E", "A p p l e", "A A P L", "a a p l",
        "T I M C O O K", "i P h o n e",
    ],
)  # fmt: skip
def test_names_whose_letters_stand_apart_become_the_same_code(text: str) -> None:
    assert NAMES.without_names(f"so {text} rose").replace(".", "") == f"so {APPLE} rose"


def test_name_within_letters_that_stand_apart_is_hidden() -> None:
    told = NAMES.without_names("so A P P L E I N C rose")
    assert re.fullmatch(r"so Name-\w+ rose", told)


@pytest.mark.parametrize(
    "text",
    [
        "U.S.A. and U S A", "at 5 p.m. in the U.K.", "x y z", "plan A or B or C", "grades A B C D",
        "t a r g e t", "a b c d e f", "e.g. this", "one-by-one", "R E P E A T", "I - a b - c",
    ],
)  # fmt: skip
def test_letters_that_spell_no_name_stay_apart(text: str) -> None:
    assert NAMES.without_names(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Zorbulon", "#BitcoinETF", "ZRBL", "$ZRBL", "Blue River Holdings (ZRBL)", "(NYSE: ZRBL)",
        "Blue River Pharma Inc.", "btcusd", "appleinsider", "OpenWhatever", "\u0411\u0438\u0442\u043a\u043e\u0438\u043d",
    ],
)  # fmt: skip
def test_names_that_nobody_knows_are_replaced_as_well(text: str) -> None:
    told = NAMES.without_names(f"then {text} fell")
    assert re.fullmatch(r"then [#(]?(Name|Asset)-([B-Z][2-9]){4}\)?( Inc)?\.? fell", told), told


def test_names_in_other_runs_have_other_codes() -> None:
    assert Names(run_key(8), ["AAPL"]).of_asset("AAPL") != APPLE


def test_names_of_publishers_have_codes_of_their_own() -> None:
    assert NAMES.of_publisher("CNBC") == NAMES.of_publisher("cnbc") != NAMES.of_publisher("FT")


def test_names_already_replaced_are_left_alone() -> None:
    once = NAMES.without_names("Apple and Zorbulon (ZRBL) beat Microsoft Corp.")
    assert NAMES.without_names(once) == once


def test_names_of_a_company_with_several_tickers_are_one() -> None:
    names = Names(run_key(7), ["FB"])
    assert names.of_asset("FB") == names.of_asset("META") == names.without_names("facebook")


def test_names_that_are_listed_keep_their_codes_whatever_else_is_traded() -> None:
    other = Names(run_key(7), ["ZZZA", "ZZZB", "ETH"])
    assert other.of_asset("AAPL") == APPLE
    assert len({other.of_asset(ticker) for ticker in ("ZZZA", "ZZZB", "ETH", "AAPL")}) == 4


def test_sign_of_a_coin_is_its_name_unless_it_counts() -> None:
    names = Names(b"key", ["BTC"])
    assert (
        names.without_names("more \u20bf, \u20bf0.5") == f"more {names.of_asset('BTC')} , \u20bf0.5"
    )
