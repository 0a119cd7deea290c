"""Bots made of decorated functions: commands, messages, events; every message is handled at least once.

bot = Bot("echo")

@bot.command()
async def echo(context: Context, *words: str) -> None:
    "Say it again."
    await context.reply(" ".join(words))

bot.run()
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import shlex
from collections.abc import Awaitable, Callable, Coroutine
from difflib import get_close_matches
from typing import Any, Final

from msgspec import Struct

from sealwire.bots.peer import Incoming, Peer, connect
from sealwire.cli.loops import until_told
from sealwire.errors import SealwireError
from sealwire.i18n import _, explain
from sealwire.peer.api import Sent
from sealwire.peer.events import Event

MAX_WORDS: Final = 100
"""Words of one command: a pasted page is no command."""
_log = logging.getLogger("sealwire.bots")


class Context(Struct, frozen=True):
    """What a handler gets: the message, where it came from, and the ways to answer."""

    bot: Bot
    peer: Peer
    incoming: Incoming
    command: str = ""
    """The command's name, empty for a plain message."""

    @property
    def text(self) -> str:
        """What the message says."""
        return self.incoming.text

    @property
    def sender(self) -> str:
        """Who wrote it: an account name."""
        return self.incoming.sender

    @property
    def conversation(self) -> str:
        """Where: the sender's name, or the id of a group."""
        return self.incoming.conversation

    @property
    def is_verified(self) -> bool:
        """Whether a person compared the sender's key."""
        return self.incoming.message.verified

    async def reply(self, text: str) -> Sent:
        """Write into the conversation it came from; durable when this returns."""
        return await self.incoming.reply(text)


Handler = Callable[..., Awaitable[None]]
Starter = Callable[[Peer], Coroutine[Any, Any, None]]


class _Command(Struct, frozen=True):
    run: Handler
    help: str
    least: int
    most: int | None


class Bot:
    """A profile that answers.

    Args:
        name: its account.
        prefix: what begins a command.
        allowed: who may use it, by account name; None: everybody.
        options: everything :func:`sealwire.connect` takes.
    """

    def __init__(self, name: str, *, prefix: str = "/", allowed: set[str] | None = None, **options: Any) -> None:
        self.name = name
        self.prefix = prefix
        self.allowed = allowed
        self._options = options
        self._commands: dict[str, _Command] = {}
        self._on_message: list[Handler] = []
        self._on_event: list[tuple[type[Any], Callable[[Peer, Any], Awaitable[None]]]] = []
        self._on_start: list[Starter] = []
        self.command("help")(self._help)

    # --- decorators ---

    def command(self, name: str | None = None) -> Callable[[Handler], Handler]:
        """Call the function for ``/name words…``: with the context, then a text for each word.

        Its parameters say how many words it takes; its docstring's first line is what ``/help`` shows.
        """

        def add(run: Handler) -> Handler:
            least, most = _counts(run)
            summary = (inspect.getdoc(run) or "").partition("\n")[0]
            self._commands[(name or run.__name__).lower()] = _Command(run, summary, least, most)
            return run

        return add

    def on_message(self, run: Handler) -> Handler:
        """Call the function with the context of every message that is no command."""
        self._on_message.append(run)
        return run

    def on(self, kind: type[Event]) -> Callable[[Callable[[Peer, Any], Awaitable[None]]], Any]:
        """Call the function with the peer and each event of this kind (``sealwire.peer.events``)."""

        def add(run: Callable[[Peer, Any], Awaitable[None]]) -> Any:
            self._on_event.append((kind, run))
            return run

        return add

    def on_start(self, run: Starter) -> Starter:
        """Call the function with the peer once it runs; it may go on as long as the bot does."""
        self._on_start.append(run)
        return run

    # --- running ---

    def run(self) -> None:
        """Run until SIGINT or SIGTERM.

        Raises:
            SealwireError: typed as in ``sealwire.errors``.
        """
        try:
            until_told(self.start())
        except KeyboardInterrupt:
            _log.info("told to stop")

    async def start(self) -> None:
        """Run until cancelled, or until the peer's stream ends."""
        async with connect(self.name, **self._options) as peer, asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(peer)) for run in self._on_start]
            if self._on_event:
                tasks.append(group.create_task(self._watch(peer)))
            async for incoming in peer.messages():
                await self.handle(peer, incoming)
            for task in tasks:
                task.cancel()

    async def _watch(self, peer: Peer) -> None:
        async for event in peer.events():
            for kind, run in self._on_event:
                if isinstance(event, kind):
                    await self._guarded(run(peer, event))

    async def handle(self, peer: Peer, incoming: Incoming) -> None:
        """Handle one message, then acknowledge it: a crash in between brings it again, an error does not."""
        if self.allowed is None or incoming.sender in self.allowed:
            context = Context(self, peer, incoming)
            if incoming.text.startswith(self.prefix) and incoming.message.kind == "text":
                await self._guarded(self._obey(context))
            else:
                for run in self._on_message:
                    await self._guarded(run(context))
        await incoming.ack()

    async def _obey(self, context: Context) -> None:
        try:
            name, *words = shlex.split(context.text.removeprefix(self.prefix))[: MAX_WORDS + 1] or [""]
        except ValueError:  # a quotation mark without its other half
            name, *words = context.text.removeprefix(self.prefix).split()[: MAX_WORDS + 1] or [""]
        command = self._commands.get(name.lower())
        if command is None:
            await context.reply(self._unknown(name))
        elif len(words) < command.least or (command.most is not None and len(words) > command.most):
            await context.reply(_("{prefix}{name}: {help}").format(prefix=self.prefix, name=name, help=command.help))
        else:
            await command.run(Context(self, context.peer, context.incoming, name.lower()), *words)

    def _unknown(self, name: str) -> str:
        near = get_close_matches(name.lower(), self._commands, 1, 0.5) or ["help"]
        text = _("There is no command {prefix}{name}. Did you mean {prefix}{near}?")
        return text.format(prefix=self.prefix, name=name[:32], near=near[0])

    async def _help(self, context: Context, *_words: str) -> None:
        """List the commands."""
        lines = [f"{self.prefix}{name}  {command.help}".rstrip() for name, command in sorted(self._commands.items())]
        await context.reply("\n".join(lines))

    async def _guarded(self, work: Awaitable[None]) -> None:
        """One handler's mistake is logged and does not end the bot."""
        try:
            await work
        except SealwireError as error:
            _log.error("a handler failed: %s", explain(error)[0])
        except Exception:  # noqa: BLE001 - the border to somebody else's code
            _log.exception("a handler failed")


def _counts(run: Handler) -> tuple[int, int | None]:
    """How many words a handler takes beside the context: at least, at most (None: any number)."""
    parameters = list(inspect.signature(run).parameters.values())[1:]
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return sum(one.default is one.empty for one in parameters if one.kind is not one.VAR_POSITIONAL), None
    return sum(one.default is one.empty for one in parameters), len(parameters)
