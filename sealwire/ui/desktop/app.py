"""From nothing to a window, and back: the application, the client's thread, and which window comes next."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication

from sealwire.peer.api.demo import DemoStage
from sealwire.peer.api.launcher import Launcher
from sealwire.ui.desktop import icons, language
from sealwire.ui.desktop.bridge import LoopThread
from sealwire.ui.desktop.desktop import Desktop
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.sweeper import Sweeper
from sealwire.ui.desktop.theme import look

ICON_PX: Final = 64


def application() -> QApplication:
    """Return the application, dressed and in the reader's language."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("sealwire")
    app.setApplicationDisplayName("Sealwire")
    app.setDesktopFileName("sealwire")
    language.begin(app)
    look().start(app)
    look().apply(Preferences())
    app.setWindowIcon(icons.icon("seal", look().colours.accent, ICON_PX))
    return app


def run(launcher: Launcher, folder_of: Callable[[str], Path], passphrase: bytes | None = None) -> int:
    """Show the window until it is closed for good; returns the exit code.

    Args:
        launcher: opens profiles and starts brokers.
        folder_of: where the window's own settings of a profile lie.
        passphrase: of the profile, when it need not be asked for.
    """
    app = application()
    sweeper = Sweeper(app)
    desktop = Desktop(app, launcher, folder_of)
    with ends_on_signals(desktop.end):
        desktop.begin(passphrase)
        app.exec()
    desktop.finish()
    sweeper.stop()
    return 0


def run_demo(stage: DemoStage) -> int:
    """Show the demonstration until its window is closed; returns the exit code."""
    from sealwire.ui.desktop.demo import DemoWindow  # nobody else waits for it

    app = application()
    sweeper = Sweeper(app)
    thread = LoopThread()
    window = DemoWindow(stage, thread)
    window.closed.connect(app.quit)
    with ends_on_signals(window.close):
        window.show()
        window.play()
        app.exec()
    thread.stop(window.end())
    sweeper.stop()
    return 0


@contextlib.contextmanager
def ends_on_signals(end: Callable[[], object]) -> Iterator[None]:
    """Call ``end`` when a signal asks for it.

    Python sees signals only between two of its own steps, and Qt's loop makes none while nothing happens: a socket
    wakes it.
    """
    with contextlib.ExitStack() as after:
        woken, wakes = socket.socketpair()
        for one in (woken, wakes):
            one.setblocking(False)
            after.callback(one.close)
        after.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(wakes.fileno()))
        notifier = QSocketNotifier(woken.fileno(), QSocketNotifier.Type.Read)
        notifier.activated.connect(lambda *_any: _read(woken))
        after.callback(notifier.setEnabled, False)
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                number = getattr(signal, name)
                after.callback(signal.signal, number, signal.signal(number, lambda *_any: end()))
        yield


def _read(woken: socket.socket) -> None:
    with contextlib.suppress(OSError):
        woken.recv(64)
