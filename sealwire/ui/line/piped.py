"""The line interface in a pipe: messages as columns on standard output, sentences on standard error."""

from __future__ import annotations

import asyncio
import time

from sealwire.errors import NotReachedError, SealwireError, UsageError
from sealwire.i18n import _
from sealwire.peer.api import FullClient
from sealwire.peer.events import Message
from sealwire.ui.line.talk import Talk
from sealwire.ui.marks import ReadMarker
from sealwire.ui.stdio import TooLong, Writer, lines
from sealwire.ui.views import Line, message_row
from sealwire.ui.views.commands import Command, parse

_LAST_STATES_S = 1.0
"""After the outbox is empty its last events are on their way inside this process; this is only a bound."""


class _Columns:
    """Data to one descriptor, everything else to the other."""

    def __init__(self, data: Writer, rest: Writer) -> None:
        self._data = data
        self._rest = rest

    async def say(self, line: Line) -> None:
        await self._rest.line(line.text)

    async def message(self, message: Message, line: Line) -> None:
        if message.change is None:
            await self._data.line(message_row(message))
        else:
            await self._rest.line(line.text)  # a script saw the message itself; columns have no word for a change

    async def passphrase(self) -> bytes:
        raise UsageError(_("A passphrase is asked for on a terminal only: peer.py backup --help"))


async def run(client: FullClient, timeout_s: float) -> int:
    """Carry out the lines of standard input, print what comes; return the exit code at its end.

    Args:
        client: An opened client whose link is started.
        timeout_s: How long the outbox may take to empty after the last line.

    Raises:
        SealwireError: a first start that the broker refuses.
        BrokenPipeError: nobody reads the messages any more.
    """
    marker = ReadMarker(client)
    talk = Talk(
        client,
        _Columns(Writer(1), Writer(2)),
        marker,
        lambda: time.time_ns() // 1_000_000,
        numbers_all=False,
        one_by_one=True,
    )
    listening = asyncio.create_task(talk.listen(), name="listen")
    marking = asyncio.create_task(marker.run(), name="mark")
    typing = asyncio.create_task(_type(talk), name="type")
    try:
        await asyncio.wait({listening, typing}, return_when=asyncio.FIRST_COMPLETED)
        if not typing.done():
            await listening  # raises why the stream ended
            return 0
        await typing
        return await _finish(client, talk, timeout_s)
    finally:
        for task in (typing, listening, marking):
            task.cancel()
        await asyncio.gather(typing, listening, marking, return_exceptions=True)
        await marker.flush()


async def _type(talk: Talk) -> None:
    async for line in lines(0):
        command = await _parsed(talk, line)
        if command is not None and not await talk.do(command):
            return


async def _parsed(talk: Talk, line: bytes | TooLong) -> Command | None:
    try:
        if isinstance(line, TooLong):
            raise UsageError(_("A line past 1 MiB was left out."))
        try:
            return parse(line.decode("utf-8"))
        except UnicodeDecodeError:
            raise UsageError(_("A line that is not UTF-8 was left out.")) from None
    except SealwireError as error:
        await talk.fail(error)
        return None


async def _finish(client: FullClient, talk: Talk, timeout_s: float) -> int:
    settled = await client.settle(timeout_s)
    if settled:
        await talk.states_said(_LAST_STATES_S)
    elif talk.error is None:
        await talk.fail(NotReachedError(state=_("sent"), seconds=f"{timeout_s:g}"))
    return talk.error.exit if talk.error else 0
