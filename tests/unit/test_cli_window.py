"""The window as a menu starts it: where its keys lie, and that it needs no terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sealwire.cli import window


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, list[str], Path]]:
    """What is started, with which arguments, in which folder."""
    found: list[tuple[str, list[str], Path]] = []

    def start(program: str) -> int:
        found.append((program, sys.argv[1:], Path.cwd()))
        return 7

    monkeypatch.setattr(window, "start", start)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return found


def test_from_a_menu_it_has_a_folder_of_its_own(started, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["sealwire"])
    assert window.main() == 7
    folder = window.home({"XDG_DATA_HOME": str(tmp_path / "share")})
    assert started == [("peer", ["--gui"], folder)]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_whoever_says_more_stays_where_they_are(started, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["sealwire", "--name", "alice"])
    window.main()
    assert started == [("peer", ["--gui", "--name", "alice"], tmp_path / "here")]


def test_without_a_console_there_is_somewhere_to_write(started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["sealwire"])
    monkeypatch.setattr(sys, "stderr", None)
    window.main()
    print("nobody reads this", file=sys.stderr)
    assert sys.stderr.name == os.devnull
    sys.stderr.close()


@pytest.mark.parametrize(
    ("platform", "environ", "ending"),
    [
        ("linux", {}, ".local/share/sealwire"),
        ("linux", {"XDG_DATA_HOME": "relative"}, ".local/share/sealwire"),
        ("linux", {"XDG_DATA_HOME": "/srv/share"}, "/srv/share/sealwire"),
        ("darwin", {}, "Library/Application Support/Sealwire"),
        ("win32", {"LOCALAPPDATA": "/c/local"}, "/c/local/Sealwire"),
        ("win32", {}, "AppData/Local/Sealwire"),
    ],
)
def test_each_system_has_its_place(platform: str, environ: dict[str, str], ending: str) -> None:
    assert window.home(environ, platform).as_posix().endswith(ending)
