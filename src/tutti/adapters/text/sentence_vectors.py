"""Embeddings by sentence-transformers, where it is installed: near where texts mean the same."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.text.port import Embedder
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.text.port import VectorArray

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


class SentenceEmbedder(Embedder):
    """Embeds by a sentence transformer.

    Parameters
    ----------
    model : str
        Name at the hub of models, or the folder of one.

    Raises
    ------
    ConfigError
        If the package is not installed, or the model can't be had.
    """

    def __init__(self, model: str = MODEL) -> None:
        if find_spec("sentence_transformers") is None:
            raise ConfigError(
                "sentence-transformers is not installed; run pip install sentence-transformers, or "
                "leave the embedder as it is"
            )
        try:
            self._model: Any = import_module("sentence_transformers").SentenceTransformer(
                model, device="cpu"
            )
        except (OSError, ValueError, ImportError) as error:
            raise ConfigError(
                f"the sentence transformer {model!r} can't be had ({error}); name its folder"
            ) from error
        self.name = model
        self.dimensions = int(self._model.get_sentence_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> VectorArray:
        """Return vectors of length 1; see the port."""
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        found = self._model.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return np.asarray(found, np.float32)
