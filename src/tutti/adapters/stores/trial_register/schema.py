"""Tables and triggers of a register of trials."""

from __future__ import annotations

from typing import Final

APPLICATION: Final = 0x54757472
"""``Tutr``: marks the file as a register."""

VERSION: Final = 1
"""Of the schema; a newer one is refused."""

_KEPT = ("journal", "dataset", "member", "series", "trial")

# `journal` is the record, each row chained to the one before. A body names its data set and its
# returns by their hashes, which is what `dataset` and `series` are looked up by; `trial` and `member`
# are what questions are asked of, and could be made again from the others.
CREATE: Final = f"""BEGIN;
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    ts INTEGER NOT NULL,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    body TEXT NOT NULL,
    hash BLOB NOT NULL
);
CREATE TABLE dataset (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE member (
    name TEXT NOT NULL,
    dataset TEXT NOT NULL,
    PRIMARY KEY (name, dataset)
) WITHOUT ROWID;
CREATE TABLE series (key TEXT PRIMARY KEY, first_day INTEGER NOT NULL, daily BLOB NOT NULL);
CREATE TABLE trial (
    seq INTEGER PRIMARY KEY,
    alike INTEGER,
    likeness REAL NOT NULL,
    run_id TEXT NOT NULL,
    configuration TEXT NOT NULL,
    dataset TEXT NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    series TEXT NOT NULL,
    sharpe REAL
);
CREATE INDEX trial_of_dataset ON trial (dataset);
CREATE INDEX trial_of_configuration ON trial (configuration);
{
    "".join(
        f'''CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the register of trials is append-only'); END;
'''
        for table in _KEPT
        for verb in ("update", "delete")
    )
}
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
COMMIT;
"""
"""Everything of an empty register."""
