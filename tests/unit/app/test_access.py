"""The API's token: from the environment, else made for the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.app.access import FILE, VARIABLE, api_token
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_token_in_the_environment_is_taken_and_nothing_is_written(tmp_path: Path) -> None:
    token = api_token(tmp_path, {VARIABLE: "from-the-environment"})
    assert token.get_secret_value() == "from-the-environment"
    assert not list(tmp_path.iterdir())


def test_token_is_made_once_for_a_folder_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    token = api_token(folder, {})
    assert len(token.get_secret_value()) >= 32
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    assert api_token(folder, {}) == token


def test_token_of_another_folder_is_another(tmp_path: Path) -> None:
    assert api_token(tmp_path / "a", {}) != api_token(tmp_path / "b", {})


def test_token_never_shows_in_text(tmp_path: Path) -> None:
    token = api_token(tmp_path, {VARIABLE: "from-the-environment"})
    assert "environment" not in f"{token} {token!r}"


def test_token_too_short_is_refused_without_repeating_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="16 characters or more, this has 5") as caught:
        api_token(tmp_path, {VARIABLE: "short"})
    assert "'short'" not in str(caught.value)
    (tmp_path / FILE).write_text("tiny\n")
    with pytest.raises(ConfigError, match="this has 4"):
        api_token(tmp_path, {})


def test_token_that_can_not_be_kept_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ConfigError, match=f"set {VARIABLE} instead"):
        api_token(tmp_path / "file", {})


def test_token_by_default_is_that_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "of-this-very-process")
    assert api_token(tmp_path).get_secret_value() == "of-this-very-process"
