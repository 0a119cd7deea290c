"""``group ACTION …``: its words checked before anything is opened, its answers on standard output."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, cast

from msgspec.structs import replace

from sealwire.cli.common import unknown_word
from sealwire.cli.peer_options import GROUP_FORMS, Options
from sealwire.cli.streams import put
from sealwire.errors import AccountNameError, GroupRightError, SealwireError, UnknownGroupError, UsageError
from sealwire.i18n import _
from sealwire.ids import GROUP_MARK, account_name

if TYPE_CHECKING:
    from sealwire.peer.api import ClientApi
    from sealwire.peer.api.groups import GroupInfo, GroupsApi, Role

_COUNTS: Final[dict[str, tuple[int, int | None]]] = {
    "create": (1, None), "list": (0, 0), "info": (1, 1), "invite": (2, 3), "accept": (1, 1), "decline": (1, 1),
    "leave": (1, 1), "remove": (2, 2), "role": (3, 3), "rename": (2, None), "topic": (1, None), "timer": (2, 2),
    "history": (2, 2),
}  # fmt: skip
ROLES: Final = ("owner", "admin", "member", "read-only")
CATCH_UP_S: Final = 2.0
"""After a start an invitation, and what others appended, may still be on its way: a refusal waits so long for it."""
_NAP_S: Final = 0.1
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def checked(options: Options) -> Options:
    """Return the options with their words in final form.

    Raises:
        UsageError: no such action, another number of words, a role or a time that is none.
        AccountNameError: a name that breaks the rule.
    """
    action, *words = options.words
    if action not in GROUP_FORMS:
        group_name = f" {action}" if action.startswith(GROUP_MARK) else ""
        raise UsageError(unknown_word(action, GROUP_FORMS, forms=["group " + "|".join(GROUP_FORMS) + group_name]))
    least, most = _COUNTS[action]
    if len(words) < least or (most is not None and len(words) > most):
        raise UsageError(_("The form is: {form}").format(form=GROUP_FORMS[action]))
    if action == "create":
        return replace(options, words=(action, words[0], *map(_account, words[1:])))
    if words and not words[0].startswith(GROUP_MARK):
        raise UsageError(_("A group is named with a plus: +{name}.").format(name=words[0]))
    return replace(options, words=(action, *words[:1], *_rest(action, words[1:])))


def _rest(action: str, words: list[str]) -> list[str]:
    match action:
        case "invite" | "role" | "remove":
            if len(words) > 1 and words[1] not in ROLES:
                raise UsageError(_("A role is one of {roles}.").format(roles=", ".join(ROLES)))
            return [_account(words[0]), *words[1:]]
        case "rename" | "topic":
            return [" ".join(words)]
        case "timer":
            return [str(seconds_of(words[0]))]
        case "history" if words[0] not in ("on", "off"):
            raise UsageError(_("The form is: {form}").format(form=GROUP_FORMS[action]))
        case _:
            return words


def _account(text: str) -> str:
    name = account_name(text)
    if name is None:
        raise AccountNameError(text)
    return name


def seconds_of(text: str) -> int:
    """Return the seconds of a time such as 30s, 10m, 8h, 7d, 4w; 0 for off.

    Raises:
        UsageError: it is no time.
    """
    if text in ("off", "0"):
        return 0
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and len(number) <= 6 and unit in _UNITS):
        raise UsageError(_("A time is a number with s, m, h, d or w, such as 8h, or off."))
    return int(number) * _UNITS[unit]


async def group(client: ClientApi, options: Options) -> int:
    """Do what is asked, and give the others a chance to learn of it."""
    room: GroupsApi = client.groups  # type: ignore[attr-defined] # every client that runs verbs has this room
    action, *words = options.words
    if action == "list":
        for info in await room.all():
            _print(options, info, row(info))
        return 0
    info = await _done(client, lambda: _DO[action](room, *words), action, options.timeout_s)
    if action == "info" and not options.json:
        for line in details(info):
            put(line)
    else:
        _print(options, info, row(info))
    if action != "info":
        await room.settle(options.timeout_s)
    return 0


async def _done(client: ClientApi, act: Callable[[], Awaitable[GroupInfo]], action: str, timeout_s: float) -> GroupInfo:
    """Do it; what is refused for what is known here is tried again until what waited at the broker has come."""
    ends_s: float | None = None
    while True:
        try:
            return await act()
        except (UnknownGroupError, GroupRightError) as refused:
            if action == "create" or (ends_s is not None and time.monotonic() >= ends_s):
                raise
            if ends_s is None:
                with contextlib.suppress(SealwireError):
                    await client.online(timeout_s)
                    ends_s = time.monotonic() + CATCH_UP_S
                if ends_s is None:
                    raise refused
        await asyncio.sleep(_NAP_S)


def _print(options: Options, info: GroupInfo, text: str) -> None:
    from sealwire.ui import views

    put(json.dumps(views.group_json(info)) if options.json else text)


def row(info: GroupInfo) -> str:
    """Return ``id<TAB>name<TAB>state<TAB>own role<TAB>members``."""
    from sealwire.ui import views

    joined = sum(not member.invited for member in info.members)
    return "\t".join(views.column(part) for part in (info.id, info.name, info.state, info.role, str(joined)))


def details(info: GroupInfo) -> list[str]:
    """Return ``key<TAB>value`` lines, and one ``member`` line for each."""
    from sealwire.ui import views

    values = {
        "id": info.id,
        "name": info.name,
        "topic": info.topic,
        "state": info.state,
        "role": info.role,
        "invited_by": info.invited_by or "",
        "epoch": str(info.epoch),
        "timer": str(info.timer_s),
        "history": "on" if info.shares_history else "off",
        "head": info.head,
    }
    lines = [f"{key}\t{views.column(value)}" for key, value in values.items()]
    for member in info.members:
        state = "invited" if member.invited else "verified" if member.verified else "joined"
        lines.append(f"member\t{member.name}\t{member.role}\t{state}")
    return lines


_DO: Final[dict[str, Callable[..., Awaitable[GroupInfo]]]] = {
    "create": lambda room, name, *members: room.create(name, members),
    "info": lambda room, name: room.info(name),
    "invite": lambda room, name, who, role="member": room.invite(name, who, cast("Role", role)),
    "accept": lambda room, name: room.accept(name),
    "decline": lambda room, name: room.decline(name),
    "leave": lambda room, name: room.leave(name),
    "remove": lambda room, name, who: room.remove(name, who),
    "role": lambda room, name, who, role: room.set_role(name, who, role),
    "rename": lambda room, name, new: room.rename(name, new),
    "topic": lambda room, name, topic: room.set_topic(name, topic),
    "timer": lambda room, name, seconds: room.set_timer(name, int(seconds)),
    "history": lambda room, name, state: room.share_history(name, state == "on"),
}
