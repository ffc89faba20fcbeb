"""What the marked words of a text add up to: good for what it is about, or bad.

A word of direction says nothing until it is known what goes there: "costs fell" is good, "profit
fell" bad. So each is paired with the measure that it most likely moves: the one right after it ("cut
costs", "rise in sales"), else the nearest before it ("sales in Europe rose"). Then come negation,
words of degree, concession and contrast, and figures that are compared with earlier ones ("EUR 5.4
mn, compared to EUR 5.5 mn") where no word says which way it went.

Source: rules in the manner of Hutto and Gilbert (2014), VADER, sections 3.2-3.3, for negation and
degree; pairing of direction and measure after Malo et al. (2014), "Good debt or bad debt",
section 4. The words, the weights and the treatment of figures are our own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tutti.agents.text.lexicon.tokens import SENTENCE_END, marks

if TYPE_CHECKING:
    from tutti.agents.text.lexicon.tokens import Marks
    from tutti.agents.text.lexicon.words import Words

AFTER = 4
"""How many tokens a measure may come after its direction: "rise in its net sales"."""
BEFORE = 14
"""How many it may come before: "net sales of the whole group in Europe rose"."""
DENIED_WITHIN = 4
DEGREE_WITHIN = 2
PAST_WITHIN = 4
ALONE = 0.6
"""What a direction counts for where nothing is found that it moves."""
DENIED = -0.7
WAS = -0.5
"""What something counts for that was so before: "compared to a loss"."""
COMPARED = 1.1
CONTRAST_BEFORE, CONTRAST_AFTER = 0.6, 1.2
APART = 0.5
"""What counts for the target a text is judged by, where it stands in another part of it."""

_INTO = frozenset(("in", "of"))
_PARTS = frozenset((",", ";", "as", "while", "but", "after", "amid", "despite", "and", "-", "."))
_RIVAL = frozenset(("beats", "beat", "beating", "outperforms", "lags", "lag", "lagging", "trails",
                    "overtakes", "overtook", "outpaces", "ahead", "over", "rivals"))  # fmt: skip


class _Event(NamedTuple):
    mark: int
    strength: float


def strength(text: str, words: Words, target: str = "") -> float:
    """Return how good a text is for its target, or in all; bad is negative, nothing 0.

    Parameters
    ----------
    target : str
        Name or ticker; empty for the whole text.

    Returns
    -------
    float
        About 1 for one clear word; unbounded.
    """
    found = marks(text, words)
    if not found.at:
        return 0.0
    events = _events(found)
    if not events:
        return 0.0
    parts = _parts(found.tokens, target) if target else None
    factors = _factors(found)
    total = 0.0
    for event in events:
        value = event.strength * factors[event.mark] * _beside(found, event.mark)
        if parts is not None:
            value *= parts[found.at[event.mark]]
        total += value
    return total


def _events(found: Marks) -> list[_Event]:
    used: set[int] = set()
    events = [
        _movement(found, mark, used) for mark, entry in enumerate(found.entry) if entry.way != 0.0
    ]
    percents = [
        _Event(mark, 1.0 if figure.value > 0 else -1.0)
        for mark, figure in enumerate(found.figure)
        if figure is not None and figure.is_signed and figure.is_percent
    ]
    compared = None if events or percents else _compared(found, used)
    events = [event for event in events if event.mark not in used] + percents
    for mark, entry in enumerate(found.entry):
        if entry.polar != 0.0 and entry.way == 0.0 and mark not in used:
            was = _was(found, mark)
            events.append(_Event(mark, WAS * entry.polar if was else entry.polar))
    return events if compared is None else [*events, compared]


def _movement(found: Marks, mark: int, used: set[int]) -> _Event:
    entry = found.entry[mark]
    measure = _measure(found, mark)
    if measure >= 0:
        used.add(measure)
        return _Event(mark, entry.way * found.entry[measure].more)
    return _Event(mark, entry.polar if entry.polar != 0.0 else entry.way * ALONE)


def _measure(found: Marks, mark: int) -> int:
    # the mark of what goes up or down; -1 for none
    at, entries, here = found.at, found.entry, found.at[mark]
    following = found.tokens[here + 1] if here + 1 < len(found.tokens) else ""
    reach = AFTER + 1 if following in _INTO else AFTER
    for other in range(mark + 1, len(at)):
        gap = at[other] - here
        if gap > reach or found.stop[other] or found.figure[other] is not None:
            break
        if entries[other].past or entries[other].contrast:
            break
        if entries[other].more != 0.0 and (following in _INTO or _is_direct(found, here, gap)):
            # the last word of a compound carries it: "sales costs", "cost savings"
            return _last_of_compound(found, other)
    for other in range(mark - 1, -1, -1):
        if (
            here - at[other] > BEFORE
            or found.stop[other] == SENTENCE_END
            or entries[other].contrast
        ):
            break
        if entries[other].more != 0.0:
            # "stocks plunge as cases spike": what spikes is in another clause
            between = found.tokens[at[other] + 1 : here]
            return -1 if any(token in _CLAUSES for token in between) else other
    return -1


_CLAUSES = frozenset(("as", "while", "after", "when", "because", "since", "whereas", "amid"))
_CONNECTING = frozenset(("to", "by", "from", "at", "as", "for", "on", "with", "after", "and", "when",
                         "while", "despite", "amid", "due", "before", "than", "or"))  # fmt: skip


def _is_direct(found: Marks, here: int, gap: int) -> bool:
    between = found.tokens[here + 1 : here + gap]
    return not any(token in _CONNECTING for token in between)


def _last_of_compound(found: Marks, mark: int) -> int:
    while (
        mark + 1 < len(found.at)
        and found.at[mark + 1] == found.at[mark] + 1
        and found.entry[mark + 1].more != 0.0
        and found.entry[mark + 1].way == 0.0
    ):
        mark += 1
    return mark


def _was(found: Marks, mark: int) -> bool:
    # "compared to a loss": how it was before, which what is told of is better than
    for other in range(mark - 1, -1, -1):
        if found.at[mark] - found.at[other] > PAST_WITHIN or found.stop[other]:
            return False
        if found.entry[other].past:
            return True
    return False


def _beside(found: Marks, mark: int) -> float:
    # negation before, degree before or right after
    factor, here = 1.0, found.at[mark]
    for other in range(mark - 1, -1, -1):
        gap = here - found.at[other]
        if gap > DENIED_WITHIN or found.stop[other]:
            break
        entry = found.entry[other]
        if entry.denies and entry.way == 0.0:
            factor *= DENIED * entry.denies
        elif entry.much and gap <= DEGREE_WITHIN:
            factor *= entry.much
    if mark + 1 < len(found.at) and found.at[mark + 1] - here <= DEGREE_WITHIN:
        factor *= found.entry[mark + 1].much or 1.0
    return factor


def _factors(found: Marks) -> list[float]:
    # contrast and concession, for each mark
    factors = [1.0] * len(found.at)
    conceded = 1.0
    start = 0
    for mark, entry in enumerate(found.entry):
        if found.stop[mark]:
            conceded = 1.0
            if found.stop[mark] == SENTENCE_END:
                start = mark
        elif entry.concession:
            conceded = entry.concession
        elif entry.contrast:
            conceded = CONTRAST_AFTER
            for before in range(start, mark):
                factors[before] *= CONTRAST_BEFORE
        factors[mark] *= conceded
    return factors


def _compared(found: Marks, used: set[int]) -> _Event | None:
    # "EUR 5.4 mn, compared to EUR 5.5 mn", or "from EUR 5.0 mn to 6.1 mn"
    for mark, entry in enumerate(found.entry):
        if not entry.past:
            continue
        then = _figure_near(found, mark, 1)
        now = _figure_near(found, mark, -1)
        if then >= 0 and found.tokens[found.at[mark]] == "from" and _to_after(found, then) >= 0:
            now = _to_after(found, then)
        measure = _measure_before(found, min(mark, now))
        if then < 0 or now < 0 or measure < 0:
            continue
        before = _measure_then(found, mark, then, measure)
        first, second = _value(found, now, measure), _value(found, then, before)
        if first != second:
            if _is_loss(found, measure) == _is_loss(found, before):
                # a loss that was larger before is no bad news by itself
                used |= {measure, before}
            better = 1.0 if first > second else -1.0
            is_cost = found.entry[measure].more < 0 and not _is_loss(found, measure)
            return _Event(now, COMPARED * (-better if is_cost else better))
    return None


def _to_after(found: Marks, figure: int) -> int:
    # the figure that "to" leads to, soon after another one; -1 for none
    following = figure + 1
    if following >= len(found.at) or found.figure[following] is None:
        return -1
    between = found.tokens[found.at[figure] + 1 : found.at[following]]
    return following if "to" in between and len(between) <= PAST_WITHIN else -1


def _figure_near(found: Marks, mark: int, step: int) -> int:
    other = mark + step
    while 0 <= other < len(found.at) and found.stop[other] != SENTENCE_END:
        if found.figure[other] is not None:
            return other
        if step > 0 and found.at[other] - found.at[mark] > 2 * PAST_WITHIN:
            return -1
        other += step
    return -1


def _measure_before(found: Marks, mark: int) -> int:
    for other in range(mark - 1, -1, -1):
        if found.stop[other] == SENTENCE_END:
            return -1
        if found.entry[other].more != 0.0:
            return other
    return -1


def _measure_then(found: Marks, past: int, figure: int, now: int) -> int:
    # what the earlier figure is of: "compared to a profit of", else the same as now
    named = (other for other in range(past + 1, figure) if found.entry[other].more != 0.0)
    return next(named, now)


def _is_loss(found: Marks, mark: int) -> bool:
    return found.tokens[found.at[mark]] in ("loss", "losses", "deficit") or (
        found.entry[mark].more < 0 and found.entry[mark].polar < 0
    )


def _value(found: Marks, figure: int, measure: int) -> float:
    of = found.figure[figure]
    value = of.value if of is not None else 0.0
    return -value if measure >= 0 and _is_loss(found, measure) else value


def _parts(tokens: list[str], target: str) -> list[float]:
    # how much each token counts for the target: wholly in its own part of the text
    place = _place(tokens, target)
    if place < 0:
        return [1.0] * len(tokens)
    weights = [APART] * len(tokens)
    first = last = place
    while first > 0 and tokens[first - 1] not in _PARTS:
        first -= 1
    while last + 1 < len(tokens) and tokens[last + 1] not in _PARTS:
        last += 1
    weights[first : last + 1] = [1.0] * (last + 1 - first)
    for before in range(max(0, place - 3), place):
        if tokens[before] in _RIVAL:
            weights[before] = -1.0
    return weights


def _place(tokens: list[str], target: str) -> int:
    name = target.lower()
    first = name.split()[0].removesuffix("'s")
    for place, token in enumerate(tokens):
        if token in (f"${name}", name, first) or token.removesuffix("'s") == first:
            return place
    return -1
