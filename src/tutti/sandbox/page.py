"""What every HTML page is made of: the frame, sections, tables, tiles; offline, light and dark."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FOOTER = (
    "Recorded bars and simulated fills: evidence of what would have been, not of profit to come. "
    "Times are UTC."
)

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>$title</title><style>$style</style></head>
<body><header><h1>$title</h1><p class="soft">$subtitle</p></header>
$sections
<footer>$footer</footer>
<script>$script</script></body></html>
""")


def page(title: str, subtitle: str, sections: Sequence[str], *, footer: str = FOOTER) -> str:
    """Return one HTML document that needs nothing else: no network, no library.

    Parameters
    ----------
    title, subtitle, footer : str
        Plain text.
    sections : sequence of str
        HTML, see `section`; empty ones are left out.
    """
    return _PAGE.substitute(
        title=escape(title),
        subtitle=escape(subtitle),
        sections="\n".join(filter(None, sections)),
        footer=escape(footer),
        style="".join(map(asset, ("tones.css", "report.css", "chart.css"))),
        script=asset("report.js"),
    )


def section(title: str, body: str, note: str = "") -> str:
    """Return a card; ``body`` is HTML, ``title`` and ``note`` plain text."""
    told = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{told}{body}</section>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, own: int | None = None) -> str:
    """Return escaped cells as a table; column ``own`` is the one that the table is about."""
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{"own" if index == own else ""}">{escape(cell)}</td>'
            for index, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{titles}</tr>{body}</table></div>'


def tiles(cells: Sequence[tuple[str, str]]) -> str:
    """Return label and value pairs as tiles in a row."""
    drawn = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(label)}</span></div>'
        for label, value in cells
    )
    return f'<div class="tiles">{drawn}</div>'


def message(lead: str, text: str, *, is_bad: bool) -> str:
    """Return a sentence in a coloured card: what to know before anything else."""
    return (
        f'<section class="verdict{" lost" if is_bad else ""}">'
        f"<strong>{escape(lead)}</strong>{escape(text)}</section>"
    )


def asset(name: str) -> str:
    """Return the text of a stylesheet or script that pages are made with."""
    return (files("tutti.sandbox") / "assets" / name).read_text(encoding="utf-8")
