"""Manual pages, made from the parsers.

python -m sealwire.cli.manual packaging/man
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from sealwire import __version__
from sealwire.cli import broker, peer_options
from sealwire.cli.completion import Program, Word, program_of
from sealwire.i18n import use

_ABOUT: Final = {
    "peer": "an end-to-end encrypted messenger: full screen, lines, window, JSON-RPC, or one question",
    "broker": "relays messages between peers of Sealwire, without being able to read them",
}
_FILES: Final = {
    "peer": [
        ("keys/NAME.key", "the profile's keys, sealed under its passphrase; mode 0600."),
        ("data/NAME/", "history and outbox, encrypted with a key from that file."),
        ("data/NAME/peer.sock", "where a peer that stays takes the verbs of its own user."),
    ],
    "broker": [
        ("keys/broker.key", "its identity for life; peers pin the other half, keys/broker.pub."),
        ("data/broker/", "mailboxes and directory, encrypted with keys/broker.db.key."),
        ("data/broker/admin.sock", "where the administrator's verbs go."),
    ],
}
_EXITS: Final = [
    ("0", "done"),
    ("1", "something else went wrong"),
    ("2", "the command line, a name or a text is wrong"),
    ("3", "a setting is wrong"),
    ("4", "passphrase, key file or login"),
    ("5", "nobody has that name"),
    ("6", "no link to the broker in time"),
    ("7", "the awaited state was not reached in time; the message goes on by itself"),
    ("8", "the message failed for good: the broker refused it, or it was given up"),
    ("9", "a key changed, or signed material does not hold together"),
]


def programs() -> list[Program]:
    """Both programs."""
    return [program_of(peer_options.parser()), program_of(broker.parser())]


def page(program: Program) -> str:
    """Return a program's manual page, section 1."""
    command = f"sealwire-{program.name}"
    lines = [
        f'.TH {command.upper()} 1 "" "Sealwire {__version__}" "User Commands"',
        ".SH NAME",
        f"{command} \\- {_roff(_ABOUT[program.name])}",
        ".SH SYNOPSIS",
        f".B {command}",
        "[\\fIFLAGS\\fR] [\\fIVERB\\fR ...]",
        ".SH VERBS",
        *_list(program.verbs),
        *_groups(program),
        ".SH OPTIONS",
        *_list(program.flags),
        ".SH FILES",
        *_list([Word(name, text) for name, text in _FILES[program.name]]),
        ".SH EXIT STATUS",
        *_list([Word(code, text) for code, text in _EXITS]),
        ".SH SEE ALSO",
        ", ".join(f"\\fBsealwire-{name}\\fR(1)" for name in _ABOUT if name != program.name),
    ]
    return "\n".join(lines) + "\n"


def _groups(program: Program) -> list[str]:
    """The actions of ``group``, which has more of them than fit its own line."""
    if program.name != "peer":
        return []
    rows = [line for form in peer_options.GROUP_FORMS.values() for line in (".TP", _form(form))]
    return [".SH GROUPS", *rows]


def _form(form: str) -> str:
    verb, blank, rest = form.partition(" ")
    return f"\\fB{_roff(verb)}\\fR{blank}{_roff(rest)}"


def _list(words: list[Word] | tuple[Word, ...]) -> list[str]:
    lines = []
    for word in words:
        value = ""
        if word.form:
            lines += [".TP", _form(word.form), _roff(word.help)]
            continue
        if word.takes and not word.takes[0].startswith("<"):
            value = " " + "|".join(word.takes)
        elif word.takes:
            value = " \\fI" + word.takes[0].strip("<>").upper() + "\\fR"
        lines += [".TP", f"\\fB{_roff(word.name)}\\fR{value}", _roff(word.help)]
    return lines


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def main(folder: Path) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for program in programs():
        (folder / f"sealwire-{program.name}.1").write_text(page(program), "utf-8")


if __name__ == "__main__":
    use(["en"])  # as the other documents
    main(Path(sys.argv[1]))
