"""`tutti sentiment`: what texts say, and how well that is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tutti.testing.models import ModelServer, Question, Reply, serve_in_thread

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Tutti

_LABELLED = """\
text,label
Operating profit rose clearly to EUR 13.1 mn.,positive
Profit fell by 20 per cent.,negative
The report will be published on 5 May.,neutral
Costs fell sharply.,positive
"""


def test_sentiment_eval_prints_every_promised_key(tutti: Tutti) -> None:
    Path("labelled.csv").write_text(_LABELLED, encoding="utf-8")
    answer = tutti("sentiment", "eval", "--text", "labelled.csv", "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["n"] == 4
    assert told["accuracy"] == told["macro_f1"] == 1.0
    assert told["vader_macro_f1"] < 1.0
    assert round(told["majority_macro_f1"], 3) == 0.222
    assert told.keys() >= {"calibration_error", "brier", "us_per_text", "cost_usd", "f1", "counts"}


def test_sentiment_eval_for_people_is_a_table_beside_the_baselines(tutti: Tutti) -> None:
    Path("labelled.csv").write_text(_LABELLED, encoding="utf-8")
    told = tutti("sentiment", "eval", "--text", "labelled.csv").out
    for word in ("4 labelled texts", "lexicon", "vader", "majority class", "us CPU a text"):
        assert word in told
    odd = tutti("sentiment", "eval", "--text", "labelled.csv", "--rows", "odd", "--json")
    assert json.loads(odd.out)["n"] == 2


def test_sentiment_eval_says_how_it_read_numbers_and_what_it_left_out(tutti: Tutti) -> None:
    rows = "sentence;class\nProfit fell.;0\nIt has 3 plants.;1\nProfit rose.;2\n;2\n"
    Path("numbers.csv").write_text(rows, encoding="utf-8")
    told = json.loads(tutti("sentiment", "eval", "--text", "numbers.csv", "--json").out)
    assert (told["n"], told["accuracy"], told["n_left_out"]) == (3, 1.0, 1)
    assert told["labels"] == {"0": "negative", "1": "neutral", "2": "positive"}
    shown = tutti("sentiment", "eval", "--text", "numbers.csv").out
    assert "left out: 1 without a text or a label" in shown
    assert "labels: 0 is negative, 1 is neutral, 2 is positive" in shown


def test_sentiment_eval_of_nothing_is_one_line_and_exit_2(tutti: Tutti) -> None:
    answer = tutti("sentiment", "eval", "--text", "none.csv")
    assert answer.code == 2
    assert "none.csv: no such file" in answer.err
    Path("labelled.csv").write_text(_LABELLED, encoding="utf-8")
    answer = tutti("sentiment", "eval", "--text", "labelled.csv", "--scorer", "crystal")
    assert answer.code == 2
    assert "'crystal'" in answer.err


def test_sentiment_score_tells_each_text(tutti: Tutti) -> None:
    answer = tutti("sentiment", "score", "Costs fell", "Profit fell", "--json")
    told = json.loads(answer.out)
    assert [row["label"] for row in told["texts"]] == ["positive", "negative"]
    assert told["texts"][0]["value"] > 0.5
    shown = tutti("sentiment", "score", "EasyJet beats Ryanair", "--target", "Ryanair").out
    assert "EasyJet beats Ryanair" in shown


def test_sentiment_vectors_become_readings_and_can_be_searched(tutti: Tutti) -> None:
    Path("news.csv").write_text(
        "ts,symbol,title\n"
        "2024-01-01T00:05:00Z,BTC,Bitcoin soars to a record as inflows surge\n"
        "2024-01-01T09:00:00Z,BTC,Exchange is hacked and bitcoin plunges\n",
        encoding="utf-8",
    )
    answer = tutti("sentiment", "vectors", "--text", "news.csv", "--out", "data", "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert (told["n_texts"], told["n_vectors"], told["n_new_readings"]) == (2, 2, 10)
    assert list(Path("data/readings/semantic_synth").glob("*.parquet"))
    more = tutti("sentiment", "vectors", "--text", "news.csv", "--out", "data", "--embeddings")
    assert "2 texts about 1 symbols gave 2 score vectors; 0 readings are new" in more.out
    found = tutti("sentiment", "search", "hacked exchange", "--in", "data", "-k", "1", "--json")
    (near,) = json.loads(found.out)["texts"]
    assert near["symbol"] == "BTC"
    assert near["likeness"] > 0.3
    assert "Exchange is hacked" in tutti("sentiment", "search", "hacked", "--in", "data").out
    nothing = tutti("sentiment", "search", "hacked", "--in", "elsewhere")
    assert nothing.code == 2
    assert "no vectors are kept there" in nothing.err


def _by_words(question: Question) -> Reply:
    scores = {}
    for line in question.user.splitlines():
        if line.startswith('{"id"'):
            piece = json.loads(line)
            scores[piece["id"]] = [0.9, 0.0] if "Profit fell" in piece["text"] else [0.0, 0.9]
    return Reply(text=json.dumps({"scores": scores}))


def test_sentiment_eval_asks_a_language_model_once_and_tells_what_it_cost(tutti: Tutti) -> None:
    Path("labelled.csv").write_text(_LABELLED, encoding="utf-8")
    server = ModelServer(_by_words)
    with serve_in_thread(server) as addresses:
        Path("tutti.yaml").write_text(
            "llm: {providers: {house: {kind: openai, url: "
            f"'{addresses.openai}', "
            "input_usd_per_million: 1, output_usd_per_million: 1}}}\n",
            encoding="utf-8",
        )
        asked = (
            "sentiment", "eval", "--text", "labelled.csv", "--scorer", "llm:house:judge",
            "--config", "tutti.yaml", "--json",
        )  # fmt: skip
        answer = tutti(*asked)
        assert answer.code == 0, answer.err
        told = json.loads(answer.out)
        assert told["scorer"] == "llm:house:judge"
        assert told["accuracy"] == 0.75
        assert 0 < told["cost_usd"] < 0.01
        again = json.loads(tutti(*asked).out)
        spent = tutti(*asked[:-1], "--max-cost", "0", "--llm-records", "other.sqlite")
    assert again["cost_usd"] == 0
    assert again["accuracy"] == 0.75
    assert spent.code == 1
    assert "budget" in spent.err
