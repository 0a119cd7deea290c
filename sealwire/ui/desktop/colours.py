"""The colours of the desktop window, and how far apart two of them are. No Qt: a test computes every pair.

A name says what a colour is for, never how it looks. What carries meaning (a state, a warning, who speaks) also has a
word, a sign or a place of its own: nobody needs to tell these colours apart.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

TEXT_CONTRAST: Final = 4.5
"""WCAG 2.2, 1.4.3: below it, text is hard to read for many."""

SHAPE_CONTRAST: Final = 3.0
"""WCAG 2.2, 1.4.11: what a control's outline and the mark of the focus need."""


class Colours(Struct, frozen=True):
    """One look. Values are ``#rrggbb``."""

    name: str
    outline: int
    """Width of the line around bubbles and cards, in pixels; 0 where a colour of its own is enough."""

    window: str
    panel: str
    """Lists, cards, dialogs."""
    chat: str
    """Behind the messages."""
    raised: str
    """What lies under the pointer, and quiet buttons."""
    chosen: str
    """The chosen line of a list."""
    chosen_text: str
    line: str
    """Hairlines between areas: decoration."""
    edge: str
    """Outlines of fields and buttons."""
    scroll: str
    """The handle of a scroll bar at rest."""

    text: str
    muted: str
    """Times, hints, what comes second."""
    accent: str
    """What can be pressed, and links."""
    accent_text: str
    """On ``accent``."""
    focus: str

    own: str
    own_text: str
    own_muted: str
    other: str
    other_text: str
    other_muted: str
    bubble_edge: str

    danger: str
    danger_text: str
    """On ``danger``."""
    alert: str
    """Behind a warning across the window."""
    alert_text: str
    calm: str
    """Behind news that need no haste."""
    calm_text: str
    good: str
    mark: str
    """Behind what a search found."""
    mark_text: str


LIGHT: Final = Colours(
    name="light", outline=0,
    window="#f7f9fb", panel="#ffffff", chat="#eef2f5", raised="#eef1f5", chosen="#d9efeb", chosen_text="#0c2b28",
    line="#e0e6ec", edge="#7d8a99", scroll="#b9c3cd",
    text="#18212c", muted="#566273", accent="#0b6b64", accent_text="#ffffff", focus="#0a5fd0",
    own="#cdebe5", own_text="#0c2b28", own_muted="#3d5c58", other="#ffffff", other_text="#18212c",
    other_muted="#5a6675", bubble_edge="#e0e6ec",
    danger="#b3261e", danger_text="#ffffff", alert="#fdecc8", alert_text="#4a3200", calm="#e3ecf7",
    calm_text="#1d3453", good="#1b6e3c", mark="#ffe08a", mark_text="#2d2300",
)  # fmt: skip

DARK: Final = Colours(
    name="dark", outline=0,
    window="#10161c", panel="#161d25", chat="#0d1318", raised="#202a35", chosen="#1d4743", chosen_text="#e8f7f4",
    line="#27313c", edge="#74838f", scroll="#46535f",
    text="#e7ecf2", muted="#9fadbc", accent="#63d2c3", accent_text="#05211d", focus="#8fc1ff",
    own="#174a46", own_text="#e8f7f4", own_muted="#a9ccc7", other="#1f2934", other_text="#e7ecf2",
    other_muted="#a3b0be", bubble_edge="#27313c",
    danger="#ff8f86", danger_text="#2b0603", alert="#4a3815", alert_text="#ffe3a8", calm="#1d2f45",
    calm_text="#d5e6fb", good="#7fd99b", mark="#f3c94b", mark_text="#201900",
)  # fmt: skip

CONTRAST_DARK: Final = Colours(
    name="contrast-dark", outline=2,
    window="#000000", panel="#000000", chat="#000000", raised="#1c1c1c", chosen="#ffe14d", chosen_text="#000000",
    line="#ffffff", edge="#ffffff", scroll="#ffffff",
    text="#ffffff", muted="#ffffff", accent="#ffe14d", accent_text="#000000", focus="#00e5ff",
    own="#000000", own_text="#ffe14d", own_muted="#ffe14d", other="#000000", other_text="#ffffff",
    other_muted="#ffffff", bubble_edge="#ffffff",
    danger="#ff9a9a", danger_text="#000000", alert="#ffe14d", alert_text="#000000", calm="#000000",
    calm_text="#ffffff", good="#7dff9b", mark="#ffe14d", mark_text="#000000",
)  # fmt: skip

CONTRAST_LIGHT: Final = Colours(
    name="contrast-light", outline=2,
    window="#ffffff", panel="#ffffff", chat="#ffffff", raised="#ececec", chosen="#00308f", chosen_text="#ffffff",
    line="#000000", edge="#000000", scroll="#000000",
    text="#000000", muted="#000000", accent="#00308f", accent_text="#ffffff", focus="#b00070",
    own="#ffffff", own_text="#00308f", own_muted="#00308f", other="#ffffff", other_text="#000000",
    other_muted="#000000", bubble_edge="#000000",
    danger="#8f0000", danger_text="#ffffff", alert="#00308f", alert_text="#ffffff", calm="#ffffff",
    calm_text="#000000", good="#005a1f", mark="#00308f", mark_text="#ffffff",
)  # fmt: skip

ALL: Final = (LIGHT, DARK, CONTRAST_DARK, CONTRAST_LIGHT)

TEXT_PAIRS: Final = (
    ("text", "window"), ("text", "panel"), ("text", "chat"), ("text", "raised"), ("muted", "window"),
    ("muted", "panel"), ("muted", "chat"), ("muted", "raised"), ("chosen_text", "chosen"), ("accent", "window"),
    ("accent", "panel"), ("accent", "chat"), ("accent_text", "accent"), ("own_text", "own"), ("own_muted", "own"),
    ("other_text", "other"), ("other_muted", "other"), ("accent", "other"), ("accent", "own"), ("danger", "panel"),
    ("danger", "window"), ("danger", "chat"), ("danger", "other"), ("danger", "own"), ("danger_text", "danger"),
    ("alert_text", "alert"), ("calm_text", "calm"), ("good", "panel"), ("good", "window"), ("good", "chat"),
    ("mark_text", "mark"),
)  # fmt: skip
"""Every text colour with every ground it is written on."""

SHAPE_PAIRS: Final = (
    ("edge", "window"), ("edge", "panel"), ("focus", "window"), ("focus", "panel"), ("focus", "chat"),
    ("focus", "raised"),
)  # fmt: skip

AVATARS: Final = ("#9c3d54", "#8a4b08", "#556b1a", "#1d6f42", "#0b6b75", "#2a5fa8", "#5a4fb0", "#8a3f9b")
"""Behind white initials. The name beside it says who it is."""

AVATAR_TEXT: Final = "#ffffff"


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 (the same) to 21 (black on white).

    Source: WCAG 2.2, definition of contrast ratio.
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def avatar(name: str) -> str:
    """Return the colour behind somebody's initials, the same on every start."""
    return AVATARS[sum(name.encode("utf-8", "replace")) % len(AVATARS)]


def choose(theme: str, system_is_dark: bool, system_wants_contrast: bool) -> Colours:
    """Return the look for a setting: ``system``, ``light``, ``dark`` or ``contrast``."""
    dark = theme == "dark" or (theme in ("system", "contrast") and system_is_dark)
    if theme == "contrast" or (theme == "system" and system_wants_contrast):
        return CONTRAST_DARK if dark else CONTRAST_LIGHT
    return DARK if dark else LIGHT
