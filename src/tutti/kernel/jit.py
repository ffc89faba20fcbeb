"""Compiled kernels with a disk cache that can't go stale.

Numba invalidates a cached kernel when its own file changes, not when a kernel that it calls, in
another file, does. A cache folder named after a fingerprint of all sources closes that hole.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Result = TypeVar("_Result")
_PACKAGE = Path(__file__).parent.parent


def _fingerprint() -> str:
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        text = path.read_bytes()
        if b"njit" in text or b"NamedTuple" in text:
            digest.update(path.relative_to(_PACKAGE).as_posix().encode())
            digest.update(text)
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    # beside the sources in a checkout, under the home folder for an installed package
    checkout = _PACKAGE.parent.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".cache" / "kernels"
    try:
        return Path.home() / ".cache" / "tutti" / "kernels"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / "tutti-kernels"


if not numba.config.CACHE_DIR:
    numba.config.CACHE_DIR = str(_cache_folder() / _fingerprint())


def njit(function: _Function) -> _Function:
    """Compile a kernel at its first call and keep it on disk.

    The kernel takes arrays, scalars and NamedTuples of them. No fast-math (NaN means missing and
    results are compared bit by bit) and no threads. One that another kernel calls is put in line:
    an array is seven words to hand over, so a call with forty of them costs more than most kernels.
    """
    compiled: _Function = numba.njit(cache=True, error_model="numpy", forceinline=True)(function)
    return compiled


def lean_njit(function: _Function) -> _Function:
    """Compile a kernel that makes no array and returns none, without reference counting.

    Counting references costs two atomic operations for each array that a call hands over: with
    NamedTuples of forty arrays that is most of what a small kernel does. A kernel compiled so can
    call only others of its kind.
    """
    compiled: _Function = numba.njit(cache=True, error_model="numpy", forceinline=True, _nrt=False)(
        function
    )
    return compiled


def bound(kernel: Callable[..., _Result], *like: Any) -> Callable[..., _Result]:
    """Return a kernel's compiled form for arguments of the types of ``like``.

    The dispatcher looks at the type of every array at every call, which takes longer than a small
    kernel runs; the compiled form does not look. So whoever calls it must pass arguments of just
    these types and layouts: bind where the arrays are made, and again where they may be others.
    """
    if not hasattr(kernel, "overloads"):  # compilation is switched off
        return kernel
    signature = tuple(numba.typeof(value) for value in like)
    if signature not in kernel.overloads:
        kernel.compile(signature)  # type: ignore[attr-defined]
    entry: Callable[..., _Result] = kernel.overloads[signature].entry_point
    return entry
