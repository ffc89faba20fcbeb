"""Whether a plug-in model keeps what models have to keep; tried in processes of their own.

Two processes: one runs the suite, another one predicts once more, since what hangs on a process (the
order of a set, an address) is the same within one; a model that has sets or hashes in its source is
asked in a few more, with other seeds of hashing. A model that never comes back is ended after the
time limit, and one that takes its process down takes down nothing else.
"""

from __future__ import annotations

import ast
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutti.agents.models.answer import SHAPE
from tutti.agents.models.conformance import BY_DATE
from tutti.agents.models.port import span
from tutti.agents.models.windows import CODES, IMPORT_ERROR, NONDETERMINISTIC, SLOW
from tutti.app.model_trial import DONE, IMPORTING, MAKING, PREDICTING, REFUSED, WINDOW
from tutti.model.errors import ConfigError

BUDGET_S = 0.25
"""For one prediction where nothing else is said."""
TIME_LIMIT_S = 60.0

_WORDS = {
    IMPORTING: (IMPORT_ERROR, "while it was imported"),
    MAKING: (IMPORT_ERROR, "while it was made"),
    PREDICTING: (SHAPE, "in predict"),
    WINDOW: (SHAPE, "in predict"),
}
_TRIAL = ("-m", "tutti.app.model_trial")
_HASHING = ("set", "frozenset", "hash")
_MOST_SEEDS = 5
_POLL_S = 0.02
_FIRST_S, _NEXT_S = 20.0, 5.0
"""At least so long one prediction is waited for: the first one, which may load what it needs, and
any other; or twenty times the budget."""
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFinding:
    """One thing that a model does wrong; ``details`` is a traceback, where there is one."""

    code: str
    message: str
    details: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """What was found of one model.

    Parameters
    ----------
    n_predictions : int
        Windows that it was shown.
    median_ms : float or None
        Of a prediction; None where there was none.
    """

    model: str
    findings: tuple[ModelFinding, ...]
    n_predictions: int
    median_ms: float | None

    @property
    def ok(self) -> bool:
        """True where nothing was found."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "ok": self.ok,
            "model": self.model,
            "findings": [
                {"code": each.code, "message": each.message}
                | ({"details": each.details} if each.details else {})
                for each in self.findings
            ],
            "n_predictions": self.n_predictions,
            "median_ms": self.median_ms,
        }


def check_model(
    path: Path,
    *,
    params: Mapping[str, object] | None = None,
    timeframe: str = "",
    bars: Sequence[str] = (),
    budget_s: float = BUDGET_S,
    time_limit_s: float = TIME_LIMIT_S,
) -> ModelCheck:
    """Try a model and return what was found.

    Parameters
    ----------
    path : Path
        Its folder or file.
    params : mapping, optional
        Its configuration.
    timeframe : str
        Of the bars that it is shown; its own where empty, else an hour.
    bars : sequence of str
        Files or patterns, whose last bars it is shown; made-up ones where empty.
    budget_s : float
        For one prediction.
    time_limit_s : float
        For everything together; what takes longer is ended, and ``slow``.

    Raises
    ------
    ConfigError
        If there is no such file, or bars can't be used.
    """
    if not path.exists():
        raise ConfigError(f"{path}: no such file; name a model's folder, or its model.py")
    if timeframe:
        span(timeframe, "--timeframe")
    job = {
        "path": str(path),
        "params": dict(params or {}),
        "timeframe": timeframe,
        "bars": list(bars),
        "budget_s": budget_s,
    }
    first = _Run.of({**job, "answers_alone": False}, time_limit_s, 0)
    if refused := first.told(REFUSED):
        raise ConfigError(refused["why"])
    name = first.told(PREDICTING).get("name") or path.resolve().name
    findings = first.findings(time_limit_s)
    # what looks as if it hung on the date may hang on the hash of the date
    if first.is_done and all(BY_DATE in each.message for each in findings):
        n_seeds = _MOST_SEEDS if hashes(path) else 1
        findings = _elsewhere(first, job, time_limit_s, n_seeds) or findings
    seconds = sorted(first.told(DONE).get("seconds", []))
    return ModelCheck(
        model=name,
        findings=tuple(sorted(findings, key=lambda each: CODES.index(each.code))),
        n_predictions=len(seconds),
        median_ms=round(1000 * seconds[len(seconds) // 2], 3) if seconds else None,
    )


def _elsewhere(
    first: _Run, job: Mapping[str, Any], time_limit_s: float, n_seeds: int
) -> list[ModelFinding]:
    # what other processes make of the same bars
    for seed in range(1, n_seeds + 1):
        other = _Run.of({**job, "answers_alone": True}, time_limit_s, seed)
        if not other.is_done:
            return other.findings(time_limit_s)
        pairs = zip(first.told(DONE)["answers"], other.told(DONE).get("answers", ()), strict=False)
        if other.findings(time_limit_s) or any(one != each for one, each in pairs):
            told = "two processes that were shown the same answered differently"
            return [ModelFinding(code=NONDETERMINISTIC, message=told)]
    return []


def hashes(path: Path) -> bool:
    """Return whether a model's source has sets or hashes, whose order hangs on the process."""
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    return any(
        isinstance(node, ast.Set | ast.SetComp)
        or (isinstance(node, ast.Name) and node.id in _HASHING)
        for file in files
        for node in _nodes(file)
    )


def _nodes(file: Path) -> Iterator[ast.AST]:
    try:
        return ast.walk(ast.parse(file.read_bytes()))
    except SyntaxError:
        return iter(())  # a file beside the model that it doesn't use: else it had not loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    # one process: its exit code, None where it was ended, and the steps that it wrote down
    code: int | None
    steps: Sequence[Mapping[str, Any]]
    said: str

    @classmethod
    def of(cls, job: Mapping[str, Any], time_limit_s: float, hash_seed: int) -> _Run:
        with tempfile.TemporaryDirectory(prefix="tutti-model-") as room:
            steps, file = Path(room, "steps"), Path(room, "job.json")
            file.write_text(json.dumps({**job, "steps": str(steps)}), encoding="utf-8")
            steps.touch()
            errors = Path(room, "errors")
            with errors.open("wb") as file_of_errors:
                process = subprocess.Popen(  # noqa: S603 (our own program)
                    [
                        "/usr/bin/env",
                        f"PYTHONHASHSEED={hash_seed}",
                        sys.executable,
                        *_TRIAL,
                        str(file),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=file_of_errors,
                )
                code = _ended_by_itself(process, steps, job["budget_s"], time_limit_s)
            said = errors.read_bytes()
            lines = steps.read_text(encoding="utf-8").splitlines()
        return cls(
            code=code,
            steps=[json.loads(line) for line in lines],
            said=said.decode(errors="replace"),
        )

    @property
    def is_done(self) -> bool:
        return bool(self.told(DONE))

    def told(self, step: str) -> Mapping[str, Any]:
        return next((each for each in self.steps if each["step"] == step), {})

    def findings(self, time_limit_s: float) -> list[ModelFinding]:
        if self.is_done:
            return [ModelFinding(**each) for each in self.told(DONE)["findings"]]
        last = self.steps[-1]["step"] if self.steps else IMPORTING
        code, where = _WORDS[last]
        if self.code is None:
            n = sum(each["step"] == WINDOW for each in self.steps)
            at = f", number {n}" if n else ""
            told = f"was ended: it didn't come back {where}{at}, or within {time_limit_s:g} s"
            return [ModelFinding(code=SLOW, message=told)]
        told = f"ended its process {where} ({_ended(self.code)})"
        return [ModelFinding(code=code, message=told, details=self.said.strip()[-2000:])]


def _ended_by_itself(
    process: subprocess.Popen[bytes], steps: Path, budget_s: float, time_limit_s: float
) -> int | None:
    # the exit code; None where it was ended because it took too long, or one prediction did
    began = changed = time.perf_counter()
    size = 0
    while process.poll() is None:
        now = time.perf_counter()
        if (written := steps.stat().st_size) != size:
            size, changed = written, now
        n_windows = steps.read_text(encoding="utf-8").count(f'"{WINDOW}"')
        least = _FIRST_S if n_windows == 1 else _NEXT_S
        hangs = n_windows > 0 and now - changed > max(least, _PATIENCE * budget_s)
        if hangs or now - began > time_limit_s:
            process.kill()
            process.wait()
            return None
        time.sleep(_POLL_S)
    return process.returncode


def _ended(code: int) -> str:
    if code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
