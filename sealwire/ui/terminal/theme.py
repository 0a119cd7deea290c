"""Three themes of our own: dark, light and high contrast. NO_COLOR takes the colours of any of them out."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

DARK: Final = Theme(
    name="dark",
    primary="#6cb6ff",
    secondary="#96d0ff",
    accent="#e0a458",
    warning="#f0c05a",
    error="#ff7b72",
    success="#6bc46d",
    foreground="#d6dde6",
    background="#161b22",
    surface="#1c232c",
    panel="#252d38",
    dark=True,
    variables={"foreground-muted": "#97a3b0", "input-selection-background": "#6cb6ff 35%"},
)

LIGHT: Final = Theme(
    name="light",
    primary="#0550ae",
    secondary="#1a5fb4",
    accent="#8a4600",
    warning="#7a5200",
    error="#b4151f",
    success="#17622b",
    foreground="#1f2328",
    background="#ffffff",
    surface="#f3f5f7",
    panel="#e4e8ec",
    dark=False,
    variables={"foreground-muted": "#56606a", "input-selection-background": "#0550ae 30%"},
)

CONTRAST: Final = Theme(
    name="contrast",
    primary="#00ffff",
    secondary="#80ffff",
    accent="#ffff00",
    warning="#ffff00",
    error="#ff6060",
    success="#00ff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#202020",
    dark=True,
    text_alpha=1.0,
    variables={"foreground-muted": "#ffffff", "input-selection-background": "#0000ff"},
)

THEMES: Final = (DARK, LIGHT, CONTRAST)
