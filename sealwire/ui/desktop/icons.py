"""The signs of the window, drawn from lines at whatever size and colour is asked for.

Each is a path on a grid of 24, drawn with round ends. They are for the eyes only: every control that shows one also has
a name.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

from sealwire.ui.desktop.colours import Colours

PATHS: Final = {
    "add": "M12 5v14M5 12h14",
    "attach": "M20 11.5l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.4 8.4a1.7 1.7 0 0 1-2.4-2.4"
    "l7.6-7.6",
    "away": "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M8 12h8",
    "back": "M15 5l-7 7 7 7",
    "bell": "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4",
    "bell-off": "M6 16.5V11a6 6 0 0 1 9-5.2M18 11v5.5l1.5 2h-12M10 21h4M4 4l16 16",
    "block": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M6 6l12 12",
    "broker": "M4 5h16v6H4zM4 13h16v6H4zM7.5 8h.01M7.5 16h.01M11 8h6M11 16h6",
    "check": "M5 12.5l4.5 4.5L19 7.5",
    "checks": "M2.5 12.5l4.5 4.5 9-9.5M11.5 16.5l.5.5 9.5-9.5",
    "clock": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M12 7.5V12l3 2",
    "close": "M6 6l12 12M18 6L6 18",
    "copy": "M9 9h10v11H9zM15 9V4H5v11h4",
    "delete": "M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
    "details": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M12 11v5.5M12 7.8v.01",
    "down": "M6 9l6 6 6-6",
    "download": "M12 4v11M7 10.5l5 5 5-5M5 20h14",
    "edit": "M4.5 19.5l1-4.5L16 4.5l3.5 3.5L9 18.5zM13.5 7l3.5 3.5",
    "eye": "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
    "file": "M6 3.5h8l4.5 4.5v12.5H6zM14 3.5V8h4.5",
    "folder": "M3.5 6h6l2 2.5h9V19h-17z",
    "forward": "M13 6l6 6-6 6M19 12H9a5 5 0 0 0-5 5v1",
    "group": "M9 5a3.2 3.2 0 1 0 0 6.4A3.2 3.2 0 0 0 9 5M3 19.5c0-3.6 2.6-5.6 6-5.6s6 2 6 5.6M15.5 5.4a3 3 0 0 1 0 5.7"
    "M17 14.2c2.4.6 4 2.4 4 5.3",
    "invite": "M10 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M3.5 20c0-3.7 2.8-5.7 6.5-5.7 1.4 0 2.7.3 3.8.9M18 14v6"
    "M15 17h6",
    "key": "M8 8.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M12 11.5l8.5-6.5M17 7.5l2 2.5",
    "lock": "M6 10.5h12V20H6zM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5M12 14.5v2",
    "menu": "M5 7h14M5 12h14M5 17h14",
    "minus": "M5 12h14",
    "moon": "M19.5 14A8 8 0 1 1 10 4.5a6.5 6.5 0 0 0 9.5 9.5",
    "more": "M5.5 12h.01M12 12h.01M18.5 12h.01",
    "open": "M14 4.5h5.5V10M19.5 4.5L11 13M18 13.5V19.5H4.5V6H10.5",
    "pause": "M9 6v12M15 6v12",
    "person": "M12 4.5a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6M4.5 20c0-4 3.2-5.8 7.5-5.8s7.5 1.8 7.5 5.8",
    "pin": "M9 4h6l-.7 6 3.2 3.5h-11L9.7 10zM12 13.5V20",
    "play": "M8 5.5l10.5 6.5L8 18.5z",
    "reply": "M11 6L5 12l6 6M5 12h9a6 6 0 0 1 6 6",
    "retry": "M19.5 12a7.5 7.5 0 1 1-2.2-5.3M19.5 3.5v4h-4",
    "save": "M5 4h11l3.5 3.5V20H5zM8 4v5h7V4M8 20v-6.5h8.5V20",
    "search": "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12M15 15l5 5",
    "seal": "M12 3l7 3v5.5c0 4.5-3 7.7-7 9.5-4-1.8-7-5-7-9.5V6zM8.8 12l2.3 2.3 4.2-4.5",
    "send": "M4 5l16.5 7L4 19l2.5-7zM6.5 12H13",
    "settings": "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4M9 14.8a2.2 2.2 0 1 0 0"
    " 4.4 2.2 2.2 0 0 0 0-4.4",
    "smile": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M8.5 10v.01M15.5 10v.01M8 14.2c1 1.5 2.4 2.2 4 2.2"
    "s3-.7 4-2.2",
    "timer": "M12 6a7.3 7.3 0 1 0 0 14.6A7.3 7.3 0 0 0 12 6M12 9.5v4M9.5 3h5",
    "warning": "M12 4L2.8 20h18.4zM12 10v4.5M12 17.2v.01",
    "wire": "M3 12h5M16 12h5M8 8.5h8v7H8z",
}

_SVG: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="{path}" fill="none" stroke="{colour}" '
    'stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"/></svg>'
)
_WIDTH: Final = 1.8
_PROPERTY: Final = "sealwire-icon"
_SIZES: Final = (1.0, 2.0)
"""Device pixels for one of the layout's: what is drawn ahead; other screens scale the larger."""

_renderers: dict[tuple[str, str, float], QSvgRenderer] = {}


def svg(name: str, colour: str, width: float = _WIDTH) -> str:
    """Return a sign as a picture file."""
    return _SVG.format(path=PATHS[name], colour=colour, width=width)


def paint(painter: QPainter, name: str, colour: str, rect: QRectF, width: float = _WIDTH) -> None:
    """Draw a sign into ``rect``."""
    key = (name, colour, width)
    renderer = _renderers.get(key)
    if renderer is None:
        renderer = _renderers[key] = QSvgRenderer(QByteArray(svg(name, colour, width).encode()))
    renderer.render(painter, rect)


def pixmap(name: str, colour: str, size: int, ratio: float = 1.0) -> QPixmap:
    """Return a sign as a picture of ``size`` layout pixels; it is drawn once for all who show it."""
    key = f"sealwire {name} {colour} {size} {ratio}"
    known = QPixmap()
    if QPixmapCache.find(key, known):
        return known
    picture = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    picture.fill(QColor(Qt.GlobalColor.transparent))
    painter = QPainter(picture)
    paint(painter, name, colour, QRectF(0, 0, size * ratio, size * ratio))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    QPixmapCache.insert(key, picture)
    return picture


def icon(name: str, colour: str, size: int = 20, disabled: str | None = None, checked: str | None = None) -> QIcon:
    """Return a sign for a button or a menu; ``disabled`` and ``checked`` are its colours then."""
    result = QIcon()
    for ratio in _SIZES:
        result.addPixmap(pixmap(name, colour, size, ratio))
        if disabled:
            result.addPixmap(pixmap(name, disabled, size, ratio), QIcon.Mode.Disabled)
        if checked:
            result.addPixmap(pixmap(name, checked, size, ratio), QIcon.Mode.Normal, QIcon.State.On)
    return result


def dress(button: QAbstractButton, name: str, colours: Colours, role: str = "text") -> None:
    """Give a button a sign in the colour of a role; :func:`redress` follows when the colours change."""
    button.setProperty(_PROPERTY, f"{name} {role}")
    redress(button, colours)


def redress(button: QAbstractButton, colours: Colours) -> None:
    """Draw a button's sign again in other colours, or for what it has become."""
    said = button.property(_PROPERTY)
    if not said:
        return
    name, role = said.split()
    size, chosen = button.iconSize().width(), colours.chosen_text if button.isCheckable() else None
    button.setIcon(icon(name, getattr(colours, role), size, colours.edge, chosen))
