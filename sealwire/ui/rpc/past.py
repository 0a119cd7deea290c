"""Methods about what was said: conversations, pages, search, read markers, copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from sealwire.i18n import _
from sealwire.peer.api.past import ExportFormat, PastApi, Retention
from sealwire.peer.events import Message
from sealwire.ui import views
from sealwire.ui.rpc.params import Json, Method, Params

MAX_ROWS: Final = 1_000
"""Messages of one answer: it is one line, and the other side holds it whole."""
MAX_MS: Final = 253_402_300_799_999


def methods(room: PastApi) -> dict[str, Method]:
    """Return them by name."""

    async def conversations(_none: Params) -> Json:
        return {"conversations": [views.conversation_json(one) for one in await room.conversations()]}

    async def page(params: Params) -> Json:
        conversation, limit = params.conversation("conversation"), params.number("limit", 50, 1, MAX_ROWS)
        if None not in (params.values.get("before"), params.values.get("after")):
            raise params.wrong("after", _("absent where before is given"))
        before, after = await row_of(params, conversation, "before"), await row_of(params, conversation, "after")
        return _messages(await room.page(conversation, limit, before_row=before, after_row=after))

    async def row_of(params: Params, conversation: str, key: str) -> int | None:
        if params.values.get(key) is None:
            return None
        found = await room.message(conversation, params.text(key))
        if found is None:
            raise params.wrong(key, _("the id of a message in this conversation"))
        return found.row

    async def search(params: Params) -> Json:
        limit = params.number("limit", 50, 1, MAX_ROWS)
        found = await room.search(params.text("query"), params.optional("conversation"), limit)
        return {"found": [{**views.message_json(one.message), "marks": list(map(list, one.marks))} for one in found]}

    async def at_date(params: Params) -> Json:
        conversation, limit = params.conversation("conversation"), params.number("limit", 50, 1, MAX_ROWS)
        row = await room.row_at(conversation, params.number("ms", 0, 0, MAX_MS))
        return _messages([] if row is None else await room.around(conversation, row, limit))

    async def read(params: Params) -> Json:
        conversation = params.conversation("conversation")
        row = await row_of(params, conversation, "id")
        if row is None:
            raise params.wrong("id", _("the id of a message in this conversation"))
        await room.mark_read(conversation, row)
        return views.conversation_json(await room.conversation(conversation))

    async def mute(params: Params) -> Json:
        conversation = params.conversation("conversation")
        await room.mute(conversation, params.number("until_ms", MAX_MS, 0, MAX_MS))
        return views.conversation_json(await room.conversation(conversation))

    async def pinned(params: Params) -> Json:
        return _messages(await room.pinned(params.conversation("conversation")))

    return {
        "conversations": conversations,
        "page": page,
        "search": search,
        "at_date": at_date,
        "read": read,
        "mute": mute,
        "pinned": pinned,
        **_copies(room),
    }


def _copies(room: PastApi) -> dict[str, Method]:
    async def clear(params: Params) -> Json:
        return {"count": await room.clear(params.conversation("conversation"))}

    async def retention(params: Params) -> Json:
        rule = None
        if "days" in params.values or "messages" in params.values:
            rule = Retention(params.number("days", 0, 0, 36_500), params.number("messages", 0, 0, 100_000_000))
        found = await room.retention(params.optional("conversation"), rule)
        return {"days": found.days, "messages": found.messages}

    async def export(params: Params) -> Json:
        kind = cast("ExportFormat", params.choice("format", ("json", "text", "html"), "json"))
        return {"count": await room.export(params.path("path"), kind, params.optional("conversation"))}

    async def import_(params: Params) -> Json:
        return {"count": await room.import_(params.path("path"))}

    async def backup(params: Params) -> Json:
        await room.backup(params.path("path"), params.text("passphrase").encode())
        return {"path": str(params.path("path"))}

    return {"clear": clear, "retention": retention, "export": export, "import": import_, "backup": backup}


def _messages(found: Sequence[Message]) -> Json:
    return {"messages": [views.message_json(one) for one in found]}
