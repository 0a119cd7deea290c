"""The page of a group: who is in it, what may be done, and by whom."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from sealwire.i18n import _, ngettext
from sealwire.peer.api.groups import GroupInfo, Member, Role
from sealwire.ui.views import sentences
from sealwire.ui.views.safe import screen_name, screen_text
from sealwire.ui.views.spoken import Names, shown_name

Act = Literal["invite", "rename", "topic", "timer", "history", "leave", "accept", "decline"]
MemberAct = Literal["remove", "owner", "admin", "member", "read-only"]

_LEADS: frozenset[Role] = frozenset({"owner", "admin"})


class MemberRow(Struct, frozen=True):
    """One member."""

    name: str
    shown: str
    """Name, role and state in one line."""
    acts: tuple[MemberAct, ...]
    """What may be done with them by us."""


class GroupPage(Struct, frozen=True):
    """Everything about a group, and what we may do there."""

    id: str
    title: str
    state: str
    topic: str
    timer: str
    history: str
    head: str
    members: tuple[MemberRow, ...]
    acts: tuple[Act, ...]


def page(info: GroupInfo, own: str, names: Names) -> GroupPage:
    """Return the page of a group."""
    joined = sum(not member.invited for member in info.members)
    count = ngettext("{n} member", "{n} members", joined).format(n=joined)
    return GroupPage(
        info.id,
        screen_name(info.name),
        sentences.group_line(info),
        screen_text(info.topic) or _("No topic, {count}").format(count=count),
        sentences.timer(info.timer_s),
        sentences.shares_history(info.shares_history),
        info.head,
        tuple(_row(member, info, own, names) for member in info.members),
        _acts(info),
    )


def _acts(info: GroupInfo) -> tuple[Act, ...]:
    if info.state == "invited":
        return ("accept", "decline")
    if info.state != "member":
        return ()
    if info.role == "owner":
        return ("invite", "rename", "topic", "timer", "history", "leave")
    if info.role == "admin":
        return ("invite", "rename", "topic", "timer", "leave")
    return ("leave",)


def act_label(act: Act) -> str:
    """Return the words on a button."""
    return {
        "invite": _("Invite someone"),
        "rename": _("Rename"),
        "topic": _("Topic"),
        "timer": _("Timer"),
        "history": _("History for newcomers"),
        "leave": _("Leave"),
        "accept": _("Join"),
        "decline": _("Do not join"),
    }[act]


def member_act_label(act: MemberAct) -> str:
    """Return the words of a menu about a member."""
    if act == "remove":
        return _("Remove from the group")
    return _("Make: {role}").format(role=sentences.role_word(act))


def _row(member: Member, info: GroupInfo, own: str, names: Names) -> MemberRow:
    name = (
        _("{name} (you)").format(name=screen_name(member.name))
        if member.name == own
        else shown_name(member.name, names)
    )
    parts = [name, sentences.role_word(member.role)]
    if member.invited:
        parts.append(_("invited"))
    if member.verified:
        parts.append(_("verified"))
    return MemberRow(member.name, ", ".join(parts), _member_acts(member, info, own))


def _member_acts(member: Member, info: GroupInfo, own: str) -> tuple[MemberAct, ...]:
    """An owner may do everything with others; an admin puts out those who do not lead."""
    if member.name == own or info.state != "member":
        return ()
    if info.role == "owner":
        roles: tuple[MemberAct, ...] = ("owner", "admin", "member", "read-only")
        return ("remove", *(role for role in roles if role != member.role and not member.invited))
    if info.role == "admin" and member.role not in _LEADS:
        return ("remove",)
    return ()
