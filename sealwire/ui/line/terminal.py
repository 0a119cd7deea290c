"""The line interface on a terminal: a real cursor, no alternate screen, nothing that spins.

prompt_toolkit keeps what is being typed apart from what arrives: every line said goes above the prompt, which is
drawn again with its text and cursor as they were.
"""

from __future__ import annotations

import asyncio
import sys
import time

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.patch_stdout import patch_stdout

from sealwire.errors import SealwireError
from sealwire.i18n import _, ngettext
from sealwire.peer.api import ClientApi
from sealwire.peer.events import Message
from sealwire.ui.line.commands import COMMANDS, parse
from sealwire.ui.line.talk import Talk
from sealwire.ui.marks import ReadMarker
from sealwire.ui.views import Line, screen_name

_TYPED_AHEAD = 100
"""Lines entered while an earlier one still waits for the directory."""


class _Above:
    """Prints above the prompt; messages look the same whether new or from the history."""

    async def say(self, line: Line) -> None:
        print(line.text, flush=True)

    async def message(self, message: Message, line: Line) -> None:
        print(line.text, flush=True)


async def run(client: ClientApi) -> int:
    """Hold a conversation until /quit, Ctrl+D or Ctrl+C; return the exit code.

    Raises:
        SealwireError: a first start that the broker refuses.
    """
    marker = ReadMarker(client)
    talk = Talk(client, _Above(), marker, lambda: time.time_ns() // 1_000_000)
    session = _session(talk)
    entered: asyncio.Queue[str] = asyncio.Queue(_TYPED_AHEAD)
    with patch_stdout():
        print(_("Sealwire, {name}. /help lists the commands.").format(name=screen_name(client.name)))
        tasks = [
            asyncio.create_task(talk.listen(), name="listen"),
            asyncio.create_task(_obey(talk, session, entered), name="obey"),
            asyncio.create_task(_type(session, entered), name="type"),
        ]
        marking = asyncio.create_task(marker.run(), name="mark")
        try:
            done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises why it ended, when that was an error
        finally:
            for task in (*tasks, marking):
                task.cancel()
            await asyncio.gather(*tasks, marking, return_exceptions=True)
            await marker.flush()
    await _farewell(client)
    return 0


def _session(talk: Talk) -> PromptSession[str]:
    words = [f"/{command}" for command in COMMANDS]
    return PromptSession(
        lambda: f"{screen_name(talk.view.current)}> " if talk.view.current else "> ",
        history=InMemoryHistory(),  # what people write is never left in a file
        completer=WordCompleter(words, sentence=True),
        complete_while_typing=False,
        key_bindings=_keys(),
        output=_output(),
    )


def _output() -> Output:
    """Without questions to the terminal: some never answer them, and the answer can land in what is being typed."""
    output = create_output(sys.stdout)
    if hasattr(output, "enable_cpr"):
        output.enable_cpr = False
    return output


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def _newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


async def _type(session: PromptSession[str], entered: asyncio.Queue[str]) -> None:
    while True:
        try:
            text = await session.prompt_async(handle_sigint=False)
        except (EOFError, KeyboardInterrupt):
            return
        await entered.put(text)


async def _obey(talk: Talk, session: PromptSession[str], entered: asyncio.Queue[str]) -> None:
    """One line after the other, so that text goes to whom the line before named."""
    while True:
        try:
            command = parse(await entered.get())
        except SealwireError as error:
            await talk.fail(error)
            continue
        if not await talk.do(command):
            return
        session.app.invalidate()  # the prompt names the conversation


async def _farewell(client: ClientApi) -> None:
    queued = (await client.status()).queued
    if queued:
        text = ngettext(
            "{count} message is still queued and goes out at the next start.",
            "{count} messages are still queued and go out at the next start.",
            queued,
        )
        print(text.format(count=queued))
