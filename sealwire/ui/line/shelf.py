"""The numbers by which messages are called in a conversation by lines: #12 is easier to say than 32 hex digits."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from sealwire.errors import UsageError
from sealwire.i18n import _
from sealwire.peer.events import Message

MAX_SHELVED: Final = 5_000
"""Messages of one run that can be called by number; without a bound a long day grows without end."""


class Shelved(Struct, frozen=True):
    """A message that was said, and what is needed to find it again."""

    number: int
    """0 for one that has none."""
    id: str
    conversation: str
    is_own: bool
    has_file: bool
    is_notice: bool
    """Told by the program: it has a number, and nothing can be done with it."""


class Shelf:
    """Gives every message a number when it is first said, and finds it again.

    Args:
        own: one's own account name.
        numbers_all: False numbers own messages only: columns have no place for a number, and what a script wrote
            keeps the numbers 1, 2, 3 whatever comes in between.
    """

    def __init__(self, own: str, numbers_all: bool = True) -> None:
        self._own = own
        self._numbers_all = numbers_all
        self._count = 0
        self._by_id: dict[str, Shelved] = {}
        self._by_number: dict[int, Shelved] = {}

    def number(self, message: Message) -> int:
        """Return a message's number, a new one at first sight."""
        file = message.file is not None
        is_own, is_notice = message.sender == self._own, message.kind == "notice"
        return self.number_of(message.id, message.conversation, is_own, file, is_notice)

    def number_of(
        self, message_id: str, conversation: str, is_own: bool, has_file: bool = False, is_notice: bool = False
    ) -> int:
        """Return the number of a message that is known only by its id."""
        known = self._by_id.pop(message_id, None)  # put back at the end: what was said last is last
        if known is None:
            counts = is_own or self._numbers_all
            self._count += counts
            known = Shelved(self._count if counts else 0, message_id, conversation, is_own, has_file, is_notice)
        known = replace(known, has_file=known.has_file or has_file)
        self._by_id[message_id] = known
        if known.number:
            self._by_number[known.number] = known
        if len(self._by_id) > MAX_SHELVED:
            oldest = self._by_id.pop(next(iter(self._by_id)))
            self._by_number.pop(oldest.number, None)
        return known.number

    def known(self, message_id: str) -> int | None:
        """Return the number of a message if it was said."""
        shelved = self._by_id.get(message_id)
        return shelved.number if shelved else None

    def find(self, number: int | None, current: str | None, own: bool | None, file: bool) -> tuple[str, str]:
        """Return (conversation, id) of a message by number, or of the last one of the open conversation that fits.

        Raises:
            UsageError: there is none.
        """
        if number is not None:
            shelved = self._by_number.get(number)
            if shelved is None:
                raise UsageError(_("There is no message #{number} here. /history shows some.").format(number=number))
            if own is True and not shelved.is_own:
                raise UsageError(_("#{number} is not yours.").format(number=number))
            if file and not shelved.has_file:
                raise UsageError(_("#{number} has no file.").format(number=number))
            return shelved.conversation, shelved.id
        for shelved in reversed(self._by_id.values()):
            fits = not shelved.is_notice and (own is None or shelved.is_own is own)
            if fits and shelved.conversation == current and (shelved.has_file or not file):
                return shelved.conversation, shelved.id
        raise UsageError(_("Say which message: its number after #. /history shows some."))
