"""What words add up to: directions with measures, negation, degree, figures, targets."""

from __future__ import annotations

import pytest

from tutti.agents.text.lexicon.rules import strength
from tutti.agents.text.lexicon.words import finance_words

_PROSE = finance_words()
_POSTS = finance_words(of_posts=True)


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("Costs fell", 1),
        ("Profit fell", -1),
        ("Net sales of the whole group in Europe rose", 1),
        ("The company cut costs", 1),
        ("The company cut its full-year guidance", -1),
        ("A rise in unemployment", -1),
        ("Operating loss narrowed", 1),
        ("Interest rates raised", -1),
        ("Demand collapses", -1),
        ("Sales growth slowed", -1),
        ("Nokia cuts 500 jobs", -1),
        ("Revenue missed estimates", -1),
        ("Stocks plunge as cases spike", -1),
    ],
)
def test_strength_of_a_direction_is_that_of_what_goes_there(text: str, sign: int) -> None:
    assert sign * strength(text, _PROSE) > 0.5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The annual general meeting will be held on 5 April in Helsinki",
        "Deliveries will take place over 30 months",
        "sales from 2007 to 2009",
        "Net sales rose while costs rose",
    ],
)
def test_strength_of_a_plain_fact_is_nothing(text: str) -> None:
    assert strength(text, _PROSE) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("Operating profit was EUR 5.4 mn, compared to EUR 5.5 mn", -1),
        ("Sales went from EUR 5.0 mn to 6.1 mn", 1),
        ("Costs went from EUR 5.0 mn to 6.1 mn", -1),
        ("Profit was EUR 900,000 compared to EUR 1.2 million", -1),
        ("Loss per share stood at EUR0 .3 versus EUR0 .1", -1),
        ("Operating loss was EUR 0.8 mn, compared to a profit of EUR 0.5 mn", -1),
        ("Operating profit was 1.0 mn versus a loss of EUR 3 mn", 1),
        ("Operating loss was EUR 0.5 mn, compared to EUR 0.8 mn", 1),
        ("Operating loss was EUR 0.8 mn, compared to a loss of EUR 0.5 mn", -1),
        ("$KNDI sales +7.8%", 1),
        ("$MAT -6%", -1),
    ],
)
def test_strength_of_figures_is_which_way_they_went(text: str, sign: int) -> None:
    assert sign * strength(text, _PROSE) > 0.5


def test_strength_of_equal_figures_is_nothing() -> None:
    assert strength("Profit was EUR 5 mn compared to EUR 5 mn", _PROSE) == 0.0


@pytest.mark.parametrize(
    ("denied", "plain"),
    [
        ("Sales did not fall", "Sales fell"),
        ("Sales didn't rise", "Sales rise"),
        ("The company failed to increase its sales", "The company increased its sales"),
        ("No fraud was found", "Fraud was found"),
    ],
)
def test_strength_negated_turns_and_is_weaker(denied: str, plain: str) -> None:
    turned, straight = strength(denied, _PROSE), strength(plain, _PROSE)
    assert turned * straight < 0
    assert abs(turned) < abs(straight)


def test_strength_follows_words_of_degree() -> None:
    slightly, plainly, sharply = (
        strength(f"Profit rose {word}", _PROSE) for word in ("slightly", "there", "sharply")
    )
    assert 0 < slightly < plainly < sharply


def test_strength_of_a_concession_counts_less_than_the_main_clause() -> None:
    assert strength("Despite higher costs, profit doubled", _PROSE) > 0.5
    assert strength("Sales rose but profit fell", _PROSE) < 0


def test_strength_for_a_target_is_that_of_its_part() -> None:
    text = "Standard Chartered lifted while AstraZeneca sinks"
    assert strength(text, _PROSE, "AstraZeneca") < 0 < strength(text, _PROSE, "Standard Chartered")
    unnamed = strength(text, _PROSE)
    assert strength(text, _PROSE, "Tesco") == unnamed


def test_strength_for_the_one_that_is_beaten_turns() -> None:
    text = "EasyJet beats Ryanair"
    assert strength(text, _PROSE, "EasyJet") > 0 > strength(text, _PROSE, "Ryanair")


def test_strength_of_traders_talk_counts_in_posts_only() -> None:
    assert strength("Long setup, breakout", _POSTS) > 1.0
    assert strength("He bought a long red coat", _PROSE) == 0.0
    assert strength("🚀🚀", _POSTS) > 1.0 > -1.0 > strength("📉 puts", _POSTS)
