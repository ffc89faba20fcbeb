"""Texts that speak to the model instead of to readers, found by how they are worded.

What is found is withheld and counted, not repaired. It is a sieve, not a wall: it knows the common
wordings only, a text that avoids them passes, and a report about such an attack is withheld with
it. What passes is bounded by `bounds`.
"""

from __future__ import annotations

import re
import unicodedata

from tutti.agents.llm.quoting import visible

_WORDINGS = (
    # the model or its instructions are addressed
    r"\b(?:ignore|disregard|forget|override|bypass|discard)\b.{0,40}\b(?:instruction|prompt|rule"
    r"|guideline|direction|context|above|everything|previous|prior|earlier)s?\b",
    r"\b(?:system|developer|assistant)\s*(?:prompt|message|instruction|override|note|mode)\b",
    r"(?:^|[\s\[(\u2039<|#*])(?:system|assistant|developer|user|human|ai)\s*[\])\u203a>|*]*\s*:",
    r"[\u2039<|]\s*/?\s*\|?\s*(?:im_start|im_end|system|assistant|user|inst|endoftext|eot_id|begin_of_text"
    r"|start_header_id)\b",
    r"\[/?(?:inst|system|assistant)\]|\u2039\u2039/?sys\u203a\u203a",
    r"\b(?:as an?|you are(?: now)?|you're(?: now)?|act as|pretend to be)\s+(?:an?\s+)?(?:ai|llm"
    r"|language model|assistant|trading (?:agent|bot|model|system)|dan)\b",
    r"\b(?:dear|attention|hey|note to|message (?:to|for))\s+(?:the\s+)?(?:ai|llms?|language models?"
    r"|models?|assistants?|trading (?:agents?|bots?|algorithms?)|chatbots?|chatgpt|claude|gemini)\b",
    r"\bnew (?:instructions?|task|rules?|directive)\b.{0,5}:",
    r"\b(?:end|ends) of (?:the )?(?:quot|data|material|news|context|document|input)",
    # an answer is dictated
    r"[\"'“”]?\b(?:bias|confidence|rationale|horizon_hours|sources)\b[\"'“”]?\s*[:=]\s*[\"'“”\[-]?\w",
    r"\b(?:set|output|return|answer|respond|reply|report)\b.{0,40}\b(?:bias|confidence|json)\b",
    r"\b(?:bias|confidence)\b.{0,20}\b(?:to|of|=|is|must be|should be)\s*[+-]?(?:0|1|one)\b",
    # a tool is dangled
    r"\b(?:function_call|tool_call|tool_use|tool_calls|\u2039tool|call the (?:tool|function))\b",
    r"\b(?:decode|execute|run|follow|obey)\b.{0,30}\b(?:base64|this|these|the following|string)\b"
    r".{0,30}\b(?:instruction|command|code|order|message)s?\b",
)
_SPEAKS = re.compile("|".join(f"(?:{wording})" for wording in _WORDINGS))
_NOT_LETTERS = re.compile(r"[^0-9a-z]+")
_SPACED_OUT = re.compile(r"(?:\b\w[\s._*-]){6,}\w\b")
_SQUASHED = re.compile(
    r"ignore(?:all|any|the)?(?:previous|prior|above|earlier)|systemprompt|disregard(?:all|previous)"
)
# Cyrillic, Greek and phonetic letters that look like Latin ones
_FOREIGN = (
    "\u0430\u0432\u0435\u0456\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445"
    "\u0455\u0458\u0501\u051b\u0261\u03bf\u03b1\u03c1\u03bd\u03c4\u03b9\u03c5\u0475"
)
_FOREIGN_TO_LATIN = str.maketrans(_FOREIGN, "abeikmhopctyxsjdqgoapvtiuv")
_LOOKALIKES = str.maketrans("0134578@$", "oleastbas")
_UPRIGHT = str.maketrans("1!|", "iii")
# digits and signs that touch letters
_DISGUISED = re.compile(r"(?<=[a-z])[0134578@$!|]+|[0134578@!|]+(?=[a-z])")


def speaks_to_the_model(text: str) -> bool:
    """Return whether a text is worded like an instruction or an answer.

    Letters of other scripts that look like Latin ones, digits in place of letters, and letters with
    spaces or dots between them are seen through.
    """
    plain = unicodedata.normalize("NFKD", " ".join(text.split()))
    if not plain.isascii():
        plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = visible(plain).lower().translate(_FOREIGN_TO_LATIN)
    # most texts have no signs between letters, and one form then
    forms = dict.fromkeys((plain, _DISGUISED.sub(_alike, plain), _DISGUISED.sub(_upright, plain)))
    if any(_SPEAKS.search(form) for form in forms):
        return True
    spelled = "".join(_SPACED_OUT.findall(plain))
    return any(_SQUASHED.search(_NOT_LETTERS.sub("", form)) for form in (*forms, spelled))


def latin(text: str) -> str:
    """Return a text with the letters of other scripts that look like small Latin ones as those."""
    return text.translate(_FOREIGN_TO_LATIN)


def _alike(match: re.Match[str]) -> str:
    return match[0].translate(_LOOKALIKES)


def _upright(match: re.Match[str]) -> str:
    return match[0].translate(_UPRIGHT).translate(_LOOKALIKES)
