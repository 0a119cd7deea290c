"""Completion scripts for bash, zsh and fish, made from the parsers themselves, so that they never differ from them.

sealwire-peer --completion bash > ~/.local/share/bash-completion/completions/sealwire-peer
"""

from __future__ import annotations

import argparse
from typing import Final

from msgspec import Struct

SHELLS: Final = ("bash", "zsh", "fish")


class Word(Struct, frozen=True):
    """Something that may be typed."""

    name: str
    help: str
    takes: tuple[str, ...] = ()
    """A flag's values when they are known; ``<file>`` when it takes a file or folder, ``<text>`` for anything else."""


class Program(Struct, frozen=True):
    """What a command line may hold."""

    name: str
    verbs: tuple[Word, ...]
    flags: tuple[Word, ...]


def program_of(parser: argparse.ArgumentParser) -> Program:
    """Return what a parser takes: its flags, and its verbs, subparsers or not."""
    found, flags = [Word(*verb) for verb in getattr(parser, "verb_words", ())], _flags(parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {one.dest: one.help or "" for one in action._choices_actions}
            for name, sub in action.choices.items():
                found.append(Word(name, helps.get(name, "")))
                flags += [word for word in _flags(sub) if word.name not in {known.name for known in flags}]
    return Program(parser.prog.removesuffix(".py"), tuple(found), tuple(flags))


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
    return ("<file>",) if str(action.metavar) in {"FILE", "DIR", "FILE|Z85"} else ("<text>",)


def script(shell: str, program: Program) -> str:
    """Return the completion script of a program for ``bash``, ``zsh`` or ``fish``."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](program)


def _bash(program: Program) -> str:
    command, function = f"sealwire-{program.name}", f"_sealwire_{program.name}"
    files = "|".join(word.name for word in program.flags if word.takes == ("<file>",))
    texts = "|".join(word.name for word in program.flags if word.takes == ("<text>",))
    lines = [
        f"# bash completion for {command}",
        f"{function}() {{",
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}",
        '    case "$before" in',
        f'        {files}) COMPREPLY=($(compgen -f -- "$word")); return ;;',
        f"        {texts}) return ;;",
    ]
    for flag in program.flags:
        if flag.takes and not flag.takes[0].startswith("<"):
            lines.append(
                f'        {flag.name}) COMPREPLY=($(compgen -W "{" ".join(flag.takes)}" -- "$word")); return ;;'
            )
    flags = " ".join(flag.name for flag in program.flags)
    verbs = " ".join(verb.name for verb in program.verbs)
    lines += [
        "    esac",
        '    case "$word" in',
        f'        -*) COMPREPLY=($(compgen -W "{flags}" -- "$word")) ;;',
        f'        *) COMPREPLY=($(compgen -W "{verbs}" -- "$word")) ;;',
        "    esac",
        "}",
        f"complete -o default -F {function} {command}",
    ]
    return "\n".join(lines) + "\n"


def _zsh(program: Program) -> str:
    def quoted(text: str) -> str:
        return text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")

    lines = [f"#compdef sealwire-{program.name}", "_arguments -s \\"]
    for flag in program.flags:
        value = ""
        if flag.takes == ("<file>",):
            value = ":file:_files"
        elif flag.takes:
            value = ":value:" + ("" if flag.takes[0].startswith("<") else f"({' '.join(flag.takes)})")
        lines.append(f"  '{flag.name}[{quoted(flag.help)}]{value}' \\")
    verbs = " ".join(f'{verb.name}\\:"{quoted(verb.help)}"'.replace('"', '"') for verb in program.verbs)
    lines += [f"  '1:verb:(({verbs}))' \\", "  '*:word:_files'"]
    return "\n".join(lines) + "\n"


def _fish(program: Program) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    command = f"sealwire-{program.name}"
    lines = [f"# fish completion for {command}", f"complete -c {command} -f"]
    for verb in program.verbs:
        lines.append(f"complete -c {command} -n __fish_use_subcommand -a {verb.name} -d {quoted(verb.help)}")
    for flag in program.flags:
        line = f"complete -c {command} -l {flag.name.removeprefix('--')} -d {quoted(flag.help)}"
        if flag.takes == ("<file>",):
            line += " -r -F"
        elif flag.takes:
            line += " -x" + ("" if flag.takes[0].startswith("<") else f" -a {quoted(' '.join(flag.takes))}")
        lines.append(line)
    return "\n".join(lines) + "\n"
