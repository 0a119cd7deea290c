"""``sealwire``: the window as a menu of programs starts it, without a terminal and in no folder of anybody's choice."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sealwire.cli import start


def main() -> int:
    """Open the window; returns the exit code. Arguments go on to ``peer.py --gui``."""
    if not sys.argv[1:]:
        folder = home(os.environ)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chdir(folder)  # keys and data lie below the folder where a program is started
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a program of Windows that has no console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the process ends
    sys.argv.insert(1, "--gui")
    return start("peer")


def home(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Return where the keys and the history of a window lie that was started from a menu."""
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "Sealwire"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Sealwire"
    named = environ.get("XDG_DATA_HOME", "")
    base = Path(named) if os.path.isabs(named) else Path.home() / ".local" / "share"
    return base / "sealwire"
