"""Reads what clients send: numbers, times and choices, refusing what is missing or wrong."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from tutti.testing.exchanges.values import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping


def parse_form(text: str) -> dict[str, str]:
    """Return the parameters of a query or a form, the last of each name."""
    return dict(parse_qsl(text, keep_blank_values=True))


def text(given: Mapping[str, Any], name: str) -> str:
    """Return a parameter that has to be there.

    Raises
    ------
    Refused
        If it is missing or empty.
    """
    value = given.get(name)
    if value is None or value == "":
        raise Refused(Reason.MISSING_PARAMETER, name)
    return str(value)


def decimal(given: Mapping[str, Any], name: str) -> Decimal:
    """Return a number that has to be there.

    Raises
    ------
    Refused
        If it is missing or no finite number.
    """
    value = optional_decimal(given, name)
    if value is None:
        raise Refused(Reason.MISSING_PARAMETER, name)
    return value


def optional_decimal(given: Mapping[str, Any], name: str) -> Decimal | None:
    """Return a number, or None where it is missing or empty.

    Raises
    ------
    Refused
        If it is no finite number.
    """
    value = given.get(name)
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Refused(Reason.BAD_REQUEST, name) from None
    if not number.is_finite():
        raise Refused(Reason.BAD_REQUEST, name)
    return number


def optional_whole(given: Mapping[str, Any], name: str) -> int | None:
    """Return a whole number, or None where it is missing or empty.

    Raises
    ------
    Refused
        If it is no whole number.
    """
    value = given.get(name)
    if value is None or value == "":
        return None
    try:
        return int(str(value))
    except ValueError:
        raise Refused(Reason.BAD_REQUEST, name) from None


def plain(value: Decimal, step: Decimal | None = None) -> str:
    """Return a number without exponent, with the decimals of a step where one is given."""
    if step is not None:
        value = value.quantize(step)
    return f"{value:f}"


def trimmed(value: Decimal) -> str:
    """Return a number without exponent and without zeros at its end."""
    said = f"{value:f}"
    return said.rstrip("0").rstrip(".") if "." in said else said
