"""The line at the lower edge: what the keys do where the focus is, so that one sees where it is."""

from __future__ import annotations

from textual.widget import Widget
from textual.widgets import Static

from sealwire.i18n import _
from sealwire.ui.terminal.chatlist import ChatList
from sealwire.ui.terminal.screens.base import plain
from sealwire.ui.terminal.timeline import TimelineView


def keys_for(place: Widget | None) -> str:
    """Return the keys that matter most in a part of the main screen."""
    if isinstance(place, ChatList):
        return _("Conversations: ↑↓ choose  Enter open  Tab next  F1 help  ^K jump  ^P all  ^Q end")
    if isinstance(place, TimelineView):
        return _("Messages: ↑↓ choose  Enter menu  r reply  e edit  d delete  a react  f forward")
    return _("F1 help   ^K jump   ^F search   ^P all   ^Q end")


class Foot(Static):
    """Follows the focus of its screen."""

    def on_mount(self) -> None:
        """Say what goes now, and whenever the focus moves."""
        self.watch(self.screen, "focused", self._follow)

    def _follow(self, place: Widget | None) -> None:
        self.update(plain(keys_for(place)))
