"""Notifications out of a terminal: its bell, its notification sequence, a program of the reader's choice.

What is told is decided in ``views.notify``; here it only leaves. A sequence is built from text that holds no control
characters, so nobody's message can end it early and drive the terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Final, Literal

from msgspec import Struct, field

from sealwire.i18n import _
from sealwire.peer.api.past import ConversationInfo
from sealwire.peer.events import Contact, Message
from sealwire.ui.views import notify, safe
from sealwire.ui.views.notify import Attention, Notice, Notifier, Rules

Sequence = Literal["osc9", "osc777", "off"]

COMMAND_S: Final = 10.0
"""A program that takes longer is killed: notifications must not pile up as processes."""
MAX_COMMANDS: Final = 4
"""At once; further ones are dropped, the messages themselves are on the screen."""
TITLE_CHARS: Final = 80

BELL: Final = "\a"

_OSC9: Final = frozenset({"iTerm.app", "WezTerm", "ghostty"})
_OSC777: Final = frozenset({"foot", "rxvt-unicode", "rxvt-unicode-256color", "foot-extra"})


class Ways(Struct, frozen=True):
    """How to call for attention; the settings of the section ``notify``."""

    rules: Rules = field(default_factory=Rules)
    bell: bool = True
    sequence: Sequence = "off"
    command: tuple[str, ...] = ()


def sequence_for(environ: Mapping[str, str]) -> Sequence:
    """Return the sequence a terminal is known to show. Within tmux or screen, which swallow it, none."""
    if environ.get("TMUX") or environ.get("TERM", "").startswith(("screen", "tmux")):
        return "off"
    if environ.get("TERM_PROGRAM") in _OSC9 or environ.get("TERM") in ("xterm-kitty", "xterm-ghostty"):
        return "osc9"
    if environ.get("TERM") in _OSC777 or environ.get("VTE_VERSION"):
        return "osc777"
    return "off"


def encoded(notice: Notice, sequence: Sequence) -> str:
    """Return the escape sequence that shows a notice, or the empty text."""
    title = safe.screen_text(notice.title)[:TITLE_CHARS].replace(";", ",")
    body = safe.screen_text(notice.body)
    match sequence:
        case "osc9":
            return f"\x1b]9;{title}: {body}\x07"
        case "osc777":
            return f"\x1b]777;notify;{title};{body.replace(';', ',')}\x07"
        case "off":
            return ""


class Announcer:
    """Decides about what comes in and lets the notices out.

    Args:
        ways: the settings.
        write: takes characters for the terminal, in the way of the interface that draws there.
        fail: takes one sentence when the command cannot be run; said once.
        now_ms: the clock on the wall.
    """

    def __init__(
        self,
        ways: Ways,
        write: Callable[[str], None],
        fail: Callable[[str], None],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._ways = ways
        self._write = write
        self._fail = fail
        self._now_ms = now_ms
        self._notifier = Notifier()
        self._commands: set[asyncio.Task[None]] = set()
        self._has_failed = False
        self._burst: asyncio.TimerHandle | None = None

    def heard(self, message: Message, info: ConversationInfo | None, attention: Attention) -> None:
        """A message came in."""
        rules = self._ways.rules
        self._notifier, notice = notify.heard(self._notifier, message, info, attention, rules, self._now_ms())
        if notice is not None:
            self.show(notice)
        self._wait()

    def key_changed(self, event: Contact) -> None:
        """Somebody's key changed."""
        notice = notify.key_changed(event, self._ways.rules)
        if notice is not None:
            self.show(notice)

    def looked(self, conversation: str) -> None:
        """The reader opened a conversation."""
        self._notifier = notify.looked(self._notifier, conversation)

    def show(self, notice: Notice) -> None:
        """Let one notice out."""
        sequence = encoded(notice, self._ways.sequence)
        bell = BELL if self._ways.bell else ""
        if sequence or bell:
            self._write(sequence + bell)
        if self._ways.command and len(self._commands) < MAX_COMMANDS:
            task = asyncio.get_running_loop().create_task(self._run(notice), name="notify")
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)

    async def close(self) -> None:
        """End what still runs."""
        if self._burst is not None:
            self._burst.cancel()
        for task in list(self._commands):
            task.cancel()
        await asyncio.gather(*self._commands, return_exceptions=True)

    # --- bursts ----------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        if self._burst is not None:
            self._burst.cancel()
            self._burst = None
        due_ms = notify.next_due_ms(self._notifier)
        if due_ms is not None:
            delay_s = max(0.0, (due_ms - self._now_ms()) / 1000)
            self._burst = asyncio.get_running_loop().call_later(delay_s, self.due)

    def due(self) -> None:
        """Tell what waited for the end of a burst."""
        self._notifier, notices = notify.due(self._notifier, self._ways.rules, self._now_ms())
        for notice in notices:
            self.show(notice)
        self._wait()

    # --- the reader's own program ----------------------------------------------------------------------------

    async def _run(self, notice: Notice) -> None:
        try:
            child = await asyncio.create_subprocess_exec(
                *self._ways.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except (OSError, ValueError) as error:
            self._cannot(str(error))
            return
        text = f"{safe.screen_text(notice.title)}\n{safe.screen_text(notice.body)}\n".encode("utf-8", "replace")
        try:
            async with asyncio.timeout(COMMAND_S):
                await child.communicate(text)
        except TimeoutError:
            self._cannot(_("it took longer than {n} s").format(n=int(COMMAND_S)))
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()

    def _cannot(self, reason: str) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._fail(_("The notification command cannot be run: {reason}.").format(reason=reason.rstrip(".")))
