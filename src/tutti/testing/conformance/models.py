"""The suite that every plug-in model passes, for the tests of those who write one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.app.model_check import check_model

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.model_check import ModelFinding


def findings_of(path: Path, **params: object) -> tuple[ModelFinding, ...]:
    """Return what is wrong with the model in a folder or file; nothing where it conforms.

    Parameters
    ----------
    path : Path
    **params : object
        The model's configuration.
    """
    return check_model(path, params=params).findings
