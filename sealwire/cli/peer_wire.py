"""A command line on its way to the running peer: plain values there, checked again here."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from sealwire.cli.peer_options import Options
from sealwire.errors import UsageError
from sealwire.i18n import _

SOCKET_NAME: Final = "peer"

_OWN: Final = frozenset({"settings", "passphrase_file", "join"})
"""What only the process that opens the profile needs; the running peer has its own."""
_FIELDS: Final = {name: kind for name, kind in Options.__annotations__.items() if name not in _OWN}
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "bool": (bool,),
    "int": (int,),
    "int | None": (int, type(None)),
    "float": (int, float),
    "Wait": (str,),
    "tuple[str, ...]": (list,),
    "Path | None": (str, type(None)),
}


def write_options(options: Options) -> dict[str, Any]:
    """Return a command line as plain values; relative paths are made absolute, since the peer runs elsewhere."""
    values = {name: getattr(options, name) for name in _FIELDS}
    return {
        name: str(value.absolute()) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


def read_options(given: object) -> Options:
    """Return the command line that :func:`write_options` wrote.

    Raises:
        UsageError: it is none, for instance of another version.
    """
    if not isinstance(given, dict) or set(given) != set(_FIELDS):
        raise _other_version()
    values: dict[str, Any] = {}
    for name, kind in _FIELDS.items():
        value = given[name]
        if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "bool"):
            raise _other_version()
        if isinstance(value, list):
            if not all(isinstance(part, str) for part in value):
                raise _other_version()
            value = tuple(value)
        values[name] = Path(value) if kind == "Path | None" and value is not None else value
    return Options(**values, settings=argparse.Namespace(), passphrase_file=None, join=None)


def _other_version() -> UsageError:
    return UsageError(
        _("The running peer does not understand this command."),
        _("Is it of another version? Stop it and try again."),
    )
