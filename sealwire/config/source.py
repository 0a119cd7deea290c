"""Where settings come from: a YAML file, environment variables, flags. Each becomes entries and problems.

Nothing here raises for bad input: every problem is a sentence with its place, and all of them are told at once.
"""

from __future__ import annotations

import codecs
import difflib
import os
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml
from msgspec import Struct, field

from sealwire.config.settings import KEYS, SECTIONS
from sealwire.i18n import _

MAX_FILE_BYTES = 256 * 1024
"""A settings file is a few pages; without a bound ``--config /dev/zero`` would fill memory."""

MAX_DEPTH = 4
"""Sections, keys and a list need 3; without a bound deep nesting exhausts the stack of the YAML composer."""

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
    near = _nearest(key)
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


def from_file(path: Path, name: str) -> Source:
    """Read a settings file; ``name`` is what messages call it."""
    source = Source()
    problem = ""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            problem = _("is larger than a settings file may be ({n} bytes)").format(n=MAX_FILE_BYTES)
    except FileNotFoundError:
        problem = _("is a link to what is not there") if path.is_symlink() else _("there is no such file")
    except OSError as error:
        problem = _("cannot be read: {reason}").format(reason=error.strerror or error)
    if problem:
        source.problems.append(Problem(Place(name), problem))
    else:
        _Reader(name, path.parent, source).read(data)
    return source


class _BoundedLoader(yaml.SafeLoader):
    """A composer of plain trees: no anchors, no aliases, a bounded depth."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            # Refused rather than bounded: a few lines of aliases can stand for billions of nodes.
            raise yaml.composer.ComposerError(
                problem=_("anchors and aliases are not allowed"), problem_mark=event.start_mark
            )
        if self.depth == MAX_DEPTH:
            raise yaml.composer.ComposerError(problem=_("is nested too deep"), problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


@lru_cache(maxsize=1)
def _tree(text: str) -> yaml.Node | None:
    """The nodes of a settings file; one program asks for the same file several times, and each costs 20 ms."""
    return yaml.compose(text, Loader=_BoundedLoader)


class _Reader(Struct):
    """One pass over one file."""

    name: str
    base: Path
    source: Source

    def read(self, data: bytes) -> None:
        text = self._decoded(data)
        if text is None:
            return
        root = self._composed(text)
        if root is None or _is_null(root):
            return
        if not isinstance(root, yaml.MappingNode):
            self._problem(
                self._at(root.start_mark), _("must be sections with keys, like log: and below it level: info")
            )
            return
        for section, node in self._pairs(root, ""):
            self._section(section, node)

    def _decoded(self, data: bytes) -> str | None:
        try:
            return data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
        except UnicodeDecodeError as error:
            data = error.object
            message = _("is not UTF-8 text (byte 0x{byte:02x}); save the file as UTF-8").format(byte=data[error.start])
            self._problem(self._after(data[: error.start].decode("utf-8", "replace")), message)
            return None

    def _composed(self, text: str) -> yaml.Node | None:
        try:
            return _tree(text)
        except yaml.reader.ReaderError as error:
            self._problem(
                self._after(text[: error.position]), _("has a character that may not stand in a settings file")
            )
        except yaml.MarkedYAMLError as error:
            problem = error.problem or error.context or "?"
            if "\\t" in problem or "'\t'" in problem:
                problem = _("a tab; indent with spaces")
            self._problem(self._at(error.problem_mark or error.context_mark), problem)
        return None

    def _pairs(self, node: yaml.MappingNode, prefix: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        """The entries of a mapping with plain keys that come once; the others are problems."""
        first: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(self._at(key.start_mark), _("a key must be one word"))
            elif key.value in first:
                message = _("is set twice (first on line {line})").format(line=first[key.value])
                self._problem(self._at(key.start_mark), f"{prefix}{key.value}: {message}")
            else:
                first[key.value] = key.start_mark.line + 1
                yield key, value

    def _section(self, key: yaml.ScalarNode, node: yaml.Node) -> None:
        if key.value not in SECTIONS:
            self._problem(self._at(key.start_mark), f"{_word(key.value)}: {unknown(key.value)}")
        elif isinstance(node, yaml.MappingNode):
            for name, value in self._pairs(node, f"{key.value}."):
                self._entry(f"{key.value}.{name.value}", name, value)
        elif not _is_null(node):  # a section whose keys are all commented out is empty
            message = _("must be a section with keys of its own")
            self._problem(self._at(node.start_mark), f"{key.value}: {message}")

    def _entry(self, full: str, name: yaml.ScalarNode, node: yaml.Node) -> None:
        if full not in KEYS:
            self._problem(self._at(name.start_mark), f"{_word(full)}: {unknown(full)}")
            return
        is_list = isinstance(node, yaml.SequenceNode)
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not all(isinstance(part, yaml.ScalarNode) for part in parts):
            message = _("must be {allowed} (got keys below it)").format(allowed=KEYS[full].kind.allowed())
            self._problem(self._at(node.start_mark), f"{full}: {message}")
            return
        items = tuple(Item(self._at(part.start_mark), part.value) for part in parts)
        entry = Entry(full, self._at(node.start_mark), items, self.base, is_list, _is_null(node))
        self.source.entries.append(entry)

    def _at(self, mark: yaml.Mark | None) -> Place:
        return Place(self.name) if mark is None else Place(self.name, mark.line + 1, mark.column + 1)

    def _after(self, before: str) -> Place:
        """The place of what follows the text ``before``."""
        return Place(self.name, before.count("\n") + 1, len(before) - before.rfind("\n"))

    def _problem(self, place: Place, message: str) -> None:
        self.source.problems.append(Problem(place, message))


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _word(text: str) -> str:
    """A key as it appears in a message: plain when it is plain."""
    return text if text.isprintable() and 0 < len(text) <= MAX_SHOWN_CHARS else shown(text)
