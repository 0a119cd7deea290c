"""The named parameters of a request, and the errors of the protocol itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from sealwire.errors import AccountNameError
from sealwire.i18n import _
from sealwire.ids import GROUP_MARK, account_name, is_unicode
from sealwire.peer.api import WaitFor

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603

MAX_WAIT_S = 3_600.0

Json = dict[str, Any]
WAITS: tuple[WaitFor, ...] = ("queued", "sent", "delivered", "read")


class RpcError(Exception):
    """An answer that is an error of the protocol itself."""

    def __init__(self, code: int, message: str, name: str, hint: str = "", exit_code: int = 2) -> None:
        super().__init__(message)
        self.answer: Json = {
            "code": code,
            "message": message,
            "data": {"exit": exit_code, "name": name, "hint": hint},
        }


class Params(Struct, frozen=True):
    """The named parameters of a request, taken out with their type checked."""

    values: Mapping[str, Any]

    def text(self, key: str) -> str:
        """Any text that has a UTF-8 form."""
        value = self.values.get(key)
        if not isinstance(value, str):
            raise self.wrong(key, _("a text"))
        if not is_unicode(value):
            raise self.wrong(key, _("text that has a UTF-8 form"))
        return value

    def maybe_text(self, key: str) -> str | None:
        """A text, or None when the parameter is absent."""
        return None if self.values.get(key) is None else self.text(key)

    def name(self, key: str) -> str:
        """An account name in its final form. Raises AccountNameError too."""
        text = self.text(key)
        name = account_name(text)
        if name is None:
            raise AccountNameError(text)
        return name

    def conversation(self, key: str) -> str:
        """A person by account name, or a group: ``+`` and its id or its name here."""
        text = self.text(key)
        return text if text.startswith(GROUP_MARK) else self.name(key)

    def optional(self, key: str) -> str | None:
        """A conversation, or None when the parameter is absent."""
        return None if self.values.get(key) is None else self.conversation(key)

    def switch(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, _("true or false"))
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """One of these words."""
        value = self.values.get(key, default)
        if value not in choices:
            raise self.wrong(key, _("one of {states}").format(states=", ".join(choices)))
        return str(value)

    def path(self, key: str) -> Path:
        """A path; ~ is the home folder."""
        text = self.text(key)
        try:
            path = Path(text).expanduser()
        except RuntimeError:  # ~somebody who has no home here
            path = None
        if path is None or "\0" in text:
            raise self.wrong(key, _("a path"))
        return path

    def number(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number in this range."""
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, _("a whole number from {low} to {high}").format(low=low, high=high))
        return value

    def seconds(self, key: str, default: float) -> float:
        """Seconds to wait."""
        value = self.values.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MAX_WAIT_S:
            raise self.wrong(key, _("seconds from 0 to {high:g}").format(high=MAX_WAIT_S))
        return float(value)

    def wait(self) -> WaitFor:
        """The state to wait for."""
        value = self.values.get("wait", "queued")
        for state in WAITS:
            if state == value:
                return state
        raise self.wrong("wait", _("one of {states}").format(states=", ".join(WAITS)))

    def verdict(self) -> bool | None:
        """Whether keys were compared; None when nothing is said."""
        value = self.values.get("verified")
        if value is None or isinstance(value, bool):
            return value
        raise self.wrong("verified", _("true or false"))

    @staticmethod
    def wrong(key: str, wanted: str) -> RpcError:
        """The error that says what a parameter must be."""
        message = _("The parameter {key} must be {wanted}.").format(key=repr(key), wanted=wanted)
        return RpcError(INVALID_PARAMS, message, "params", _("See docs/scripting.md."))


Method = Callable[[Params], Awaitable[Json]]
"""Takes the parameters, returns the result; raises RpcError or SealwireError."""
