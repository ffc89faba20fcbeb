"""Files that say what a fake server is to do: read, or refused in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.model.errors import ConfigError
from tutti.testing.exchanges.faults import read_faults as exchange_faults
from tutti.testing.models.conversation import read_rules
from tutti.testing.models.faults import read_faults as model_faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("read", "what"),
    [(exchange_faults, "faults"), (model_faults, "faults"), (read_rules, "script")],
)
def test_file_that_is_not_there_or_no_text_is_refused_by_name(
    tmp_path: Path, read: Callable[[Path], object], what: str
) -> None:
    file = tmp_path / "told.json"
    with pytest.raises(ConfigError, match=rf"can't read the {what} in .*told.json: No such file"):
        read(file)
    file.write_bytes(b"\xff\xfe[]")
    with pytest.raises(ConfigError, match=rf"can't read the {what} in .*told.json: not text in"):
        read(file)
    file.write_text("[]", encoding="utf-8")
    assert read(file) == []
