"""One run of the window: which one is shown when, from the first start or the passphrase to the end."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from sealwire.errors import SealwireError
from sealwire.i18n import in_force
from sealwire.peer.api import FullClient
from sealwire.peer.api.launcher import Launcher
from sealwire.ui.desktop import language
from sealwire.ui.desktop import preferences as prefs
from sealwire.ui.desktop.bridge import Bridge, LoopThread
from sealwire.ui.desktop.first_run import FirstRun
from sealwire.ui.desktop.lock import Idle, Remembered, Unlock
from sealwire.ui.desktop.preferences import Preferences
from sealwire.ui.desktop.theme import look

if TYPE_CHECKING:
    from sealwire.ui.desktop.attention import Tray
    from sealwire.ui.desktop.main_window import MainWindow
    from sealwire.ui.desktop.pictures import Pictures
    from sealwire.ui.desktop.station import Station

logger = logging.getLogger("sealwire.desktop")


class Desktop(QObject):
    """Owns the client's thread and every window."""

    def __init__(self, app: QApplication, launcher: Launcher, folder_of: Callable[[str], Path]) -> None:
        super().__init__(app)
        self._app = app
        self._launcher = launcher
        self._folder_of = folder_of
        self._preferences = Preferences()
        self._spoken = in_force()
        self.thread_ = LoopThread()
        self.bridge = Bridge(self.thread_, self)
        self.first_run: FirstRun | None = None
        self.unlock: Unlock | None = None
        self.window: MainWindow | None = None
        self.tray: Tray | None = None
        self._pictures: Pictures | None = None
        self._client: FullClient | None = None
        app.setQuitOnLastWindowClosed(False)

    # --- the way to the window -------------------------------------------------------------------------------

    def begin(self, passphrase: bytes | None = None) -> None:
        """Show the first window."""
        name = self._launcher.name
        known = [name] if name else list(self._launcher.profiles())
        if not known or (name and self._launcher.is_new(name)):
            self._start_new()
            return
        self._follow(prefs.load(self._folder_of(known[0])))
        self.unlock = Unlock(self._launcher, self.bridge, known)
        self.unlock.ready.connect(self._opened)
        self.unlock.new_wanted.connect(self._start_new)
        self.unlock.closed.connect(self.end)
        if passphrase is not None:
            self.unlock.open(passphrase)
        QTimer.singleShot(0, _prepare)
        if passphrase is None or not self._preferences.start_minimised:
            self.unlock.show()

    def _start_new(self) -> None:
        self.first_run = FirstRun(self._launcher, self.bridge)
        self.first_run.ready.connect(self._made)
        self.first_run.closed.connect(self.end)
        self.first_run.show()
        self.first_run.look()
        if self.unlock is not None:
            self.unlock.closed.disconnect(self.end)
            self.unlock.close()

    def _made(self, client: FullClient) -> None:
        assert self.first_run is not None
        self._opened(client, Remembered(self.first_run.name.first.text().encode()))

    def _opened(self, client: FullClient, remembered: Remembered) -> None:
        from sealwire.ui.desktop.attention import Tray  # loaded by _prepare while the passphrase is typed or derived
        from sealwire.ui.desktop.main_window import MainWindow
        from sealwire.ui.desktop.pictures import Pictures
        from sealwire.ui.desktop.station import Station

        self._client = client
        self._follow(prefs.load(self._folder_of(client.name)))
        station = Station(client, Bridge(self.thread_, self), self)
        self._pictures = Pictures(self)
        has_tray = Tray.is_there()
        window = self.window = MainWindow(station, self._pictures, remembered, has_tray=has_tray)
        window.errands.launcher = self._launcher
        window.apply(self._preferences)
        window.preferences_changed.connect(self._change)
        window.quit_wanted.connect(self.end)
        self._call_for_attention(window, station, has_tray)
        station.begin()
        self._show(window)
        for earlier in (self.unlock, self.first_run):
            if earlier is not None:
                earlier.closed.disconnect(self.end)
                earlier.close()
                earlier.deleteLater()
        self.unlock = self.first_run = None

    def _call_for_attention(self, window: MainWindow, station: Station, has_tray: bool) -> None:
        from sealwire.ui.desktop.attention import Caller, Tray, unread_of
        from sealwire.ui.desktop.notices import Notices

        tray = self.tray = Tray(window, station.client.name)
        notices = self.notices = Notices(tray, self)
        self.caller = Caller(station, notices, window)
        self.caller.set_preferences(self._preferences)
        self.caller.clicked.connect(window.open)
        self.caller.clicked.connect(lambda _place: window.come_forward())
        tray.notice_pressed.connect(self.caller.press)
        notices.pressed.connect(self.caller.press)
        notices.replied.connect(self.caller.reply)
        QTimer.singleShot(0, lambda: notices.begin(os.environ))  # the first paint does not wait for the bus
        tray.opened.connect(window.come_forward)
        tray.quit_wanted.connect(self.end)
        tray.disturb.setChecked(self._preferences.do_not_disturb)
        tray.disturb_toggled.connect(lambda on: self._change(replace(self._preferences, do_not_disturb=on)))
        station.changed.connect(lambda: tray.count(unread_of(station)))
        if has_tray:
            tray.begin()
        self.idle = Idle(window, window.lock)
        self.idle.set_minutes(self._preferences.lock_minutes)
        window.lock_changed.connect(self._locked)

    def _show(self, window: MainWindow) -> None:
        if not self._preferences.start_minimised:
            window.show()
        elif window.has_tray and self._preferences.close_to_tray:
            window.hide()
        else:
            window.showMinimized()

    # --- preferences -----------------------------------------------------------------------------------------

    def _follow(self, preferences: Preferences) -> None:
        self._preferences = preferences
        language.choose(self._app, preferences.language, self._spoken)
        look().apply(preferences)

    def _change(self, preferences: Preferences) -> None:
        before = self._preferences
        if preferences == before:
            return
        self._preferences = preferences
        if _looks(preferences) != _looks(before):
            look().apply(preferences)
        if self.window is not None:
            self.window.preferences = preferences
            self.window.pane.composer.editor.enter_sends = preferences.enter_sends
        self.caller.set_preferences(preferences)
        self.idle.set_minutes(preferences.lock_minutes)
        if self.tray is not None:
            self.tray.disturb.setChecked(preferences.do_not_disturb)
        self._save()

    def _save(self) -> None:
        if self._client is None:
            return
        try:
            prefs.save(self._folder_of(self._client.name), self._preferences)
        except OSError as error:
            logger.warning("settings of the window are not kept: %s", error)

    # --- locking and the end ---------------------------------------------------------------------------------

    def _locked(self, locked: bool) -> None:
        self.caller.locked = locked

    def end(self) -> None:
        """Leave the loop of events."""
        if self.window is not None:
            self.window.pane.keep_draft()
            self._preferences = replace(
                self._preferences, geometry=self.window.place_on_screen(), details_open=self.window.wants_details
            )
            self._save()
        self._app.quit()

    def finish(self) -> None:
        """Close the client and stop its thread; after the loop of events has ended."""
        if self.tray is not None:
            self.tray.icon.hide()
            self.notices.end()
        if self._pictures is not None:
            self._pictures.stop()
        self.thread_.stop(self._last())

    async def _last(self) -> None:
        if self.window is not None:
            with contextlib.suppress(SealwireError):  # nothing can be written: the client says why where it is logged
                await self.window.station.leaving.settle()
        await self._launcher.finish()
        if self._client is not None:
            await self._client.close()


def _prepare() -> None:
    """Load what the window is made of, while its key is derived in the other thread or a person types."""
    for name in ("attention", "main_window", "notices", "pictures", "station"):
        importlib.import_module(f"sealwire.ui.desktop.{name}")


def _looks(preferences: Preferences) -> tuple[object, ...]:
    return (preferences.theme, preferences.density, preferences.text_size, preferences.reduced_motion)
