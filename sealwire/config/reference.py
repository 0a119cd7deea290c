"""The settings file with every key, printed from the table: ``python -m sealwire.config.reference > config.yaml``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

from sealwire.config.kinds import Size, show_number, show_size
from sealwire.config.settings import KEYS, SECTIONS, Key
from sealwire.i18n import use

WIDTH = 118
"""Columns of a comment line."""

HEAD = """\
Sealwire's settings: every key with its default. Delete what you do not change.
Flags win over environment variables (SEALWIRE_SECTION__KEY, for example SEALWIRE_LOG__LEVEL=debug), those over this
file (--config FILE, else ./config.yaml, else sealwire/config.yaml in your own settings folder), and this file over
the defaults. The broker and the peers read the same file; a wrong value stops the start and says what is allowed.
"""


def text() -> str:
    """Return the whole file."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from (f"# {line}" for line in HEAD.splitlines())
    for section, cls in SECTIONS.items():
        yield ""
        yield from _comment(cls.__doc__ or "", "")
        yield f"{section}:"
        for key in KEYS.values():
            if key.section == section:
                yield from _comment(key.reason, "  ")
                yield from _comment(rule_of(key), "  ")
                yield f"  {key.name}: {value_of(key)}"


def rule_of(key: Key) -> str:
    """Return the unit and what is allowed."""
    allowed = key.kind.allowed() + (", or null" if key.optional else "")
    words = f"{key.unit}; {allowed}" if key.unit else allowed
    return f"({words})"


def value_of(key: Key) -> str:
    """Return the default as it is written in the file."""
    if key.optional:
        return "null"
    if isinstance(key.default, bool):
        return "on" if key.default else "off"
    if isinstance(key.default, tuple):
        return "[" + ", ".join(f'"{item}"' for item in key.default) + "]"
    if isinstance(key.kind, Size) and isinstance(key.default, int):
        return show_size(key.default)
    return show_number(key.default) if isinstance(key.default, float) else _path(key.default)


def _path(value: object) -> str:
    return value.as_posix() if isinstance(value, Path) else str(value)


def _comment(words: str, indent: str) -> list[str]:
    return wrap(words, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ", break_on_hyphens=False)


if __name__ == "__main__":
    use(["en"])  # the file is read by everyone who gets a copy
    sys.stdout.write(text())
