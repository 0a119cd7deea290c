"""What is missing is named before Qt is loaded, by the package that has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sealwire.i18n import explain
from sealwire.ui.desktop.needs import (
    IMPORTED,
    SHOWN,
    DesktopLibraryError,
    DesktopPackageError,
    DesktopVersionError,
    NoDisplayError,
    described,
    linker_loads,
    missing,
    plugin,
    qt_version,
)

ROOT = Path(__file__).parents[4]
X = {"DISPLAY": ":0"}
HAVE = (6, 11, 3)


def without(*gone: str):
    return lambda library: library not in gone


def asked(environ: dict[str, str], *gone: str, version=HAVE, python=(3, 11), platform="linux"):
    return missing(environ, platform=platform, python=python, version=version, loads=without(*gone))


def test_nothing_is_missing_where_everything_is() -> None:
    assert asked(X) is None


def test_without_the_package_the_command_installs_it() -> None:
    problem = asked(X, version=None)
    assert type(problem) is DesktopPackageError
    assert 'pip install "PySide6-Essentials>=6.8,<6.12"' in explain(problem)[1]


@pytest.mark.parametrize(("version", "python", "bad"), [((6, 12, 0), (3, 11), True), ((6, 12, 0), (3, 12), False)])
def test_the_version_that_crashes_old_pythons_is_refused_there(version, python, bad: bool) -> None:
    problem = asked(X, version=version, python=python)
    assert isinstance(problem, DesktopVersionError) is bad
    if bad:
        assert "6.12.0" in explain(problem)[0]


@pytest.mark.parametrize(("library", "package"), [*IMPORTED.items(), *SHOWN.items()])
def test_each_library_is_named_with_its_debian_package(library: str, package: str) -> None:
    problem = asked(X, library)
    assert isinstance(problem, DesktopLibraryError)
    sentence, hint = explain(problem)
    assert library in sentence
    assert hint.endswith(f"sudo apt-get install {package}")


def test_one_line_installs_all_that_is_missing() -> None:
    hint = explain(asked(X, "libxcb-cursor.so.0", "libxcb-icccm.so.4"))[1]
    assert hint.endswith("apt-get install libxcb-cursor0 libxcb-icccm4")


def test_the_window_libraries_are_not_asked_for_where_no_window_is_shown() -> None:
    assert asked({"QT_QPA_PLATFORM": "offscreen"}, *SHOWN) is None
    assert asked({"WAYLAND_DISPLAY": "wayland-0"}, *SHOWN) is None
    assert isinstance(asked({"QT_QPA_PLATFORM": "offscreen"}, "libGL.so.1"), DesktopLibraryError)


def test_without_a_screen_it_says_so() -> None:
    assert type(asked({})) is NoDisplayError
    assert asked({}, platform="win32") is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({"QT_QPA_PLATFORM": "xcb:sync;offscreen"}, "xcb"), ({}, "xcb"), ({"WAYLAND_DISPLAY": "w", **X}, "xcb")],
)
def test_the_way_to_the_screen(environ: dict[str, str], expected: str) -> None:
    assert plugin(environ) == expected


def test_the_installed_version_is_one_of_those_allowed() -> None:
    version = qt_version()
    assert version is not None
    assert (6, 8) <= version[:2] < (6, 12)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("pyside6_essentials-6.11.3.dist-info", (6, 11, 3)),
        ("PySide6_Essentials-6.8.2.1.dist-info", (6, 8, 2)),
        ("PySide6-6.10.dist-info", (6, 10)),
        ("PySide6_Addons-6.9.0.dist-info", ()),
        ("pyside6_essentials.dist-info", ()),
    ],
)
def test_the_version_is_in_the_name_of_the_description(tmp_path: Path, name: str, version: tuple[int, ...]) -> None:
    (tmp_path / name).mkdir()
    assert described(tmp_path) == version


def test_the_linker_itself_is_asked() -> None:
    assert linker_loads("libc.so.6")
    assert not linker_loads("libthere-is-none.so.9")


def test_a_library_the_linker_cannot_take_is_named_by_the_right_package(tmp_path: Path) -> None:
    """As on a Debian without libxcb-icccm4: a loader path whose library of that name is none."""
    (tmp_path / "libxcb-icccm.so.4").write_bytes(b"no library")
    done = subprocess.run(
        [sys.executable, str(ROOT / "peer.py"), "--demo", "--gui"],
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "DISPLAY": ":99", "QT_QPA_PLATFORM": "xcb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert "libxcb-icccm.so.4" in said[0]
    gone = {package for package in SHOWN.values() if package in said[1].split()}
    assert "libxcb-icccm4" in gone
    assert gone == {package for library, package in SHOWN.items() if not linker_loads(library)} | {"libxcb-icccm4"}
    assert said[2] == "In a terminal it works without: peer.py --demo"
    assert done.stdout == ""


def test_importing_the_command_line_loads_neither_qt_nor_what_settings_files_need() -> None:
    code = "import sys; from sealwire.cli import peer, desktop; print({'PySide6', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
