"""Files that commands write: read where they are of a form that is known, refused in a line else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.app.calibration_file import read_calibration
from tutti.app.written_file import Form
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_FORM = Form(kind="tutti-song", version=2, what="song", made_by="tutti sing")


def test_file_of_the_form_gives_its_content(tmp_path: Path) -> None:
    path = tmp_path / "song"
    path.write_text("la", encoding="utf-8")
    assert _FORM.text(path) == "la"
    values = {"kind": "tutti-song", "version": 2, "verses": 3}
    assert _FORM.content(path, values) == values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"not a song \(kind is not tutti-song\); make one with tutti sing"),
        ({"kind": "tutti-costs", "version": 2}, "not a song"),
        ({"kind": "tutti-song"}, "form None of song, and this Tutti reads 2"),
        ({"kind": "tutti-song", "version": 3}, "form 3 of song, .* make it anew with tutti sing"),
    ],
)
def test_file_of_another_form_is_refused_with_what_makes_one(
    tmp_path: Path, values: object, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        _FORM.content(tmp_path / "song", values)


def test_file_that_can_not_be_read_is_refused_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; make one with tutti sing"):
        _FORM.text(tmp_path / "none")
    with pytest.raises(ConfigError, match="can't be read; name a file of tutti sing"):
        _FORM.text(tmp_path)


def test_calibration_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"calibration.json: not JSON .* make it anew"):
        read_calibration(path)
