"""Checks bar files before anybody trusts a backtest on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tutti.adapters.feeds.audit import Audit, audit
from tutti.adapters.feeds.consequences import Judgement, Weight, judge
from tutti.adapters.feeds.findings import Finding
from tutti.kernel.clock import iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.adapters.feeds.audit import AuditedFile

GOOD = "good"
_ORDER = tuple(Weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """An audit with a judgement on each finding, the heaviest first."""

    audit: Audit
    findings: tuple[tuple[Finding, Judgement], ...]

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
            "passed_over": list(self.audit.passed_over),
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
) -> DataCheck:
    """Return everything found in bar files, and what it means for a backtest.

    Parameters are those of ``adapters.feeds.audit.audit``.

    Raises
    ------
    ConfigError
        If nothing matches, or no file holds bars.
    """
    found = audit(patterns, timeframe=timeframe, start=start, end=end, references=references)
    judged = [(finding, judge(finding)) for finding in found.findings]
    judged.sort(key=lambda each: _ORDER.index(each[1].weight))
    return DataCheck(audit=found, findings=tuple(judged))


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
