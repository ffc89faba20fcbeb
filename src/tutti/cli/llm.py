"""``tutti llm``: the language models that agents ask."""

import typer

from tutti.cli import llm_knowledge

app = typer.Typer(help="Language models that agents ask: what they may know, what they were asked.")
llm_knowledge.register(app)
