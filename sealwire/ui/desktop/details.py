"""What is known and set about the open conversation: keys, members, timers, files, and what lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QScrollArea, QVBoxLayout, QWidget

from sealwire.i18n import _
from sealwire.peer.api import SessionInfo
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.api.people import PersonInfo
from sealwire.peer.events import Message
from sealwire.ui import views
from sealwire.ui.desktop import dates
from sealwire.ui.desktop.ask import confirm
from sealwire.ui.desktop.avatar import Avatar
from sealwire.ui.desktop.bits import (
    Combo,
    Elided,
    button,
    card,
    column,
    emptied,
    field,
    icon_button,
    label,
    link_names,
    row,
)
from sealwire.ui.desktop.group_details import GroupPart
from sealwire.ui.desktop.header import presence
from sealwire.ui.desktop.station import Station, now_ms
from sealwire.ui.views import sentences, spoken, words

TIMERS_S: Final = (0, 300, 3_600, 28_800, 86_400, 604_800, 2_592_000)
MUTES_MS: Final = (0, 3_600_000, 28_800_000, 604_800_000)
FOREVER_MS: Final = 253_370_764_800_000
"""A time far away, and still one of the calendar."""
MOST_FILES: Final = 30


class Details(QWidget):
    """Follows the open conversation of a station while it is shown."""

    back = Signal()
    verify = Signal()
    export_wanted = Signal(str)
    left = Signal()
    """The conversation was cleared."""
    message_chosen = Signal(object)

    def __init__(self, station: Station) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._station = station
        self._shown = ""
        self._body = column(spacing=12, margin=14)
        inner = QWidget()
        inner.setObjectName("panel")
        inner.setLayout(self._body)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setWidget(inner)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.back_button = icon_button(_("Close the details"), "back", self.back.emit)
        head = row(self.back_button, label(_("Details"), "heading", wrap=False), 1, spacing=8)
        head.setContentsMargins(10, 10, 10, 6)
        layout = column(spacing=0)
        layout.addLayout(head)
        layout.addWidget(self._area, 1)
        self.setLayout(layout)
        station.changed.connect(self._follow)
        station.contact.connect(lambda _event: self.reload())

    def _follow(self) -> None:
        if self.isVisible() and self._shown != self._station.place:
            self.reload()

    def reload(self) -> None:
        """Read and show everything again."""
        info = self._station.chat
        if info is None or not self.isVisible():
            self._shown = ""
            return
        self._shown = info.id
        emptied(self._body)
        self._head(info)
        self._body.addWidget(_Rules(self._station, info))
        if info.is_group:
            group = GroupPart(self._station, info.id)
            self._body.addWidget(group)
        else:
            self._person_part(info)
        self._files_part(info)
        self._last_part(info)
        self._body.addStretch(1)

    def _head(self, info: ConversationInfo) -> None:
        face = Avatar(72)
        face.show_face(info.id, views.screen_name(info.title), info.is_group)
        title = Elided(views.screen_name(info.title), "heading", centred=True)
        self._body.addLayout(row(1, face, 1))
        self._body.addWidget(title)

    # --- a person --------------------------------------------------------------------------------------------

    def _person_part(self, info: ConversationInfo) -> None:
        part = PersonPart(self._station, info, self.verify.emit)
        self._body.addWidget(part)

    # --- files, and what lasts -------------------------------------------------------------------------------

    def _files_part(self, info: ConversationInfo) -> None:
        place = column(label(_("Files"), "heading"), spacing=6)
        frame = card(place)
        frame.hide()
        self._body.addWidget(frame)
        question = self._station.client.files.of(info.id, MOST_FILES)
        self._station.bridge.ask(
            frame, question, lambda found: self._took_files(frame, place, found), lambda _error: None
        )

    def _took_files(self, frame: QWidget, place: QVBoxLayout, found: Sequence[Message]) -> None:
        frame.setVisible(bool(found))
        for message in found:
            place.addWidget(self._file(message))

    def _file(self, message: Message) -> QWidget:
        file = message.file
        assert file is not None
        made = button(views.screen_name(file.name), lambda: self.message_chosen.emit(message), "link", "file")
        when = _("{size}, {time}, {state}").format(
            size=dates.size(file.size_bytes), time=dates.full(message.sent_at_ms), state=spoken.file_word(file.state)
        )
        made.setAccessibleDescription(when)
        made.setToolTip(when)
        return made

    def _last_part(self, info: ConversationInfo) -> None:
        export = button(_("Export this conversation…"), lambda: self.export_wanted.emit(info.id), icon="save")
        clear = button(_("Clear it on this device…"), lambda: self._clear(info), icon="delete")
        self._body.addWidget(card(export, clear))

    def _clear(self, info: ConversationInfo) -> None:
        name = views.screen_name(info.title)
        question = _("Delete all messages with {name} on this device? Others keep theirs.").format(name=name)
        confirm(
            self, question, _("Delete all"),
            lambda: self._station.ask(self._station.client.past.clear(info.id), lambda _count: self._cleared(info.id)),
        )  # fmt: skip

    def _cleared(self, conversation: str) -> None:
        self._station.open(conversation)
        self.left.emit()


class PersonPart(QWidget):
    """Keys, nickname, presence and block of one person."""

    def __init__(self, station: Station, info: ConversationInfo, verify: Callable[[], None]) -> None:
        super().__init__()
        self._station = station
        self._name = info.id
        self.trust = label(sentences.trust_word(info.trust) if info.trust else "", "")
        self.fingerprint = label("", "mono", selectable=True)
        self.suite = label("", "small")
        self.presence = label("", "small")
        self.nickname = field(_("Nickname, seen only by you"), _("Nickname, seen only by you"))
        self.nickname.editingFinished.connect(self._rename)
        self.verify = button(_("Verify {name}").format(name=views.screen_name(info.title)), verify, "primary", "seal")
        self.block = button("", self._block, icon="block")
        self._blocked = info.blocked
        words = label(_("Nickname"), "small")
        link_names(words, self.nickname)
        keys = card(label(_("Keys"), "heading"), self.trust, self.verify, self.fingerprint, self.suite)
        person = card(self.presence, words, self.nickname, self.block)
        self.setLayout(column(keys, person, spacing=12))
        self._show_block()
        client = station.client
        station.bridge.ask(self, client.people.person(self._name), self._took, lambda _error: None)
        station.bridge.ask(self, client.info(self._name), self._took_session, lambda _error: None)

    def _took(self, person: PersonInfo) -> None:
        self.nickname.setText(person.nickname)
        self._blocked = person.blocked
        self.trust.setText(sentences.trust_word(person.contact.trust))
        self.fingerprint.setText(views.fingerprint(person.contact.fingerprint))
        self.fingerprint.setAccessibleName(_("Fingerprint {digits}").format(digits=person.contact.fingerprint))
        self.presence.setText(presence(person) or _("They do not tell whether they are online."))
        self._show_block()

    def _took_session(self, session: SessionInfo) -> None:
        lines = sentences.session(session, now_ms(), None)[2:]
        self.suite.setText("\n".join(lines))

    def _rename(self) -> None:
        people = self._station.client.people
        text = self.nickname.text().strip()
        known = self._station.desk.names.get(self._name, "")
        if text != known:
            self._station.ask(people.nickname(self._name, text), lambda _person: self._station.read_chats())

    def _show_block(self) -> None:
        text = _("Unblock") if self._blocked else _("Block…")
        self.block.setText(text)
        self.block.setAccessibleName(text)

    def _block(self) -> None:
        if self._blocked:
            self._set_blocked(False)
            return
        question = _("Block {name}? Nothing comes in from them any more, and they are not told.")
        confirm(self, question.format(name=views.screen_name(self._name)), _("Block"), lambda: self._set_blocked(True))

    def _set_blocked(self, blocked: bool) -> None:
        self._station.ask(self._station.client.people.block(self._name, blocked), self._block_set)

    def _block_set(self, person: PersonInfo) -> None:
        self._took(person)
        self._station.read_chats()


class _Rules(QWidget):
    """How long messages stay and whether they are told."""

    def __init__(self, station: Station, info: ConversationInfo) -> None:
        super().__init__()
        self._station = station
        self._place = info.id
        self.timer = _combo(_("Messages disappear"), [_timer_words(seconds) for seconds in TIMERS_S])
        self.timer.setCurrentIndex(TIMERS_S.index(info.timer_s) if info.timer_s in TIMERS_S else 0)
        if info.timer_s not in TIMERS_S:
            self.timer.addItem(_timer_words(info.timer_s))
            self.timer.setCurrentIndex(len(TIMERS_S))
        self.mute = _combo(_("Notifications"), _mute_words())
        self._muted = info.muted_until_ms > now_ms()
        self.mute.setCurrentIndex(len(MUTES_MS) if self._muted else 0)
        self.timer.activated.connect(self._set_timer)
        self.mute.activated.connect(self._set_mute)
        about = label(_("The timer holds for new messages, on every side that follows it."), "small")
        self.setLayout(column(card(*_named(self.timer), about, *_named(self.mute))))

    def _set_timer(self, at: int) -> None:
        if at >= len(TIMERS_S):
            return
        client = self._station.client
        if self._place.startswith("+"):
            self._station.ask(client.groups.set_timer(self._place, TIMERS_S[at]))
        else:
            self._station.ask(client.talk.set_timer(self._place, TIMERS_S[at]))

    def _set_mute(self, at: int) -> None:
        until = 0 if at == 0 else FOREVER_MS if at >= len(MUTES_MS) else now_ms() + MUTES_MS[at]
        self._station.ask(self._station.client.past.mute(self._place, until), lambda _none: self._station.read_chats())


def _timer_words(seconds: int) -> str:
    return _("After {time}").format(time=words.span(seconds)) if seconds else _("Never")


def _mute_words() -> list[str]:
    spans = [_("Muted for {time}").format(time=words.span(ms // 1000)) for ms in MUTES_MS[1:]]
    return [_("On"), *spans, _("Muted")]


def _combo(name: str, choices: list[str]) -> QComboBox:
    made = Combo(name)
    made.addItems(choices)
    return made


def _named(control: QComboBox) -> tuple[QWidget, QWidget]:
    text = label(control.accessibleName(), "small")
    text.setBuddy(control)
    return text, control
