"""A language model that a command asks by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.app.asked_model import asked_model
from tutti.app.config import parse_config
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_asked_model_of_no_provider_is_refused(tmp_path: Path) -> None:
    records = tmp_path / "llm.sqlite"
    with (
        asked_model(parse_config(""), "nobody:small", mode="record", records=records) as asked,
        pytest.raises(ConfigError, match="no provider is called 'nobody'"),
    ):
        asked.run(lambda model: model.answer(None))  # type: ignore[arg-type]
