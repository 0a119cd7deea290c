"""The verbs about people and about what was said: lists, search, requests, copies, how long it is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Protocol, cast

from sealwire.cli.peer_options import Options
from sealwire.cli.streams import put, say
from sealwire.errors import UsageError
from sealwire.i18n import _, ngettext
from sealwire.ids import GROUP_MARK
from sealwire.peer.api import ClientApi
from sealwire.peer.api.groups import GroupsApi
from sealwire.peer.api.past import ExportFormat, PastApi, Retention
from sealwire.peer.api.people import PeopleApi, PersonInfo
from sealwire.ui import views
from sealwire.ui.views.commands import FOREVER_S

FORMATS: Final[dict[str, ExportFormat]] = {".json": "json", ".jsonl": "json", ".txt": "text", ".html": "html"}
MANY: Final = 1_000


class PastClient(ClientApi, Protocol):
    """A client with the rooms these verbs need."""

    past: PastApi
    people: PeopleApi
    groups: GroupsApi


# --- lists ---------------------------------------------------------------------------------------------------


async def conversations(client: PastClient, options: Options) -> int:
    """Print ``id<TAB>unread<TAB>title<TAB>last text`` for each conversation, the latest first."""
    for one in await client.past.conversations():
        last = views.column(one.last.text) if one.last is not None else ""
        _row(options, (one.id, str(one.unread), views.column(one.title), last), views.conversation_json(one))
    return 0


async def search(client: PastClient, options: Options) -> int:
    """Print what was found as ``history`` does, latest first."""
    found = await client.past.search(options.words[0], limit=MANY)
    for one in found:
        put(json.dumps(views.message_json(one.message)) if options.json else views.message_row(one.message))
    if not found:
        say(_("Nothing here has these words."))
    return 0


async def requests(client: PastClient, options: Options) -> int:
    """Print everyone who wants to talk and is not answered yet."""
    _people(options, (one for one in await client.people.people() if one.request and not one.blocked))
    return 0


async def pinned(client: PastClient, options: Options) -> int:
    """Print the pinned messages of a conversation as ``history`` does, the latest pin first."""
    for one in await client.past.pinned(await _place(client, options)):
        put(json.dumps(views.message_json(one)) if options.json else views.message_row(one))
    return 0


async def mute(client: PastClient, options: Options) -> int:
    """No notifications from a conversation, for so many seconds or for good."""
    seconds = int(options.words[1]) if len(options.words) > 1 else FOREVER_S
    return await _mute(client, options, time.time_ns() // 1_000_000 + seconds * 1000 if seconds else 0)


async def unmute(client: PastClient, options: Options) -> int:
    """Notify again."""
    return await _mute(client, options, 0)


async def _mute(client: PastClient, options: Options, until_ms: int) -> int:
    place = await _place(client, options)
    await client.past.mute(place, until_ms)
    value = views.conversation_json(await client.past.conversation(place))
    _row(options, (place, value.get("muted_until", "")), value)
    return 0


async def _place(client: PastClient, options: Options) -> str:
    """Return the conversation that the first word names: a person, or the id of a group. Raises UnknownPeerError."""
    word = options.words[0]
    if word.startswith(GROUP_MARK):
        return (await client.groups.info(word)).id
    return (await client.people.person(word)).contact.name


# --- people --------------------------------------------------------------------------------------------------


async def accept(client: PastClient, options: Options) -> int:
    """Answer a request to talk."""
    _people(options, [await client.people.accept(options.words[0])])
    await client.settle(options.timeout_s)
    return 0


async def decline(client: PastClient, options: Options) -> int:
    """Refuse a request; the person is blocked and hears nothing of it."""
    _people(options, [await client.people.decline(options.words[0])])
    return 0


async def block(client: PastClient, options: Options) -> int:
    """Take nothing from somebody any more."""
    _people(options, [await client.people.block(options.words[0])])
    return 0


async def unblock(client: PastClient, options: Options) -> int:
    """Take somebody's messages again."""
    _people(options, [await client.people.block(options.words[0], False)])
    return 0


async def nickname(client: PastClient, options: Options) -> int:
    """Give somebody a name that only this profile sees; without one, take it away."""
    _people(options, [await client.people.nickname(options.words[0], " ".join(options.words[1:]))])
    return 0


async def presence(client: PastClient, options: Options) -> int:
    """Say or set whether others see that one is online."""
    shared = await client.people.share_presence(options.words[0] == "on" if options.words else None)
    _row(options, ("on" if shared else "off",), {"shared": shared})
    return 0


def _people(options: Options, people: Iterable[PersonInfo]) -> None:
    for one in people:
        state = "blocked" if one.blocked else "request" if one.request else one.contact.trust
        _row(options, (one.contact.name, state, views.column(one.nickname)), views.person_json(one))


# --- copies --------------------------------------------------------------------------------------------------


async def export(client: PastClient, options: Options) -> int:
    """Write messages into a new file, in clear; its ending says in which form."""
    path, place = Path(options.words[0]), options.words[1] if len(options.words) > 1 else None
    _count(options, await client.past.export(path, FORMATS[path.suffix.lower()], place))
    return 0


async def import_(client: PastClient, options: Options) -> int:
    """Take in a JSON export."""
    _count(options, await client.past.import_(Path(options.words[0])))
    return 0


async def backup(client: PastClient, options: Options) -> int:
    """Write the whole profile into a new file under a passphrase."""
    path, passphrase = options.words
    await client.past.backup(Path(path), passphrase.encode("utf-8", "surrogateescape"))
    _row(options, (path,), {"path": path})
    return 0


async def clear(client: PastClient, options: Options) -> int:
    """Delete a conversation's messages on this side."""
    if not options.yes:
        raise UsageError(_("This deletes what was said, here and for good: clear NAME --yes."))
    _count(options, await client.past.clear(options.words[0]))
    return 0


async def keep(client: PastClient, options: Options) -> int:
    """Say or set for how many days messages are kept, everywhere or in one conversation; 0: for ever."""
    place = options.words[1] if len(options.words) > 1 else None
    rule = Retention(days=int(options.words[0])) if options.words else None
    found = await client.past.retention(place, rule)
    _row(options, (str(found.days), str(found.messages)), {"days": found.days, "messages": found.messages})
    return 0


def _count(options: Options, count: int) -> None:
    put(json.dumps({"count": count}) if options.json else str(count))
    say(ngettext("{count} message.", "{count} messages.", count).format(count=count))


def _row(options: Options, fields: tuple[str, ...], value: dict[str, Any]) -> None:
    put(json.dumps(value) if options.json else "\t".join(fields))


ANSWERS: Final = cast(
    "dict[str, Any]",
    {
        "conversations": conversations,
        "search": search,
        "pinned": pinned,
        "mute": mute,
        "unmute": unmute,
        "presence": presence,
        "requests": requests,
        "accept": accept,
        "decline": decline,
        "block": block,
        "unblock": unblock,
        "nickname": nickname,
        "export": export,
        "import": import_,
        "backup": backup,
        "clear": clear,
        "keep": keep,
    },
)
