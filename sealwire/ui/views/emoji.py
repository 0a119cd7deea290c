"""``:names:`` of emoji: the short ones people know, and Unicode's own names for the rest.

No list has to be kept: Python's Unicode database names every character. ``:tada:`` is one of the known ones,
``:hedgehog:`` is Unicode's name.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

QUICK: Final = ("👍", "❤️", "😂", "😮", "😢", "🙏", "🎉", "👀")
"""What a reaction usually is: offered first everywhere."""

MAX_NAME_CHARS: Final = 40
"""Unicode's longest name of one emoji is shorter."""

_NAME = re.compile(rf":([a-z0-9+_-]{{1,{MAX_NAME_CHARS}}}):")

_KNOWN: Final = {
    "+1": "👍", "-1": "👎", "thumbsup": "👍", "thumbsdown": "👎", "ok": "👌", "clap": "👏", "wave": "👋",
    "pray": "🙏", "muscle": "💪", "point_up": "☝️", "raised_hand": "✋", "v": "✌️", "eyes": "👀",
    "heart": "❤️", "broken_heart": "💔", "smile": "😄", "grin": "😁", "joy": "😂", "rofl": "🤣",
    "laughing": "😆", "wink": "😉", "blush": "😊", "slight_smile": "🙂", "thinking": "🤔",
    "neutral": "😐", "cry": "😢", "sob": "😭", "angry": "😠", "rage": "😡", "scream": "😱",
    "open_mouth": "😮", "sunglasses": "😎", "kiss": "😘", "hug": "🤗", "shrug": "🤷", "facepalm": "🤦",
    "sleeping": "😴", "sick": "🤒", "skull": "💀", "ghost": "👻", "robot": "🤖", "tada": "🎉",
    "party": "🥳", "fire": "🔥", "star": "⭐", "sparkles": "✨", "100": "💯", "check": "✅", "x": "❌",
    "warning": "⚠️", "question": "❓", "exclamation": "❗", "bulb": "💡", "rocket": "🚀", "bug": "🐛",
    "coffee": "☕", "beer": "🍺", "cake": "🍰", "pizza": "🍕", "sun": "☀️", "rain": "🌧️", "snow": "❄️",
    "seedling": "🌱", "flower": "🌸", "dog": "🐶", "cat": "🐱", "lock": "🔒", "key": "🔑", "mail": "📧",
    "phone": "📞", "computer": "💻", "calendar": "📅", "pin": "📌", "link": "🔗", "clock": "🕒",
    "car": "🚗", "train": "🚆", "bike": "🚲", "home": "🏠", "gift": "🎁", "music": "🎵", "book": "📖",
    "money": "💰",
}  # fmt: skip

_RANGES: Final = (
    range(0x2600, 0x27C0), range(0x1F300, 0x1F650), range(0x1F680, 0x1F700), range(0x1F900, 0x1FA00),
    range(0x1FA70, 0x1FB00),
)  # fmt: skip
"""Blocks of the standard that hold emoji and other pictures."""

_MODIFIERS: Final = range(0x1F3FB, 0x1F400)
"""Skin tones alone are no picture."""


@cache
def _names() -> dict[str, str]:
    """Every name; the known ones stand first and win. Made once, in about 2 ms."""
    names = dict(_KNOWN)
    for block in _RANGES:
        for point in block:
            name = unicodedata.name(chr(point), "") if point not in _MODIFIERS else ""
            if name:
                names.setdefault(re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"), chr(point))
    return names


def replaced(text: str) -> str:
    """Return ``text`` with every ``:name:`` that is one turned into its emoji; code spans stay as they are."""
    parts = re.split(r"(`+[^`]*`+)", text)
    return "".join(part if part.startswith("`") else _NAME.sub(_one, part) for part in parts)


def _one(match: re.Match[str]) -> str:
    return _names().get(match[1], match[0])


def lookup(word: str) -> str:
    """Return the emoji meant by ``:name:``, by a bare name, or by the emoji itself; the empty text for nothing."""
    name = word.strip().strip(":").lower()
    if name in _names():
        return _names()[name]
    shown = word.strip()
    return shown if shown and is_emoji(shown) else ""


def is_emoji(text: str) -> bool:
    """Whether a short text is a picture: what a reaction may be."""
    return len(text) <= 8 and any(any(ord(c) in block for block in _RANGES) for c in text)


def complete(prefix: str, limit: int = 8) -> list[tuple[str, str]]:
    """Return (name, emoji) of names that begin with ``prefix``, then of those with a word that does."""
    if len(prefix) < 2 or len(prefix) > MAX_NAME_CHARS:
        return []
    wanted = prefix.lower()
    names = _names()
    first = [name for name in names if name.startswith(wanted)]
    then = [name for name in names if f"_{wanted}" in name and name not in first] if len(first) < limit else []
    return [(name, names[name]) for name in [*first, *then][:limit]]
