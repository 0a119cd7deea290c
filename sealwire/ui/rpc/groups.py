"""Methods about groups: made, joined, led, left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, cast

from sealwire.i18n import _
from sealwire.peer.api.groups import GroupInfo, GroupsApi, Role
from sealwire.ui import views
from sealwire.ui.rpc.params import Json, Method, Params

ROLES: Final[tuple[Role, ...]] = ("owner", "admin", "member", "read-only")
MAX_SECONDS: Final = 366 * 24 * 3600


def methods(room: GroupsApi) -> dict[str, Method]:
    """Return them by name."""

    def one(ask: Callable[[Params], Awaitable[GroupInfo]]) -> Method:
        async def answer(params: Params) -> Json:
            return views.group_json(await ask(params))

        return answer

    async def every(_none: Params) -> Json:
        return {"groups": [views.group_json(info) for info in await room.all()]}

    return {
        "group.create": one(lambda p: room.create(p.text("name"), _names(p))),
        "group.list": every,
        "group.info": one(lambda p: room.info(p.text("group"))),
        "group.invite": one(lambda p: room.invite(p.text("group"), p.name("name"), _role(p))),
        "group.accept": one(lambda p: room.accept(p.text("group"))),
        "group.decline": one(lambda p: room.decline(p.text("group"))),
        "group.leave": one(lambda p: room.leave(p.text("group"))),
        "group.remove": one(lambda p: room.remove(p.text("group"), p.name("name"))),
        "group.role": one(lambda p: room.set_role(p.text("group"), p.name("name"), _role(p))),
        "group.rename": one(lambda p: room.rename(p.text("group"), p.text("name"))),
        "group.topic": one(lambda p: room.set_topic(p.text("group"), p.text("topic"))),
        "group.timer": one(lambda p: room.set_timer(p.text("group"), p.number("seconds", -1, 0, MAX_SECONDS))),
        "group.history": one(lambda p: room.share_history(p.text("group"), p.switch("shared", False))),
    }


def _role(params: Params) -> Role:
    return cast(Role, params.choice("role", ROLES, "member"))


def _names(params: Params) -> list[str]:
    names = params.values.get("members", [])
    if not isinstance(names, list):
        raise params.wrong("members", _("a list of names"))
    return [Params({"members": name}).name("members") for name in names]
