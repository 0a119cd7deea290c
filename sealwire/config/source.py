"""Where settings come from: a file (``settingsfile``), environment variables, flags. Each becomes entries and problems.

Nothing here raises for bad input: every problem is a sentence with its place, and all of them are told at once.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, field

from sealwire.config.settings import KEYS, SECTIONS
from sealwire.i18n import _

MAX_SHOWN_CHARS = 60
"""Of a wrong value in a message."""

ENV_PREFIX = "SEALWIRE_"

_ONE_UNDERSCORE = {ENV_PREFIX + full.upper().replace(".", "_"): full for full in KEYS}
"""Variables that miss one underscore: whoever set ``SEALWIRE_BROKER_REGISTRATION`` believes that the door is shut."""


class Place(NamedTuple):
    """Where a value stands: a position in a file, or the name of a variable or flag."""

    name: str
    line: int = 0
    """From 1; 0 outside files."""
    column: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column}" if self.line else self.name


class Problem(NamedTuple):
    """What is wrong at a place; problems sort in the order of the file."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


class Item(NamedTuple):
    """One scalar and its place."""

    place: Place
    text: str


class Entry(Struct, frozen=True):
    """A value given for one key, still as text."""

    key: str
    place: Place
    items: tuple[Item, ...]
    base: Path
    """Relative paths start here."""
    is_list: bool = False
    is_null: bool = False


class Source(Struct):
    """Everything one source says."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def shown(text: str) -> str:
    """Return a value as it appears in a message: quoted, escaped, shortened."""
    return repr(text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS] + "…")


# --- flags and environment -----------------------------------------------------------------------------------


def from_flags(flags: Mapping[str, tuple[str, str]], cwd: Path) -> Source:
    """Take ``{full key: (flag, text)}``."""
    return Source([_text_entry(key, Place(flag), text, cwd) for key, (flag, text) in flags.items()])


def from_environ(environ: Mapping[str, str], cwd: Path) -> Source:
    """Take every ``SEALWIRE_SECTION__KEY``."""
    source = Source()
    for variable in sorted(environ):
        if variable in _ONE_UNDERSCORE:
            source.problems.append(Problem(Place(variable), unknown(_ONE_UNDERSCORE[variable], _env_name)))
            continue
        section, separator, name = variable.removeprefix(ENV_PREFIX).partition("__")
        if not (variable.startswith(ENV_PREFIX) and separator):
            continue
        key = f"{section}.{name}".lower()
        if key in KEYS and variable.isupper():
            source.entries.append(_text_entry(key, Place(variable), environ[variable], cwd))
        else:
            source.problems.append(Problem(Place(variable), unknown(key, _env_name)))
    return source


def _env_name(key: str) -> str:
    return ENV_PREFIX + key.upper().replace(".", "__")


def _text_entry(key: str, place: Place, text: str, base: Path) -> Entry:
    is_list = KEYS[key].is_list
    texts = [part.strip() for part in text.split(",") if part.strip()] if is_list else [text]
    return Entry(key, place, tuple(Item(place, part) for part in texts), base, is_list, is_null=text == "null")


def unknown(key: str, spell: Callable[[str], str] = str) -> str:
    """Say that a key does not exist and which one was probably meant."""
    near, section = _nearest(key), key.partition(".")[0]
    if near is None and section in SECTIONS:
        names = ", ".join(known.name for known in KEYS.values() if known.section == section)
        return _("is not a setting; the keys of {section} are {names}").format(section=section, names=names)
    if near is None:
        return _("is not a setting; the sections are {sections}").format(sections=", ".join(SECTIONS))
    return _("is not a setting; did you mean {key}?").format(key=spell(near))


def _nearest(key: str) -> str | None:
    """The nearest valid key: in its own section first, then anywhere, then by the last word alone."""
    section, _dot, name = key.rpartition(".")
    own = {k.name: full for full, k in KEYS.items() if k.section == section}
    if match := difflib.get_close_matches(name, own, 1, 0.6):
        return own[match[0]]
    spelled = {full.replace(".", "_"): full for full in KEYS} | {name: name for name in SECTIONS}
    if match := difflib.get_close_matches(key.replace(".", "_").replace("-", "_"), spelled, 1, 0.75):
        found = spelled[match[0]]
        return found if found != section else None  # whoever named a section knows it
    leaves = {k.name: full for full, k in KEYS.items()}
    match = difflib.get_close_matches(name, leaves, 1, 0.8)
    return leaves[match[0]] if match else None


# --- the file ------------------------------------------------------------------------------------------------


def find_file(flag: Path | None, environ: Mapping[str, str], cwd: Path) -> tuple[Path, str] | None:
    """Return the settings file to read and how to call it, or None when there is none."""
    if flag is not None:
        return cwd / flag, str(flag)
    here = cwd / "config.yaml"
    if _has_name(here, if_hidden=True):
        return here, "config.yaml"
    own = user_file(environ)  # HOME may be somebody else's: what lies there is not for this user
    return (own, str(own)) if own is not None and _has_name(own, if_hidden=False) else None


def _has_name(path: Path, if_hidden: bool) -> bool:
    """Whether something has that name. A link that leads nowhere has it too: defaults in its place would open doors."""
    try:
        path.lstat()
    except PermissionError:
        return if_hidden
    except OSError:
        return False
    return True


def user_file(environ: Mapping[str, str]) -> Path | None:
    """Return the place of a person's own settings file, or None when there is no home folder."""
    if appdata := environ.get("APPDATA") if os.name == "nt" else None:
        return Path(appdata) / "sealwire" / "config.yaml"
    xdg = environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(xdg):  # the XDG specification: a relative one is to be ignored
        return Path(xdg) / "sealwire" / "config.yaml"
    home = environ.get("HOME", "")
    return Path(home) / ".config" / "sealwire" / "config.yaml" if os.path.isabs(home) else None
