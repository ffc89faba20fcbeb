"""What a model says in a blinded run, answers and refusals, before it is recorded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tutti.agents.llm.schema import read_object, unwrapped
from tutti.model.errors import AgentError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.agents.llm.blinding import Blinding
    from tutti.agents.llm.port import Answer, Call, LanguageModel

# letters that JSON may hide in figures; halves of a pair stay, for they are no letters
_ESCAPED = re.compile(r"\\u((?!d[89a-f])[0-9a-f]{4})", re.IGNORECASE)


class BlindedAnswers:
    """Replaces names and dates in what a model says, for it may guess them.

    It stands between the recorder and the rest, so that no name comes to the record. What an
    answer's schema itself names stays; what a model thought before it answered is left out.

    Parameters
    ----------
    model : LanguageModel
    blind : Blinding
        That the calls were made with.
    """

    def __init__(self, model: LanguageModel, blind: Blinding) -> None:
        self._model = model
        self._blind = blind

    async def answer(self, call: Call) -> Answer:
        """Return the model's answer without names and dates; what is raised says none either."""
        as_of = self._blind.unclock(call.as_of)
        try:
            answer = await self._model.answer(call)
        except AgentError as error:
            error.args = (self._blind.said(str(error), as_of=as_of), *error.args[1:])
            raise
        try:
            said = read_object(answer.text)
        except DataError:
            plain = _ESCAPED.sub(lambda sign: chr(int(sign[1], 16)), unwrapped(answer.text))
            return replace(answer, text=self._blind.said(plain, as_of=as_of))
        blinded = self._blinded(said, as_of, _words(call.schema))
        told = json.dumps(blinded, ensure_ascii=False)
        # half a pair can't be written down
        return replace(answer, text=told.encode(errors="replace").decode())

    def _blinded(self, said: Any, as_of: int, words: frozenset[str]) -> Any:
        match said:
            case str():
                return said if said in words else self._blind.said(said, as_of=as_of)
            case list():
                return [self._blinded(part, as_of, words) for part in said]
            case dict():
                return {
                    self._blinded(key, as_of, words): self._blinded(part, as_of, words)
                    for key, part in said.items()
                }
            case _:
                return said


@lru_cache(maxsize=64)
def _words(schema: str) -> frozenset[str]:
    return frozenset(_named(json.loads(schema))) if schema else frozenset()


def _named(schema: Any) -> Iterator[str]:
    # names of properties, and what there is to choose from
    match schema:
        case list():
            for part in schema:
                yield from _named(part)
        case dict():
            yield from schema.get("properties", ())
            yield from (each for each in schema.get("enum", ()) if isinstance(each, str))
            for part in schema.values():
                yield from _named(part)
        case _:
            pass
