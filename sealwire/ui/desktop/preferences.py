"""What a person set in the window's settings: a small JSON file beside the profile's data. No Qt.

It holds nothing secret: how the window looks and how loud it is. A damaged file means the defaults.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from sealwire.files import write_private
from sealwire.i18n import LANGUAGES

Theme = Literal["system", "light", "dark", "contrast"]
Density = Literal["bubbles", "compact"]
Level = Literal["full", "name", "none"]
"""What a notification shows: name and text, the name only, or that there is something."""

AS_SYSTEM: Final = "system"

FILE_NAME: Final = "desktop.json"
MAX_BYTES: Final = 64 * 1024
"""Of the file: this program never writes more, so something else did."""

TEXT_SIZES: Final = (80, 200)
"""Percent, least and most: below it nobody reads, above it the narrowest window has no room for a word."""

MAX_LOCK_MINUTES: Final = 24 * 60
_CHOICES: Final = {
    "theme": get_args(Theme),
    "density": get_args(Density),
    "notify": get_args(Level),
    "language": (AS_SYSTEM, *LANGUAGES),
}
_RANGES: Final = {
    "text_size": TEXT_SIZES,
    "lock_minutes": (0, MAX_LOCK_MINUTES),
    "quiet_from": (0, 24 * 60 - 1),
    "quiet_to": (0, 24 * 60 - 1),
}


@dataclass(frozen=True, slots=True)
class Preferences:
    """Every setting of the window and its default."""

    theme: Theme = "system"
    language: str = AS_SYSTEM
    """Used by windows that are made from now on."""
    density: Density = "bubbles"
    text_size: int = 100
    reduced_motion: bool = False
    """Also on when the system says so."""
    enter_sends: bool = True
    """Otherwise Ctrl+Enter sends and Enter begins a line."""

    notify: Level = "name"
    notifications: bool = True
    quiet_hours: bool = False
    quiet_from: int = 22 * 60
    """Minutes after midnight."""
    quiet_to: int = 7 * 60
    do_not_disturb: bool = False
    """Until it is switched off."""

    close_to_tray: bool = False
    start_minimised: bool = False
    lock_minutes: int = 0
    """Minutes without a key or a movement after which the passphrase is asked for; 0: never."""

    details_open: bool = False
    geometry: str = ""
    """Qt's own description of place and size, in hex."""


def load(folder: Path) -> Preferences:
    """Return what is in the folder's file; whatever is not valid there is at its default."""
    path = folder / FILE_NAME
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_BYTES + 1)[:MAX_BYTES])
    except (OSError, ValueError, RecursionError):
        return Preferences()
    return checked(found if isinstance(found, dict) else {})


def checked(found: dict[str, Any]) -> Preferences:
    """Return the preferences a JSON object describes; unknown names and wrong values are left out."""
    given = {
        field.name: found[field.name]
        for field in dataclasses.fields(Preferences)
        if field.name in found and _fits(field.name, field.default, found[field.name])
    }
    return Preferences(**given)


def _fits(name: str, default: object, value: object) -> bool:
    if type(value) is not type(default):
        return False
    if name in _CHOICES:
        return value in _CHOICES[name]
    if name in _RANGES:
        least, most = _RANGES[name]
        return isinstance(value, int) and least <= value <= most
    return True


def save(folder: Path, preferences: Preferences) -> None:
    """Write the file. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = json.dumps(dataclasses.asdict(preferences), indent=1) + "\n"
    write_private(folder / FILE_NAME, text.encode())


def is_quiet(preferences: Preferences, minute_of_day: int) -> bool:
    """Whether nobody is to be disturbed now; hours may span midnight."""
    if preferences.do_not_disturb:
        return True
    start, end = preferences.quiet_from, preferences.quiet_to
    if not preferences.quiet_hours or start == end:
        return False
    if start < end:
        return start <= minute_of_day < end
    return minute_of_day >= start or minute_of_day < end
