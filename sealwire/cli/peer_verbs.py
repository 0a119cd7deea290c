"""The verbs: one question to a client, its answer on standard output, an exit code."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable

from sealwire.cli.common import say
from sealwire.cli.peer_options import Options
from sealwire.errors import AccountNameError, SealwireError, TextTooLongError, UsageError
from sealwire.i18n import _
from sealwire.ids import account_name
from sealwire.peer.api import MAX_TEXT_BYTES, ClientApi
from sealwire.peer.events import Connection, Event, Message, Warning, to_json
from sealwire.ui import views
from sealwire.ui.marks import ReadMarker
from sealwire.ui.stdio import Writer
from sealwire.ui.views import sentences

DEFAULT_HISTORY = 50
MAX_HISTORY = 1_000_000
_PAGE = 500

Answer = Callable[[ClientApi, Options], Awaitable[int]]


def other(options: Options) -> str:
    """Return the contact a verb is about.

    Raises:
        AccountNameError: it breaks the rule.
    """
    name = account_name(options.words[0])
    if name is None:
        raise AccountNameError(options.words[0])
    return name


def text_of(options: Options) -> str:
    """Return the text of ``send``: its words, or standard input for ``-`` without the line end ``echo`` adds.

    Raises:
        TextTooLongError, UsageError: it does not fit into one message, or is not text.
    """
    words = options.words[1:]
    if words != ("-",):
        text = " ".join(words)
        size = len(text.encode("utf-8", "surrogateescape"))
    else:
        # One byte past the limit and a line end: enough to know, whatever is piped in.
        data = sys.stdin.buffer.read(MAX_TEXT_BYTES + 2).removesuffix(b"\n")
        text, size = data.decode("utf-8", "surrogateescape"), len(data)
    if size > MAX_TEXT_BYTES:
        raise TextTooLongError(size, MAX_TEXT_BYTES)
    if not text:
        raise UsageError(_("There is no text to send."))
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise UsageError(_("The text is not UTF-8."))
    return text


async def send(client: ClientApi, options: Options) -> int:
    """Print ``id<TAB>state`` once the message is as far as ``--wait`` says."""
    sent = await client.send_text(other(options), text_of(options), options.wait, options.timeout_s)  # type: ignore[arg-type]
    _print(json.dumps(views.sent_json(sent)) if options.json else f"{sent.id}\t{sent.state}")
    return 0


async def history(client: ClientApi, options: Options) -> int:
    """Print the last messages with someone, oldest first."""
    name = other(options)
    messages = await client.history(name, _count(options))
    if not messages:
        say(_("No messages with {name} yet.").format(name=name))
    _rows(options, ((views.message_row(one), views.message_json(one)) for one in messages))
    return 0


async def contacts(client: ClientApi, options: Options) -> int:
    """Print everyone known here."""
    _rows(options, ((views.contact_row(one), views.contact_json(one)) for one in await client.contacts()))
    return 0


async def verify(client: ClientApi, options: Options) -> int:
    """Print the safety number; a person at a terminal, or ``--yes``, says whether it was compared."""
    name = other(options)
    number = await client.safety_number(name)
    if options.json:
        if options.yes:
            await client.set_verified(name, True)
            number = await client.safety_number(name)
        _print(json.dumps(views.safety_json(number)))
        return 0
    for line in sentences.safety(number):
        _print(line)
    if options.yes or (number.trust != "verified" and await _confirmed(name)):
        say(sentences.contact_line(await client.set_verified(name, True)))
    return 0


async def approve(client: ClientApi, options: Options) -> int:
    """Accept a changed key and give what waited a chance to leave."""
    contact = await client.approve(other(options))
    _rows(options, [(views.contact_row(contact), views.contact_json(contact))])
    await client.settle(options.timeout_s)
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
        _print(json.dumps(value))
    else:
        for key, field in value.items():
            _print(f"{key}\t{views.column(str(field))}")
    if problem is not None:
        raise problem
    return 0


class Receiver:
    """Writes messages to standard output and everything else to standard error."""

    def __init__(self, client: ClientApi, options: Options) -> None:
        self._client = client
        self._options = options
        self._out = Writer(1)
        self._view = views.View(name=client.name)
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
            await self.hear(event)

    async def hear(self, event: Event) -> None:
        """Write one event."""
        match event:
            case Message():
                if event.sender != self._client.name and self.marker.is_new(event):
                    await self._message(event)
            case Warning() | Connection():
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
    try:
        await receiver.stored()
        if options.follow:
            await _follow(receiver)
        else:
            await client.online(options.timeout_s)
            await client.drained(options.timeout_s)
            await receiver.stored()
    finally:
        await receiver.marker.flush()
    return 0


async def _follow(receiver: Receiver) -> None:
    marking = asyncio.create_task(receiver.marker.run(), name="mark")
    try:
        await receiver.follow()
    finally:
        marking.cancel()
        await asyncio.gather(marking, return_exceptions=True)


async def _confirmed(name: str) -> bool:
    """Ask a person; nobody there means no."""
    if not sys.stdin.isatty():
        return False
    question = _("Does {name} see the same number? Type yes or no: ").format(name=name)
    answer = await asyncio.to_thread(_ask, question)
    return answer.strip().lower() in {"yes", _("yes")}


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()


def _count(options: Options) -> int:
    if len(options.words) < 2:
        return DEFAULT_HISTORY
    text = options.words[1]
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:8]) <= MAX_HISTORY:
        raise UsageError(_("history takes a number of messages from 1 to {limit}.").format(limit=MAX_HISTORY))
    return int(text)


def _rows(options: Options, rows: Iterable[tuple[str, dict[str, object]]]) -> None:
    for row, value in rows:
        _print(json.dumps(value) if options.json else row)


def _print(line: str) -> None:
    print(line, flush=True)


ANSWERS: dict[str, Answer] = {
    "send": send,
    "recv": recv,
    "history": history,
    "contacts": contacts,
    "verify": verify,
    "approve": approve,
    "status": status,
}

OFFLINE = frozenset({"history", "contacts"})
"""Verbs that need no link once the profile is registered."""
