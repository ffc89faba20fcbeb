"""Kernels are compiled once and cached under the fingerprint of all sources."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import numpy as np
import pytest

from tutti.kernel import jit
from tutti.kernel.jit import lean_njit, njit

pytestmark = pytest.mark.kernels


def _total(values: np.ndarray) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


def test_kernel_gives_what_the_plain_function_gives() -> None:
    values = np.array([1.0, np.nan, 2.0])
    kernel = numba.njit(error_model="numpy")(_total)
    assert np.isnan(kernel(values))
    assert njit(_total)(values[::2]) == _total(values[::2])
    assert lean_njit(_total)(values[::2]) == _total(values[::2])


def test_cache_folder_of_a_checkout_lies_beside_the_sources() -> None:
    folder = jit._cache_folder()
    assert folder.parts[-2:] == (".cache", "kernels")
    assert (folder.parent.parent / "pyproject.toml").is_file()


def test_cache_folder_of_an_installed_package_lies_in_the_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(jit, "_PACKAGE", tmp_path / "site-packages" / "tutti")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert jit._cache_folder() == tmp_path / "me" / ".cache" / "tutti" / "kernels"


def test_cache_folder_without_a_home_is_temporary(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(jit, "_PACKAGE", tmp_path / "site-packages" / "tutti")
    monkeypatch.setattr(Path, "home", homeless)
    assert jit._cache_folder() == Path(tempfile.gettempdir()) / "tutti-kernels"


def test_fingerprint_changes_with_a_kernel_and_not_with_other_sources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(jit, "_PACKAGE", tmp_path)
    (tmp_path / "kernel.py").write_text("@njit\ndef f(x): return x\n")
    before = jit._fingerprint()
    (tmp_path / "other.py").write_text("x = 1\n")
    assert jit._fingerprint() == before
    (tmp_path / "kernel.py").write_text("@njit\ndef f(x): return x + 1\n")
    assert jit._fingerprint() != before


def _folder_of_a_new_process() -> Path:
    code = "import numba, tutti.kernel.jit; print(numba.config.CACHE_DIR)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def test_kernels_are_cached_in_a_folder_named_after_the_sources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    folder = _folder_of_a_new_process()
    assert folder.parent == jit._cache_folder()
    assert re.fullmatch("[0-9a-f]{16}", folder.name)


def test_cache_folder_that_the_environment_names_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert _folder_of_a_new_process() == tmp_path
