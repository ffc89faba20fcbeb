"""The page on agents and regimes is what the code says."""

from __future__ import annotations

from pathlib import Path

from tutti.agents import catalogue as agents
from tutti.conductor import catalogue as conductor

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "agents.md"


def test_page_on_agents_is_up_to_date() -> None:
    printed = f"{agents.catalogue()}\n{conductor.catalogue()}"
    assert _PAGE.read_text(encoding="utf-8") == printed, (
        "write it anew: (python -m tutti.agents.catalogue; echo; "
        "python -m tutti.conductor.catalogue) > docs/agents.md"
    )
