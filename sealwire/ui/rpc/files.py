"""Methods for files: send, fetch, pause, go on, give up, copy, list."""

from __future__ import annotations

from typing import Final

from sealwire.peer.api.files import FilesApi
from sealwire.ui import views
from sealwire.ui.rpc.params import Json, Method, Params

MAX_ROWS: Final = 1_000
PATIENCE_S: Final = 10.0


def methods(room: FilesApi) -> dict[str, Method]:
    """Return them by name."""

    async def send(params: Params) -> Json:
        sent = await room.send(
            params.conversation("to"),
            params.path("path"),
            caption=params.maybe_text("caption") or "",
            name=params.maybe_text("name"),
            reply_to=params.maybe_text("reply_to"),
            wait=params.wait(),
            timeout_s=params.seconds("timeout", PATIENCE_S),
        )
        return views.sent_json(sent)

    async def fetch(params: Params) -> Json:
        target = None if params.values.get("path") is None else params.path("path")
        timeout_s = None if params.values.get("timeout") is None else params.seconds("timeout", PATIENCE_S)
        return views.file_json(await room.fetch(params.text("id"), target, timeout_s=timeout_s))

    async def pause(params: Params) -> Json:
        await room.pause(params.text("id"))
        return {"id": params.text("id")}

    async def resume(params: Params) -> Json:
        await room.resume(params.text("id"))
        return {"id": params.text("id")}

    async def cancel(params: Params) -> Json:
        await room.cancel(params.text("id"))
        return {"id": params.text("id")}

    async def save(params: Params) -> Json:
        await room.save_copy(params.text("id"), params.path("path"))
        return {"id": params.text("id")}

    async def list_(params: Params) -> Json:
        found = await room.of(params.conversation("conversation"), params.number("limit", 50, 1, MAX_ROWS))
        return {"messages": [views.message_json(one) for one in reversed(found)]}

    return {
        "file.send": send,
        "file.fetch": fetch,
        "file.pause": pause,
        "file.resume": resume,
        "file.cancel": cancel,
        "file.save": save,
        "file.list": list_,
    }
