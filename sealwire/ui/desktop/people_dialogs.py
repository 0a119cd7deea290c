"""Choosing people: a new conversation, a new group, whom to forward to, whom to invite; and the quick switcher."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QListWidget, QListWidgetItem, QWidget

from sealwire.errors import AccountNameError, SealwireError
from sealwire.i18n import _
from sealwire.ids import account_name
from sealwire.peer.api.groups import GroupInfo
from sealwire.peer.api.past import ConversationInfo
from sealwire.ui import views
from sealwire.ui.desktop.ask import Sheet
from sealwire.ui.desktop.bits import Problem, button, column, copy_button, field, label, link_names
from sealwire.ui.desktop.chat_list import Chat, RowView
from sealwire.ui.desktop.qr_view import QrView
from sealwire.ui.desktop.station import Station, now_ms
from sealwire.ui.views import chats
from sealwire.ui.views.chats import Glance

MAX_MEMBERS_ASKED = 300


class NewChat(Sheet):
    """A name to write to."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget, station: Station) -> None:
        super().__init__(parent, _("New conversation"))
        self._station = station
        self.name = field(_("Account name"), _("for example bob"))
        self.problem = Problem()
        self.go = button(_("Open"), self._open, "primary")
        words = label(_("The name they chose on this broker:"), "muted")
        link_names(words, self.name)
        self.add(words, self.name, self.problem)
        self.add_buttons(button(_("Cancel"), self.reject), self.go)
        self.name.returnPressed.connect(self._open)
        self.name.setFocus()

    def _open(self) -> None:
        name = account_name(self.name.text().strip())
        if name is None:
            self.problem.show_error(AccountNameError(self.name.text().strip()))
            return
        self.go.setEnabled(False)
        question = self._station.client.past.conversation(name)
        self._station.bridge.ask(self, question, self._found, self._unknown)

    def _found(self, info: ConversationInfo) -> None:
        self.accept()
        self.chosen.emit(info.id)

    def _unknown(self, error: SealwireError) -> None:
        self.go.setEnabled(True)
        self.problem.show_error(error)
        self.name.setFocus()


class NewGroup(Sheet):
    """A name for a group, and whom to ask in."""

    made = Signal(str)

    def __init__(self, parent: QWidget, station: Station) -> None:
        super().__init__(parent, _("New group"))
        self._station = station
        self.name = field(_("Name of the group"), _("for example Garden"))
        self.people = Checklist(_("People to invite"), _people(station))
        self.others = field(_("Other names"), _("other names, with commas"))
        self.problem = Problem()
        self.go = button(_("Create"), self._create, "primary")
        for text, control in ((_("Name"), self.name), (_("People to invite"), self.people), (_("Others"), self.others)):
            if control is self.people and not self.people.count():
                control.hide()  # nobody is known yet: an empty list would say nothing
                continue
            words = label(text, "muted")
            words.setBuddy(control)
            self.add(words, control)
        self.add(label(_("Nobody is put in without being asked: each of them decides."), "small"), self.problem)
        self.add_buttons(button(_("Cancel"), self.reject), self.go)
        self.name.setFocus()

    def _create(self) -> None:
        title = self.name.text().strip()
        names = [*self.people.checked(), *_split(self.others.text())]
        wrong = next((name for name in names if account_name(name) is None), None)
        if not title:
            self.problem.say(_("Give the group a name."))
        elif wrong is not None:
            self.problem.show_error(AccountNameError(wrong))
        else:
            self.go.setEnabled(False)
            question = self._station.client.groups.create(title, [account_name(name) or "" for name in names])
            self._station.bridge.ask(self, question, self._made, self._failed)

    def _made(self, group: GroupInfo) -> None:
        self.accept()
        self.made.emit(group.id)

    def _failed(self, error: SealwireError) -> None:
        self.go.setEnabled(True)
        self.problem.show_error(error)


class Pick(Sheet):
    """One or more people or conversations out of those known."""

    picked = Signal(list)

    def __init__(
        self, parent: QWidget, title: str, word: str, choices: Sequence[tuple[str, str]], note: str = ""
    ) -> None:
        """``choices``: ids and what to call them."""
        super().__init__(parent, title)
        self.people = Checklist(title, choices)
        self.add(self.people)
        if note:
            self.add(label(note, "small"))
        self.add_buttons(button(_("Cancel"), self.reject), button(word, self._done, "primary"))

    def _done(self) -> None:
        found = self.people.checked()
        self.accept()
        if found:
            self.picked.emit(found)


class Checklist(QListWidget):
    """Names with a box to tick."""

    def __init__(self, name: str, choices: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setMinimumHeight(160)
        for key, shown in choices:
            item = QListWidgetItem(views.screen_name(shown), self)
            item.setData(int(Qt.ItemDataRole.UserRole), key)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
        self._before = Qt.CheckState.Unchecked
        self.itemPressed.connect(self._remember)
        self.itemClicked.connect(self._toggle)

    def _remember(self, item: QListWidgetItem) -> None:
        self._before = item.checkState()

    def _toggle(self, item: QListWidgetItem) -> None:
        """A press anywhere in the line ticks its box; one on the box itself did so already."""
        if item.checkState() == self._before:
            ticked = item.checkState() == Qt.CheckState.Checked
            item.setCheckState(Qt.CheckState.Unchecked if ticked else Qt.CheckState.Checked)

    def checked(self) -> list[str]:
        """Return what is ticked."""
        items = (self.item(at) for at in range(self.count()))
        ticked = (item for item in items if item.checkState() == Qt.CheckState.Checked)
        return [str(item.data(int(Qt.ItemDataRole.UserRole))) for item in ticked]


class InviteSheet(Sheet):
    """The line that brings a friend to the same broker."""

    def __init__(self, parent: QWidget, line: str) -> None:
        super().__init__(parent, _("Invite a friend"))
        about = _(
            "Send this line by any way you trust. Your friend pastes it at the first start; treat it like a password."
        )
        self.line = field(_("Your invite line"))
        self.line.setReadOnly(True)
        self.line.setText(line)
        self.line.setCursorPosition(0)
        code = QrView(_("The invite as a code to scan"))
        code.show_text(line)
        self.add(label(about, "muted"), self.line, code)
        self.add_buttons(copy_button(lambda: line, _("Copy the line")), button(_("Done"), self.accept, "primary"))


class Switcher(QDialog):
    """Ctrl+K: a few letters of a name, Enter, there."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget, station: Station) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_("Go to a conversation"))
        self.setAccessibleName(_("Go to a conversation"))
        self._station = station
        self.search = field(_("Go to a conversation"), _("Type a name"))
        self.list = RowView(_("Conversations"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setLayout(column(self.search, self.list, margin=10))
        self.setMinimumSize(380, 420)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.list.clicked.connect(lambda _index: self._take())
        self._filter("")

    def show_over(self, window: QWidget) -> None:
        """Open in the upper middle of a window."""
        width = min(460, window.width() - 40)
        self.resize(width, 440)
        self.move(window.mapToGlobal(QPoint((window.width() - width) // 2, min(90, window.height() // 8))))
        self.show()
        self.search.setFocus()

    def _filter(self, text: str) -> None:
        desk = self._station.desk
        infos = [info for info in chats.matches(desk.chats.values(), text) if not info.request]
        glance = Glance(desk.own, now_ms(), names=desk.names)
        rows = {one.id: one for one in chats.rows(infos, glance)}
        found = [info for info in infos if info.id in rows]
        self.list.rows.show_rows([Chat(rows[info.id], info.last.sent_at_ms if info.last else 0) for info in found])
        self.list.setCurrentIndex(self.list.rows.index(0))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Arrows move in the list while the letters stay in the field."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            steps = {int(Qt.Key.Key_Down): 1, int(Qt.Key.Key_Up): -1}
            if event.key() in steps:
                count = max(1, self.list.rows.rowCount())
                at = (self.list.currentIndex().row() + steps[event.key()]) % count
                self.list.setCurrentIndex(self.list.rows.index(at))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._take()
                return True
        return super().eventFilter(watched, event)

    def _take(self) -> None:
        chosen = self.list.row_at(self.list.currentIndex())
        self.close()
        if isinstance(chosen, Chat):
            self.chosen.emit(chosen.row.id)


def _split(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").split() if word][:MAX_MEMBERS_ASKED]


def _people(station: Station) -> list[tuple[str, str]]:
    infos = sorted(station.desk.chats.values(), key=lambda info: info.title)
    return [(info.id, info.title) for info in infos if not info.is_group and not info.blocked and not info.request]


def forward_choices(station: Station) -> list[tuple[str, str]]:
    """Return where a message can be forwarded to."""
    infos = chats.in_order(station.desk.chats.values())
    return [(info.id, info.title) for info in infos if info.can_write and not info.request and not info.blocked]
