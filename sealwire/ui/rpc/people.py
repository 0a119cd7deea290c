"""Methods about people: requests, blocks, nicknames, keys compared by code, presence."""

from __future__ import annotations

from sealwire.peer.api.people import PeopleApi
from sealwire.ui import views
from sealwire.ui.rpc.params import Json, Method, Params


def methods(room: PeopleApi) -> dict[str, Method]:
    """Return them by name."""

    async def people(_none: Params) -> Json:
        return {"people": [views.person_json(one) for one in await room.people()]}

    async def person(params: Params) -> Json:
        return views.person_json(await room.person(params.name("name")))

    async def accept(params: Params) -> Json:
        return views.person_json(await room.accept(params.name("name")))

    async def decline(params: Params) -> Json:
        return views.person_json(await room.decline(params.name("name")))

    async def block(params: Params) -> Json:
        return views.person_json(await room.block(params.name("name"), params.switch("blocked", True)))

    async def nickname(params: Params) -> Json:
        return views.person_json(await room.nickname(params.name("name"), params.text("nickname")))

    async def code(params: Params) -> Json:
        return views.verification_json(await room.verification(params.name("name")))

    async def check_code(params: Params) -> Json:
        return {"match": await room.check_code(params.name("name"), params.text("code"))}

    async def presence(params: Params) -> Json:
        shared = params.switch("shared", False) if "shared" in params.values else None
        return {"shared": await room.share_presence(shared)}

    return {
        "people": people,
        "person": person,
        "accept": accept,
        "decline": decline,
        "block": block,
        "nickname": nickname,
        "code": code,
        "check_code": check_code,
        "presence": presence,
    }
