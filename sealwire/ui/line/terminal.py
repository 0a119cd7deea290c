"""The line interface on a terminal: a real cursor, no alternate screen, nothing that spins.

prompt_toolkit keeps what is being typed apart from what arrives: every line said goes above the prompt, which is
drawn again with its text and cursor as they were.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from getpass import getpass

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.shortcuts import CompleteStyle

from sealwire.errors import SealwireError, UsageError
from sealwire.i18n import _, ngettext
from sealwire.peer.api import FullClient
from sealwire.peer.events import Message
from sealwire.ui.announce import Announcer, Ways
from sealwire.ui.line.draft import Draft
from sealwire.ui.line.talk import Talk
from sealwire.ui.marks import ReadMarker
from sealwire.ui.orders import Work
from sealwire.ui.views import Line, completing, screen_name
from sealwire.ui.views.commands import parse

_TYPED_AHEAD = 100
"""Lines entered while an earlier one still waits for the directory."""

_LAST_LINES_S = 10.0
"""For lines entered before Ctrl+D; one more Ctrl+C ends it at once."""


class _Above:
    """Prints above the prompt; messages look the same whether new or from the history."""

    async def say(self, line: Line) -> None:
        print(line.text, flush=True)

    async def message(self, message: Message, line: Line) -> None:
        print(line.text, flush=True)

    async def passphrase(self) -> bytes:
        return await run_in_terminal(_ask_twice, in_executor=True)


def _ask_twice() -> bytes:
    value = getpass(_("Passphrase of the backup: "))
    if value != getpass(_("The same again: ")):
        raise UsageError(_("These were two different passphrases."))
    return value.encode("utf-8", "surrogateescape")


class Questions:
    """Asks before a conversation begins; the answers are kept nowhere."""

    async def ask(self, question: str) -> str | None:
        """One line."""
        return await self._asked(question, False)

    async def ask_secret(self, question: str) -> str | None:
        """One line that is not shown."""
        return await self._asked(question, True)

    def say(self, text: str) -> None:
        """One sentence."""
        print(text, flush=True)

    async def _asked(self, question: str, secret: bool) -> str | None:
        session: PromptSession[str] = PromptSession(output=_output(), history=InMemoryHistory())
        try:
            return await session.prompt_async(question, is_password=secret, handle_sigint=True)
        except (EOFError, KeyboardInterrupt):
            return None


class _Words(Completer):
    """Tab completes commands, names where a name belongs, and :emoji:."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Return what may stand at the cursor."""
        for found in completing.complete(document.text_before_cursor, self._talk.names):
            yield Completion(found.text, start_position=-found.replaces, display=found.shown)


async def run(client: FullClient, ways: Ways | None = None, invite: Work | None = None) -> int:
    """Hold a conversation until /quit, Ctrl+D or Ctrl+C; return the exit code.

    Raises:
        SealwireError: a first start that the broker refuses.
    """
    marker = ReadMarker(client)
    announcer = Announcer(ways or Ways(), _raw, print)
    talk = Talk(client, _Above(), marker, lambda: time.time_ns() // 1_000_000, announcer, invite=invite)
    session = _session(talk)
    draft = Draft(client, talk, session.default_buffer, _Above().say)
    _recalling(session, draft)
    entered: asyncio.Queue[str] = asyncio.Queue(_TYPED_AHEAD)
    with patch_stdout():
        print(_("Sealwire, {name}. /help lists the commands.").format(name=screen_name(client.name)))
        tasks = [
            asyncio.create_task(talk.listen(), name="listen"),
            asyncio.create_task(_obey(talk, session, entered, draft), name="obey"),
            asyncio.create_task(_type(session, entered), name="type"),
        ]
        marking = asyncio.create_task(marker.run(), name="mark")
        try:
            done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises why it ended, when that was an error
            if tasks[-1] in done:
                await _last_lines(entered, tasks[1])
        finally:
            for task in (*tasks, marking):
                task.cancel()
            await asyncio.gather(*tasks, marking, return_exceptions=True)
            await draft.close()
            await talk.close()
            await announcer.close()
            await marker.flush()
    await _farewell(client)
    return 0


def _raw(text: str) -> None:
    """A bell or a notification sequence, past the layer that takes escapes out of what is printed."""
    assert sys.__stdout__ is not None, "there is a terminal"
    sys.__stdout__.write(text)
    sys.__stdout__.flush()


def _session(talk: Talk) -> PromptSession[str]:
    return PromptSession(
        lambda: f"{screen_name(talk.view.title)}> " if talk.view.title else "> ",
        history=InMemoryHistory(),  # what people write is never left in a file
        completer=_Words(talk),
        complete_while_typing=False,
        complete_style=CompleteStyle.READLINE_LIKE,  # a list of words above the line, no menu that is drawn over it
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

    # Not Ctrl+J: what is typed while a line is carried out comes with line feeds, and they are Enter.
    @keys.add("escape", "enter")
    @keys.add("escape", "c-j")
    def _newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def _recalling(session: PromptSession[str], draft: Draft) -> None:
    keys = session.key_bindings
    assert isinstance(keys, KeyBindings)

    @keys.add("up", filter=Condition(lambda: bool(draft.waiting) and not session.default_buffer.text))
    def _take(_event: KeyPressEvent) -> None:
        draft.take()


async def _type(session: PromptSession[str], entered: asyncio.Queue[str]) -> None:
    while True:
        try:
            text = await session.prompt_async(handle_sigint=False)
        except (EOFError, KeyboardInterrupt):
            return
        await entered.put(text)


async def _last_lines(entered: asyncio.Queue[str], obeying: asyncio.Task[None]) -> None:
    """Ctrl+D right after a line comes before the line was carried out; what was entered is not lost by it."""
    rest = asyncio.create_task(entered.join(), name="last lines")
    await asyncio.wait({rest, obeying}, timeout=_LAST_LINES_S, return_when=asyncio.FIRST_COMPLETED)
    rest.cancel()
    await asyncio.gather(rest, return_exceptions=True)


async def _obey(talk: Talk, session: PromptSession[str], entered: asyncio.Queue[str], draft: Draft) -> None:
    """One line after the other, so that text goes to whom the line before named."""
    while True:
        line = await entered.get()
        try:
            if not await talk.do(parse(line)):
                return
        except SealwireError as error:  # from parse: what cannot be done is said by talk itself
            await talk.fail(error)
            continue
        finally:
            entered.task_done()
        await draft.look()
        session.app.invalidate()  # the prompt names the conversation


async def _farewell(client: FullClient) -> None:
    queued = (await client.status()).queued
    if queued:
        text = ngettext(
            "{count} message is still queued and goes out at the next start.",
            "{count} messages are still queued and go out at the next start.",
            queued,
        )
        print(text.format(count=queued))
