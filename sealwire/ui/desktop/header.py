"""The line above a conversation: who one talks to, how sure that is, whether they are there, and what can be done."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from sealwire.i18n import _, ngettext
from sealwire.peer.api.groups import GroupInfo
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.api.people import PersonInfo
from sealwire.ui import views
from sealwire.ui.desktop import dates, icons
from sealwire.ui.desktop.avatar import Avatar
from sealwire.ui.desktop.bits import Elided, column, icon_button, row
from sealwire.ui.desktop.station import Station
from sealwire.ui.desktop.theme import look
from sealwire.ui.views import sentences, words


class Header(QWidget):
    """Follows the open conversation of a station."""

    back = Signal()
    search = Signal()
    details = Signal()
    verify = Signal()

    def __init__(self, station: Station) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._station = station
        self._asked = ""
        self._person: PersonInfo | None = None
        self._group: GroupInfo | None = None
        self.back_button = icon_button(_("Back to the conversations"), "back", self.back.emit)
        self._face = Avatar(38)
        self.title = Elided("", "heading")
        self.about = Elided("", "small")
        self.verify_button = icon_button(_("Verify"), "seal", self.verify.emit)
        search = icon_button(_("Search in this conversation"), "search", self.search.emit)
        self.details_button = icon_button(_("Details"), "details", self.details.emit)
        self.details_button.setCheckable(True)
        icons.redress(self.details_button, look().colours)
        names = column(self.title, self.about, spacing=0)
        parts = (self.back_button, self._face, names, self.verify_button, search, self.details_button)
        layout = row(*parts, spacing=8)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setStretch(2, 1)
        self.setLayout(layout)
        station.changed.connect(self.refresh)
        station.opened.connect(self._opened)

    def _opened(self) -> None:
        self._person = self._group = None
        self._ask()
        self.refresh()

    def _ask(self) -> None:
        info = self._station.chat
        if info is None:
            return
        client = self._station.client
        if info.is_group:
            self._station.ask(client.groups.info(info.id), self._took_group, lambda _error: None)
        else:
            self._station.ask(client.people.person(info.id), self._took_person, lambda _error: None)

    def _took_group(self, group: GroupInfo) -> None:
        if group.id == self._station.place:
            self._group = group
            self.refresh()

    def _took_person(self, person: PersonInfo) -> None:
        if person.contact.name == self._station.place:
            self._person = person
            self.refresh()

    def refresh(self) -> None:
        """Show the open conversation."""
        info = self._station.chat
        if info is None:
            return
        title = views.screen_name(info.title)
        self._face.show_face(info.id, title, info.is_group)
        self.title.put(title)
        self.about.put(self._about(info))
        self.verify_button.setVisible(not info.is_group)
        name = _("Verify {name}").format(name=title)
        self.verify_button.setAccessibleName(name)
        self.details_button.setAccessibleName(_("Details of {name}").format(name=title))

    def _about(self, info: ConversationInfo) -> str:
        parts = []
        if info.trust is not None:
            parts.append(sentences.trust_word(info.trust))
        if self._person is not None:
            parts.append(presence(self._person))
        if self._group is not None:
            joined = sum(not member.invited for member in self._group.members)
            parts.append(ngettext("{n} member", "{n} members", joined).format(n=dates.number(joined)))
            parts.append(views.screen_text(self._group.topic))
        if info.timer_s:
            parts.append(_("messages disappear after {time}").format(time=words.span(info.timer_s)))
        if info.id != info.title and not info.is_group:
            parts.append(views.screen_name(info.id))
        return " · ".join(part for part in parts if part)


def presence(person: PersonInfo) -> str:
    """Return whether somebody is there, as far as they tell."""
    if person.online:
        return _("online")
    if person.last_seen_ms:
        return _("last seen {time}").format(time=dates.full(person.last_seen_ms))
    return _("offline") if person.online is False else ""
