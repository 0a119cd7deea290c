"""A settings file: YAML of plain sections, keys and lists, with the place of everything.

Imported by whoever has such a file to read: the YAML package is a sixth of the start of a program that has none.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import yaml
from msgspec import Struct

from sealwire.config.settings import KEYS, SECTIONS
from sealwire.config.source import MAX_SHOWN_CHARS, Entry, Item, Place, Problem, Source, shown, unknown
from sealwire.files import reading
from sealwire.i18n import _

MAX_FILE_BYTES = 256 * 1024
"""A settings file is a few pages; without a bound ``--config /dev/zero`` would fill memory."""

MAX_DEPTH = 4
"""Sections, keys and a list need 3; without a bound deep nesting exhausts the stack of the YAML composer."""


def from_file(path: Path, name: str) -> Source:
    """Read a settings file; ``name`` is what messages call it."""
    source = Source()
    problem = ""
    try:
        with reading(path, devices=True) as file:
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
