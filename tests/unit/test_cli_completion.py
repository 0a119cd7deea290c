"""Completion and manual pages say what the parsers say, and shells take them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sealwire.cli import broker, completion, manual, peer_groups, peer_options
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
    assert completed("--name", "send", "hist") == {"history"}, "a flag's value is no verb"
    assert completed("--broker", "tcp", ":", "//host", ":", "5555", "stat") == {"status"}, "as bash cuts an address"
    assert completed("accept", "s") == set(), "after a verb comes no other"
    assert completed("--name", "alice", "group", "re") == {"remove", "rename"}
    assert completed("group", "create", "li") == set()
    (tmp_path / "history.json").touch()
    assert completed("import", f"{tmp_path}/hist") == {f"{tmp_path}/history.json"}
    assert completed("send", "bob", "--file", f"{tmp_path}/hist") == {f"{tmp_path}/history.json"}


def test_every_shell_knows_what_follows_a_verb() -> None:
    peer, broker_ = program_of(peer_options.parser()), program_of(broker.parser())
    verbs = {verb.name: verb.takes for verb in (*peer.verbs, *broker_.verbs)}
    assert verbs["group"] == tuple(peer_groups._COUNTS)
    assert verbs["import"] == verbs["restore"] == ("<file>",)
    assert verbs["limits"] == ("show", "set", "reset")
    for shell in SHELLS:
        text = completion.script(shell, peer)
        assert " ".join(peer_options.GROUP_FORMS) in text
    # In fish a flag's value must not pass for a verb: --name comes first on nearly every command line.
    assert "__fish_use_subcommand" not in completion.script("fish", peer)


def test_the_manual_page_shows_each_verb_with_its_words() -> None:
    page = manual.page(program_of(peer_options.parser()))
    for verb in peer_options.verbs().values():
        name, _blank, words = verb.form.partition(" ")
        assert f"\\fB{name}\\fR {words}".rstrip() in page
    assert "\\fBgroup\\fR role +NAME WHO ROLE" in page


def test_a_program_prints_its_script_and_ends(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        peer_options.parse(["--completion", "fish"])
    assert ended.value.code == 0
    assert "complete -c sealwire-peer" in capsys.readouterr().out


def test_the_manual_pages_in_the_tree_are_what_the_parsers_say() -> None:
    for program in manual.programs():
        kept = (MAN / f"sealwire-{program.name}.1").read_text("utf-8")
        assert kept == manual.page(program), "python -m sealwire.cli.manual packaging/man"
