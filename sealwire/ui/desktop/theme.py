"""How the window looks now: colours, sizes, motion. It follows the system while the setting says so."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Qt, QTemporaryDir, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QAbstractButton, QApplication, QStyle, QStyleFactory

from sealwire.ui.desktop import icons
from sealwire.ui.desktop.colours import LIGHT, Colours, choose
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.sheet import sheet

_LEAST_POINTS: Final = 9.0
"""A system that names a smaller size means pixels of another age."""


class Look(QObject):
    """Colours and sizes in force."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.colours: Colours = LIGHT
        self.compact = False
        self.scale = 1.0
        self.reduced_motion = False
        self._preferences = Preferences()
        self._folder = QTemporaryDir()
        self._points = _LEAST_POINTS + 1

    def start(self, app: QApplication) -> None:
        """Take the system's font and listen to its colours."""
        app.setStyle(QStyleFactory.create("Fusion"))
        self._points = max(app.font().pointSizeF(), _LEAST_POINTS + 1)
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(lambda _scheme: self.apply(self._preferences))
        with contextlib.suppress(AttributeError, RuntimeError):  # since Qt 6.10
            self._wishes = hints.accessibility()
            self._wishes.contrastPreferenceChanged.connect(lambda _wish: self.apply(self._preferences))

    def apply(self, preferences: Preferences) -> None:
        """Dress everything there is, and everything to come."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._preferences = preferences
        self.colours = choose(preferences.theme, _system_is_dark(), _system_wants_contrast())
        self.compact = preferences.density == "compact"
        self.scale = preferences.text_size / 100
        motion = app.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration)
        self.reduced_motion = preferences.reduced_motion or motion == 0
        self._dress(app)
        self.changed.emit()

    def _dress(self, app: QApplication) -> None:
        made = sheet(self.colours, self.points, self._check_sign())
        if made == app.styleSheet():
            return  # a sheet is matched with every widget there is, a millisecond each
        font = QFont(app.font())
        font.setPointSizeF(self._points * self.scale)
        app.setFont(font)
        app.setPalette(_palette(self.colours))
        app.setStyleSheet(made)
        for widget in app.allWidgets():
            if isinstance(widget, QAbstractButton):
                icons.redress(widget, self.colours)

    def _check_sign(self) -> str:
        """Write the sign of ticked boxes in the colour of now: a style sheet takes pictures from files only."""
        path = Path(self._folder.filePath(f"check-{self.colours.name}.svg"))
        path.write_text(icons.svg("check", self.colours.accent_text, 3.0), "ascii")
        return path.as_posix()

    @property
    def points(self) -> float:
        """Size of ordinary text."""
        return self._points * self.scale

    def font(self, relative: float = 1.0, *, bold: bool = False, italic: bool = False) -> QFont:
        """Return the window's font in a size relative to ordinary text."""
        font = QFont(QApplication.font())
        font.setPointSizeF(self.points * relative)
        font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        font.setItalic(italic)
        return font


def _system_is_dark() -> bool:
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


def _system_wants_contrast() -> bool:
    with contextlib.suppress(AttributeError, RuntimeError):  # since Qt 6.10
        hints = QGuiApplication.styleHints()
        wishes = hints.accessibility()
        return bool(wishes.contrastPreference() == Qt.ContrastPreference.HighContrast)
    return False


def _palette(colours: Colours) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for names, colour in (
        ((role.Window,), colours.window),
        ((role.Base, role.AlternateBase), colours.panel),
        ((role.Button, role.ToolTipBase), colours.raised),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText), colours.text),
        ((role.PlaceholderText,), colours.muted),
        ((role.Highlight, role.Link, role.Accent), colours.accent),
        ((role.HighlightedText, role.BrightText), colours.accent_text),
    ):
        for name in names:
            palette.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(colours.muted))
    return palette


_look: Look | None = None


def look() -> Look:
    """Return the one look of this process."""
    global _look  # noqa: PLW0603 - one screen, one look
    if _look is None:
        _look = Look()
    return _look
