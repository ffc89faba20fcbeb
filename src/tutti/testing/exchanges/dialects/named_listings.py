"""Listings by the names that a venue has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.testing.exchanges.values import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.testing.exchanges.values import Listing


class NamedListings:
    """Listings by any of their names.

    Parameters
    ----------
    by_name : mapping of str to Listing
        A listing may have several.
    """

    def __init__(self, by_name: Mapping[str, Listing]) -> None:
        self._by_name = by_name

    def get(self, name: str) -> Listing | None:
        """Return a listing, or None."""
        return self._by_name.get(name)

    def find(self, name: str) -> Listing:
        """Return a listing.

        Raises
        ------
        Refused
            If it is not listed.
        """
        listing = self._by_name.get(name)
        if listing is None:
            raise Refused(Reason.UNKNOWN_SYMBOL, name)
        return listing
