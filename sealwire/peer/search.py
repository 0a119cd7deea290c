"""Search: what a query means for the index, and where in a text it matched.

Words match from their beginning, accents and case do not count. Scripts that write without blanks (Chinese, Japanese,
Thai …) have no words an index could cut, and emoji are none; a query in them is looked for as it stands, anywhere in a
text.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import filterfalse
from typing import Final

from msgspec import Struct

MAX_QUERY_CHARS: Final = 200
"""Of a query is looked at: a pasted page would be a thousand look-ups."""
MAX_TERMS: Final = 16
"""Words of a query that count."""
MAX_MARKS: Final = 100
"""Places marked in one text."""

_WORD: Final = "[^\\s\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\xa0\u2000-\u206f\u3000-\u303f\ud800-\udfff]+"
"""Whatever is no blank and no punctuation: letters with all their marks, in every script. Half a character, as Python
holds bytes that are no UTF-8, is in no text and ends a word. Compiled at its first use: most starts search nothing."""
_UNSPACED: Final = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\u2190-\u21ff\u2300-\u2bff\U0001f000-\U0001faff\U00020000-\U0003ffff]"
)


class Query(Struct, frozen=True):
    """What to look for; empty when there is nothing in it to look for."""

    words: tuple[str, ...] = ()
    """Each matches a word that begins with it."""
    pieces: tuple[str, ...] = ()
    """Each is looked for as it stands."""

    @property
    def match(self) -> str:
        """The words as an FTS5 expression: as the index has them, and quoted: nothing in them is an operator."""
        return " ".join(f'"{folded(word)}"*' for word in self.words)


def parse(text: str) -> Query:
    """Return what a person's query asks for."""
    terms = re.findall(_WORD, text[:MAX_QUERY_CHARS])[:MAX_TERMS]
    words = tuple(dict.fromkeys(term for term in terms if not re.search(_UNSPACED, term) and folded(term)))
    words = tuple(word for word in words if len(word) > 1) or words  # one letter begins half of all words
    pieces = tuple(dict.fromkeys(term for term in terms if re.search(_UNSPACED, term)))
    return Query(words, pieces)


def marks(text: str, query: Query) -> tuple[tuple[int, int], ...]:
    """Return (start, end) of what the query matched, in order, not overlapping."""
    wanted = tuple(folded(word) for word in query.words)
    found = [
        (word.start(), _end(text, word.start(), word.end(), wanted))
        for word in re.finditer(_WORD, text)
        if wanted and folded(word.group()).startswith(wanted)
    ]
    for piece in query.pieces:
        found += [(place.start(), place.end()) for place in re.finditer(re.escape(piece), text, re.IGNORECASE)]
    result: list[tuple[int, int]] = []
    for start, end in sorted(found)[:MAX_MARKS]:
        if not result or start >= result[-1][1]:
            result.append((start, end))
    return tuple(result)


def folded(text: str) -> str:
    """Return a text without case and accents, as the index holds it."""
    if text.isascii():
        return text.lower()  # nearly all of it: the index is made ten times faster
    split = unicodedata.normalize("NFD", text.casefold())
    return "".join(filterfalse(unicodedata.combining, split))


def _end(text: str, start: int, end: int, wanted: tuple[str, ...]) -> int:
    """Where the longest wanted beginning of this word ends, in characters of the text as it is written."""
    reached = end
    while reached > start + 1 and folded(text[start : reached - 1]).startswith(wanted):
        reached -= 1
    while reached < end and unicodedata.combining(text[reached]):
        reached += 1
    return reached
