"""What every error has: a code, an exit code, a sentence, a next step."""

from __future__ import annotations

from typing import ClassVar, Final

MAX_NAMED_CHARS: Final = 80
"""Of a name or an id that names nothing: longer than any, and the sentence stays one line whatever was typed."""


class SealwireError(Exception):
    """Something went wrong that a person or a script can be told about."""

    code: ClassVar[str] = "error"
    exit: ClassVar[int] = 1
    text: ClassVar[str] = "{detail}"
    hint: ClassVar[str] = ""

    def __init__(self, **params: object) -> None:
        self.params = {key: _shortened(key, value) for key, value in params.items()}
        super().__init__(self.code)

    def __str__(self) -> str:
        return self.text.format_map(_Known(self.params))


def _shortened(key: str, value: object) -> object:
    if key not in ("name", "id") or not isinstance(value, str) or len(value) <= MAX_NAMED_CHARS:
        return value
    return value[:MAX_NAMED_CHARS] + "…"


class _Known(dict[str, object]):
    """Leaves an unknown placeholder visible: an error report must never raise."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


class UsageError(SealwireError):
    """The command line asks for something that is not allowed."""

    code = "usage"
    exit = 2
    text = "{detail}"

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail=detail, hint=hint)
