"""Files of a ledger folder; tables, views and triggers of its database."""

from __future__ import annotations

from typing import Final

DATABASE: Final = "ledger.sqlite"
HEAD: Final = "ledger.head"
LOCK: Final = "ledger.lock"
SEGMENTS: Final = "segments"

APPLICATION: Final = 0x54757474
"""``Tutt``: marks the file as a ledger."""

VERSION: Final = 1
"""Of the schema; a reader refuses a newer one."""

INDEX: Final = (
    "INSERT INTO row_of SELECT ref, seq FROM journal "
    "WHERE seq > (SELECT upto FROM indexed) AND ref <> ''",
    "UPDATE indexed SET upto = (SELECT coalesce(max(seq), 0) FROM journal)",
)
"""Brings the index of references up to date."""

# `row_of` is an index of `journal` by reference that may lag behind: rows after `indexed.upto` are
# looked through one by one. A plain index costs each commit four more pages.
_TABLES = """
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    ts INTEGER NOT NULL,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    body TEXT NOT NULL,
    hash BLOB NOT NULL
);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE row_of (
    ref TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (ref, seq)
) WITHOUT ROWID;
CREATE TABLE indexed (upto INTEGER NOT NULL);
INSERT INTO indexed VALUES (0);
CREATE TABLE segment_file (
    file TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) WITHOUT ROWID;
"""

_APPEND_ONLY = """
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER meta_no_update BEFORE UPDATE ON meta
BEGIN SELECT RAISE(ABORT, 'the run of a journal never changes'); END;
CREATE TRIGGER meta_no_delete BEFORE DELETE ON meta
BEGIN SELECT RAISE(ABORT, 'the run of a journal never changes'); END;
"""

TRIGGERS: Final = frozenset(
    {"journal_no_update", "journal_no_delete", "meta_no_update", "meta_no_delete"}
)

_INSTRUMENT = """
    json_extract(body, '$.instrument.symbol') || '.' || json_extract(body, '$.instrument.venue')
        AS instrument"""


def _fields(*names: str) -> str:
    return ",\n    ".join(f"json_extract(body, '$.{name}') AS {name}" for name in names)


def _or(default: str, *names: str) -> str:
    # a row leaves out what is as it was at the order's beginning
    return ",\n    ".join(
        f"coalesce(json_extract(body, '$.{name}'), '{default}') AS {name}" for name in names
    )


_VIEWS = f"""
CREATE VIEW decisions AS SELECT
    journal.seq, journal.ts,
    json_extract(journal.body, '$.equity') AS equity,
    json_extract(journal.body, '$.mode') AS mode,
    json_extract(item.value, '$.instrument') AS instrument,
    json_extract(item.value, '$.close') AS close,
    json_extract(item.value, '$.context.bias') AS bias,
    json_extract(item.value, '$.context.confidence') AS context_confidence,
    json_extract(item.value, '$.context.regime') AS regime,
    json_extract(item.value, '$.score') AS score,
    json_extract(item.value, '$.confidence') AS confidence,
    json_extract(item.value, '$.weight') AS weight,
    json_extract(item.value, '$.reason') AS reason,
    json_extract(item.value, '$.lead') AS lead
FROM journal, json_each(journal.body, '$.items') AS item WHERE journal.kind = 'decision';

CREATE VIEW intents AS SELECT seq, ts, ref AS order_id, {_INSTRUMENT},
    {_fields("side", "quantity", "type", "price", "reference_price", "reason", "lead", "reduces")}
FROM journal WHERE kind = 'intent';

CREATE VIEW refusals AS SELECT seq, ts, ref AS order_id,
    {_fields("rule", "reason")}
FROM journal WHERE kind = 'refusal';

CREATE VIEW orders AS SELECT max(seq) AS seq, ts, ref AS order_id, {_INSTRUMENT},
    {_fields("side", "quantity", "type", "price", "status")},
    {_or("0", "filled", "average_price")},
    {_or("", "venue_order_id", "detail", "parent")}
FROM journal WHERE kind = 'order' GROUP BY ref;

CREATE VIEW fills AS SELECT seq, ts, ref AS order_id, {_INSTRUMENT},
    {_fields("id", "side", "quantity", "price", "fee", "is_maker", "slippage_bps")}
FROM journal WHERE kind = 'fill';

CREATE VIEW positions AS SELECT max(seq) AS seq, ts, ref AS instrument,
    {_fields("quantity", "average_price", "opened_at", "realised", "fees", "lead")}
FROM journal WHERE kind = 'position' GROUP BY ref;
"""  # noqa: S608 - only our own words

CREATE: Final = f"""BEGIN;
{_TABLES}{_APPEND_ONLY}{_VIEWS}
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
COMMIT;
"""
"""Everything of an empty ledger."""
