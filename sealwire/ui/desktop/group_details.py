"""A group in the details: its members, what they may do, and what is set for all."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QMenu, QWidget

from sealwire.i18n import _
from sealwire.ids import account_name
from sealwire.peer.api.groups import GroupInfo, Role
from sealwire.ui import views
from sealwire.ui.desktop.ask import Sheet, confirm
from sealwire.ui.desktop.avatar import Avatar
from sealwire.ui.desktop.bits import (
    Banner,
    Elided,
    Problem,
    button,
    card,
    column,
    emptied,
    field,
    icon_button,
    label,
    row,
)
from sealwire.ui.desktop.station import Station
from sealwire.ui.views import groups as pages
from sealwire.ui.views.groups import Act, GroupPage, MemberAct, MemberRow

SHOWN_MEMBERS = 100
"""Of a large group at once; the rest is one press away."""


class GroupPart(QWidget):
    """Reads the group and shows it; every change answers with the group as it stands then."""

    def __init__(self, station: Station, group: str) -> None:
        super().__init__()
        self._station = station
        self._group = group
        self._info: GroupInfo | None = None
        self._most = SHOWN_MEMBERS
        self.problem = Problem()
        self._rows = column(spacing=2)
        self._acts = column(spacing=8)
        self.state = Banner("calm", "group")
        self.topic = label("", "")
        self.history = label("", "small")
        self.head = label("", "small", selectable=True)
        about = card(self.topic, self.history)
        people = card(label(_("Members"), "heading"), self._rows)
        self.setLayout(column(self.problem, self.state, about, people, card(self._acts), self.head, spacing=12))
        self._ask(station.client.groups.info(group))

    def _ask(self, question: Coroutine[Any, Any, GroupInfo]) -> None:
        self._station.bridge.ask(self, question, self._took, self.problem.show_error)

    def _took(self, info: GroupInfo) -> None:
        self._info = info
        self.problem.say("")
        page = pages.page(info, self._station.desk.own, self._station.desk.names)
        self.state.set_kind("alert" if info.state == "stopped" else "calm", "group")
        self.state.say(page.state)
        self.topic.setText(page.topic)
        self.history.setText(page.history)
        self.head.setText(_("Log: {head}. The same on every member's side.").format(head=page.head[:16]))
        self.head.setAccessibleName(self.head.text())
        self._show_members(page)
        self._show_acts(page)

    # --- members ---------------------------------------------------------------------------------------------

    def _show_members(self, page: GroupPage) -> None:
        emptied(self._rows)
        for member in page.members[: self._most]:
            self._rows.addWidget(self._member(member))
        more = len(page.members) - self._most
        if more > 0:
            self._rows.addWidget(button(_("Show everybody"), lambda: self._show_all(page), "link"))

    def _show_all(self, page: GroupPage) -> None:
        self._most = len(page.members)
        self._show_members(page)

    def _member(self, member: MemberRow) -> QWidget:
        line = QFrame()
        face = Avatar(30)
        face.show_face(member.name, views.screen_name(self._station.desk.names.get(member.name) or member.name))
        name = Elided(member.shown)
        parts: list[QWidget] = [face, name]
        if member.acts:
            more = icon_button(
                _("What to do with {name}").format(name=views.screen_name(member.name)), "more", None, 16
            )
            more.clicked.connect(lambda _checked=False: self._menu(member, more))
            parts.append(more)
        line.setLayout(row(*parts, spacing=8))
        return line

    def _menu(self, member: MemberRow, near: QWidget) -> None:
        menu = QMenu(near)
        menu.setAccessibleName(member.shown)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for act in member.acts:
            action = menu.addAction(pages.member_act_label(act))
            action.triggered.connect(lambda _checked=False, act=act: self._do_member(member, act))
        menu.popup(near.mapToGlobal(near.rect().bottomLeft()))

    def _do_member(self, member: MemberRow, act: MemberAct) -> None:
        groups, name = self._station.client.groups, views.screen_name(member.name)
        if act == "remove":
            question = _("Put {name} out of the group? What is said from then on they cannot read.").format(name=name)
            confirm(self, question, _("Remove"), lambda: self._ask(groups.remove(self._group, member.name)))
        elif act == "owner":
            question = _("Make {name} an owner? Owners may do everything, also with you.").format(name=name)
            confirm(
                self, question, _("Make an owner"), lambda: self._ask(groups.set_role(self._group, member.name, act))
            )
        else:
            self._ask(groups.set_role(self._group, member.name, cast(Role, act)))

    # --- the group -------------------------------------------------------------------------------------------

    def _show_acts(self, page: GroupPage) -> None:
        emptied(self._acts)
        for act in page.acts:
            if act != "timer":  # it is set above, as for everyone
                self._acts.addWidget(button(pages.act_label(act), lambda act=act: self._do(act)))  # type: ignore[misc]

    def _do(self, act: Act) -> None:
        groups, info = self._station.client.groups, self._info
        if info is None:
            return
        match act:
            case "invite":
                OneLine(self, _("Invite someone"), _("Account name"), "", self._invite)
            case "rename":
                OneLine(self, _("Rename"), _("Name of the group"), info.name, self._rename)
            case "topic":
                OneLine(self, _("Topic"), _("What the group is about"), info.topic, self._set_topic)
            case "history":
                self._ask(groups.share_history(self._group, not info.shares_history))
            case "leave":
                text = _("Leave this group? What is said from then on you cannot read.")
                confirm(self, text, _("Leave"), lambda: self._ask(groups.leave(self._group)))
            case "accept":
                self._ask(groups.accept(self._group))
            case "decline":
                self._ask(groups.decline(self._group))
            case _:
                pass

    def _invite(self, text: str) -> None:
        name = account_name(text)
        if name is None:
            self.problem.say(_("{name} is no account name.").format(name=views.screen_name(text)))
        else:
            self._ask(self._station.client.groups.invite(self._group, name))

    def _rename(self, text: str) -> None:
        if text:
            self._ask(self._station.client.groups.rename(self._group, text))

    def _set_topic(self, text: str) -> None:
        self._ask(self._station.client.groups.set_topic(self._group, text))


class OneLine(Sheet):
    """Asks for one line of text."""

    def __init__(self, parent: QWidget, title: str, name: str, text: str, done: Any) -> None:
        super().__init__(parent, title)
        self.line = field(name)
        self.line.setText(text)
        self._done = done
        words = label(name, "muted")
        words.setBuddy(self.line)
        self.add(words, self.line)
        self.add_buttons(button(_("Cancel"), self.reject), button(_("OK"), self._take, "primary"))
        self.line.returnPressed.connect(self._take)
        self.open()
        self.line.setFocus()

    def _take(self) -> None:
        text = self.line.text().strip()
        self.accept()
        self._done(text)
