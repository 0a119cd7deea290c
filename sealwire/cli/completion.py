"""Completion scripts for bash, zsh and fish, made from the parsers themselves, so that they never differ from them.

sealwire-peer --completion bash > ~/.local/share/bash-completion/completions/sealwire-peer
"""

from __future__ import annotations

import argparse
from typing import Final

from msgspec import Struct

SHELLS: Final = ("bash", "zsh", "fish")
FILE: Final = "<file>"
TEXT: Final = "<text>"
_FILES: Final = frozenset({"FILE", "DIR", "FILE|Z85", "PATH"})
"""How the help calls a word that is a file or folder."""

_BASH_FILES: Final = 'COMPREPLY=($(compgen -f -- "$word")); compopt -o filenames 2> /dev/null'


class Word(Struct, frozen=True):
    """Something that may be typed."""

    name: str
    help: str
    takes: tuple[str, ...] = ()
    """What may follow: known words; ``<file>`` for a file or folder, ``<text>`` for anything else; empty for a verb
    of which nothing is known, and for a flag that takes no value."""
    form: str = ""
    """A verb and its words, as the manual page shows them."""


class Program(Struct, frozen=True):
    """What a command line may hold."""

    name: str
    verbs: tuple[Word, ...]
    flags: tuple[Word, ...]

    def verbs_before_files(self) -> list[str]:
        """Verbs that are followed by a file or folder."""
        return [verb.name for verb in self.verbs if verb.takes == (FILE,)]

    def verbs_before_words(self) -> list[Word]:
        """Verbs that are followed by one of some words."""
        return [verb for verb in self.verbs if verb.takes and not verb.takes[0].startswith("<")]


def program_of(parser: argparse.ArgumentParser) -> Program:
    """Return what a parser takes: its flags, and its verbs, subparsers or not."""
    found, flags = [Word(*verb) for verb in getattr(parser, "verb_words", ())], _flags(parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {one.dest: one.help or "" for one in action._choices_actions}
            for name, sub in action.choices.items():
                found.append(Word(name, helps.get(name, ""), _follows(sub)))
                flags += [word for word in _flags(sub) if word.name not in {known.name for known in flags}]
    return Program(parser.prog.removesuffix(".py"), tuple(found), tuple(flags))


def _follows(parser: argparse.ArgumentParser) -> tuple[str, ...]:
    """What stands first after a verb that has a parser of its own."""
    first = next((action for action in parser._actions if not action.option_strings), None)
    return () if first is None else _takes(first)


def _flags(parser: argparse.ArgumentParser) -> list[Word]:
    words = []
    for action in parser._actions:
        long = [name for name in action.option_strings if name.startswith("--")]
        if long and action.help != argparse.SUPPRESS:
            words.append(Word(long[0], (action.help or "").replace("%%", "%"), _takes(action)))
    return words


def _takes(action: argparse.Action) -> tuple[str, ...]:
    if action.nargs == 0:
        return ()
    if action.choices is not None:
        return tuple(str(choice) for choice in action.choices)
    return (FILE,) if str(action.metavar) in _FILES else (TEXT,)


def script(shell: str, program: Program) -> str:
    """Return the completion script of a program for ``bash``, ``zsh`` or ``fish``."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](program)


def _bash(program: Program) -> str:
    command, function = f"sealwire-{program.name}", f"_sealwire_{program.name}"

    def words(*known: str) -> str:
        return f'COMPREPLY=($(compgen -W "{" ".join(known)}" -- "$word"))'

    files, texts = (_with(program, kind) for kind in (FILE, TEXT))
    verbs = [verb.name for verb in program.verbs]
    lines = [
        f"# bash completion for {command}",
        f"{function}() {{",
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb= after=0 at",
        '    case "$before" in',
        f"        {'|'.join(files)}) {_BASH_FILES}; return ;;",
        f"        {'|'.join(texts)}) return ;;",
        *(f"        {flag.name}) {words(*flag.takes)}; return ;;" for flag in program.flags if _has_words(flag)),
        "    esac",
        "    for ((at = 1; at < COMP_CWORD; at++)); do",
        '        case "${COMP_WORDS[at]}" in',
        f"            {'|'.join(flag.name for flag in program.flags if flag.takes)}) at=$((at + 1)) ;;",
        "            -*) ;;",
        f'            {"|".join(verbs)}) if [ -z "$verb" ]; then verb=${{COMP_WORDS[at]}}; else ((after += 1)); fi ;;',
        '            *) if [ -n "$verb" ]; then ((after += 1)); fi ;;',  # else a part of a flag's value, cut at a colon
        "        esac",
        "    done",
        '    case "$word:$verb:$after" in',
        f"        -*) {words(*(flag.name for flag in program.flags))} ;;",
        f"        *::0) {words(*verbs)} ;;",
        *(f"        *:{verb.name}:0) {words(*verb.takes)} ;;" for verb in program.verbs_before_words()),
        *(f"        *:{verb}:0) {_BASH_FILES} ;;" for verb in program.verbs_before_files()),
        "        *) compopt +o default 2> /dev/null ;;",  # a name or words: no file
        "    esac",
        "}",
        f"complete -o default -F {function} {command}",
    ]
    return "\n".join(lines) + "\n"


def _with(program: Program, kind: str) -> list[str]:
    return [flag.name for flag in program.flags if flag.takes == (kind,)]


def _has_words(word: Word) -> bool:
    return bool(word.takes) and not word.takes[0].startswith("<")


def _zsh(program: Program) -> str:
    def quoted(text: str) -> str:
        return text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")

    lines = [f"#compdef sealwire-{program.name}", "local state line", "_arguments -s \\"]
    for flag in program.flags:
        value = ""
        if flag.takes == (FILE,):
            value = ":file:_files"
        elif flag.takes:
            value = ":value:" + (f"({' '.join(flag.takes)})" if _has_words(flag) else "")
        lines.append(f"  '{flag.name}[{quoted(flag.help)}]{value}' \\")
    verbs = " ".join(f'{verb.name}\\:"{quoted(verb.help)}"' for verb in program.verbs)
    lines += [f"  '1:verb:(({verbs}))' \\", "  '*:word:->word'", '[[ $state == word ]] && case "$line[1]:$#line" in']
    lines += [f"  {verb.name}:2) compadd -- {' '.join(verb.takes)} ;;" for verb in program.verbs_before_words()]
    lines += [f"  {verb}:2) _files ;;" for verb in program.verbs_before_files()]
    return "\n".join([*lines, "esac"]) + "\n"


def _fish(program: Program) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    command = f"sealwire-{program.name}"
    verbs = " ".join(verb.name for verb in program.verbs)
    # Not __fish_use_subcommand: it takes the value of a flag, as in --name alice, for a verb.
    first = quoted(f"not __fish_seen_subcommand_from {verbs}")
    lines = [f"# fish completion for {command}", f"complete -c {command} -f"]
    lines += [f"complete -c {command} -n {first} -a {verb.name} -d {quoted(verb.help)}" for verb in program.verbs]
    for verb in program.verbs_before_words():
        words = " ".join(verb.takes)
        seen = f"__fish_seen_subcommand_from {verb.name}; and not __fish_seen_subcommand_from {words}"
        lines.append(f"complete -c {command} -n {quoted(seen)} -a {quoted(words)}")
    if files := program.verbs_before_files():
        lines.append(f"complete -c {command} -n {quoted('__fish_seen_subcommand_from ' + ' '.join(files))} -F")
    for flag in program.flags:
        line = f"complete -c {command} -l {flag.name.removeprefix('--')} -d {quoted(flag.help)}"
        if flag.takes == (FILE,):
            line += " -r -F"
        elif flag.takes:
            line += " -x" + (f" -a {quoted(' '.join(flag.takes))}" if _has_words(flag) else "")
        lines.append(line)
    return "\n".join(lines) + "\n"
