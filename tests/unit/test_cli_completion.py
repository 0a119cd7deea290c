"""Completion and manual pages say what the parsers say, and shells take them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sealwire.cli import broker, completion, manual, peer_options
from sealwire.cli.completion import SHELLS, program_of

MAN = Path(__file__).parents[2] / "packaging" / "man"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("parser", [peer_options.parser, broker.parser], ids=["peer", "broker"])
def test_every_verb_and_flag_is_in_the_script_and_the_shell_can_read_it(parser, shell, tmp_path) -> None:
    program = program_of(parser())
    text = completion.script(shell, program)
    assert {"peer": "send", "broker": "invite"}[program.name] in text
    for word in (*program.verbs, *program.flags):
        assert word.name.removeprefix("--") in text
    if shutil.which(shell):
        (tmp_path / "script").write_text(text)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


def test_bash_completes_verbs_flags_and_values(tmp_path) -> None:
    script = tmp_path / "script"
    script.write_text(completion.script("bash", program_of(peer_options.parser())))

    def completed(*words: str) -> set[str]:
        line = " ".join(f"'{word}'" for word in ("sealwire-peer", *words))
        code = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _sealwire_peer; echo ${{COMPREPLY[@]}}"
        return set(subprocess.run(["bash", "-c", code], check=True, capture_output=True, text=True).stdout.split())

    assert completed("hist") == {"history"}
    assert {"--wait"} == completed("send", "--wa")
    assert completed("send", "--wait", "d") == {"delivered"}
    assert completed("--name", "") == set()


def test_a_program_prints_its_script_and_ends(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        peer_options.parse(["--completion", "fish"])
    assert ended.value.code == 0
    assert "complete -c sealwire-peer" in capsys.readouterr().out


def test_the_manual_pages_in_the_tree_are_what_the_parsers_say() -> None:
    for program in manual.programs():
        kept = (MAN / f"sealwire-{program.name}.1").read_text("utf-8")
        assert kept == manual.page(program), "python -m sealwire.cli.manual packaging/man"
