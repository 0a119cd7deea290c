"""The language of the window: locale, direction, our sentences, Qt's own dialogs."""

from __future__ import annotations

import sys
from typing import Final

from PySide6.QtCore import QLibraryInfo, QLocale, Qt, QTranslator
from PySide6.QtWidgets import QApplication

from sealwire.i18n import in_force, prefer, use
from sealwire.ui.desktop.preferences import AS_SYSTEM
from sealwire.ui.desktop.qt_words import OwnWords

PLAIN: Final = "en_150"
"""English with the day before the month and hours to 24: what the C locale means to people."""


def begin(app: QApplication) -> None:
    """Speak the language in force."""
    if sys.platform == "darwin" and not in_force():
        prefer(QLocale.system().name())  # what the Finder starts has no variables
    speak(app, in_force())


def choose(app: QApplication, chosen: str, otherwise: list[str]) -> None:
    """Speak the language of the preferences, or what was in force before there were any.

    Windows that exist keep their words. ``SEALWIRE_LANG`` wins over the preferences.
    """
    if chosen == AS_SYSTEM:
        use(otherwise)
    else:
        prefer(chosen)
    speak(app, in_force())


def speak(app: QApplication, wanted: list[str]) -> None:
    """Set locale, direction and Qt's own words for a language; empty means English."""
    locale = QLocale(wanted[0]) if wanted else QLocale(PLAIN)
    if locale.language() == QLocale.Language.C:
        locale = QLocale(PLAIN)
    QLocale.setDefault(locale)
    app.setLayoutDirection(locale.textDirection() if wanted else Qt.LayoutDirection.LeftToRight)
    _qt_speaks(app, locale)


def _qt_speaks(app: QApplication, locale: QLocale) -> None:
    """Give Qt's own dialogs the words of a language: Qt's, or ours where it has none."""
    for older in app.findChildren(QTranslator):
        app.removeTranslator(older)
        older.deleteLater()
    theirs = QTranslator(app)
    if theirs.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(theirs)
    elif locale.language() != QLocale.Language.English:
        app.installTranslator(OwnWords(app))
