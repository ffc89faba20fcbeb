"""What sources answered, kept as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.adapters.stores.raw import RawPage, RawStore, clean_url, redacted
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def _put(store: RawStore, body: bytes, series: str = "a", cursor: str = "1") -> RawPage:
    return store.put(body, series=series, cursor=cursor, url="http://x.invalid/", received_at=5)


def test_answer_is_found_again_byte_for_byte(tmp_path: Path) -> None:
    store = RawStore(tmp_path / "raw")
    assert list(store.pages()) == []
    page = _put(store, b"\x00 any bytes \xff")
    assert list(RawStore(tmp_path / "raw").pages()) == [page]
    assert store.body(page) == b"\x00 any bytes \xff"
    assert (page.size, page.received_at, page.cursor) == (13, 5, "1")


def test_same_answer_twice_is_one_object_and_two_lines(tmp_path: Path) -> None:
    store = RawStore(tmp_path)
    _put(store, b"same")
    _put(store, b"same", series="b")
    assert len(list(tmp_path.rglob("*.gz"))) == 1
    assert [each.series for each in store.pages()] == ["a", "b"]
    assert [each.series for each in store.pages("b")] == ["b"]


def test_line_cut_off_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    store = RawStore(tmp_path)
    _put(store, b"one")
    with (tmp_path / "index.jsonl").open("ab") as index:
        index.write(b'{"series": "a", "cur')
    _put(store, b"two")
    assert [store.body(each) for each in store.pages()] == [b"one", b"two"]


@pytest.mark.parametrize("damage", [b"", b"junk"])
def test_answer_that_changed_or_is_gone_is_an_error(tmp_path: Path, damage: bytes) -> None:
    store = RawStore(tmp_path)
    page, other = _put(store, b"one"), _put(store, b"two")
    (path,) = tmp_path.rglob(f"{page.sha256}.gz")
    if damage:
        path.write_bytes(next(tmp_path.rglob(f"{other.sha256}.gz")).read_bytes())
    else:
        path.unlink()
    with pytest.raises(DataError, match="get the pages again"):
        store.body(page)


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        (
            "https://a.invalid/x?apikey=abc&symbol=BTC",
            "https://a.invalid/x?apikey=[redacted]&symbol=BTC",
        ),
        ("https://me:pw@a.invalid/x#part", "https://a.invalid/x"),
        ("https://a.invalid/hidden/x?q=hidden", "https://a.invalid/[redacted]/x?q=[redacted]"),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x"),
    ],
)
def test_address_is_kept_without_secrets(url: str, cleaned: str) -> None:
    assert clean_url(url, ["hidden"]) == cleaned


def test_secret_in_an_answer_is_taken_out_in_every_spelling() -> None:
    body = redacted(b"you asked with a b/c, that is a%20b%2Fc", ["a b/c", ""])
    assert body == b"you asked with [redacted], that is [redacted]"
