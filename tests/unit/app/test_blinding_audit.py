"""Searching what a blinded run left behind."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.adapters.stores.sqlite_ledger import SqliteLedger
from tutti.adapters.stores.sqlite_ledger.writing import Durability
from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.blinding.answers import BlindedAnswers
from tutti.agents.llm.catalogue import make_llm_agent, speaker_settings
from tutti.agents.llm.port import Answer, Call
from tutti.agents.llm.recorded import Recorded
from tutti.app.blinding_audit import RECORDS, audit
from tutti.cli.boundary import run
from tutti.cli.main import app
from tutti.kernel.clock import HOUR, SECOND, LiveClock
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import Started, Told
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import Snapshot, TextEvent
from tutti.model.opinion import Opinion

if TYPE_CHECKING:
    from pathlib import Path

AAPL = InstrumentId("AAPL", "SIM")
NOW = 1_744_837_200 * SECOND


class _Guesses:
    """Says what it takes the asset for."""

    async def answer(self, call: Call) -> Answer:
        said = {
            "bias": 0.5,
            "confidence": 0.5,
            "rationale": "This can only be Apple in April 2025.",
            "horizon_hours": 4,
            "sources": ["t1"],
        }
        return Answer(
            call=call.key,
            text=json.dumps(said),
            model=call.model,
            input_tokens=1,
            output_tokens=1,
            cost_usd=Decimal(0),
            latency=0,
        )


class _Source:
    async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:
        text = TextEvent(
            known_at=ts - HOUR,
            source="CNBC",
            id="aapl-20250416",
            title="Apple (NASDAQ:AAPL) hits $190 on April 16, 2025",
            text="Tim Cook presented Q2 2025 figures.",
        )
        return Snapshot(instrument=instrument, as_of=ts, close=187.0, features={}, texts=(text,))


def _run(folder: Path, *, blinded: bool, records: Path | None = None) -> None:
    blind = Blinding(7, [AAPL]) if blinded else None
    with SqliteCallRecords(records or folder / RECORDS) as kept:
        asked = _Guesses() if blind is None else BlindedAnswers(_Guesses(), blind)
        agent = make_llm_agent(
            "news",
            speaker_settings(name="wire", model="test:model"),
            source=_Source(),
            model=Recorded(asked, kept, mode="live", clock=LiveClock()),
            blind=blind,
        )
        said = asyncio.run(agent.infer(asyncio.run(_Source().snapshot(AAPL, NOW))))
    journal = Journal(SqliteLedger(folder, Durability.EACH_COMMIT), "a run")
    started = Started(
        run_id="a run",
        configuration="",
        seed=7,
        versions={},
        instruments=(str(AAPL),),
        agents=("wire",),
        balances={},
    )
    journal.append("started", NOW, started)
    journal.append("opinion", NOW, Told.of(said))
    journal.append("opinion", NOW + HOUR, Told.of(said))
    journal.close()


def test_audit_of_a_blinded_run_finds_nothing(tmp_path: Path) -> None:
    _run(tmp_path, blinded=True)
    (tmp_path / "log.jsonl").write_text(
        '{"ts": "2026-11-20T00:00:00Z", "event": "asked"}\nplain line\n', encoding="utf-8"
    )
    done = audit(tmp_path)
    assert done.leaks == []
    assert done.is_clean
    assert done.looked_at == {"ledger": 4, "answer": 1, "prompt": 1, "log": 2}


def test_audit_of_a_run_that_was_not_blinded_says_where_it_leaks(tmp_path: Path) -> None:
    _run(tmp_path, blinded=False)
    (tmp_path / "log.jsonl").write_text('{"event": "asked about AAPL"}\n', encoding="utf-8")
    done = audit(tmp_path)
    assert not done.is_clean
    found = {(each.where, each.leak.kind, each.leak.found) for each in done.leaks}
    assert {
        ("prompt", "name", "Tim Cook"),
        ("prompt", "ticker", "AAPL"),
        ("prompt", "date", "April 16"),
        ("answer", "name", "Apple"),
        ("ledger", "name", "Apple"),
        ("ledger", "ticker", "aapl"),
        ("record", "date", str(NOW)),
        ("log", "ticker", "AAPL"),
    } <= found


def test_audit_looks_at_what_is_quoted_of_sources(tmp_path: Path) -> None:
    _run(tmp_path, blinded=True)
    said = Opinion(
        agent="wire",
        instrument=AAPL,
        bias=0.1,
        confidence=0.1,
        as_of=NOW,
        rationale="so",
        sources=("b:1",),
        quotes=("CNBC: Apple rose",),
    )
    journal = Journal(SqliteLedger(tmp_path, Durability.EACH_COMMIT), "a run")
    journal.append("opinion", NOW + 2 * HOUR, Told.of(said))
    journal.close()
    assert ("ledger", "Apple") in {(each.where, each.leak.found) for each in audit(tmp_path).leaks}


def test_audit_looks_at_the_calls_of_the_run_only_where_a_file_holds_others(tmp_path: Path) -> None:
    records = tmp_path / "shared.sqlite"
    _run(tmp_path / "open", blinded=False, records=records)
    _run(tmp_path / "blind", blinded=True, records=records)
    assert audit(tmp_path / "blind", records).is_clean
    assert not audit(tmp_path / "open", records).is_clean


def test_audit_without_records_or_a_run_is_refused(tmp_path: Path) -> None:
    Journal(SqliteLedger(tmp_path, Durability.EACH_COMMIT), "empty").close()
    with pytest.raises(ConfigError, match="never began"):
        audit(tmp_path)
    _run(tmp_path / "kept", blinded=True)
    with pytest.raises(ConfigError, match="name their file with --records"):
        audit(tmp_path / "kept", tmp_path / "nowhere.sqlite")


def test_legend_of_a_blinded_run_tells_what_its_codes_stand_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(tmp_path, blinded=True)
    blind = Blinding(7, [AAPL])
    read = pl.DataFrame(
        {
            "known_at": [NOW - HOUR],
            "symbol": ["AAPL"],
            "source": ["CNBC"],
            "id": ["aapl-20250416"],
            "title": ["Apple hits $190"],
            "text": ["Tim Cook presented figures."],
            "kind": ["news"],
        }
    )
    file = tmp_path / "news.parquet"
    read.with_columns(pl.from_epoch("known_at", "ns").dt.replace_time_zone("UTC")).write_parquet(
        file
    )
    assert run(app, ["llm", "legend", str(tmp_path), "--text", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["instruments"] == {blind.asset(AAPL): "AAPL.SIM"}
    assert told["names"] == {blind.asset(AAPL): "Apple"}
    assert told["texts"] == {blind.source("aapl-20250416"): "aapl-20250416 Apple hits $190"}
    assert run(app, ["llm", "legend", str(tmp_path)]) == 0
    assert "AAPL" in capsys.readouterr().out
    Journal(SqliteLedger(tmp_path / "empty", Durability.EACH_COMMIT), "empty").close()
    assert run(app, ["llm", "legend", str(tmp_path / "empty")]) == 2


@pytest.mark.parametrize(("blinded", "code"), [(True, 0), (False, 3)])
def test_audit_command_tells_by_its_exit_code(
    blinded: bool, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(tmp_path, blinded=blinded)
    assert run(app, ["llm", "audit", str(tmp_path), "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is blinded
    assert bool(document["leaks"]) is not blinded
    assert run(app, ["llm", "audit", str(tmp_path)]) == code
    assert ("no leak" in capsys.readouterr().out) is blinded
