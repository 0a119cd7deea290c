"""Catalogues of the interfaces: ``python -m scripts.catalogues extract|update|compile|check``.

``extract`` writes the template from the sources, ``update`` brings each language's file to it (what is new stands
there empty), ``compile`` makes what programs load, ``check`` says what is missing or wrong, and ends with 1 then.
"""

from __future__ import annotations

import ast
import io
import re
import string
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from sealwire import errors
from sealwire.i18n import DOMAIN, LOCALE_DIR

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = ROOT / "sealwire"
ERRORS: Final = SOURCES / "errors"
TEMPLATE: Final = LOCALE_DIR / f"{DOMAIN}.pot"

PLURALS: Final = {
    "ar": (6, "(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5)"),
    "de": (2, "(n != 1)"),
    "es": (2, "(n != 1)"),
    "fr": (2, "(n > 1)"),
    "hi": (2, "(n > 1)"),
    "ja": (1, "0"),
    "pt_BR": (2, "(n > 1)"),
    "ru": (3, "(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2)"),
    "zh_CN": (1, "0"),
}
"""The languages there are, with the number of plural forms and the rule that chooses one. English is the source."""

_TECHNICAL: Final = {"RemoteProtocolError", "LocalProtocolError", "MissingPackageError"}
"""Their details are for a report to the developers, or names: they stay as they are."""
_EXPLAINED: Final = {name for name in vars(errors) if name.endswith("Error")} - _TECHNICAL

_WIDTH: Final = 120
_MANY: Final = 1_000
"""Beyond this no rule chooses a form that it has not chosen before."""
_NUMBERS: Final = {"n!:", "count!:"}
_UPDATE: Final = "python -m scripts.catalogues extract, then update"
_COMPILE: Final = "python -m scripts.catalogues compile"


Key = tuple[str | None, str | tuple[str, str]]
"""Context and id of a sentence."""
Found = tuple[int, str, str | None, str | None]
"""Line, sentence, plural, context."""


@dataclass(slots=True)
class Entry:
    """One sentence of the sources and the files it stands in."""

    one: str
    many: str | None
    context: str | None = None
    """What tells it from the same English with another meaning: ``pgettext``."""
    files: set[str] = field(default_factory=set)

    @property
    def id(self) -> str | tuple[str, str]:
        """The id as Babel has it."""
        return self.one if self.many is None else (self.one, self.many)

    @property
    def key(self) -> Key:
        """What one language has one translation for."""
        return self.context, self.id


class ExtractError(Exception):
    """A sentence in the sources that no catalogue could hold."""


# --- from the sources ----------------------------------------------------------------------------------------


@cache
def entries() -> dict[tuple[str | None, str], Entry]:
    """Return every sentence of the sources by its context and its English (singular) form.

    Raises:
        ExtractError: a call whose text is not written out there, or one sentence both with and without a plural.
    """
    found: dict[tuple[str | None, str], Entry] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        for line, one, many, context in texts(path):
            entry = found.setdefault((context, one), Entry(one, many, context))
            if entry.many != many:
                raise ExtractError(f"{where}:{line}: {one!r} stands elsewhere with another plural, or with none")
            entry.files.add(where)
    return found


def texts(path: Path) -> Iterator[Found]:
    """Yield line, sentence, plural and context of everything in a file that people read."""
    source = path.read_text("utf-8")
    if "i18n" not in source and "Error(" not in source:
        return
    for node in ast.walk(ast.parse(source, str(path))):
        if not isinstance(node, _LOOKED_AT):
            continue
        match node:
            case ast.BinOp(left=left, op=ast.Add(), right=right) if _says(left) or _says(right):
                raise ExtractError(f"{path}:{node.lineno}: a sentence is put together from parts: {ast.unparse(node)}")
            case ast.FormattedValue(value=value) if _says(value):
                raise ExtractError(f"{path}:{node.lineno}: a sentence is put together from parts: {ast.unparse(node)}")
            case ast.Call(func=ast.Name("_"), args=[text]) if isinstance(text, ast.Constant):
                yield node.lineno, _written(path, text), None, None
            case ast.Call(func=ast.Name("ngettext"), args=[one, many, _n]):
                yield node.lineno, _written(path, one), _written(path, many), None
            case ast.Call(func=ast.Name("pgettext"), args=[context, text]):
                yield node.lineno, _written(path, text), None, _written(path, context)
            case ast.Call(func=ast.Name("_"), args=[text]) if not _is_template(text):
                raise ExtractError(f"{path}:{node.lineno}: the text must be written out: {ast.unparse(node)}")
            case ast.ClassDef(body=body) if path.is_relative_to(ERRORS):
                yield from _templates(body)
            case ast.Call(func=ast.Name(name)) if name in _EXPLAINED:
                yield from _details(node)


_LOOKED_AT: Final = (ast.Call, ast.ClassDef, ast.BinOp, ast.FormattedValue)


def _says(node: ast.expr) -> bool:
    """Whether this is a translated sentence, filled in or not: other languages put their words in another order."""
    match node:
        case ast.Call(func=ast.Name("_" | "ngettext" | "pgettext")):
            return True
        case ast.Call(func=ast.Attribute(value=value, attr="format" | "format_map")):
            return _says(value)
        case ast.IfExp(body=body, orelse=orelse):
            return _says(body) or _says(orelse)
    return False


def _written(path: Path, node: ast.expr) -> str:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        raise ExtractError(f"{path}:{node.lineno}: the text must be written out: {ast.unparse(node)}")
    return node.value


def _is_template(node: ast.expr) -> bool:
    """A sentence or detail of an error, which is taken where it is written."""
    return ast.unparse(node) in ("template", "detail")


def _templates(body: list[ast.stmt]) -> Iterator[Found]:
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name("text" | "hint")], value=ast.Constant(str() as text)) if _has_words(text):
                yield node.lineno, text, None, None


def _details(call: ast.Call) -> Iterator[Found]:
    """What an error is told where it is raised: ``explain`` translates its detail and its next step too."""
    for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
        match value:
            case ast.Constant(str() as text) if " " in text:
                yield value.lineno, text, None, None


def _has_words(text: str) -> bool:
    return any(char.isalpha() for literal, *_rest in string.Formatter().parse(text) for char in literal)


def template() -> Catalog:
    """Return the catalogue without translations."""
    made = _empty(None)
    for entry in sorted(entries().values(), key=lambda e: (min(e.files), e.one, e.context or "")):
        made.add(entry.id, locations=[(name, None) for name in sorted(entry.files)], context=entry.context)
    return made


def _empty(language: str | None) -> Catalog:
    made = Catalog(locale=language, domain=DOMAIN, project="Sealwire", charset="utf-8", fuzzy=False)
    made.header_comment = f"# {'Sentences' if language is None else 'Translations'} of Sealwire."
    return made


# --- files ---------------------------------------------------------------------------------------------------


def po_path(language: str) -> Path:
    """Return where a language's translations are written."""
    return LOCALE_DIR / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def mo_path(language: str) -> Path:
    """Return what programs load for a language."""
    return po_path(language).with_suffix(".mo")


def load(language: str) -> Catalog:
    """Return a language's translations as they are written."""
    with po_path(language).open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN, abort_invalid=True)


def header(language: str | None) -> str:
    """Return the first entry of a file: no dates and no names, so that the same words are the same bytes."""
    lines = ["Project-Id-Version: Sealwire", f"Language: {language or ''}", "MIME-Version: 1.0"]
    lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    if language is not None:
        count, rule = PLURALS[language]
        lines.append(f"Plural-Forms: nplurals={count}; plural={rule};")
    return "".join(f"{line}\n" for line in lines)


def po_bytes(catalogue: Catalog, language: str | None) -> bytes:
    """Return a catalogue as a file for people."""
    out = io.BytesIO()
    write_po(out, catalogue, width=_WIDTH, omit_header=True, include_lineno=False, ignore_obsolete=True)
    quoted = "".join(f'"{line}\\n"\n' for line in header(language).splitlines())
    return f'{catalogue.header_comment}\nmsgid ""\nmsgstr ""\n{quoted}\n'.encode() + out.getvalue()


def mo_bytes(language: str) -> bytes:
    """Return a language's catalogue as programs load it."""
    made = _Compiled(language)
    for message in load(language):
        if message.id and is_complete(message, PLURALS[language][0]):
            made.add(message.id, message.string, context=message.context)
    out = io.BytesIO()
    write_mo(out, made)
    return out.getvalue()


class _Compiled(Catalog):
    """A catalogue with our header: Babel's has the time in it."""

    def __init__(self, language: str) -> None:
        super().__init__(locale=language, domain=DOMAIN, charset="utf-8", fuzzy=False)
        self._language = language

    def _get_mime_headers(self) -> list[tuple[str, str]]:
        return [tuple(line.split(": ", 1)) for line in header(self._language).splitlines()]  # type: ignore[misc]

    mime_headers = property(_get_mime_headers, Catalog._set_mime_headers)

    @property
    def num_plurals(self) -> int:  # type: ignore[override]
        """As in our table: Babel's own has other numbers for some languages."""
        return PLURALS[self._language][0]


def is_complete(message: Message, count: int) -> bool:
    """Whether every form of a sentence is there."""
    if isinstance(message.id, str):
        return bool(message.string)
    forms = message.string
    return isinstance(forms, (tuple, list)) and len(forms) == count and all(forms)


# --- what is wrong with a language ---------------------------------------------------------------------------


def problems(language: str) -> list[str]:
    """Return what is missing or wrong in a language, a line each; empty when it is whole."""
    wanted = {entry.key for entry in entries().values()}
    messages = [message for message in load(language) if message.id]
    known = {_key(message) for message in messages}
    found = [
        f"not in the sources any more: {gone} ({_UPDATE})"
        for gone in sorted(_name(id) for _context, id in known - wanted)
    ]
    found += [f"not in the file: {new} ({_UPDATE})" for new in sorted(_name(id) for _context, id in wanted - known)]
    found += [line for message in messages for line in faults(message, language)]
    return [f"{po_path(language).relative_to(ROOT)}: {line}" for line in found]


def _key(message: Message) -> Key:
    return message.context, message.id


def _name(id: object) -> str:
    return repr(id if isinstance(id, str) else id[0])  # type: ignore[index]


def faults(message: Message, language: str) -> Iterator[str]:
    """Yield what is wrong with the translation of one sentence."""
    name, (count, rule) = _name(message.id), PLURALS[language]
    if message.fuzzy:
        yield f"marked as doubtful (fuzzy): {name}"
    if not is_complete(message, count):
        yield f"not translated, or not in all {count} forms: {name}"
        return
    if isinstance(message.id, str):
        pairs = [(message.string, False)]
    else:
        pairs = list(zip(message.string, one_number(rule)))
    model = message.id if isinstance(message.id, str) else message.id[1]
    for form, alone in pairs:
        for fault in differences(model, form, alone):
            yield f"{fault}: {name} became {form!r}"


def one_number(rule: str) -> list[bool]:
    """Return for each plural form whether it is for one number only: it may leave the number out."""
    chosen = Counter(map(c2py(rule), range(_MANY)))
    return [chosen[form] == 1 for form in sorted(chosen)]


def differences(model: str, form: str, alone: bool) -> Iterator[str]:
    """Yield how a translated form breaks what the program does with its text."""
    try:
        has, wanted = fields(form), fields(model)
    except ValueError:
        yield "braces that do not fit"
        return
    if has != wanted and not (alone and has == wanted - _NUMBERS):
        yield "other placeholders"
    if strange := {char for char in form if not char.isprintable() and char not in _ALLOWED}:
        yield f"characters that a terminal would not show ({', '.join(f'U+{ord(char):04X}' for char in strange)})"
    if other := set(_TYPED.findall(model)) ^ set(_TYPED.findall(form)):
        yield f"what people type or look for must stay as it is ({', '.join(sorted(other))})"
    for what, of in _EDGES.items():
        if of(form) != of(model):
            yield f"another {what}"


def fields(text: str) -> set[str]:
    """Return the placeholders of a sentence, with their conversion and format."""
    return {
        f"{name}!{how or ''}:{spec}" for _text, name, spec, how in string.Formatter().parse(text) if name is not None
    }


_TYPED: Final = re.compile(
    r"(?<![\w-])--[a-z][a-z-]*|(?<![\w/}.])/(?!comm?and[eo]?\b|orden\b)[a-z]+\b|\b\w+\.(?:py|yaml|json|key|db|pub)\b|\bSEALWIRE_\w+"
    r"|\b(?:limits|broker|peer|paths|log|metrics|notify)\.[a-z_]+\b|\bF\d\b|Ctrl\+[A-Z]\w*"
)
"""Flags, commands of a conversation (not the word command itself), files, variables, settings, keys."""

_ALLOWED: Final = "\n\t\u200e\u200f"
"""Line breaks as in English, and direction marks: the command line shows anything else that is invisible as a code."""

_EDGES: Final[dict[str, Callable[[str], object]]] = {
    "white space at the beginning": lambda text: text[: len(text) - len(text.lstrip())],
    "white space at the end": lambda text: text[len(text.rstrip()) :],
    "number of lines": lambda text: text.count("\n"),
    "number of tabs": lambda text: text.count("\t"),
    "number of percent signs": lambda text: text.count("%"),
    "word of Python (%s)": lambda text: sorted(re.findall(r"%(?:\(\w+\))?[a-z]", text)),
    "accelerator": lambda text: len(re.findall(r"&(?=\w)", text)),
}


# --- commands ------------------------------------------------------------------------------------------------


def extract() -> list[str]:
    """Write the template."""
    LOCALE_DIR.mkdir(exist_ok=True)
    TEMPLATE.write_bytes(po_bytes(template(), None))
    return []


def update() -> list[str]:
    """Bring every language's file to the template; translations of sentences that stayed are kept."""
    model = template()
    for language in PLURALS:
        made = _empty(language)
        old = load(language) if po_path(language).exists() else made
        for message in model:
            if message.id:
                was = old.get(message.id, message.context)
                kept = was.string if was is not None and was.id == message.id else _nothing(message, language)
                made.add(message.id, kept, locations=message.locations, context=message.context)
        po_path(language).parent.mkdir(parents=True, exist_ok=True)
        po_path(language).write_bytes(po_bytes(made, language))
    return []


def _nothing(message: Message, language: str) -> str | tuple[str, ...]:
    return "" if isinstance(message.id, str) else ("",) * PLURALS[language][0]


def compile_() -> list[str]:
    """Write what programs load."""
    for language in PLURALS:
        mo_path(language).write_bytes(mo_bytes(language))
    return []


def is_current() -> bool:
    """Whether the template has the sentences of the sources; in which file each stands may have changed since."""
    if not TEMPLATE.exists():
        return False
    with TEMPLATE.open("rb") as file:
        known = {_key(message) for message in read_po(file) if message.id}
    return known == {entry.key for entry in entries().values()}


def check() -> list[str]:
    """Return everything that is missing, wrong or behind."""
    found = []
    if not is_current():
        found.append(f"{TEMPLATE.relative_to(ROOT)}: not what the sources say ({_UPDATE})")
    for language in PLURALS:
        found += problems(language)
        if not mo_path(language).exists() or mo_path(language).read_bytes() != mo_bytes(language):
            found.append(f"{mo_path(language).relative_to(ROOT)}: older than its .po ({_COMPILE})")
    return found


COMMANDS: Final = {"extract": extract, "update": update, "compile": compile_, "check": check}


def main(words: list[str]) -> int:
    """Run the commands named; returns the exit code."""
    if not words or set(words) - set(COMMANDS):
        print(f"usage: python -m scripts.catalogues {' | '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        found = [line for word in words for line in COMMANDS[word]()]
    except ExtractError as error:
        found = [str(error)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
