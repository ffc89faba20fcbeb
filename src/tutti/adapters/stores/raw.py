"""What sources answered, byte for byte: compressed, under its hash, with when it came.

Objects lie under ``<source>/objects/``, named by the SHA-256 of the bytes; the same answer twice is
one object. ``<source>/index.jsonl`` has a line for each answer. An object is on disk before its
line, so that a line never names what is not there; a last line cut off by a crash is passed over.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from tutti.model.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

REDACTED = "[redacted]"
_SECRET_NAMES = frozenset(
    (
        "apikey",
        "api_key",
        "key",
        "token",
        "access_token",
        "secret",
        "password",
        "signature",
        "crumb",
    )
)
_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPage:
    """One answer of a source.

    Parameters
    ----------
    series : str
        What was asked for, as the source's connector names it.
    cursor : str
        Where in the series.
    url : str
        Without secrets.
    received_at : int
        ns UTC.
    sha256 : str
        Of the body, hexadecimal.
    size : int
        Bytes of the body.
    """

    series: str
    cursor: str
    url: str
    received_at: int
    sha256: str
    size: int


class RawStore:
    """Answers of one source.

    Parameters
    ----------
    folder : Path
        Made when the first answer is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(
        self,
        body: bytes,
        *,
        series: str,
        cursor: str,
        url: str,
        received_at: int,
        secrets: Sequence[str] = (),
    ) -> RawPage:
        """Keep an answer, and return what it is found by.

        Some sources answer with the key that they were asked with: ``secrets`` are replaced, in
        the body and in the address.
        """
        body = redacted(body, secrets)
        digest = hashlib.sha256(body).hexdigest()
        page = RawPage(
            series=series, cursor=cursor, url=clean_url(url, secrets), received_at=received_at,
            sha256=digest, size=len(body),
        )  # fmt: skip
        path = self._object(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".new")
            with draft.open("wb") as file:
                file.write(gzip.compress(body, _LEVEL, mtime=0))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        line = json.dumps(asdict(page), separators=(",", ":"))
        with (self._folder / "index.jsonl").open("ab") as index:
            # after a crash the last line may lack its end
            start = b"" if index.tell() == 0 or self._ends_whole() else b"\n"
            index.write(start + line.encode() + b"\n")
            index.flush()
            os.fsync(index.fileno())
        return page

    def pages(self, series: str | None = None) -> Iterator[RawPage]:
        """Yield what was answered, oldest first; of one series, or of all."""
        path = self._folder / "index.jsonl"
        if not path.exists():
            return
        with path.open("rb") as index:
            for line in index:
                try:
                    page = RawPage(**json.loads(line))
                except (ValueError, TypeError):
                    continue  # cut off by a crash
                if series is None or page.series == series:
                    yield page

    def body(self, page: RawPage) -> bytes:
        """Return the bytes of an answer.

        Raises
        ------
        DataError
            If they are not there any more, or not what they were.
        """
        path = self._object(page.sha256)
        try:
            body = gzip.decompress(path.read_bytes())
        except (OSError, EOFError) as error:
            raise DataError(f"{path}: can't be read ({error}); get the pages again") from error
        if hashlib.sha256(body).hexdigest() != page.sha256:
            raise DataError(f"{path}: is not what was received any more; get the pages again")
        return body

    def _object(self, digest: str) -> Path:
        return self._folder / "objects" / digest[:2] / f"{digest}.gz"

    def _ends_whole(self) -> bool:
        with (self._folder / "index.jsonl").open("rb") as index:
            index.seek(-1, os.SEEK_END)
            return index.read(1) == b"\n"


def redacted(body: bytes, secrets: Iterable[str]) -> bytes:
    """Return a body without secrets, as they are or as addresses write them."""
    for secret in secrets:
        for form in {secret, quote(secret, safe="")} - {""}:
            body = body.replace(form.encode(), REDACTED.encode())
    return body


def clean_url(url: str, secrets: Iterable[str] = ()) -> str:
    """Return an address without keys, user or password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    pairs = [
        (name, REDACTED if name.lower() in _SECRET_NAMES else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    cleaned = urlunsplit((parts.scheme, host, parts.path, urlencode(pairs, safe="[]:,"), ""))
    return redacted(cleaned.encode(), secrets).decode()
