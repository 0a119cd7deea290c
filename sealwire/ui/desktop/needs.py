"""What the desktop window needs of this machine, asked before Qt is loaded.

Qt ends the whole process when a library of the window system is missing, and names the wrong one. So the dynamic
linker is asked first, for each library by its own name, and people get the line that installs what is missing.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sealwire.errors import SealwireError

REQUIREMENT: Final = '"PySide6-Essentials>=6.8,<6.12"'

BROKEN_FROM: Final = (6, 12)
"""From here on, under Python before 3.12, each emitted signal drops a reference of ``True``, and the process dies after
some hundred of them."""

IMPORTED: Final = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libX11.so.6": "libx11-6",
}
"""Library → Debian package: what importing Qt's widgets loads."""

SHOWN: Final = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libX11-xcb.so.1": "libx11-xcb1",
}
"""Those that the first real window on X loads besides."""


class DesktopPackageError(SealwireError):
    """Qt for Python is not installed."""

    code = "desktop-package"
    text = "The desktop window needs the Python package PySide6-Essentials, which is not installed here."
    hint = "Run: pip install {requirement}"


class DesktopVersionError(DesktopPackageError):
    """This Qt for Python ends the process after some hundred signals under this Python."""

    code = "desktop-version"
    text = "PySide6 {version} crashes under Python before 3.12, so the desktop window is not opened with it."


class DesktopLibraryError(SealwireError):
    """A library of the window system is missing. Qt would end the process and name another one."""

    code = "desktop-library"
    text = "The desktop window needs {library}, which is not installed on this system."
    hint = "On Debian and Ubuntu run: sudo apt-get install {packages}"


class NoDisplayError(SealwireError):
    """There is no screen to open a window on."""

    code = "no-display"
    text = "There is no screen here to open a window on (DISPLAY is not set)."
    hint = "Start it from a graphical session."


_DESCRIPTION: Final = re.compile(r"pyside6(?:_essentials)?-([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(?:\..*)?\.dist-info", re.I)

Loads = Callable[[str], bool]


def linker_loads(library: str) -> bool:
    """Whether the dynamic linker finds and takes a library; a damaged one counts as missing."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def qt_version() -> tuple[int, ...] | None:
    """Return the installed version of Qt for Python, None when there is none."""
    found = importlib.util.find_spec("PySide6")
    if found is None:
        return None
    places = found.submodule_search_locations or ()
    return next((version for place in places if (version := described(Path(place).parent))), ())


def described(folder: Path) -> tuple[int, ...]:
    """Return the version that Qt's description in a folder of packages is named after.

    importlib.metadata reads it too, but loads a parser of mails for that: 60 ms that every start would wait for. A
    frozen folder has no description.
    """
    for description in sorted(folder.glob("[Pp]y[Ss]ide6*.dist-info")):
        if (match := _DESCRIPTION.fullmatch(description.name)) is not None:
            return tuple(int(part) for part in match.groups() if part)
    return ()


def missing(
    environ: Mapping[str, str],
    *,
    platform: str = sys.platform,
    python: tuple[int, ...] = sys.version_info[:2],
    version: tuple[int, ...] | Callable[[], tuple[int, ...] | None] | None = qt_version,
    loads: Loads = linker_loads,
) -> SealwireError | None:
    """Return what keeps a window from opening here, as the error that says what to install; None when nothing does."""
    found = version() if callable(version) else version
    if found is None:
        return DesktopPackageError(requirement=REQUIREMENT)
    if python < (3, 12) and found[:2] >= BROKEN_FROM:
        return DesktopVersionError(version=".".join(map(str, found)), requirement=REQUIREMENT)
    if platform != "linux":
        return None
    return _libraries(_wanted(environ), loads) or _display(environ)


def _wanted(environ: Mapping[str, str]) -> dict[str, str]:
    shows = plugin(environ) == "xcb"
    return {**IMPORTED, **SHOWN} if shows else dict(IMPORTED)


def plugin(environ: Mapping[str, str]) -> str:
    """Return Qt's way to the screen: what ``QT_QPA_PLATFORM`` names, else xcb (X, also under most Wayland desktops)."""
    named = environ.get("QT_QPA_PLATFORM", "").split(";")[0].split(":")[0]
    return named or ("wayland" if environ.get("WAYLAND_DISPLAY") and not environ.get("DISPLAY") else "xcb")


def _libraries(wanted: Mapping[str, str], loads: Loads) -> SealwireError | None:
    gone = [library for library in wanted if not loads(library)]
    if not gone:
        return None
    packages = " ".join(dict.fromkeys(wanted[library] for library in gone))
    return DesktopLibraryError(library=gone[0], count=len(gone), packages=packages)


def _display(environ: Mapping[str, str]) -> SealwireError | None:
    if plugin(environ) == "xcb" and not environ.get("DISPLAY"):
        return NoDisplayError()
    return None
