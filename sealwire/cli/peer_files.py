"""The verbs for files: send, list, fetch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from sealwire.cli.peer_options import Options
from sealwire.cli.streams import put, say
from sealwire.i18n import _
from sealwire.ui import views

if TYPE_CHECKING:
    from sealwire.peer.api import FullClient, Sent, TalkClient

DEFAULT_FILES = 50


async def send(client: TalkClient, options: Options) -> Sent:
    """Send a file; its words are a place alone."""
    assert options.file is not None, "asked for by the caller"
    return await cast("FullClient", client).files.send(
        options.words[0],
        options.file,
        caption=options.caption or "",
        name=options.as_file,
        reply_to=options.reply_to,
        wait=options.wait,
        timeout_s=options.timeout_s,
    )


async def files(client: TalkClient, options: Options) -> int:
    """Print the last files of a conversation, oldest first."""
    name = options.words[0]
    limit = int(options.words[1]) if len(options.words) > 1 else DEFAULT_FILES
    messages = await cast("FullClient", client).files.of(name, limit)
    if not messages:
        say(_("No files with {name} yet.").format(name=name))
    for message in reversed(messages):
        put(json.dumps(views.message_json(message)) if options.json else views.file_row(message))
    return 0


async def fetch(client: TalkClient, options: Options) -> int:
    """Print where a file lies, once it is whole."""
    file = await cast("FullClient", client).files.fetch(options.words[0], options.to, timeout_s=options.timeout_s)
    put(json.dumps(views.file_json(file)) if options.json else views.column(file.path or ""))
    return 0


async def pause(client: TalkClient, options: Options) -> int:
    """Stop moving a file for now."""
    await cast("FullClient", client).files.pause(options.words[0])
    return _moved(options)


async def resume(client: TalkClient, options: Options) -> int:
    """Go on with it; what moves it is a peer that stays."""
    await cast("FullClient", client).files.resume(options.words[0])
    return _moved(options)


async def stop(client: TalkClient, options: Options) -> int:
    """Give a file up."""
    await cast("FullClient", client).files.cancel(options.words[0])
    return _moved(options)


def _moved(options: Options) -> int:
    put(json.dumps({"id": options.words[0]}) if options.json else options.words[0])
    return 0
