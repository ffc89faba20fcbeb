"""FinBERT and sentence transformers behind the ports, with stand-ins for the packages.

The packages are large and their weights larger; these stand-ins have their calls and answers.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.text.finbert import FinbertScorer
from tutti.adapters.text.sentence_vectors import SentenceEmbedder
from tutti.model.errors import AgentError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TRANSFORMERS = """
def pipeline(task, model, top_k, truncation, device):
    assert (task, top_k, truncation, device) == ("text-classification", None, True, -1)
    if model == "nowhere":
        raise OSError("nowhere is not a local folder and is not a valid model identifier")
    names = ("LABEL_0", "LABEL_1", "LABEL_2") if model == "other" else (
        "positive", "Negative", "neutral")

    def classify(texts, batch_size):
        assert isinstance(texts, list)
        share = lambda text: (0.7, 0.1, 0.2) if "rose" in text else (0.1, 0.8, 0.1)
        return [
            [{"label": n, "score": s} for n, s in zip(names, share(text))] for text in texts
        ]

    return classify
"""
_SENTENCES = """
import numpy as np


class SentenceTransformer:
    def __init__(self, model, device):
        if model == "nowhere":
            raise OSError("no such model")

    def get_sentence_embedding_dimension(self):
        return 3

    def encode(self, texts, normalize_embeddings, show_progress_bar, convert_to_numpy):
        return np.array([[1.0, 0.0, 0.0] for _ in texts])
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    stand_ins = {
        "transformers": _TRANSFORMERS, "torch": "", "sentence_transformers": _SENTENCES,
    }  # fmt: skip
    for name, source in stand_ins.items():
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield
    for name in stand_ins:
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("packages")
async def test_finbert_gives_the_probabilities_of_its_classes() -> None:
    found = await FinbertScorer().score(["profit rose", "profit fell"])
    assert found.positive.tolist() == pytest.approx([0.7, 0.1])
    assert found.negative.tolist() == pytest.approx([0.1, 0.8])
    assert len((await FinbertScorer().score([])).value) == 0


@pytest.mark.usefixtures("packages")
async def test_finbert_of_other_classes_is_refused() -> None:
    with pytest.raises(AgentError, match="label_0"):
        await FinbertScorer("other").score(["profit rose"])


@pytest.mark.usefixtures("packages")
def test_model_that_cannot_be_had_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match="'nowhere' can't be had"):
        FinbertScorer("nowhere")
    with pytest.raises(ConfigError, match="'nowhere' can't be had"):
        SentenceEmbedder("nowhere")


@pytest.mark.usefixtures("packages")
def test_sentence_embedder_gives_vectors() -> None:
    embedder = SentenceEmbedder("mini")
    assert (embedder.name, embedder.dimensions) == ("mini", 3)
    assert embedder.embed(["a", "b"]).shape == (2, 3)
    assert embedder.embed(["a"]).dtype == np.float32
    assert embedder.embed([]).shape == (0, 3)


def test_package_that_is_not_installed_says_what_to_install() -> None:
    if importlib.util.find_spec("transformers") is None:
        with pytest.raises(ConfigError, match="pip install transformers torch"):
            FinbertScorer()
    if importlib.util.find_spec("sentence_transformers") is None:
        with pytest.raises(ConfigError, match="pip install sentence-transformers"):
            SentenceEmbedder()
