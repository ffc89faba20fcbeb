"""What a model remembers, told apart from what it guesses."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.knowledge import Cutoffs
from tutti.agents.llm.port import Answer, Call
from tutti.agents.llm.sight import Sight, Unblinded
from tutti.app.probe import Remembered, at_least, probe, probe_questions, questions_of_headlines
from tutti.cli.boundary import run
from tutti.cli.main import app
from tutti.kernel.clock import DAY
from tutti.model.errors import AgentError, ConfigError, DataError, ModelDown
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.agents.llm.quiz import Question

ACME = InstrumentId("ACME", "SIM")
START = 1_577_836_800_000_000_000  # 2020-01-01
ASKED = 60


def _block(n: int = 600) -> MarketBlock:
    generator = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(0.02 * generator.standard_normal((n, 1)), axis=0))
    close[5 % n] = np.nan
    other = np.where(np.isnan(close), np.nan, 1.0)
    return MarketBlock(
        instruments=(ACME,),
        ts=START + DAY * np.arange(n),
        step=DAY,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=other,
        funding=np.zeros_like(close),
    )


class _Guesses:
    """Remembers nothing and chooses by chance."""

    async def answer(self, call: Call) -> Answer:
        letters = re.findall(r"^([A-D])\. ", call.user, re.MULTILINE)
        digest = int(hashlib.sha256(call.user.encode()).hexdigest(), 16)
        return _answer(call, self.recalled(call.user) or letters[digest % len(letters)])

    def recalled(self, asked: str) -> str:
        return ""


class _Remembers(_Guesses):
    """Has read it all: knows every question's answer that is about ACME or a headline by name."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._known = {question.asked: question for question in questions}

    def recalled(self, asked: str) -> str:
        words = asked.partition("\nA. ")[0]
        return "ABCD"[self._known[words].right] if words in self._known else ""


class _Babbles:
    async def answer(self, call: Call) -> Answer:
        return _answer(call, "E")


class _Silent:
    async def answer(self, call: Call) -> Answer:
        raise ModelDown("it is down")


def _answer(call: Call, letter: str) -> Answer:
    return Answer(
        call=call.key,
        text=json.dumps({"choice": letter}),
        model=call.model,
        input_tokens=1,
        output_tokens=1,
        cost_usd=Decimal(0),
        latency=0,
    )


def _headlines(tmp_path: Path, n: int = 80) -> Path:
    file = tmp_path / "headlines.parquet"
    titles = [f"Acme number {i} says that sales of April 2021 rose" for i in range(n)]
    stamps = [START + DAY * 10 * i for i in range(n)]
    frame = pl.DataFrame({"ts": stamps, "title": titles})
    frame.with_columns(pl.from_epoch("ts", "ns").dt.replace_time_zone("UTC")).write_parquet(file)
    return file


def _questions(tmp_path: Path, sight: Sight | None = None) -> list[Question]:
    return probe_questions(
        _block(), _headlines(tmp_path), ASKED, sight or Unblinded(), np.random.default_rng(7)
    )


def _probed(
    model: object, questions: list[Question], sight: Sight | None = None
) -> list[Remembered]:
    return asyncio.run(
        probe(
            model,  # type: ignore[arg-type]
            "test:model",
            questions,
            cutoffs=Cutoffs({"test:model": "2020-06"}, margin_days=0),
            sight=sight or Unblinded(),
        )
    )


def test_probe_of_a_model_that_remembers_says_so(tmp_path: Path) -> None:
    questions = _questions(tmp_path)
    rows = _probed(_Remembers(questions), questions)
    assert {row.test for row in rows} == {"price", "direction", "headline"}
    assert all(row.remembers and row.rate == 1.0 and row.p_value < 0.01 for row in rows)
    assert sum(row.asked for row in rows) == len(questions) == 3 * ASKED


def test_probe_of_a_model_that_guesses_finds_no_memory(tmp_path: Path) -> None:
    rows = _probed(_Guesses(), _questions(tmp_path))
    assert not any(row.remembers for row in rows)
    assert all(row.p_value > 0.01 for row in rows)


def test_probe_of_a_blinded_model_finds_no_memory_in_one_that_has_it(tmp_path: Path) -> None:
    blind = Blinding(7, [ACME])
    model = _Remembers(_questions(tmp_path))
    rows = _probed(model, _questions(tmp_path, blind), blind)
    assert not any(row.remembers for row in rows)


def test_probe_tells_apart_what_lies_before_and_after_the_cut_off(tmp_path: Path) -> None:
    rows = _probed(_Guesses(), _questions(tmp_path))
    assert {row.knowledge for row in rows} == {"contaminated", "clean"}


def test_probe_questions_give_nothing_away(tmp_path: Path) -> None:
    questions = _questions(tmp_path)
    rights = [question.right for question in questions if question.test == "direction"]
    assert sum(rights) == len(rights) / 2
    for question in questions:
        if question.test == "headline":
            assert "2021" not in question.asked
            assert "April" not in question.asked
        if question.test == "price":
            prices = [float(option) for option in question.options]
            assert len(set(question.options)) == 4
            assert max(prices) / min(prices) < 10
    assert len({question.right for question in questions if question.test == "price"}) == 4


def test_probe_answers_that_are_none_count_neither_way(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="answered none of 180 questions"):
        _probed(_Babbles(), _questions(tmp_path))
    with pytest.raises(AgentError, match="it is down"):
        _probed(_Silent(), _questions(tmp_path))


def test_probe_without_enough_to_ask_about_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to ask about"):
        probe_questions(_block(3), None, 10, Unblinded(), np.random.default_rng(7))


@pytest.mark.parametrize(("right", "n", "p"), [(0, 10, 1.0), (10, 10, 0.5**10), (0, 0, 1.0)])
def test_chance_of_doing_as_well_is_binomial(right: int, n: int, p: float) -> None:
    assert at_least(right, n, 0.5) == pytest.approx(p)


def test_rate_of_no_answers_is_not_known() -> None:
    row = Remembered(
        test="price",
        knowledge="clean",
        asked=3,
        answered=0,
        right=0,
        low=0.0,
        high=1.0,
        chance=0.25,
        p_value=1.0,
    )
    assert math.isnan(row.rate)
    assert not row.remembers


def test_headlines_are_read_from_csv_and_refused_without_a_time(tmp_path: Path) -> None:
    file = tmp_path / "headlines.csv"
    file.write_text(
        "ts,title\n2021-04-16T00:00:00Z,Acme says that its sales rose by a lot\n", encoding="utf-8"
    )
    generator = np.random.default_rng(7)
    (question,) = questions_of_headlines(file, 5, Unblinded(), generator)
    assert question.options[question.right] == "April 2021"
    file.write_text("when,title\n1,x\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="must have a column ts"):
        questions_of_headlines(file, 5, Unblinded(), generator)
    file.with_suffix(".parquet").write_text("no", encoding="utf-8")
    with pytest.raises(DataError, match="can't be read"):
        questions_of_headlines(file.with_suffix(".parquet"), 5, Unblinded(), generator)


@pytest.mark.parametrize(
    "words",
    [["probe", "openai:gpt-5"], ["probe", "openai:gpt-5", "--injections", "--headlines", "x.csv"]],
)
def test_probe_command_without_something_to_ask_about_is_refused(words: list[str]) -> None:
    assert run(app, ["llm", *words]) == 2


class _Routed(_Guesses):
    """Passes every question on to another model."""

    async def answer(self, call: Call) -> Answer:
        return replace(await super().answer(call), model="test:another")


def test_probe_holds_answers_against_the_cutoff_of_who_gave_them(tmp_path: Path) -> None:
    rows = _probed(_Routed(), _questions(tmp_path))
    assert {row.knowledge for row in rows} == {"contaminated"}
    assert {row.knowledge for row in _probed(_Guesses(), _questions(tmp_path))} == {
        "clean",
        "contaminated",
    }
