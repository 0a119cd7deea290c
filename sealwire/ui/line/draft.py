"""What is written and not sent: kept for its conversation, and told when that is opened again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from prompt_toolkit.buffer import Buffer

from sealwire.errors import SealwireError
from sealwire.i18n import _
from sealwire.peer.api import FullClient
from sealwire.ui.line.talk import Talk
from sealwire.ui.views import Line, screen_text

DRAFT_S: Final = 0.7
"""After the last key: a draft survives a crash, and not every key is a commit."""


def written(text: str) -> str:
    """Return what of a line is words for somebody: a command is none."""
    return text if text.strip() and (text.startswith("//") or not text.startswith(("/", "@"))) else ""


class Draft:
    """Follows the line one types in.

    Args:
        client: keeps drafts.
        talk: knows the open conversation.
        line: what is being typed.
        say: says a sentence above the line.
    """

    def __init__(self, client: FullClient, talk: Talk, line: Buffer, say: Callable[[Line], Awaitable[None]]) -> None:
        self._client, self._talk, self._line, self._say = client, talk, line, say
        self._kept: tuple[str | None, str] = (None, "")
        """The open conversation as it was last looked at, and its draft."""
        self.waiting = ""
        """A draft that was told and not taken yet: it changes nothing in the line by itself, and stays kept."""
        self._timer: asyncio.TimerHandle | None = None
        self._keeping: asyncio.Task[None] | None = None
        line.on_text_changed += self._changed

    async def look(self) -> None:
        """After a line was carried out: when it opened another conversation, tell its draft."""
        conversation = self._talk.view.current
        if conversation is None or conversation == self._kept[0]:
            return
        self.waiting = ""
        with contextlib.suppress(SealwireError):  # a conversation that is not there yet has none
            self.waiting = await self._client.talk.draft(conversation)
        self._kept = (conversation, self.waiting)
        if self.waiting:
            form = _("You had begun to write: {text} (Arrow up puts it into your line.)")
            await self._say(Line("system", form.format(text=screen_text(self.waiting))))

    def take(self) -> None:
        """Put into the line what was told."""
        self._line.insert_text(self.waiting)
        self.waiting = ""

    async def keep(self) -> None:
        """Keep what is in the line now."""
        conversation, known = self._kept
        text = "\n".join(filter(None, (self.waiting, written(self._line.text))))
        if conversation is None or conversation != self._talk.view.current or text == known:
            return
        with contextlib.suppress(SealwireError):  # too long, or a conversation that is not there yet: it is in the line
            await self._client.talk.set_draft(conversation, text)
            self._kept = (conversation, text)

    async def close(self) -> None:
        """Keep it for the next start."""
        self._line.on_text_changed -= self._changed
        if self._timer is not None:
            self._timer.cancel()
        if self._keeping is not None:
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self.keep()

    def _changed(self, _line: Buffer) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(DRAFT_S, self._due)

    def _due(self) -> None:
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.get_running_loop().create_task(self.keep(), name="draft")
        else:
            self._changed(self._line)
