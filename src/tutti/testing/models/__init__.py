"""Fake language models that speak the dialects of real providers, with faults under control."""

from tutti.testing.models.addresses import ModelAddresses
from tutti.testing.models.conversation import (
    Failing,
    Question,
    Reply,
    Rule,
    Script,
    always,
    by_rules,
    fitting,
    in_turn,
    parse_rules,
    read_rules,
    tokens,
)
from tutti.testing.models.faults import ModelFault, ModelFaultKind
from tutti.testing.models.scripted import ScriptedModel
from tutti.testing.models.server import ModelServer, serve, serve_in_thread

__all__ = [
    "Failing",
    "ModelAddresses",
    "ModelFault",
    "ModelFaultKind",
    "ModelServer",
    "Question",
    "Reply",
    "Rule",
    "Script",
    "ScriptedModel",
    "always",
    "by_rules",
    "fitting",
    "in_turn",
    "parse_rules",
    "read_rules",
    "serve",
    "serve_in_thread",
    "tokens",
]
