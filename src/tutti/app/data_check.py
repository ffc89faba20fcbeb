"""Checks files of bars, texts and readings before anybody trusts a backtest on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tutti.adapters.feeds.audit import Audit, audit
from tutti.adapters.feeds.consequences import Judgement, Weight, judge
from tutti.adapters.feeds.files import find_files
from tutti.adapters.feeds.findings import Finding
from tutti.adapters.stores.point_in_time.checking import RowTable, check_rows, kind_of
from tutti.kernel.clock import iso
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.adapters.feeds.audit import AuditedFile

GOOD = "good"
_FAR = 2**63 - 1
_ORDER = tuple(Weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """An audit with a judgement on each finding, the heaviest first."""

    audit: Audit
    findings: tuple[tuple[Finding, Judgement], ...]
    tables: tuple[RowTable, ...] = ()

    @property
    def verdict(self) -> str:
        """The heaviest weight, ``good`` without a finding."""
        return _worst([judgement for _, judgement in self.findings])

    @property
    def is_invalid(self) -> bool:
        """Whether a backtest on these files would prove nothing."""
        return self.verdict == Weight.INVALIDATES

    def of(self, file: str) -> tuple[tuple[Finding, Judgement], ...]:
        """Return what was found in one file, or in several that it begins a chain of."""
        return tuple(
            (finding, judgement)
            for finding, judgement in self.findings
            if finding.file == file or finding.file.startswith(f"{file} .. ")
        )

    def verdict_of(self, file: str) -> str:
        """Return the heaviest weight in one file, ``good`` without a finding."""
        return _worst([judgement for _, judgement in self.of(file)])

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "verdict": self.verdict,
            "n_files": len(self.audit.files),
            "n_findings": {
                str(weight): sum(judgement.weight is weight for _, judgement in self.findings)
                for weight in Weight
            },
            "files": [self._file(each) for each in self.audit.files],
            "findings": [_document(*each) for each in self.findings],
            "tables": [self._table(each) for each in self.tables],
            "passed_over": list(self.audit.passed_over),
        }

    def _table(self, each: RowTable) -> dict[str, Any]:
        return {
            "path": each.path,
            "kind": each.kind,
            "rows": each.rows,
            "first": iso(each.first) if each.rows else None,
            "last": iso(each.last) if each.rows else None,
            "sha256": each.sha256,
            "verdict": self.verdict_of(each.path),
        }

    def _file(self, each: AuditedFile) -> dict[str, Any]:
        return {
            "path": each.file.path,
            "instrument": str(each.file.instrument),
            "timeframe": each.file.timeframe,
            "rows": each.file.rows,
            "dropped": each.file.dropped,
            "first": iso(each.first) if each.file.rows else None,
            "last": iso(each.last) if each.file.rows else None,
            "sha256": each.file.sha256,
            "verdict": self.verdict_of(each.file.path),
        }


def check_data(
    patterns: Sequence[str | Path],
    *,
    timeframe: str | None = None,
    start: int | None = None,
    end: int | None = None,
    references: Sequence[str | Path] = (),
    now: int = _FAR,
) -> DataCheck:
    """Return everything found in files, and what it means for a backtest.

    Parameters are those of ``adapters.feeds.audit.audit``, and ``now`` (ns UTC), after which nothing
    can have been written. Files of texts and readings are told by their columns and checked by
    themselves.

    Raises
    ------
    ConfigError
        If nothing matches, or no file holds bars, texts or readings.
    """
    paths = find_files(patterns)
    rows = [path for path in paths if kind_of(path)]
    others: list[str | Path] = [path for path in paths if path not in rows]
    told = check_rows(rows, now)
    found = Audit(files=(), findings=(), passed_over=())
    if others and not rows:
        found = audit(patterns, timeframe=timeframe, start=start, end=end, references=references)
    elif others:
        found = _beside(others, timeframe, start, end, references)
    judged = [(finding, judge(finding)) for finding in (*found.findings, *told.findings)]
    judged.sort(key=lambda each: _ORDER.index(each[1].weight))
    return DataCheck(audit=found, findings=tuple(judged), tables=told.files)


def _beside(
    others: list[str | Path],
    timeframe: str | None,
    start: int | None,
    end: int | None,
    references: Sequence[str | Path],
) -> Audit:
    try:
        return audit(others, timeframe=timeframe, start=start, end=end, references=references)
    except ConfigError:
        # beside texts and readings, files without bars are no mistake
        return Audit(files=(), findings=(), passed_over=tuple(str(each) for each in others))


def _worst(judgements: Sequence[Judgement]) -> str:
    weights = {judgement.weight for judgement in judgements}
    return next((str(weight) for weight in _ORDER if weight in weights), GOOD)


def _document(finding: Finding, judgement: Judgement) -> dict[str, Any]:
    return {
        "file": finding.file,
        "code": str(finding.code),
        "severity": str(judgement.weight),
        "certainty": str(finding.severity),
        "row": finding.row,
        "ts": iso(finding.ts) if finding.ts else None,
        "count": finding.count,
        "evidence": finding.message,
        "measures": dict(finding.measures),
        "consequence": judgement.consequence,
        "remedy": judgement.remedy,
    }
