"""From nothing to a window, and back: the application, the client's thread, and which window comes next."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Final

from PySide6.QtCore import QLibraryInfo, QLocale, QSocketNotifier, Qt, QTranslator
from PySide6.QtWidgets import QApplication, QWidget

from sealwire.i18n import languages
from sealwire.peer.api.demo import DemoStage
from sealwire.ui.desktop import icons
from sealwire.ui.desktop.bridge import LoopThread
from sealwire.ui.desktop.demo import DemoWindow
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.sweeper import Sweeper
from sealwire.ui.desktop.theme import look

ICON_PX: Final = 64
PLAIN: Final = "en_150"
"""English with the day before the month and hours to 24: what the C locale means to people."""


def application() -> QApplication:
    """Return the application, dressed and in the reader's language."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("sealwire")
    app.setApplicationDisplayName("Sealwire")
    app.setDesktopFileName("sealwire")
    speak(app, languages(os.environ))
    look().start(app)
    look().apply(Preferences())
    app.setWindowIcon(icons.icon("seal", look().colours.accent, ICON_PX))
    return app


def speak(app: QApplication, wanted: list[str]) -> None:
    """Set locale, direction and Qt's own words for a language; empty means English."""
    locale = QLocale(wanted[0]) if wanted else QLocale(PLAIN)
    if locale.language() == QLocale.Language.C:
        locale = QLocale(PLAIN)
    QLocale.setDefault(locale)
    app.setLayoutDirection(locale.textDirection() if wanted else Qt.LayoutDirection.LeftToRight)
    translator = QTranslator(app)
    if translator.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(translator)


def run_demo(stage: DemoStage) -> int:
    """Show the demonstration until its window is closed; returns the exit code."""
    app = application()
    sweeper = Sweeper(app)
    thread = LoopThread()
    window = DemoWindow(stage, thread)
    window.closed.connect(app.quit)
    with ends_on_signals(window):
        window.show()
        window.play()
        app.exec()
    thread.stop(window.end())
    sweeper.stop()
    return 0


@contextlib.contextmanager
def ends_on_signals(window: QWidget) -> Iterator[None]:
    """Close a window when a signal asks for the end.

    Python sees signals only between two of its own steps, and Qt's loop makes none while nothing happens: a socket
    wakes it.
    """
    with contextlib.ExitStack() as after:
        woken, wakes = socket.socketpair()
        for one in (woken, wakes):
            one.setblocking(False)
            after.callback(one.close)
        after.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(wakes.fileno()))
        notifier = QSocketNotifier(woken.fileno(), QSocketNotifier.Type.Read, window)
        notifier.activated.connect(lambda *_any: _read(woken))
        after.callback(notifier.setEnabled, False)
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                number = getattr(signal, name)
                after.callback(signal.signal, number, signal.signal(number, lambda *_any: window.close()))
        yield


def _read(woken: socket.socket) -> None:
    with contextlib.suppress(OSError):
        woken.recv(64)
