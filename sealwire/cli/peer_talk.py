"""The verbs for messages there are: correct, take back, react, pin, forward, cancel, and a conversation's timer."""

from __future__ import annotations

import json

from sealwire.cli.peer_options import Options
from sealwire.cli.streams import put
from sealwire.errors import NotReachedError
from sealwire.i18n import _
from sealwire.peer.api import TalkClient
from sealwire.peer.events import Message
from sealwire.ui import views


async def edit(client: TalkClient, options: Options) -> int:
    """Put other words in place of an own message."""
    place, message_id, text = options.words
    return await _done(client, options, await client.talk.edit(place, message_id, text))


async def delete(client: TalkClient, options: Options) -> int:
    """Take an own message back everywhere; with ``here`` delete any on this side alone."""
    place, message_id, *rest = options.words
    return await _done(client, options, await client.talk.delete(place, message_id, for_everyone=not rest))


async def react(client: TalkClient, options: Options) -> int:
    """Set the own reaction; without one, take it off."""
    place, message_id, *emoji = options.words
    return await _done(client, options, await client.talk.react(place, message_id, "".join(emoji)))


async def pin(client: TalkClient, options: Options) -> int:
    """Pin a message for everyone, or with ``off`` unpin it."""
    place, message_id, *rest = options.words
    return await _done(client, options, await client.talk.pin(place, message_id, not rest))


async def forward(client: TalkClient, options: Options) -> int:
    """Pass a message on."""
    place, message_id, to = options.words
    sent = await client.talk.forward(place, message_id, to)
    put(json.dumps(views.sent_json(sent)) if options.json else f"{sent.id}\t{sent.state}")
    return await _left(client, options)


async def cancel(client: TalkClient, options: Options) -> int:
    """Give up a queued message."""
    _print(options, await client.talk.cancel(options.words[0]))
    return 0


async def retry(client: TalkClient, options: Options) -> int:
    """Try failed messages again; print how many there were."""
    count = await client.retry()
    put(json.dumps({"count": count}) if options.json else str(count))
    return await _left(client, options)


async def timer(client: TalkClient, options: Options) -> int:
    """Let new messages disappear after so many seconds."""
    place, seconds = options.words[0], int(options.words[1])
    await client.talk.set_timer(place, seconds)
    value = {"conversation": place, "seconds": seconds}
    put(json.dumps(value) if options.json else f"{place}\t{seconds}")
    return await _left(client, options)


async def _done(client: TalkClient, options: Options, message: Message) -> int:
    _print(options, message)
    return await _left(client, options)


def _print(options: Options, message: Message) -> None:
    put(json.dumps(views.message_json(message)) if options.json else views.message_row(message))


async def _left(client: TalkClient, options: Options) -> int:
    """Give what was asked a chance to leave; it goes by itself later.

    Raises:
        BrokerUnreachableError, NotReachedError: it has not left in time.
    """
    if await client.settle(options.timeout_s):
        return 0
    await client.online(0)  # raises why there is no link
    raise NotReachedError(state=_("sent"), seconds=f"{options.timeout_s:g}")
