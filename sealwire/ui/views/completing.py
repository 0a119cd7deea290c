"""What may stand at the cursor of a line: a command, a name, an emoji."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from sealwire.ui.views import emoji
from sealwire.ui.views.commands import GROUP_VERBS, table

MAX_SHOWN: Final = 8
"""A list that is longer helps nobody; one more letter makes it shorter."""

_NAMED: Final = frozenset({"who", "who?", "verify", "nick", "number who"})
_EMOJI = re.compile(r"(?:^|[\s(]):([a-z0-9+_-]{2,40})$")
_MENTION = re.compile(r"(?:^|\s)@([a-z0-9_-]{1,32})$")


class Candidate(Struct, frozen=True):
    """One way to go on."""

    text: str
    """What is put in."""
    replaces: int
    """Characters before the cursor that it takes the place of."""
    shown: str
    """The row in the list."""


def complete(before: str, names: Iterable[str]) -> list[Candidate]:
    """Return how the text before the cursor may go on.

    Args:
        before: everything before the cursor.
        names: accounts and groups (with +) that are known.
    """
    if before.startswith("/") and "\n" not in before and not before.startswith("//"):
        found = _command(before, sorted(names))
        if found or " " not in before:
            return found
    match = _EMOJI.search(before)
    if match:
        return [
            Candidate(sign, len(match[1]) + 1, f"{sign} :{name}:") for name, sign in emoji.complete(match[1], MAX_SHOWN)
        ]
    match = _MENTION.search(before)
    if match:
        return _names(match[1], [name for name in sorted(names) if not name.startswith("+")])
    return []


def _command(before: str, names: list[str]) -> list[Candidate]:
    verb, blank, rest = before[1:].partition(" ")
    if not blank:
        verbs = [spec for spec in table() if spec.verb.startswith(verb.lower())]
        return [Candidate(f"/{spec.verb} ", len(before), f"{spec.form}  {spec.about}") for spec in verbs[:MAX_SHOWN]]
    takes = next((spec.takes for spec in table() if spec.verb == verb), "nothing")
    last = rest.rpartition(" ")[2]
    if takes in _NAMED:
        return _names(last, names)
    if takes == "group" and " " not in rest:
        return [Candidate(word + " ", len(last), word) for word in GROUP_VERBS if word.startswith(last)]
    if takes == "group":
        return _names(last, names)
    if takes == "react":
        return [
            Candidate(sign, len(last), f"{sign} :{name}:") for name, sign in emoji.complete(last.strip(":"), MAX_SHOWN)
        ]
    return []


def _names(prefix: str, names: list[str]) -> list[Candidate]:
    found = [name for name in names if name.startswith(prefix)]
    return [Candidate(name + " ", len(prefix), name) for name in found[:MAX_SHOWN]]
