"""Methods for words: correct, take back, react, pin, forward, cancel, show that one writes, timers, drafts."""

from __future__ import annotations

from sealwire.peer.api.talk import TalkApi
from sealwire.ui import views
from sealwire.ui.rpc.params import Json, Method, Params

MAX_TIMER_S = 366 * 24 * 3600


def methods(talk: TalkApi) -> dict[str, Method]:
    """Return the methods by name."""
    desk = _Methods(talk)
    return {
        "edit": desk.edit,
        "delete": desk.delete,
        "react": desk.react,
        "pin": desk.pin,
        "forward": desk.forward,
        "cancel": desk.cancel,
        "typing": desk.typing,
        "timer": desk.timer,
        "draft": desk.draft,
    }


class _Methods:
    """Each takes its parameters and returns its result; errors are ``sealwire.errors`` and RpcError."""

    def __init__(self, talk: TalkApi) -> None:
        self._talk = talk

    async def edit(self, params: Params) -> Json:
        place, message_id, text = params.conversation("conversation"), params.text("id"), params.text("text")
        return views.message_json(await self._talk.edit(place, message_id, text))

    async def delete(self, params: Params) -> Json:
        place, message_id = params.conversation("conversation"), params.text("id")
        for_everyone = params.switch("for_everyone", True)
        return views.message_json(await self._talk.delete(place, message_id, for_everyone=for_everyone))

    async def react(self, params: Params) -> Json:
        place, message_id, emoji = params.conversation("conversation"), params.text("id"), params.text("emoji")
        return views.message_json(await self._talk.react(place, message_id, emoji))

    async def pin(self, params: Params) -> Json:
        place, message_id = params.conversation("conversation"), params.text("id")
        pinned = params.switch("pinned", True)
        return views.message_json(await self._talk.pin(place, message_id, pinned))

    async def forward(self, params: Params) -> Json:
        place, message_id, to = params.conversation("conversation"), params.text("id"), params.conversation("to")
        return views.sent_json(await self._talk.forward(place, message_id, to))

    async def cancel(self, params: Params) -> Json:
        return views.message_json(await self._talk.cancel(params.text("id")))

    async def typing(self, params: Params) -> Json:
        active = params.switch("active", True)
        await self._talk.typing(params.conversation("conversation"), active)
        return {"active": active}

    async def timer(self, params: Params) -> Json:
        place, seconds = params.conversation("conversation"), params.number("seconds", -1, 0, MAX_TIMER_S)
        await self._talk.set_timer(place, seconds)
        return {"seconds": seconds}

    async def draft(self, params: Params) -> Json:
        place, text = params.conversation("conversation"), params.maybe_text("text")
        if text is not None:
            await self._talk.set_draft(place, text)
        return {"text": await self._talk.draft(place)}
