"""Runs a recorded run again, from its events and seeds, and compares the ledgers row by row."""

from __future__ import annotations

import itertools
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.agents.timeline import Heard, OpinionTimeline
from tutti.app.account_folder import CONFIGURATIONS, as_recorded, kept_configuration
from tutti.app.backtest import Source, read_source, run_source
from tutti.app.kill_switch import OFFLINE, say_offline
from tutti.app.markets import open_market
from tutti.app.paper import Opening, PaperAccount
from tutti.app.seats import seats_of
from tutti.kernel.clock import parse_instant
from tutti.ledger.fold import fold
from tutti.ledger.kinds import Command, Started, Stopped, Told
from tutti.ledger.records import decode
from tutti.model.errors import ConfigError, DataError
from tutti.model.opinion import Abstention, Opinion
from tutti.sandbox.saved_shapes import read_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.ledger.kinds import DataSource
    from tutti.ledger.store import Row

    Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOutcome:
    """How a replay compares with what was recorded.

    Parameters
    ----------
    rows : int
        Rows that were compared.
    first_difference : int
        Number of the first row that differs; 0 when none does.
    """

    recorded_hash: str
    replayed_hash: str
    equal: bool
    rows: int
    first_difference: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """One recorded session: its first row, its last market time and row, and how it ended.

    ``reason`` is None for one that was killed. ``commands``: what operators said, and when in
    market time; ``afterwards``: what they said when it had ended. ``told``: what awaited agents said,
    by the tick that it counted from.
    """

    started: Started
    begin: int
    end: int
    last_seq: int
    reason: str | None
    commands: tuple[tuple[int, Command], ...]
    afterwards: tuple[Command, ...]
    told: Mapping[int, Sequence[Opinion | Abstention]]


class _CutLedger(SqliteLedger):
    """Ledger that loses what comes after a row, as one does whose writer is killed there."""

    def __init__(self, folder: Path, last_seq: int) -> None:
        self._last_seq = last_seq
        super().__init__(folder, Durability.BATCHED)

    def write(self, rows: Sequence[Row]) -> None:
        """Append those of ``rows`` that were written before the end."""
        kept = [row for row in rows if row.seq <= self._last_seq]
        if kept:
            super().write(kept)


def replay_run(path: Path, progress: Progress) -> ReplayOutcome:
    """Run what is recorded in the folder ``path`` again and compare.

    Raises
    ------
    ConfigError
        If the folder lacks the configuration of the run.
    DataError
        If a data file is not the one that was recorded.
    """
    with SqliteLedgerReader(path) as reader:
        rows = list(reader.rows())
        sessions = _sessions(rows)
        if not sessions:
            raise ConfigError(f"{path}: nothing was recorded; there is nothing to replay")
        with tempfile.TemporaryDirectory(prefix="tutti-replay-") as folder:
            again = Path(folder)
            if (path / "run.json").is_file():
                _backtest_again(path, sessions[0], again, progress)
            else:
                _paper_again(path, reader.run_id, sessions, again, progress)
            with SqliteLedgerReader(again) as other:
                # a run that goes on has written more since
                return _compared(reader, other, rows[-1].seq + 1)


def _compared(
    recorded: SqliteLedgerReader, replayed: SqliteLedgerReader, end: int
) -> ReplayOutcome:
    count = 0
    mine = yours = b""
    for mine_row, your_row in zip(recorded.rows(before=end), replayed.rows(), strict=False):
        mine, yours = mine_row.hash, your_row.hash
        count = mine_row.seq
        # a row may have been edited and have kept its hash
        if mine_row != your_row:
            return ReplayOutcome(
                recorded_hash=mine.hex(), replayed_hash=yours.hex(), equal=False, rows=count,
                first_difference=count,
            )  # fmt: skip
    lengths = [
        sum(1 for _ in recorded.rows(before=end)), sum(1 for _ in replayed.rows())
    ]  # fmt: skip
    return ReplayOutcome(
        recorded_hash=mine.hex(),
        replayed_hash=yours.hex(),
        equal=lengths[0] == lengths[1],
        rows=count,
        first_difference=0 if lengths[0] == lengths[1] else count + 1,
    )


def _sessions(rows: Sequence[Row]) -> list[_Session]:
    sessions: list[_Session] = []
    starts = [k for k, row in enumerate(rows) if row.kind == "started"]
    for first, after in itertools.pairwise([*starts, len(rows)]):
        # what was said while nothing ran stands behind the session
        spoken = [k for k in range(first, after) if _is_offline(rows[k])]
        last = rows[after - 1 - len(spoken)]
        sessions.append(
            _Session(
                started=decode(rows[first], Started),
                begin=rows[first].ts,
                end=last.ts,
                last_seq=last.seq,
                reason=decode(last, Stopped).reason if last.kind == "stopped" else None,
                commands=tuple(
                    (row.ts, decode(row, Command))
                    for row in rows[first:after]
                    if row.kind == "command" and not _is_offline(row)
                ),
                afterwards=tuple(decode(rows[k], Command) for k in spoken),
                told=_told(rows[first:after]),
            )
        )
    return sessions


def _told(rows: Sequence[Row]) -> dict[int, list[Opinion | Abstention]]:
    told: dict[int, list[Opinion | Abstention]] = {}
    for row in rows:
        if row.kind == "opinion":
            told.setdefault(row.ts, []).append(decode(row, Told).answer)
    return told


def _backtest_again(path: Path, session: _Session, again: Path, progress: Progress) -> None:
    recorded = read_run(path / "run.json")
    config = as_recorded(recorded["configuration"], path / "run.json")
    _all_there(session.started.data)
    kinds = {each["path"]: each.get("kind", "bars") for each in recorded["data_files"]}
    paths = [each.path for each in session.started.data]
    step = session.started.step or int(recorded["step"])
    source = read_source(
        [path for path in paths if kinds.get(path) != "funding"],
        parse_instant(recorded["start"]) - step,
        parse_instant(recorded["end"]),
        repair=True,
        timeframe=config.feed.timeframe,
        funding=[path for path in paths if kinds.get(path) == "funding"],
    )
    _same(session.started.data, source.files)
    source = Source(block=source.block, files=session.started.data, findings=())
    heard = [Heard(ts, answer) for ts, said in session.told.items() for answer in said]
    opinions = OpinionTimeline(seats_of(config).awaited, source.block.instruments, heard)
    run_source(
        config, source, "event", again, progress, versions=session.started.versions,
        opinions=opinions,
    )  # fmt: skip


def _paper_again(
    path: Path, run_id: str, sessions: Sequence[_Session], again: Path, progress: Progress
) -> None:
    for number, session in enumerate(sessions):
        configuration = path / CONFIGURATIONS / f"{session.started.configuration}.json"
        kept = kept_configuration(path, session.started.configuration)
        if kept is None:
            raise ConfigError(f"{configuration}: missing; without it the run can't be replayed")
        config = as_recorded(kept, configuration)
        if session.reason is None:
            store: SqliteLedger = _CutLedger(again, session.last_seq)
        else:
            store = SqliteLedger(again, Durability.BATCHED)
        _all_there(session.started.data)
        state = fold(store)
        market = open_market(config, config.feed.kind, list(config.feed.bars), state, session.begin)
        _same(session.started.data, market.files)
        opening = Opening(run_id=run_id, versions=session.started.versions, state=state)
        account = PaperAccount(config, market, store, opening)
        commands = deque(session.commands)
        _say(account, commands)
        for tick in account.ticks:
            ts = int(tick.known_at[-1])
            if ts > session.end:
                break
            account.session.tell(ts, session.told.get(ts, ()))
            account.process(tick)
            _say(account, commands)
            progress(
                (account.as_of - session.begin) // market.step,
                (session.end - session.begin) // market.step,
                f"session {number + 1}",
            )
        if session.reason is None:
            account.abandon()  # the ledger drops what the kill lost
        else:
            account.stop(session.reason)
        for command in session.afterwards:
            say_offline(again, command)


def _say(account: PaperAccount, commands: deque[tuple[int, Command]]) -> None:
    # a command falls between the tick whose time it carries and the next
    while commands and commands[0][0] <= account.as_of:
        _, command = commands.popleft()
        account.session.commands.apply(command, account.as_of)


def _is_offline(row: Row) -> bool:
    return row.kind == "command" and decode(row, Command).by == OFFLINE


def _all_there(data: Sequence[DataSource]) -> None:
    for each in data:
        if not Path(each.path).exists():
            where = "" if Path(each.path).is_absolute() else " from this folder"
            raise ConfigError(
                f"{each.path}: no such file{where}; put it back, or replay in the folder in which"
                " the run was started"
            )


def _same(recorded: Sequence[DataSource], found: Sequence[DataSource]) -> None:
    now = {each.path: each.sha256 for each in found}
    for each in recorded:
        if now.get(each.path) != each.sha256:
            raise DataError(
                f"{each.path}: not the file that was recorded (its SHA-256 is another); "
                "put the recorded one back"
            )
