"""``peer.py --gui``: look at what the machine has, then open the window; or say what is missing and what works without.

Qt is loaded only after the check: it would end the process over a missing library, and name another one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

from sealwire.cli.common import report, say
from sealwire.cli.peer_options import Options
from sealwire.errors import SealwireError
from sealwire.i18n import _
from sealwire.ui.desktop import needs


def run(options: Options, in_terminal: Callable[[], int]) -> int:
    """Open the window and return the exit code.

    Args:
        options: the command line.
        in_terminal: runs the same without a window, for somebody who says yes to that.
    """
    problem = needs.missing(os.environ)
    if problem is not None:
        return _without(problem, options, in_terminal)
    os.umask(0o077)
    if options.demo:
        return _demo()
    return _window(options, os.environ)


def _without(problem: SealwireError, options: Options, in_terminal: Callable[[], int]) -> int:
    code = report(problem)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        name = f"--name {options.name}" if options.name else "--name NAME"
        command = "peer.py --demo" if options.demo else f"peer.py {name}"
        say(_("In a terminal it works without: {command}").format(command=command))
        return code
    print(_("Go on in this terminal instead? [Y/n] "), end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip().lower()
    return in_terminal() if answer in ("", "y", "yes", _("yes")) else code


def _demo() -> int:
    from sealwire.cli.demo_desktop import DesktopStage
    from sealwire.ui.desktop import app

    return app.run_demo(DesktopStage())


def _window(options: Options, environ: Mapping[str, str]) -> int:
    from sealwire.cli import peer_profile
    from sealwire.cli.launcher import CliLauncher
    from sealwire.ui.desktop import app

    launcher = CliLauncher(options, environ)
    passphrase = peer_profile.from_file(options.passphrase_file) if options.passphrase_file is not None else None
    return app.run(launcher, launcher.data_of, passphrase)
