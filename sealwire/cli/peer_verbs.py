"""The verbs: one question to a client, its answer on standard output, an exit code."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sealwire.cli import peer_files, peer_groups, peer_past, peer_talk
from sealwire.cli.peer_options import Options
from sealwire.cli.streams import CALLER, can_ask, put, say
from sealwire.errors import IntegrityError, SealwireError, UntrustedPeerError
from sealwire.i18n import _
from sealwire.peer.api import ClientApi, FullClient, TalkClient
from sealwire.peer.events import Connection, Contact, Event, Message, Warning, to_json
from sealwire.peer.patience import PATIENCE_S
from sealwire.ui import views
from sealwire.ui.marks import ReadMarker
from sealwire.ui.stdio import Writer
from sealwire.ui.views import sentences
from sealwire.ui.views.trust import compare_lines, match_sentence

DEFAULT_HISTORY = 50
_PAGE = 500

_QUIET_S = 0.5
"""What waits at the broker follows the login without a pause; half a second without anything is the end of it."""
_NAP_S = 0.05
"""In one piece, half a second of work of our own would pass for half a second of silence."""

Answer = Callable[[Any, Options], Awaitable[int]]
"""What a verb does with a client; each names the rooms that it needs."""


async def send(client: TalkClient, options: Options) -> int:
    """Print ``id<TAB>state`` once the message is as far as ``--wait`` says."""
    to = options.words[0]
    saying = asyncio.create_task(_say_warnings(client, to))
    try:
        answered, wait = options.reply_to, options.wait
        if options.file is not None:
            sent = await peer_files.send(client, options)
        else:
            sent = await client.talk.send(
                to, options.words[1], reply_to=answered, wait=wait, timeout_s=options.timeout_s
            )
    finally:
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
    put(json.dumps(views.sent_json(sent)) if options.json else f"{sent.id}\t{sent.state}")
    return 0


async def _say_warnings(client: ClientApi, to: str) -> None:
    """Say why a message waits, for instance that the recipient's mailbox is full. A changed key is an error itself."""
    async for event in client.events():
        if isinstance(event, Warning) and event.conversation == to and event.name != UntrustedPeerError.code:
            say(event.message)


async def history(client: FullClient, options: Options) -> int:
    """Print the last messages with someone, or of all conversations, oldest first."""
    if options.words:
        name = options.words[0]
        messages = await client.history(name, int(options.words[1]) if len(options.words) > 1 else DEFAULT_HISTORY)
        if not messages:
            say(_("No messages with {name} yet.").format(name=name))
    else:
        places = [one.id for one in await client.past.conversations()]
        found = [message for place in places for message in await client.history(place, DEFAULT_HISTORY)]
        messages = sorted(found, key=lambda message: message.row)[-DEFAULT_HISTORY:]
    shown = (one for one in messages if options.json or one.kind != "notice")  # a row cannot say that nobody wrote it
    _rows(options, ((views.message_row(one), views.message_json(one)) for one in shown))
    return 0


async def contacts(client: ClientApi, options: Options) -> int:
    """Print everyone known here."""
    _rows(options, ((views.contact_row(one), views.contact_json(one)) for one in await client.contacts()))
    return 0


async def verify(client: FullClient, options: Options) -> int:
    """Print what two people compare; a person at a terminal, ``--yes`` or the other side's code says it is the same.

    Returns:
        the exit code: 9 when the code is not that of the key that is known here.
    """
    name, *code = options.words
    if code:
        return await _check_code(client, options, name, code[0])
    number = await client.safety_number(name)
    value = await client.people.verification(name)
    if options.json:
        if options.yes:
            await client.set_verified(name, True, number.digits)
            number = await client.safety_number(name)
        put(json.dumps({**views.verification_json(value), **views.safety_json(number)}))
        return 0
    heading, *_digits, comparing = sentences.safety(number)
    say(heading)
    for line in views.safety_lines(number.digits):  # the one thing here that a script reads
        put(line)
    say(comparing)
    for line in compare_lines(value, number.trust, name, time.time_ns() // 1_000_000, None):
        say(line)
    if options.yes or (number.trust != "verified" and await _confirmed(name)):
        say(sentences.contact_line(await client.set_verified(name, True, number.digits)))
    return 0


async def _check_code(client: FullClient, options: Options, name: str, code: str) -> int:
    match = await client.people.check_code(name, code)
    put(json.dumps({"match": match}) if options.json else match)
    say(match_sentence(match, name))
    return 0 if match == "same" else IntegrityError.exit


async def approve(client: ClientApi, options: Options) -> int:
    """Accept a changed key and give what waited a chance to leave."""
    contact = await client.approve(options.words[0])
    _rows(options, [(views.contact_row(contact), views.contact_json(contact))])
    await client.settle(options.timeout_s)
    return 0


async def info(client: ClientApi, options: Options) -> int:
    """Print the fingerprint of somebody and the session with them, ``key<TAB>value`` lines."""
    value = views.session_json(await client.info(options.words[0]))
    if options.json:
        put(json.dumps(value))
    else:
        for key, field in value.items():
            put(f"{key}\t{views.column(str(field))}")
    return 0


async def status(client: ClientApi, options: Options) -> int:
    """Print the peer at a glance; without a link, say why and return that exit code."""
    problem: SealwireError | None = None
    try:
        await client.online(options.timeout_s)
    except SealwireError as error:
        problem = error
    value = views.status_json(await client.status())
    if options.json:
        put(json.dumps(value))
    else:
        for key, field in value.items():
            put(f"{key}\t{views.column(str(field))}")
    if problem is not None:
        raise problem
    return 0


class Receiver:
    """Writes messages to standard output and everything else to standard error."""

    def __init__(self, client: ClientApi, options: Options) -> None:
        self._client = client
        self._options = options
        caller = CALLER.get()
        self._out = Writer(1) if caller is None else caller
        self._view = views.View(name=client.name)
        self._heard = 0
        self.marker = ReadMarker(client)

    async def stored(self) -> None:
        """Write what is stored and was not written before, page by page."""
        while page := await self._client.unread(_PAGE):
            for message in page:
                await self._message(message)
            await self.marker.flush()

    async def follow(self) -> None:
        """Write what comes until the client closes."""
        async for event in self._client.events():
            self._heard += 1
            await self._hear(event)

    async def quiet(self, timeout_s: float) -> None:
        """Wait until nothing came for a moment: the broker sends what waited without a pause."""
        # In naps, each worth its own length however long it was: while this process works, above all on the first
        # handshake, it hears nothing, and that is no silence of the broker's.
        end, silence_s = time.monotonic() + timeout_s, 0.0
        while silence_s < _QUIET_S and time.monotonic() < end:
            heard = self._heard
            await asyncio.sleep(_NAP_S)
            silence_s = silence_s + _NAP_S if self._heard == heard else 0.0

    async def _hear(self, event: Event) -> None:
        match event:
            case Message(change=None, kind="text" | "file"):
                if event.sender != self._client.name and self.marker.is_new(event):
                    await self._message(event)
            case Message() if self._options.json:  # how one stands now, or what nobody wrote: a row cannot say so
                await self._out.line(json.dumps(to_json(event)))
            case Connection() if not self._options.follow:
                pass
            case Warning() | Connection() | Contact(state="changed"):
                self._view, lines = views.reduce(self._view, event, 0)
                for line in lines:
                    say(line.text)
            case _:
                pass

    async def _message(self, message: Message) -> None:
        row = json.dumps(to_json(message)) if self._options.json else views.message_row(message)
        await self._out.line(row)
        self.marker.wrote(message)


async def recv(client: ClientApi, options: Options) -> int:
    """Print what came since the last ``recv``; with ``--follow`` go on until told to stop."""
    receiver = Receiver(client, options)
    await receiver.stored()
    tasks = [asyncio.create_task(receiver.follow()), asyncio.create_task(receiver.marker.run())]
    try:
        if options.follow:
            await tasks[0]
        else:
            await client.online(options.timeout_s)
            await receiver.quiet(options.timeout_s)
            if tasks[0].done():
                await tasks[0]  # raises why nothing more could be written
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await receiver.marker.flush()
    return 0


async def _confirmed(name: str) -> bool:
    """Ask a person; nobody there means no."""
    if not can_ask():
        return False
    question = _("Does {name} see the same number? Type yes or no: ").format(name=name)
    answer = await asyncio.to_thread(_ask, question)
    return answer.strip().lower() in {"yes", _("yes")}


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()


def _rows(options: Options, rows: Iterable[tuple[str, dict[str, object]]]) -> None:
    for row, value in rows:
        put(json.dumps(value) if options.json else row)


ANSWERS: dict[str, Answer] = {
    "send": send,
    "edit": peer_talk.edit,
    "delete": peer_talk.delete,
    "react": peer_talk.react,
    "pin": peer_talk.pin,
    "forward": peer_talk.forward,
    "cancel": peer_talk.cancel,
    "timer": peer_talk.timer,
    "retry": peer_talk.retry,
    "pause": peer_files.pause,
    "resume": peer_files.resume,
    "stop": peer_files.stop,
    "files": peer_files.files,
    "fetch": peer_files.fetch,
    "recv": recv,
    "history": history,
    "contacts": contacts,
    "verify": verify,
    "info": info,
    "approve": approve,
    "group": peer_groups.group,
    "status": status,
    **peer_past.ANSWERS,
}


async def answer(client: ClientApi, options: Options) -> int:
    """Do what a verb asks for; whatever it asks the broker, it waits ``--timeout`` for the link."""
    PATIENCE_S.set(options.timeout_s)
    return await ANSWERS[options.verb or ""](client, options)
