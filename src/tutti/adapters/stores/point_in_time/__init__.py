"""Texts and readings as of any instant: what was known then, and nothing more.

Rows lie in Parquet (or CSV) files. Each carries ``known_at``, or a rule says how long after its
stamp it became known (:mod:`.lags`, :mod:`.sidecar`). What ``tutti data sync`` writes has both
(:mod:`.writing`).
"""

from tutti.adapters.stores.point_in_time.following import FollowedReadings, FollowedTexts
from tutti.adapters.stores.point_in_time.readings import StoredReadings, open_readings
from tutti.adapters.stores.point_in_time.texts import StoredTexts, open_texts

__all__ = [
    "FollowedReadings",
    "FollowedTexts",
    "StoredReadings",
    "StoredTexts",
    "open_readings",
    "open_texts",
]
