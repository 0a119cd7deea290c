"""One character as a person sees it: what may stand as a reaction.

The rules of Unicode for grapheme clusters need tables that change every year; for what is allowed here a small part of
them is enough: a base, what modifies it, joiners, flags and keycaps.

Source: protocol.md §11.1; UAX #29.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_CLUSTER_CHARS: Final = 24
"""Code points of one cluster: the longest emoji in use has ten; without it a mark could bear a tower of others."""

_JOINER: Final = "\u200d"
_KEYCAP: Final = "\u20e3"
_SELECTORS: Final = frozenset("\ufe0e\ufe0f")
_SKIN: Final = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_FLAG_LETTERS: Final = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
_TAGS: Final = frozenset(map(chr, range(0xE0020, 0xE0080)))
_NO_BASE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp", "Mn", "Me", "Mc"})


def is_one_cluster(text: str) -> bool:
    """Whether ``text`` is one visible character: a base with what modifies it, joined emoji, a flag or a keycap.

    Source: protocol.md §11.1.
    """
    if not 0 < len(text) <= MAX_CLUSTER_CHARS:
        return False
    if text[0] in _FLAG_LETTERS:
        return len(text) == 2 and text[1] in _FLAG_LETTERS
    wants_base = True
    for char in text:
        if wants_base:
            if unicodedata.category(char) in _NO_BASE or char in _SKIN | _FLAG_LETTERS:
                return False
            wants_base = False
        elif char == _JOINER:
            wants_base = True
        elif not _modifies(char):
            return False
    return not wants_base


def _modifies(char: str) -> bool:
    if char in _SELECTORS or char in _SKIN or char in _TAGS or char == _KEYCAP:
        return True
    return unicodedata.category(char) in {"Mn", "Me", "Mc"}
