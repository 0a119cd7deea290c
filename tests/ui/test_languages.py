"""The programs as people start them whose system speaks another language."""

from __future__ import annotations

import gettext
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sealwire import i18n
from sealwire.errors import NoBrokerHereError

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]


def run(program: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start a program with these variables of language and no others."""
    kept = {k: v for k, v in os.environ.items() if k not in {"SEALWIRE_LANG", "LANGUAGE", "LANG"} and k[:3] != "LC_"}
    command = [sys.executable, str(ROOT / program), *words]
    environ = {"PYTHONUTF8": "1", **kept, **variables}
    return subprocess.run(command, env=environ, capture_output=True, encoding="utf-8", timeout=60, check=False)


def sentences(language: str, *ids: str) -> list[str]:
    """Return what a catalogue has for these."""
    return [gettext.translation(i18n.DOMAIN, i18n.LOCALE_DIR, [language]).gettext(one) for one in ids]


def test_the_system_chooses_the_language_and_scripts_see_the_same_code() -> None:
    unknown, hint = sentences(
        "de", "There is no {word!r} here. The nearest is {near}.", "{program} --help shows what there is."
    )
    said = run("peer.py", "--nmae", "alice", LANG="de_DE.UTF-8")
    assert said.returncode == 2
    assert said.stderr.splitlines() == [unknown.format(word="--nmae", near="--name"), hint.format(program="peer.py")]
    assert "There is no '--nmae' here." in run("peer.py", "--nmae", "alice", LANG="C.UTF-8").stderr


def test_a_setting_chooses_it_too_and_one_start_may_differ(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("peer:\n  language: ja\n", "utf-8")
    words = ("broker.py", "status", "--config", str(config), "--data", str(tmp_path / "none"))
    japanese, french = (sentences(code, NoBrokerHereError.hint)[0] for code in ("ja", "fr"))
    assert japanese != french
    assert japanese in run(*words, LANG="de_DE.UTF-8").stderr
    assert french in run(*words, LANG="de_DE.UTF-8", SEALWIRE_LANG="fr").stderr


def test_a_terminal_without_the_letters_shows_codes_and_the_program_goes_on() -> None:
    said = run("peer.py", "--help", SEALWIRE_LANG="hi", PYTHONIOENCODING="ascii")
    assert said.returncode == 0
    assert "\\u0935" in said.stdout
