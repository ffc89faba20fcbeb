"""Ledger in a folder: rows in SQLite, segments in Parquet files, the head in a file of its own.

::

    ledger.sqlite              the journal, its views, the hashes of the segment files
    ledger.head                number and hash of the newest row: tells when the end is cut off
    ledger.lock                held by the process that writes
    segments/000000000042.parquet
"""

from tutti.adapters.stores.sqlite_ledger.reading import (
    SqliteLedgerReader,
    is_being_written,
)
from tutti.adapters.stores.sqlite_ledger.writing import Durability, SqliteLedger

__all__ = ["Durability", "SqliteLedger", "SqliteLedgerReader", "is_being_written"]
