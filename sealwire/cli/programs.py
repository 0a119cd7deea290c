"""How one of our programs starts another: from a checkout, from an installation, or from a built folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

Program = Literal["broker", "peer"]


def command(program: Program) -> list[str]:
    """Return the beginning of a command line that runs a program of this very installation.

    In a folder made by PyInstaller the executable is the program itself; the other one lies beside it.
    """
    if getattr(sys, "frozen", False):
        beside = Path(sys.executable).with_name(f"sealwire-{program}" + (".exe" if sys.platform == "win32" else ""))
        return [str(beside)]
    return [sys.executable, "-c", f"import sys; from sealwire.cli import start; sys.exit(start({program!r}))"]


def itself() -> list[str]:
    """Return the beginning of a command line that runs this program again."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, sys.argv[0]]
