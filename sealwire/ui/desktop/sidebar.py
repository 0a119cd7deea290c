"""The left area: who one is, a search, and the conversations or what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

from sealwire.errors import SealwireError
from sealwire.i18n import _, ngettext
from sealwire.peer.api.past import Found
from sealwire.ui import views
from sealwire.ui.desktop import dates
from sealwire.ui.desktop.avatar import Avatar
from sealwire.ui.desktop.bits import Banner, Elided, button, column, field, icon_button, label, problem, row
from sealwire.ui.desktop.chat_list import Chat, Hit, Row, RowView, Title
from sealwire.ui.desktop.station import Station, now_ms
from sealwire.ui.views import banner, chats
from sealwire.ui.views import desk as desks
from sealwire.ui.views.chats import REQUESTS, ChatRow, Glance

WAIT_MS: Final = 180
"""After the last key before the history is searched."""
MOST_FOUND: Final = 60


class Sidebar(QWidget):
    """Shows the desk's conversations."""

    chosen = Signal(str)
    """A conversation."""
    found = Signal(object)
    """A message that a search found."""
    menu_wanted = Signal(QPoint)
    new_chat = Signal()
    invite = Signal()
    row_menu = Signal(str, QPoint)

    def __init__(self, station: Station) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._station = station
        self._scope = ""
        self._hits: Sequence[Found] = ()
        self._shows_requests = False
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        own = self._station.client.name
        face = Avatar(36)
        face.show_face(own, own)
        self.menu_button = icon_button(_("Menu"), "menu", self._ask_menu)
        self._name = Elided(views.screen_name(own), "heading")
        add = icon_button(_("New conversation"), "add", self.new_chat.emit)
        head = row(self.menu_button, face, self._name, add, spacing=8)
        head.setContentsMargins(10, 10, 10, 6)
        self.search = field(_("Search conversations and messages"), _("Search"))
        self.search.setObjectName("search")
        self.search.setClearButtonEnabled(True)
        for clear in self.search.findChildren(QAbstractButton):
            clear.setAccessibleName(_("Clear the search"))
        self._scope_button = button("", self._drop_scope, icon="close")
        self._scope_button.setAccessibleName(_("Search everywhere"))
        self._scope_button.hide()
        self.link = Banner("calm", "details")
        self.back = button(_("Back to all conversations"), self._leave_requests, "link", "back")
        self.back.hide()
        self.note = label("", "small")
        self.note.hide()
        self.list = RowView(_("Conversations"))
        self._nobody = _Nobody(self.new_chat.emit, self.invite.emit)
        below = column(self.search, self._scope_button, self.link, self.back, self.note, spacing=6)
        below.setContentsMargins(10, 0, 10, 6)
        layout = column(spacing=0)
        layout.addLayout(head)
        layout.addLayout(below)
        layout.addWidget(self._nobody)
        layout.addWidget(self.list, 1)
        self.setLayout(layout)

    def _connect(self) -> None:
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._wait.timeout.connect(self._look)
        self.search.textChanged.connect(self._typed)
        self._station.changed.connect(self.refresh)
        self._station.opened.connect(self.refresh)
        self.list.clicked.connect(self._pressed)
        self.list.activated.connect(self._pressed)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._context)

    def _ask_menu(self) -> None:
        self.menu_wanted.emit(self.menu_button.mapToGlobal(QPoint(0, self.menu_button.height())))

    def _context(self, at: QPoint) -> None:
        chosen = self.list.row_at(self.list.indexAt(at))
        if isinstance(chosen, Chat) and chosen.row.id != REQUESTS:
            self.row_menu.emit(chosen.row.id, self.list.viewport().mapToGlobal(at))

    # --- rows ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the desk as it is."""
        desk = self._station.desk
        found = banner.link(desk.link, desk.queued)
        if found is not None:
            self.link.set_kind("alert" if found.tone == "error" else "calm", "away")
        self.link.say(found.text if found is not None else "")
        rows = self._found_rows() if self.search.text().strip() else self._chat_rows()
        self.list.rows.show_rows(rows)
        self._nobody.setVisible(not rows and not self.search.text().strip())
        had_focus = self.list.hasFocus()
        self.list.setVisible(not self._nobody.isVisibleTo(self))
        if had_focus and not self.list.isVisibleTo(self):
            self._nobody.first.setFocus()
        self._follow_open()

    def _follow_open(self) -> None:
        if self.search.text().strip():
            return
        at = self.list.rows.place_of(self._station.place)
        if at is None:
            self.list.clearSelection()
        elif at != self.list.currentIndex().row() and not self.list.hasFocus():
            self.list.setCurrentIndex(self.list.rows.index(at))

    def _chat_rows(self) -> list[Row]:
        if self._shows_requests:
            rows = self._request_rows()
            if rows:
                return rows
            self._shows_requests = False
            self.back.hide()
        return [self._chat(one) for one in desks.chat_rows(self._station.desk, now_ms())]

    def _chat(self, one: ChatRow) -> Chat:
        info = self._station.desk.chats.get(one.id)
        last = info.last if info is not None else None
        if one.id == REQUESTS:
            asking = chats.requests(self._station.desk.chats.values())
            last = asking[0].last if asking else None
        return Chat(one, last.sent_at_ms if last is not None else 0)

    def _request_rows(self) -> list[Row]:
        """Everybody who asks to talk, as ordinary rows."""
        asking = [replace(one, request=False) for one in chats.requests(self._station.desk.chats.values())]
        glance = Glance(self._station.desk.own, now_ms(), open=self._station.place, names=self._station.desk.names)
        return [self._chat(one) for one in chats.rows(asking, glance)]

    def _leave_requests(self) -> None:
        self._shows_requests = False
        self.back.hide()
        self.refresh()

    # --- search ----------------------------------------------------------------------------------------------

    def begin_search(self, scope: str = "") -> None:
        """Search, in one conversation or everywhere."""
        self._scope = scope
        info = self._station.desk.chats.get(scope)
        name = views.screen_name(info.title) if info is not None else ""
        self._scope_button.setText(_("Only in {name}").format(name=name))
        self._scope_button.setVisible(bool(scope))
        self.search.setFocus()
        self.search.selectAll()
        self._typed()

    def end_search(self) -> None:
        """Show the conversations again."""
        self._scope = ""
        self._scope_button.hide()
        self.search.clear()

    def _drop_scope(self) -> None:
        self.begin_search()

    def _typed(self, _text: str = "") -> None:
        self._hits = ()
        if self.search.text().strip():
            self._wait.start()
        else:
            self._wait.stop()
            self.note.hide()
        self.refresh()

    def _look(self) -> None:
        query = self.search.text().strip()
        question = self._station.client.past.search(query, self._scope or None, MOST_FOUND)
        self._station.ask(question, lambda hits: self._took(query, hits), self._not_found)

    def _took(self, query: str, hits: Sequence[Found]) -> None:
        if query != self.search.text().strip():
            return
        self._hits = hits
        self.note.setText(_counted(len(hits)))
        self.note.show()
        self.refresh()

    def _not_found(self, error: SealwireError) -> None:
        self.note.setText(problem(error))
        self.note.show()

    def _found_rows(self) -> list[Row]:
        desk, query = self._station.desk, self.search.text().strip()
        rows: list[Row] = []
        if not self._scope:
            infos = [info for info in chats.matches(desk.chats.values(), query) if not info.request]
            glance = Glance(desk.own, now_ms(), open=self._station.place, names=desk.names)
            found = [self._chat(one) for one in chats.rows(infos, glance)]
            rows += [Title(_("Conversations")), *found] if found else []
        titles = {info.id: views.screen_name(info.title) for info in desk.chats.values()}
        hits = [Hit(one, titles.get(one.message.conversation, one.message.conversation)) for one in self._hits]
        return rows + ([Title(_("Messages")), *hits] if hits else [])

    # --- what people do --------------------------------------------------------------------------------------

    def _pressed(self, index: QModelIndex) -> None:
        match self.list.row_at(index):
            case Chat(row=ChatRow(id=conversation)) if conversation == REQUESTS:
                self._shows_requests = True
                self.back.show()
                self.refresh()
            case Chat(row=chat):
                self.end_search()
                self.chosen.emit(chat.id)
            case Hit(found=found):
                self.found.emit(found.message)
            case _:
                pass

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Down leads from the search into what it found; Escape ends it."""
        if event.key() == Qt.Key.Key_Down and self.search.hasFocus():
            self.list.setFocus()
            first = next((at for at, one in enumerate(self.list.rows.rows) if not isinstance(one, Title)), None)
            if first is not None:
                self.list.setCurrentIndex(self.list.rows.index(first))
        elif event.key() == Qt.Key.Key_Escape and (self.search.text() or self._scope):
            self.end_search()
        else:
            super().keyPressEvent(event)


def _counted(hits: int) -> str:
    """Say how many messages were found, and what to do when it is none or too many."""
    if not hits:
        return _("No message on this device has these words. Words are found by their beginning.")
    if hits >= MOST_FOUND:
        return _("These are the latest {n}; more words find fewer.").format(n=dates.number(hits))
    return ngettext("{n} message found.", "{n} messages found.", hits).format(n=dates.number(hits))


class _Nobody(QWidget):
    """What a new person sees: nobody yet, and two ways to change that."""

    def __init__(self, write: object, invite: object) -> None:
        super().__init__()
        said = label(
            _("No conversations yet. Write to somebody who is here, or send a friend your invite line."), "muted"
        )
        self.first = button(_("Write to somebody"), write, "primary")  # type: ignore[arg-type]
        second = button(_("Invite a friend"), invite)  # type: ignore[arg-type]
        self.setLayout(column(said, self.first, second, 1, margin=18, spacing=10))
        self.hide()
