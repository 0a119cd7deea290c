"""Opening a profile, and hiding the window until its passphrase is typed again.

The lock keeps eyes away, not thieves: the keys stay in memory, because messages go on arriving. What is compared is a
slow hash of the passphrase, never the passphrase itself.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from sealwire.errors import SealwireError
from sealwire.i18n import _
from sealwire.peer.api import FullClient
from sealwire.peer.api.launcher import Launcher
from sealwire.ui import views
from sealwire.ui.desktop import icons
from sealwire.ui.desktop.bits import Combo, Problem, button, column, field, label, page, row
from sealwire.ui.desktop.bridge import Bridge
from sealwire.ui.desktop.theme import look

COST: Final = 2**14
"""Of scrypt: some 50 ms, and 16 MiB for each guess."""

_ACTIVITY: Final = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
    }
)


ASKING_PX: Final = 340
"""A field in which a long passphrase can be seen to go on; the window may be 400 wide."""


class Remembered:
    """Knows a passphrase again without keeping it."""

    def __init__(self, passphrase: bytes) -> None:
        self.is_empty = not passphrase
        self._salt = os.urandom(16)
        self._hash = b""
        self._working = threading.Thread(target=self._keep, args=(passphrase,), name="remember", daemon=True)
        if passphrase:
            self._working.start()  # the window's first paint does not wait for a slow hash

    def _keep(self, passphrase: bytes) -> None:
        self._hash = self._of(passphrase)

    def _of(self, passphrase: bytes) -> bytes:
        return hashlib.scrypt(passphrase, salt=self._salt, n=COST, r=8, p=1)

    def is_it(self, passphrase: bytes) -> bool:
        """Whether this is the same one."""
        if self.is_empty:
            return not passphrase
        self._working.join()
        return hmac.compare_digest(self._hash, self._of(passphrase))

    def __repr__(self) -> str:
        return "Remembered(…)"


class _Ask(QWidget):
    """A sign, a title, a passphrase."""

    def __init__(self, title: str, word: str) -> None:
        super().__init__()
        self.setObjectName("page")
        self._sign = QLabel()
        self.title = label(title, "title")
        self.problem = Problem()
        self.passphrase = field(_("Passphrase"), _("Passphrase"), secret=True)
        self.go = button(word, None, "primary", "lock")
        self.passphrase.returnPressed.connect(self.go.click)
        self.body = column(spacing=10)
        inner = page(self._sign, self.title, self.problem, spacing=14)
        inner.layout().addLayout(self.body)  # type: ignore[union-attr]
        inner.setMinimumWidth(ASKING_PX)
        inner.setMaximumWidth(440)
        self.body.addWidget(self.passphrase)
        self.body.addLayout(row(1, self.go))
        self.setLayout(column(1, row(1, inner, 1), 2))
        look().changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        self._sign.setPixmap(icons.pixmap("seal", look().colours.accent, 44, self.devicePixelRatioF()))


class Unlock(_Ask):
    """Opens a profile that has keys here."""

    ready = Signal(object, object)
    """The client, and the remembered passphrase."""
    new_wanted = Signal()
    closed = Signal()

    def __init__(self, launcher: Launcher, bridge: Bridge, names: Sequence[str]) -> None:
        super().__init__(_("Welcome back"), _("Open"))
        self.setWindowTitle("Sealwire")
        self._launcher = launcher
        self._bridge = bridge
        self.names = Combo(_("Profile"))
        for name in names:
            self.names.addItem(views.screen_name(name), name)
        self.body.insertWidget(0, self.names)
        if len(names) == 1:
            self.names.hide()
            self.title.setText(_("Welcome back, {name}").format(name=views.screen_name(names[0])))
        self.new = button(_("Use another name"), self.new_wanted.emit, "link")
        self.body.addWidget(self.new)
        self.go.clicked.connect(lambda _checked=False: self.open(self.passphrase.text().encode()))
        self.resize(520, 520)
        self.passphrase.setFocus()

    def open(self, passphrase: bytes) -> None:
        """Try a passphrase."""
        self._busy(True)
        self.problem.say("")
        name = str(self.names.currentData())
        question = self._launcher.open(name, passphrase, lambda _line: None)
        self._bridge.ask(self, question, lambda client: self._opened(client, passphrase), self._failed)

    def _opened(self, client: FullClient, passphrase: bytes) -> None:
        self.passphrase.clear()
        self.ready.emit(client, Remembered(passphrase))

    def _failed(self, error: SealwireError) -> None:
        self._busy(False)
        self.problem.show_error(error)
        self.passphrase.selectAll()
        self.passphrase.setFocus()

    def _busy(self, busy: bool) -> None:
        for control in (self.passphrase, self.go, self.names, self.new):
            control.setEnabled(not busy)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Somebody who closes the window means to end."""
        super().closeEvent(event)
        self.closed.emit()


class Curtain(_Ask):
    """Lies over the window until the passphrase is typed."""

    opened = Signal()

    def __init__(self, remembered: Remembered) -> None:
        super().__init__(_("Locked"), _("Unlock"))
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._remembered = remembered
        self.go.clicked.connect(self._try)

    def _try(self) -> None:
        passphrase = self.passphrase.text().encode()
        self.passphrase.clear()
        if self._remembered.is_it(passphrase):
            self.problem.say("")
            self.opened.emit()
        else:
            self.problem.say(_("This is another passphrase."))
            self.passphrase.setFocus()


class Idle(QObject):
    """Tells when nobody has touched keys or pointer for some time."""

    def __init__(self, parent: QObject, lock: Callable[[], None]) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(lock)

    def set_minutes(self, minutes: int) -> None:
        """After how many; 0 is never, and then nobody looks at every event of the program."""
        self._timer.setInterval(minutes * 60_000)
        app = QApplication.instance()
        assert app is not None
        app.removeEventFilter(self)
        if minutes:
            app.installEventFilter(self)
            self._timer.start()
        else:
            self._timer.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Somebody is there."""
        if event.type() in _ACTIVITY and self._timer.isActive():
            self._timer.start()
        return False
