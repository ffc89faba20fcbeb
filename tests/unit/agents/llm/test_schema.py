"""The one reading of what a model answers, in the shapes that models give it."""

from __future__ import annotations

import json

import pytest

from tutti.agents.llm.schema import read_answer, read_object, unwrapped
from tutti.model.errors import DataError

SAID = {
    "bias": 0.5,
    "confidence": 0.4,
    "rationale": "Approved </think> at last.",
    "horizon_hours": 24,
    "sources": ["t1"],
}
PLAIN = json.dumps(SAID)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"\n  {PLAIN}\n",
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}\n```",
        f"<think>\nIs it bias 1? {{}}\n</think>\n\n{PLAIN}",
        # the server's template opens the thoughts
        f"Hm, so.\n</think>{PLAIN}",
        f"<thinking>So.</thinking>```json\n{PLAIN}\n```",
    ],
)
def test_answer_is_read_in_its_wrappings(text: str) -> None:
    said = read_answer(text)
    assert (said.bias, said.confidence, said.sources) == (0.5, 0.4, ["t1"])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{PLAIN} I hope this helps.", "not one JSON object"),
        (f"Here it is: {PLAIN}", "not one JSON object"),
        (f"{PLAIN}{PLAIN}", "not one JSON object"),
        (f"[{PLAIN}]", "a list"),
        ("<think>never ends", "not one JSON object"),
        ("", "not one JSON object"),
        ("null", "a NoneType"),
        ("I am sorry, I can't help with that.", "not one JSON object"),
        ('{"bias": NaN}', "no number"),
        ('{"bias": -Infinity}', "no number"),
        ('{"bias": 1, "bias": -1}', "twice"),
        ("[" * 100_000, "not one JSON object"),
        (PLAIN.replace("0.5", "1" * 5000), "not one JSON object"),
    ],
)
def test_answer_of_another_shape_is_refused(text: str, fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        read_answer(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bias": "0.5"},
        {"bias": 1e999},
        {"bias": True},
        {"bias": None},
        {"confidence": 85},
        {"confidence": "85%"},
        {"confidence": -0.1},
        {"rationale": ""},
        {"rationale": ["a"]},
        {"horizon_hours": 0},
        {"horizon_hours": 1e9},
        {"sources": "t1"},
        {"sources": [1]},
        {"sources": None},
    ],
)
def test_answer_with_a_value_that_does_not_fit_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DataError, match=f"does not fit.*{next(iter(wrong))}|not one JSON object"):
        read_answer(json.dumps({**SAID, **wrong}))


def test_answer_is_unwrapped_to_what_is_read() -> None:
    assert unwrapped(" <think>x</think> nothing") == "<think>x</think> nothing"
    assert read_object(unwrapped(f"```json\n{PLAIN}\n```")) == SAID
